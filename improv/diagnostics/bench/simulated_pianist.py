"""A pianist who plays to a jam through a port of its own, in a process that can be killed.

    python -m improv.diagnostics.bench.simulated_pianist API

It says "ready", and once it reads a line looks for an input of improv that was not there before, says
"connected" and plays until its standard input ends; then it says how many notes it played. A dead MIDI
server may block it for ever, so nothing waits for it.
"""

import random
import select
import sys
import time
from collections.abc import Callable, Sequence

from improv.midi.rtmidi_binding import ports_of, rtmidi
from improv.midi.systems import APIS, CLIENT, QUEUE_LIMIT

_NOTE_S = 0.125
"""An eighth at 240 bpm."""

_SOUNDS = 0.8
_SEARCH_S = 20.0
_SCALE = (55, 58, 60, 63, 65, 66, 67, 70, 72, 75, 77)
_CHANNEL = 4
_ON, _OFF, _UNDEFINED = 0x90 | _CHANNEL, 0x80 | _CHANNEL, 0xB0 | _CHANNEL
_AT_ONCE, _FILL_PER_S = 4, 500


def main(arguments: Sequence[str]) -> int:
    """Play to the input of a jam that is about to start, print how many notes were played, and return exit status 0."""
    out = rtmidi.MidiOut(APIS[arguments[0]], name="soak")
    before = set(ports_of(out))
    _say("ready")
    sys.stdin.readline()
    deadline_s = time.monotonic() + _SEARCH_S
    while not (found := [name for name in ports_of(out) if f"{CLIENT}-in" in name and name not in before]):
        if _ended(0.2) or time.monotonic() > deadline_s:
            _say("0")
            return 0
    out.open_port(ports_of(out).index(found[0]), "soak")
    _say("connected")
    _fill(out.send_message)
    notes = _played(out.send_message)
    out.close_port()
    out.delete()
    _say(str(notes))
    return 0


def _fill(send: Callable[[Sequence[int]], None]) -> None:
    """Messages that mean nothing, until every place of the driver's queue was used once: no growth after that."""
    for number in range(QUEUE_LIMIT):
        send([_UNDEFINED, 3, 0])
        if number % _AT_ONCE == 0 and _ended(_AT_ONCE / _FILL_PER_S):
            break


def _played(send: Callable[[Sequence[int]], None]) -> int:
    """Walk up and down a blues scale, never the same note twice running, until told to end; how many notes."""
    rng = random.Random(1)
    place, notes, next_s = 0, 0, time.monotonic()
    while True:
        place = (place + rng.choice((1, 2, len(_SCALE) - 1))) % len(_SCALE)
        pitch = _SCALE[place]
        send([_ON, pitch, rng.randrange(40, 120)])
        notes += 1
        ended = _ended(next_s + _NOTE_S * _SOUNDS - time.monotonic())
        send([_OFF, pitch, 0])
        next_s += _NOTE_S
        if ended or _ended(next_s - time.monotonic()):
            return notes


def _ended(within_s: float) -> bool:
    """Return whether standard input ends, or says anything, within a time."""
    return bool(select.select([sys.stdin], (), (), max(0.0, within_s))[0])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
