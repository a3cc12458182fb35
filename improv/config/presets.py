"""Presets: how the controls stand, kept by name in one TOML file beside `config.toml`.

The order of the file is the order of the digits that recall them. It must never leave half a file behind,
and never lose the presets of a file that it cannot read, nor those that another program has kept meanwhile.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from improv.config.load import config_path
from improv.dataclass import dataclass
from improv.errors import DataError, UsageError
from improv.music.parts import Part
from improv.music.styles import Style
from improv.protocol.commands import Set
from improv.protocol.control import ON, Value
from improv.protocol.controls import (
    BAND,
    BREATH,
    BUILD,
    CONTROLS,
    DYNAMICS,
    FEEL,
    MODE,
    MOTIFS,
    SEED,
    STYLE,
    SWING,
    TEMPO,
    current,
)
from improv.protocol.mixer import LEVELS, MUTES
from improv.protocol.snapshot import Snapshot
from improv.system.safe_files import read_file
from improv.system.text_file import decoded

_BEFORE_STYLES = frozenset(
    control.name
    for control in (TEMPO, SWING, MODE, SEED, *(LEVELS[part] for part in (Part.MELODY, Part.CHORDS, Part.DRUMS)))
)
"""Controls that each preset has which was kept, not written by hand, before there were styles as since."""

_AS_BEFORE_STYLES: Mapping[str, Value] = MappingProxyType(
    {STYLE.name: str(Style.PADS), BAND.name: 0.0, MUTES[Part.BASS].name: ON}
)
"""How the controls that came with the styles stood before."""

_AS_BEFORE: Mapping[str, Value] = MappingProxyType(
    {control.name: 0.0 for control in (DYNAMICS, FEEL, BREATH, BUILD, MOTIFS)}
)
"""How controls of the melody that came later stood before there were any."""

MOST = 99
LONGEST_NAME = 40
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Preset:
    """The values of controls, by their names, under a name; controls it does not name stay as they are."""

    name: str
    values: Mapping[str, Value]

    def commands(self, seen: Snapshot) -> tuple[Set, ...]:
        """Return the commands that recall the preset.

        A `Set` for each control that has another value in the snapshot.
        """
        return tuple(Set(name, value) for name, value in self.values.items() if seen.value(name) != value)


def preset_of(name: str, seen: Snapshot) -> Preset:
    """Return a preset of all controls as they stand in a snapshot; UsageError for an invalid name."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a preset's name has 1 to {LONGEST_NAME} characters that can be printed")
    values = {control: seen.value(control) for control in CONTROLS}
    return Preset(name, MappingProxyType({control: value for control, value in values.items() if value != ""}))


def presets_path() -> Path:
    """Return the path of the presets: beside the configuration."""
    return config_path().with_name("presets.toml")


def load(path: Path) -> tuple[Preset, ...]:
    """Return the presets in a file; none if there is no file, DataError if it is invalid."""
    try:
        content = tomllib.loads(decoded(read_file(path, _MOST_BYTES)))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}; mend it or move it away") from error
    return tuple(_preset(name, values, path) for name, values in content.items())


def with_preset(presets: tuple[Preset, ...], preset: Preset) -> tuple[Preset, ...]:
    """Return the presets with `preset` added, in the place of one that has its name.

    UsageError past `MOST`.
    """
    if any(other.name == preset.name for other in presets):
        return tuple(preset if other.name == preset.name else other for other in presets)
    if len(presets) >= MOST:
        raise UsageError(f"{MOST} presets are kept; remove one")
    return (*presets, preset)


def without_preset(presets: tuple[Preset, ...], name: str) -> tuple[Preset, ...]:
    """Return the presets without the one called `name`."""
    return tuple(preset for preset in presets if preset.name != name)


def save(path: Path, presets: tuple[Preset, ...]) -> None:
    """Write the presets to a file atomically; DataError if it cannot be written."""
    path = path.resolve()  # a link stays one
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text(presets), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):  # what is no directory holds nothing either
            beside.unlink()
        raise DataError(f"{path}: {error.strerror}; nothing was kept") from error


