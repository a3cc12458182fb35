"""Other people's ways to send a grid of notes, each in a process of its own, to be measured beside ours.

    python -m improv.diagnostics.bench.reference_senders NAME SECONDS OUT [CONDITION]

Every send call is stamped and the stamps are written to OUT at the end. mido and isobar are the real
libraries, used as their documentation says; the sleeping ones are what most small programs do. A peer
must get the same grid and conditions as we do, and nothing that would slow it down.
"""

import gc
import importlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from improv.diagnostics.bench.grid import BPM, PERIOD_S, PULSES_PER_BEAT, onsets, write
from improv.diagnostics.bench.load_conditions import Condition, load_condition

NOT_INSTALLED = 69
"""The exit status when the library to be measured is not there."""

_PITCH = 60
_TICKS_PER_BEAT = 480

Send = Callable[[], None]
Prepare = Callable[[int, Send], Callable[[], None]]
"""Given how many onsets to send and what to call for each, prepares and returns what plays them."""


def _mido(count: int, send: Send) -> Callable[[], None]:
    """`mido.MidiFile.play` over a file in memory, sending in the body of the loop as its documentation has it."""
    mido: Any = importlib.import_module("mido")
    file = mido.MidiFile(ticks_per_beat=_TICKS_PER_BEAT)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BPM)))
    for _ in range(count):
        track.append(mido.Message("note_on", note=_PITCH, time=_TICKS_PER_BEAT // PULSES_PER_BEAT))

    def play() -> None:
        for _ in file.play():
            send()

    return play


def _isobar(count: int, send: Send) -> Callable[[], None]:
    """isobar's `Timeline` on its own clock, with an output device that only stamps."""
    isobar: Any = importlib.import_module("isobar")
    output: Any = importlib.import_module("isobar.io.output")
    device = output.OutputDevice()
    device.note_on = lambda *_, **__: send()
    timeline = isobar.Timeline(BPM, output_device=device)
    timeline.schedule({"note": _PITCH, "duration": 1 / PULSES_PER_BEAT, "gate": 0.5}, count=count)

    def play() -> None:
        timeline.run(stop_when_done=True)

    return play


def _sleep_relative(count: int, send: Send) -> Callable[[], None]:
    """`time.sleep` of a period after each send: what it costs to send is added to every period."""

    def play() -> None:
        for _ in range(count):
            time.sleep(PERIOD_S)
            send()

    return play


def _sleep_absolute(count: int, send: Send) -> Callable[[], None]:
    """`time.sleep` up to each deadline, nothing spun."""

    def play() -> None:
        start_s = time.monotonic() + PERIOD_S
        for index in range(count):
            wait_s = start_s + index * PERIOD_S - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            send()

    return play


PEERS: Mapping[str, Prepare] = {
    "mido": _mido,
    "isobar": _isobar,
    "sleep-absolute": _sleep_absolute,
    "sleep-relative": _sleep_relative,
}
"""The real libraries first, then what is done without one."""


def main(arguments: Sequence[str]) -> int:
    """Send the grid as one of the reference programs, write when each onset was sent, and return the exit status."""
    name, seconds, out, *rest = arguments
    moments_ns: list[int] = []

    def send() -> None:
        moments_ns.append(time.monotonic_ns())

    try:
        play = PEERS[name](onsets(float(seconds)), send)
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_INSTALLED
    gc.collect()  # what preparing left behind is not to be collected while it plays
    with load_condition(rest[0] if rest else Condition.ALONE):
        play()
    write(Path(out), moments_ns)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
