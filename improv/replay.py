"""A take decided again: the same head and the same that was heard, step by step, through the same network.

`improv.session.advance` is a function, so what comes out must be what was recorded, bit for bit;
where it is not, the first step that differs is named. It must never change what it reads.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from improv.errors import DataError
from improv.messages import How
from improv.model import StepModel
from improv.music import Placed
from improv.onnx_file import find_model
from improv.onnx_model import OnnxModel
from improv.recording import Entry, Recording, read_take
from improv.session import Heard, Session, advance, begin, fallback, finish, leapt


@dataclass(frozen=True, slots=True)
class Again:
    """A step of a take, decided again and found to be the same."""

    entry: Entry
    session: Session


def check(path: Path) -> Recording:
    """Decide a whole take again; the recording if every step is the same, DataError at the first that is not."""
    recording = read_take(path)
    for _ in replayed(recording, model_of(recording)):
        pass
    return recording


def model_of(recording: Recording) -> OnnxModel:
    """The network a take was made with; DataError if the one of its name is another one now."""
    head = recording.head
    path = find_model(head.model)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != head.model_sha256:
        raise DataError(
            f"the take was made with another {head.model} ({head.model_sha256[:12]}, this one is {found[:12]}); "
            "put that model into $IMPROV_MODELS"
        )
    return OnnxModel(path, head.provider)


def replayed(recording: Recording, model: StepModel) -> Iterator[Again]:
    """The steps of a take, each decided again and compared; DataError at the first that differs."""
    head = recording.head
    session = begin(model, head.settings, head.transport, seed=head.seed, count_in_bars=head.count_in_bars)
    for entry in recording.entries:
        if entry.step == session.step:  # the end of the performance, told in the step it came in
            events = finish(session).events
        else:
            session, events = _decided(entry, session, model)
        differs = [
            name
            for name, now, then in (
                ("step", session.step, entry.step),
                ("tempo", session.transport, entry.transport),
                ("settings", session.settings, entry.settings),
                ("notes", events, entry.events),
                ("chord", session.frame.chord.symbol if session.frame.chord else "", entry.chord),
            )
            if now != then
        ]
        if differs:
            raise DataError(f"step {entry.step} is not what was recorded: other {' and '.join(differs)}")
        yield Again(entry, session)


def _decided(entry: Entry, session: Session, model: StepModel) -> tuple[Session, tuple[Placed, ...]]:
    """The step after a session's, come about as the entry says it did."""
    heard = Heard(entry.notes, entry.commands)
    if entry.leapt:
        session = leapt(session, entry.leapt)
    match entry.how:
        case How.NETWORK:
            session, played = advance(session, heard, model)
        case How.FALLBACK:
            session, played = fallback(session, heard, model, entry.fault)
        case How.SKIPPED:
            session, played = fallback(session, heard, model, "", audible=False)
    return session, played.events
