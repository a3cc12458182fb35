"""Pianists on a JACK server: a caller, who comes in with a call, and a keyboard, which plays what it is told.

Each is this module run as a program of its own, so that improv is heard by another process than plays to it.
"""

import json
import math
import re
import select
import sys
import time
from pathlib import Path

from improv.midi.messages import NOTE_OFF, NOTE_ON
from improv.midi.rtmidi_binding import rtmidi

CALLER = "caller"

_CHORD_ON = re.compile(r"^\s*\d+: 91 ", re.MULTILINE)
_DETACHED_S = 0.01
"""How much the caller leaves between a note and the next."""

_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def notes_of(call: str) -> list[tuple[int, int, int]]:
    """(first step, last step + 1, pitch) of each note of a melody in eighths; - holds a note, . is a rest."""
    notes: list[tuple[int, int, int]] = []
    for step, eighth in enumerate(call.split()):
        if eighth == "-":
            notes[-1] = (notes[-1][0], step + 1, notes[-1][2])
        elif eighth != ".":
            notes.append((step, step + 1, _NAMES.index(eighth[:-1]) + 12 * (int(eighth[-1]) + 1)))
    return notes


def _called(call: str, step_s: float, heard: Path) -> float:
    """Come in with a call when the first chord is heard, then listen until the input is closed.

    A caller with ears of its own would be two JACK clients in a process, which can stop jackd's
    synchronous mode for seconds; it listens with those of the witness who writes into `heard`.
    Returns the longest time this process was kept from running, in seconds: how badly the machine
    treats a program that wants a little of it each millisecond.
    """
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=CALLER)
    out.open_virtual_port("out")
    script = [(start * step_s, [NOTE_ON, pitch, 100]) for start, _, pitch in notes_of(call)]
    script += [(end * step_s - _DETACHED_S, [NOTE_OFF, pitch, 0]) for _, end, pitch in notes_of(call)]
    script.sort()
    begun_s, before_s, longest_s = math.inf, time.monotonic(), 0.0
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        now_s = time.monotonic()
        if begun_s == math.inf and _CHORD_ON.search(heard.read_text()):
            begun_s = now_s
        while script and begun_s + script[0][0] <= now_s:
            out.send_message(script.pop(0)[1])
        longest_s, before_s = max(longest_s, now_s - before_s), now_s
    return longest_s


def _play_what_is_told(name: str) -> None:
    """Send the messages of each line of the input, and leave in order when it is closed."""
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    out.open_virtual_port("out")
    for line in sys.stdin:
        told = json.loads(line)
        due_s = time.monotonic()
        for message in told["messages"]:
            while time.monotonic() < due_s:
                time.sleep(0.0002)
            out.send_message(message)
            due_s += told["gap_s"]
        while told["gap_s"] and time.monotonic() < due_s:
            time.sleep(0.0002)
        sys.stdout.write("played\n")
        sys.stdout.flush()
    out.close_port()
    out.delete()


if __name__ == "__main__":
    if sys.argv[1] == "keyboard":
        _play_what_is_told(sys.argv[2])
    else:
        stall_s = _called(sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
        sys.stdout.write(json.dumps({"longest_stall_s": stall_s}))
