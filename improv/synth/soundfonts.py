"""SoundFont files: where systems keep them, and which one to take."""

import os
from collections.abc import Sequence
from pathlib import Path

from improv.errors import InputNotFound

_FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "~/.local/share/soundfonts",
    "~/.local/share/sounds/sf2",
    "~/Library/Audio/Sounds/Banks",
    "/opt/homebrew/share/fluid-synth/sf2",
    "/opt/homebrew/share/soundfonts",
    "/usr/local/share/fluid-synth/sf2",
    "C:/soundfonts",
)
_BEST_FONTS = ("fluidr3", "generaluser", "musescore", "default")
"""What the names of good SoundFonts hold, the best first."""

FOLDERS_VARIABLE = "IMPROV_SOUNDFONTS"
"""The environment variable with the folders to look in instead, apart by the system's separator of paths."""


def soundfonts() -> list[Path]:
    """Return the SoundFont files in the usual folders, or in those of the environment variable."""
    named = os.environ.get(FOLDERS_VARIABLE)
    folders = _FOLDERS if named is None else tuple(filter(None, named.split(os.pathsep)))
    found: list[Path] = []
    for folder in folders:
        for path in sorted(Path(folder).expanduser().glob("*.[sS][fF][23]")):
            if path.is_file():
                found.append(path)
    return found


def best_soundfont(paths: Sequence[Path]) -> Path | None:
    """Return the best-sounding SoundFont, judged by its name; None if there is none."""

    def rank(path: Path) -> int:
        return next((at for at, name in enumerate(_BEST_FONTS) if name in path.name.casefold()), len(_BEST_FONTS))

    return min(paths, key=rank, default=None)


def is_bare(path: Path) -> bool:
    """Return whether it is a name without a folder that means no file in the current one: one of the usual folders'."""
    return path.name == str(path) and not os.path.lexists(path)


def checked_soundfont(path: Path) -> Path:
    """Return the path of a SoundFont that was named; InputNotFound if it cannot be read or is none.

    A name without a folder that is not in the current one is looked for in the usual folders; its ending may be left
    out, and capitals do not matter.
    """
    if is_bare(path):
        here = soundfonts()
        wanted = path.name.casefold()
        same = next((one for one in here if wanted in (one.name.casefold(), one.stem.casefold())), None)
        if same is None:
            known = ", ".join(dict.fromkeys(one.name for one in here)) or "none"
            raise InputNotFound(
                f"no SoundFont {path} in this folder or the usual ones, which have {known}; give a file (.sf2)"
            )
        path = same
    try:
        with path.expanduser().open("rb") as file:
            begins = file.read(12)
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; give a SoundFont file (.sf2)") from error
    if begins[:4] != b"RIFF" or begins[8:12] != b"sfbk":
        raise InputNotFound(f"{path} is not a SoundFont; give a file that ends in .sf2")
    return path.expanduser()
