"""Takes for tests: a head, steps that differ, and files of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode, Turn, Who
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording import (
    Entry,
    Head,
    Journal,
)

PATIENT_S = 180.0
"""How long a test lets a thread of the machine take: no matter, as long as it ends."""

SOLO = Settings(mode=Mode.SOLO, seed=7)
ALONE = Turn(Who.IMPROV, 0)
EVEN = Transport(-8, 4711.25, 120.0)
HEAD = Head(
    improv="0.1.0",
    began="2026-11-21T06:45:12Z",
    model="echo",
    model_sha256="00ff" * 16,
    settings=SOLO,
    transport=EVEN,
    count_in_bars=1,
    form="C7 | F7 | C7 | G7",
    key="C",
)
NAME = "20261121-064512-echo"


def step_of(step: int, **other: Any) -> Entry:
    """An entry that is different for every step."""
    notes = (Timed(EVEN.time_of(step) + 0.1, NoteOn(Part.YOU, step % 128, 1 + step % 127)),) if step % 3 else ()
    events = (Placed(6 * step, NoteOn(Part.MELODY, step % 128, 90)), Placed(6 * step + 6, NoteOff(Part.MELODY, 1)))
    values: dict[str, Any] = {
        "heard": Heard(notes),
        "events": events,
        "transport": EVEN,
        "settings": SOLO,
        "turn": ALONE,
        "chord": "C7",
    }
    return Entry(step=step, how=How.NETWORK, **(values | other))


def steps(count: int) -> tuple[Entry, ...]:
    """Entries from the count-in on, tempo and temperature turned now and then."""
    entries = []
    transport, chosen = EVEN, SOLO
    for number, step in enumerate(range(-8, count - 8)):
        if number % 7 == 5:
            transport = transport.with_bpm(60 + number, from_step=step)
        if number % 11 == 3:
            chosen = replace(chosen, temperature=number / 7)
        entries.append(step_of(step, transport=transport, settings=chosen))
    return tuple(entries)


def recorded(directory: Path, *entries: Entry, head: Head = HEAD, end: str | None = "stopped") -> Path:
    """The file of a take."""
    with Journal(directory, head, patience_s=PATIENT_S) as journal:
        for entry in entries:
            journal.append(entry)
        if end is not None:
            journal.end(end)
    assert journal.path is not None
    assert (journal.fault, journal.acknowledged) == ("", len(entries))
    return journal.path
