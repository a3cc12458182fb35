"""A gallery of networks: each plays over the same twelve bars, and answers the same call, as `improv render` has it.

`python -m training gallery [MODEL...]` draws both as piano rolls. All controls are at their defaults but the seed.
"""

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path

import mido
from PIL import Image

from improv.config.values import Tune
from improv.errors import ImprovError
from improv.models.catalog import find_model, model_paths
from improv.models.onnx_runtime import OnnxModel
from improv.music.grid import TICKS_PER_BEAT
from improv.music.turns import Mode
from improv.runtime.render import render
from improv.session.network import has_melody

CALL = (
    (67, 0, 6), (70, 6, 4), (72, 12, 10), (75, 24, 4), (72, 30, 6), (70, 36, 8), (67, 48, 6), (65, 54, 6),
    (67, 60, 12), (63, 78, 4), (60, 84, 10),
)  # fmt: skip
"""Two bars of a blues in C: MIDI pitch, onset and length in ticks."""

CALL_BARS, SEED = 2, 1

_SMALLER, _COLOURS = 2, 256
"""Pictures are halved and have 256 colours: they are looked at, not printed."""


def call_file(path: Path) -> Path:
    """Write the call as a MIDI file."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT * 40)
    track = mido.MidiTrack()
    file.tracks.append(track)
    events = [(onset, 1, pitch) for pitch, onset, _ in CALL] + [(onset + long, 0, pitch) for pitch, onset, long in CALL]
    now = 0
    for tick, is_on, pitch in sorted(events):
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, note=pitch, velocity=88 if is_on else 0, time=(tick - now) * 40))
        now = tick
    file.save(path)
    return path


def draw(model: str, folder: Path) -> tuple[Path, Path]:
    """Write two pictures of a network, by name or file: alone over twelve bars, and answering the call three times."""
    path = find_model(model)
    alone, answers = (folder / f"{path.stem}{what}.png" for what in ("", "-answers"))
    folder.mkdir(parents=True, exist_ok=True)
    render(Tune.of(model=model, mode=Mode.SOLO, seed=SEED, count_in=0, choruses=1), alone)
    with tempfile.TemporaryDirectory() as scratch:
        call = call_file(Path(scratch) / "call.mid")
        trading = Tune.of(model=model, mode=Mode.TRADE, bars=CALL_BARS, seed=SEED, count_in=0, choruses=1)
        render(trading, answers, call)
    for picture in (alone, answers):
        with Image.open(picture) as full:
            small = full.convert("RGB").resize(
                (full.width // _SMALLER, full.height // _SMALLER), Image.Resampling.LANCZOS
            )
        small.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)
    return alone, answers


def melodic() -> Iterable[str]:
    """Return the names of the networks there are that have a melody."""
    return [name for name, path in model_paths().items() if has_melody(OnnxModel(path).spec)]


def main() -> None:
    """Draw the networks that are named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m training gallery",
        description="Draw networks as piano rolls: each alone over the same twelve bars, and answering the same call.",
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names or files of models [all that have a melody]")
    parser.add_argument("--out", type=Path, default=Path("docs/models/gallery"), help="the folder to write to")
    found = parser.parse_args()
    names = found.models or melodic()
    try:
        for name in names:
            print(*draw(name, found.out))
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")


if __name__ == "__main__":
    main()
