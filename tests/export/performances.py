"""Performances for tests, made by hand: what is played in which bar, and over which chords."""

from collections.abc import Sequence
from typing import Any

from improv.export.performance import Chorus, Key, Performance, Tempo
from improv.music.notes import Event, NoteOff, NoteOn
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.controls import Settings

BLUES = ("C7", "F7", "C7", "Gm7", "F7", "Bb7", "C7", "A7", "Dm7", "G7", "C7", "G7")

Notes = Sequence[tuple[Part, float, float, int, int]]
"""Part, start and end in beats, pitch, velocity."""


def events_of(notes: Notes) -> dict[Part, tuple[tuple[float, Event], ...]]:
    """The events of notes, by part, each part's in order."""
    found: dict[Part, list[tuple[float, Event]]] = {}
    for part, start, end, pitch, velocity in notes:
        found.setdefault(part, []).append((start, NoteOn(part, pitch, velocity)))
        found[part].append((end, NoteOff(part, pitch)))
    order = {
        part: sorted(events, key=lambda item: (item[0], isinstance(item[1], NoteOn))) for part, events in found.items()
    }
    return {part: tuple(order[part]) for part in Part if part in order}


def performance(notes: Notes = (), choruses: int = 1, **other: Any) -> Performance:
    """Choruses of a blues at 120 bpm, without a count-in."""
    beats = 48.0 * choruses
    values: dict[str, Any] = {
        "title": "improv: echo, seed 3",
        "made_with": "improv 0.1.0: echo, seed 3, sha256 00ff",
        "model": "echo",
        "settings": Settings(mode=Mode.SOLO, seed=3),
        "transport": Transport(0, 0.0, 120.0, 0.6),
        "form_beats": 48,
        "count_in_beats": 0,
        "beats": beats,
        "events": events_of(notes),
        "marks": ((0.0, Key("C")), (0.0, Tempo(120))),
        "chords": tuple(
            (48.0 * chorus + 4.0 * bar, name) for chorus in range(choruses) for bar, name in enumerate(BLUES)
        ),
        "turns": ((0.0, Who.IMPROV),),
        "choruses": tuple(Chorus(48.0 * number, number + 1) for number in range(choruses)),
    }
    return Performance(**(values | other))


def scale(choruses: int) -> Notes:
    """A melody, a note a beat, ever louder."""
    return [(Part.MELODY, beat, beat + 0.9, 60 + beat % 12, 40 + 5 * (beat % 12)) for beat in range(48 * choruses)]


SCALE = scale(1)
