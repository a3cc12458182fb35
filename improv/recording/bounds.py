"""How far anything in a take may lie: what the right checksums say nothing about.

A take is a file that any program can have made. Before it is exported or played again everything in it has to
be within what a performance can come to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from reprlib import repr as shortly

from improv.errors import DataError, UsageError
from improv.music.theory import TICKS_PER_STEP
from improv.music.transport import Transport
from improv.protocol.controls import CONTROLS, COUNT_IN, SOLOIST_RULES, SWING, TEMPO, Settings
from improv.recording.format import Entry, Head, Recording

MAX_STEP = 1 << 28
"""Some months of music."""

MAX_EVENTS = 1 << 16
"""In a step: a flood of ten thousand messages a second is not so many."""

_FAR_TICKS = (1 << 24) * TICKS_PER_STEP
"""Of a step: while playing is stopped notes are heard for it, for days if need be."""

_MAX_S = 1e9
"""Of a clock: thirty years."""

_MAX_NAME = 200


def check_bounds(recording: Recording) -> None:
    """Check a take; DataError if anything in it lies farther than a performance can go, or has an impossible value."""
    check_head(recording.head)
    before: Head | Entry = recording.head
    for entry in recording.entries:
        check_entry(entry, before)
        before = entry


def check_head(head: Head) -> None:
    """Check the head of a take; DataError if it says what no performance can."""
    with _within("its head"):
        _check_head(head)


def check_entry(entry: Entry, before: Head | Entry) -> None:
    """Check a step of a take; DataError if it is impossible. What `before` has too was checked there."""
    with _within(f"its step {shortly(entry.step)}"):
        _check_entry(entry, before)


@contextmanager
def _within(what: str) -> Iterator[None]:
    try:
        yield
    except (UsageError, ValueError, OverflowError) as error:
        raise DataError(
            f"{what} is not what any performance comes to ({' '.join(str(error).split())[:160]})"
        ) from error


def _check_head(head: Head) -> None:
    of_band = (text for each in head.band for text in (each.model, each.sha256))
    for text in (head.improv, head.model, head.model_sha256, head.provider, *of_band):
        _check_name(text)
    if abs(head.first_step) > MAX_STEP:
        raise ValueError("it begins farther on than any music lasts")
    COUNT_IN.checked(head.count_in_bars)
    _check_transport(head.transport)
    _check_settings(head.settings)


def _check_entry(entry: Entry, before: Head | Entry) -> None:
    if abs(entry.step) > MAX_STEP or abs(entry.top) > MAX_STEP or not 0 <= entry.skipped_choruses <= MAX_STEP:
        raise ValueError("it is farther on than any music lasts")
    if entry.transport is not before.transport:
        _check_transport(entry.transport)
    if entry.settings is not before.settings:
        _check_settings(entry.settings)
    for name in (entry.model, entry.model_sha256):
        _check_name(name)
    if len(entry.events) + len(entry.heard.notes) > MAX_EVENTS:
        raise ValueError(f"it has more than {MAX_EVENTS} notes")
    here = entry.step * entry.transport.grid.ticks_per_step
    for placed in entry.events:
        _check_near(placed.tick - here)
    for note in entry.heard.notes:
        if abs(note.time_s) > _MAX_S:
            raise ValueError("its time is far from any that a machine has")
        _check_near(entry.transport.ticks_at(note.time_s) - here)


def _check_near(ticks: float) -> None:
    if abs(ticks) > _FAR_TICKS:
        raise ValueError("a note lies far from its step")


def _check_name(text: str) -> None:
    if len(text) > _MAX_NAME or not text.isprintable():
        raise ValueError(f"{shortly(text)} is no name")


def _check_settings(settings: Settings) -> None:
    for control in CONTROLS.values():
        if Settings.have(control):
            control.checked(settings.value(control))
    if not 0 <= settings.soloist_rules <= SOLOIST_RULES:
        raise ValueError(f"its soloist plays by rules {settings.soloist_rules}; this improv knows 0 to {SOLOIST_RULES}")


def _check_transport(transport: Transport) -> None:
    TEMPO.checked(transport.bpm)
    SWING.checked(transport.swing)
    if abs(transport.anchor_s) > _MAX_S or abs(transport.anchor_step) > MAX_STEP:
        raise ValueError("its time is far from any that a machine has")
