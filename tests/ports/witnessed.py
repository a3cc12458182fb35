"""What witnesses of a jam over real ports have heard: what hangs, what is struck, and where it is in the music."""

import sys
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median

import pytest

from improv.recording import Recording, read_take
from tests.ports.clients import Event, Witness, sounding
from tests.ports.jackd import RATE_HZ
from tests.ports.patience import eventually
from tests.ports.programs import Program, alive, children
from tests.ports.test_jam import VOICES, changes

MOMENT = 2 * RATE_HZ // 50
"""Samples of two channels in 20 ms."""

MELODY, CHORDS, YOURS = 1, 2, 3
"""Channels; the last is of the pianist who plays to improv."""

JAM = ("jam", "--model", "eck2002-blues", "--api", "jack", "--provider", "cpu", "--count-in", "0", "--seed", "1")
SOLO = (*JAM, "--mode", "solo")
FAST = 300

SUSTAIN_DOWN, SUSTAIN_UP = (0xB2, 64, 127), (0xB2, 64, 0)


def tiers(small: int, full: int) -> list[object]:
    """The count of every run, and that of the full tier."""
    return [small, pytest.param(full, marks=pytest.mark.full)]


def told(what: str, seconds: Iterable[float]) -> None:
    """Print what was measured: the median and the most."""
    ordered = sorted(seconds)
    middle_ms, most_ms = median(ordered) * 1e3, ordered[-1] * 1e3
    say(f"{what}: median {middle_ms:.0f} ms, most {most_ms:.0f} ms, n={len(ordered)}")


def say(text: str) -> None:
    """Print a line; pytest shows it with -s, or when the test fails."""
    sys.stdout.write(f"{text}\n")


def plays(witness: Witness, since: int = 0) -> None:
    """Wait until a melody and chords sound at once, in what the witness has heard since."""
    eventually(lambda: {MELODY, CHORDS} <= {channel for channel, _ in sounding(witness.heard()[since:])}, "the music")


def hung(events: Sequence[Event]) -> set[tuple[int, int]]:
    """What sounds on: begun, and ended neither by a message of its own nor by one for its channel."""
    notes: set[tuple[int, int]] = set()
    for event in events:
        if event.message[0] & 0xF0 == 0xB0 and event.message[1] in (120, 123):
            notes = {note for note in notes if note[0] != event.channel}
        elif event.is_onset:
            notes.add((event.channel, event.pitch))
        elif event.is_end:
            notes.discard((event.channel, event.pitch))
    return notes


def over(events: Iterable[Event]) -> set[tuple[int, int]]:
    """The (channel, pitch) pairs that are ended, by a message of their own or by one for their channel."""
    notes: set[tuple[int, int]] = set()
    for event in events:
        if event.is_end:
            notes.add((event.channel, event.pitch))
        elif event.message[0] & 0xF0 == 0xB0 and event.message[1] in (120, 123):
            notes |= {(event.channel, pitch) for pitch in range(128)}
    return notes


def pedals(events: Iterable[Event]) -> set[int]:
    """The channels whose sustain pedal is down."""
    down: set[int] = set()
    for event in events:
        if event.message[0] & 0xF0 == 0xB0 and event.message[1] == 64:
            (down.add if event.message[2] else down.discard)(event.channel)
    return down


def ended(improv: Program, status: int = 0) -> float:
    """How long it takes to end, in seconds; it leaves no process behind."""
    below, asked_s = children(improv.pid), time.monotonic()
    assert improv.ended() == status, improv.err
    took_s = time.monotonic() - asked_s
    eventually(lambda: not any(alive(pid) for pid in below.values()), "the end of its processes")
    return took_s


def take(folder: Path) -> Recording:
    """The only take that was recorded."""
    (path,) = folder.glob("*.take")
    return read_take(path)


def struck(events: Iterable[Event]) -> list[tuple[int, set[int]]]:
    """When chords were struck, in frames, and their pitches: what comes within 10 ms is one."""
    found: list[tuple[int, set[int]]] = []
    for event in events:
        if event.is_onset and event.channel == CHORDS:
            if not found or event.frame - found[-1][0] > RATE_HZ // 100:
                found.append((event.frame, set()))
            found[-1][1].add(event.pitch)
    return found


def in_place(witness: Witness, recorded: Recording) -> None:
    """In the take each chord is the form's at its place; and others have heard the chords in the form's order.

    When they came is not asked: a server that is late counts fewer frames. One that is late may be left out.
    """
    voices = changes()
    for entry in recorded.entries:
        if entry.chord:
            place = (entry.step - entry.top) % 96
            assert VOICES[entry.chord] == voices[max(begin for begin in voices if begin <= place)], f"step {entry.step}"
    form = [pitches for pitches, _ in groupby(voices[begin] for begin in sorted(voices))]
    at = 0
    for pitches, _ in groupby(pitches for _, pitches in struck(witness.heard())):  # what was silenced is struck anew
        ahead = [step for step in range(at, at + len(form)) if form[step % len(form)] == pitches]
        assert ahead, f"{pitches} is no chord of the form"
        assert ahead[0] - at < 3, f"{pitches} is out of order"
        at = ahead[0]