def text(presets: tuple[Preset, ...]) -> str:
    """Return the presets as TOML."""
    return "\n".join(_table(preset) for preset in presets)


class PresetStore:
    """The presets of a file, and the one removed last, which can be put back.

    Another program may have changed the file: each change is made to what the file holds at that moment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.presets: tuple[Preset, ...] = ()
        self.wrong = ""
        """What was wrong with the file when it was read last; the presets read before that stay."""
        self._removed: tuple[int, Preset, Preset | None] | None = None
        """The preset removed last: its place, and the preset that replaced it, if one did."""

    @property
    def removed(self) -> Preset | None:
        """The preset that can be put back; None if there is none."""
        return None if self._removed is None else self._removed[1]

    def read(self) -> None:
        """Read the presets from the file. What is wrong with it is then in `wrong`."""
        try:
            self.presets, self.wrong = load(self._path), ""
        except DataError as error:
            self.wrong = str(error)

    def keep(self, preset: Preset) -> bool:
        """Keep a preset; return whether it replaces one of the same name. DataError or UsageError on failure."""
        before = self._change(lambda presets: with_preset(presets, preset))
        for at, other in enumerate(before):
            if other.name == preset.name:
                self._removed = (at, other, preset)
                return True
        return False

    def remove(self, preset: Preset) -> None:
        """Remove a preset; DataError if the file cannot be written."""
        at = self.presets.index(preset)
        self._change(lambda presets: without_preset(presets, preset.name))
        self._removed = (at, preset, None)

    def put_back(self) -> None:
        """Put the preset that was removed or replaced last back in its place.

        UsageError if its name is taken by now, DataError if the file cannot be written.
        """
        if self._removed is not None:
            at, preset, instead = self._removed
            self._change(lambda presets: _with(tuple(other for other in presets if other != instead), at, preset))
            self._removed = None

    def _change(self, change: Callable[[tuple[Preset, ...]], tuple[Preset, ...]]) -> tuple[Preset, ...]:
        """Change what the file holds; return what it held before."""
        before = load(self._path)
        presets = change(before)
        save(self._path, presets)
        self.presets = presets
        return before


def _with(presets: tuple[Preset, ...], at: int, preset: Preset) -> tuple[Preset, ...]:
    if any(other.name == preset.name for other in presets):
        raise UsageError(f"there is another {preset.name} by now")
    return (*presets[:at], preset, *presets[at:])


def _table(preset: Preset) -> str:
    lines = (f"{name} = {_written(value)}\n" for name, value in preset.values.items())
    return f"[{_quoted(preset.name)}]\n{''.join(lines)}"


def _written(value: Value) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _preset(name: str, values: object, path: Path) -> Preset:
    """Return a preset from its table.

    A control of another version is left out, DataError for a value that may not be. One that was kept before there were
    styles has all controls of that time: it recalls held chords alone, as they were then.
    """
    if not isinstance(values, dict):
        raise DataError(f"{path}: {name!r} is no table of controls; mend it or move it away")
    kept: dict[str, Value] = {}
    for control, value in values.items():
        if (now := current(control)) not in CONTROLS or (now != control and now in values):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise DataError(f"{path}: [{name}] {control} is neither a number nor a word; mend it or move it away")
        try:
            kept[now] = CONTROLS[now].checked(value)
        except UsageError as error:
            raise DataError(f"{path}: [{name}] {error}") from error
        except OverflowError as error:
            raise DataError(f"{path}: [{name}] {control} is far out of range; mend it or move it away") from error
    if kept.keys() >= _BEFORE_STYLES:
        kept |= _AS_BEFORE_STYLES if STYLE.name not in kept else {}
        kept |= {name: value for name, value in _AS_BEFORE.items() if name not in kept}
    return Preset(name, MappingProxyType(kept))
