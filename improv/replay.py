"""From a performance to a take, and back: decided again from the same head and the same that was heard.

`improv.session.advance` is a function, so what comes out must be what was recorded, bit for bit;
where it is not, the first step that differs is named. It must never change what it reads.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from improv.errors import DataError
from improv.messages import How
from improv.model import StepModel
from improv.model_files import find_model
from improv.onnx_model import OnnxModel
from improv.recording import Entry, Recording, check_bounds, read_take
from improv.session import (
    Heard,
    Moment,
    Played,
    Session,
    advance,
    begin,
    fallback,
    finish,
    idled,
    leapt,
    swapped,
)

_COMPARED = MappingProxyType(
    {"step": "step", "tempo": "transport", "settings": "settings", "turn": "turn", "notes": "events", "chord": "chord"}
)
"""What has to be the same, as it is told, and the field of an entry it is."""


@dataclass(frozen=True, slots=True)
class Again:
    """A step of a take, decided again and found to be the same."""

    entry: Entry
    session: Session


def entry_of(moment: Moment) -> Entry:
    """What is recorded of a step."""
    session = moment.session
    return Entry(
        step=session.step,
        how=moment.how,
        notes=moment.heard.notes,
        commands=moment.heard.commands,
        events=moment.played.events,
        transport=session.transport,
        settings=session.settings,
        turn=session.turn,
        top=session.top,
        leapt=moment.leapt,
        fault=session.fault if moment.how is How.FALLBACK else "",
        chord=session.frame.chord.symbol if session.frame.chord else "",
    )


def check(path: Path) -> Recording:
    """Decide a whole take again; the recording if every step is the same, DataError at the first that is not."""
    recording = read_take(path)
    for _ in replayed(recording):
        pass
    return recording


def network(name: str, sha256: str, provider: str) -> OnnxModel:
    """The network a take was made with; DataError if the one of its name is another one now."""
    model = OnnxModel(find_model(name), provider)
    if model.sha256 != sha256:
        raise DataError(
            f"the take was made with another {name} ({sha256[:12]}, this one is {model.sha256[:12]}); "
            "put that model into $IMPROV_MODELS"
        )
    return model


Networks = Callable[[str, str, str], StepModel]


def replayed(recording: Recording, networks: Networks = network) -> Iterator[Again]:
    """The steps of a take, each decided again and compared; DataError at the first that differs.

    `networks` gives the network of a name, a hash and a provider.
    """
    check_bounds(recording)
    head = recording.head
    model = networks(head.model, head.model_sha256, head.provider)
    session = begin(model, head.settings, head.transport, count_in_bars=head.count_in_bars)
    for entry in recording.entries:
        if entry.model:
            model = networks(entry.model, entry.model_sha256, head.provider)
            session = swapped(session, model)
        if entry.how is How.IDLE:
            session = idled(session, Heard((), entry.commands), entry.transport.time_of(entry.step + 1))
            played = Played(session.frame, ())
        elif entry.step == session.step:  # the end of the performance, told in the step it came in
            played = finish(session)
        else:
            session, played = _decided(entry, session, model)
        now = entry_of(Moment(session, Heard(), played, session))
        differs = [name for name, field in _COMPARED.items() if getattr(now, field) != getattr(entry, field)]
        if differs:
            raise DataError(f"step {entry.step} is not what was recorded: other {' and '.join(differs)}")
        yield Again(entry, session)


def _decided(entry: Entry, session: Session, model: StepModel) -> tuple[Session, Played]:
    """The step after a session's, come about as the entry says it did."""
    heard = Heard(entry.notes, entry.commands)
    if entry.leapt:
        session = leapt(session, entry.leapt)
    match entry.how:
        case How.NETWORK:
            return advance(session, heard, model)
        case How.FALLBACK:
            return fallback(session, heard, model, entry.fault)
        case How.SKIPPED:
            return fallback(session, heard, model, "", audible=False)
        case How.IDLE:
            raise DataError(f"step {entry.step} goes on while playing is stopped")
