"""From a performance to a take, and back: decided again from the same head and the same that was heard.

`improv.session.step.advance` is a function, so what comes out must be what was recorded, bit for bit;
where it is not, the first step that differs is named. Behind steps that are missing nothing can be
decided again until the take states a session; from there on it can. It must never change what it reads.
"""

import base64
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from improv.dataclass import dataclass
from improv.errors import DataError
from improv.models.catalog import find_network
from improv.models.contract import StepModel, Tensors
from improv.models.onnx_runtime import CPU, OnnxModel
from improv.music.parts import MIXED_PARTS, Part
from improv.music.styles import Style
from improv.protocol.heard import Heard
from improv.protocol.json_codec import as_data_error, from_json, json_fields, json_text, parse_object, to_json
from improv.protocol.snapshot import How
from improv.recording import Entry, Recording, State, check_bounds, check_entry
from improv.session.band.accompaniment import ACCOMPANYING_PARTS
from improv.session.band.ending import has_ending
from improv.session.band.learned import Networks as BandNetworks
from improv.session.band.learned import RefusingNetwork
from improv.session.band.part_state import PartState, PartStates, SoundingNote
from improv.session.band.rules import BAND_RULES
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, finish, idled, skip_choruses
from improv.session.network import swapped
from improv.session.state import DEFAULT_LEVELS, OWN_PROGRAMS, Moment, Played, Session
from improv.session.step import advance

_COMPARED = MappingProxyType(
    {"step": "step", "tempo": "transport", "settings": "settings", "turn": "turn", "notes": "events", "chord": "chord"}
)
"""What has to be the same: its name in a message, and the field of an entry it is."""


OTHER_RULES = "the band's rules have changed since this take was made: its band is as it was recorded, and not checked"
"""What is said of a take with other rules."""


@dataclass(frozen=True, slots=True)
class Again:
    """A step of a take that was decided again and is the same."""

    entry: Entry
    session: Session | None
    """None where it could not be decided again: what came before it is missing."""


def entry_of(moment: Moment) -> Entry:
    """Return the entry that records a step."""
    session = moment.session
    return Entry(
        step=session.step,
        how=moment.how,
        heard=moment.heard,
        events=moment.played.events,
        transport=session.position.transport,
        settings=session.settings,
        turn=session.turn,
        top=session.position.form_start,
        skipped_choruses=moment.skipped_choruses,
        fault=session.health.last_fault if moment.how is How.FALLBACK else "",
        by_rule=session.band.by_rule,
        draft=moment.draft,
        late_drafts=moment.late_drafts,
        chord=session.band.frame.chord.symbol if session.band.frame.chord else "",
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """A take that was decided again."""

    recording: Recording
    unchecked: int
    """How many of its steps could not be: they follow steps that are missing."""
    other_rules: bool
    """Whether the band played by other rules than now: then only the soloist was compared."""


def check(path: Path) -> Checked:
    """Replay a whole take and compare each step, as far as possible; DataError at the first one that differs."""
    from improv.recording import read_take  # noqa: PLC0415 an engine that reports steps reads no take

    recording = read_take(path)
    unchecked = sum(again.session is None for again in replayed(recording))
    return Checked(recording, unchecked, other_rules(recording))


def other_rules(recording: Recording) -> bool:
    """Return whether the band of a take played by other rules than this improv's: its notes cannot be decided again.

    Held chords are played by one rule that stays as it is; so are takes that know of no styles.
    """
    if recording.head.band_rules == BAND_RULES:
        return False
    return any(entry.settings.style is not Style.PADS for entry in recording.entries)


# --- a session in a take --------------------------------------------------------------------------

_WHOLE = ("settings", "turn")
_AS_WRITTEN = MappingProxyType(
    {
        "step": ("position", "step"),
        "transport": ("position", "transport"),
        "form": ("tune", "form"),
        "own_key": ("tune", "key"),
        "choruses": ("tune", "choruses"),
        "top": ("position", "form_start"),
        "playing": ("position", "playing"),
        "chosen": ("network", "output"),
        "frame": ("band", "frame"),
        "players": ("band", "parts"),
        "hearing": ("band", "hearing"),
        "levels": ("band", "levels"),
        "programs": ("band", "programs"),
        "ahead": ("network", "chord_lookahead"),
        "unfed": ("network", "pending_inputs"),
        "behind": ("network", "steps_behind"),
        "stream": ("network", "stream"),
        "touch": ("band", "style"),
        "heard": ("listener", "previous_cell"),
        "keys": ("listener", "keys"),
        "recent": ("listener", "recent_keys"),
        "answer": ("band", "answer"),
        "expression": ("band", "expression"),
        "phrases": ("band", "phrases"),
        "call": ("listener", "call"),
        "took_turn": ("listener", "took_turn"),
        "timing": ("listener", "timing"),
        "exact_timings": ("listener", "exact_timings"),
        "strikes": ("listener", "strikes"),
        "readings": ("listener", "readings"),
        "revisable": ("listener", "revisable_steps"),
        "answering": ("listener", "call_start_step"),
        "past": ("network", "recent_inputs"),
        "swing": ("position", "pending_swing"),
        "taps": ("position", "taps_s"),
        "missed_steps": ("health", "missed_steps"),
        "faults": ("health", "faults"),
        "faults_in_a_row": ("health", "consecutive_faults"),
        "fault": ("health", "last_fault"),
    }
)
"""What takes call the values of a session, and where they are; the network's logits are only for those who watch."""


def state_of(session: Session, model: StepModel, sha256: str) -> State:
    """Return a session as a take stores it, with the network that decides."""
    raw = {name: to_json(getattr(getattr(session, part), field)) for name, (part, field) in _AS_WRITTEN.items()}
    raw |= {name: to_json(getattr(session, name)) for name in _WHOLE} | {"memory": _packed(session.network.memory)}
    raw["earlier_memories"] = [_packed(memory) for memory in session.network.earlier_memories]
    raw |= {name: dict(zip(MIXED_PARTS, raw[name], strict=True)) for name in _BY_PART}
    return State(session.step, json_text(raw), model.spec.name, sha256)


def restored(state: State, model: StepModel) -> Session:
    """Return the session stored in a take; DataError if it is invalid or of another network."""
    with as_data_error(f"the session at step {state.step}"):
        raw = parse_object(state.session)
        memory = _unpacked(raw.pop("memory"), model)
        earlier = tuple(_unpacked(each, model) for each in raw.pop("earlier_memories", []))
        hints = json_fields(Session)[0]
        whole = {name: from_json(hints[name], raw.pop(name)) for name in _WHOLE}
        parts: dict[str, dict[str, Any]] = {part: {} for part, _ in _AS_WRITTEN.values()}
        parts["network"] |= {"memory": memory, "earlier_memories": earlier}
        held = tuple(SoundingNote(pitch) for pitch in from_json(tuple[int, ...], raw.pop("voicing", [])))
        parts["band"]["parts"] = PartStates.of(
            {Part.CHORDS: PartState(held)}
        )  # as takes had it before there was a band
        for name in _BY_PART:
            parts["band"][name] = _by_part(raw.pop(name, {}), _BY_PART[name])
        for name, value in raw.items():
            part, field = _AS_WRITTEN[name]
            parts[part][field] = from_json(json_fields(hints[part])[0][field], value)
        return Session(**whole, **{part: hints[part](**given) for part, given in parts.items()})


_BY_PART = MappingProxyType({"levels": DEFAULT_LEVELS, "programs": OWN_PROGRAMS})
"""The values of the band that are written by part, and what they are where a part is missing: it was added since."""

_LISTED_PARTS = (Part.MELODY, Part.CHORDS, Part.DRUMS)
"""The parts of a list of levels, as takes had it before they named the parts."""


def _by_part(raw: Any, defaults: tuple[int, ...]) -> tuple[int, ...]:
    """Return a number for each of `MIXED_PARTS`; ValueError if one is no MIDI value."""
    if isinstance(raw, list):
        raw = dict(zip(_LISTED_PARTS, raw, strict=True))
    if raw.keys() - set(MIXED_PARTS):
        raise ValueError(f"{', '.join(map(str, raw))} are not the parts")
    numbers = [from_json(int, raw.get(part, own)) for part, own in zip(MIXED_PARTS, defaults, strict=True)]
    if not all(0 <= number < 128 for number in numbers):
        raise ValueError("a level or a program is no MIDI value")
    return tuple(numbers)


def _check_session(session: Session, recording: Recording) -> None:
    """DataError if a session that a take states is farther than any performance can go."""
    as_told = Entry(
        step=session.step, how=How.NETWORK, transport=session.position.transport, settings=session.settings,
        turn=session.turn, top=session.position.form_start,
    )  # fmt: skip
    check_entry(as_told, recording.head)


def _packed(memory: Tensors) -> dict[str, dict[str, Any]]:
    return {
        name: {"dtype": tensor.dtype.str, "data": base64.b85encode(zlib.compress(tensor.tobytes())).decode()}
        for name, tensor in memory.items()
    }


def _unpacked(raw: Any, model: StepModel) -> Tensors:
    """Tensors of the shapes that the network declares, and no larger ones."""
    shapes = model.spec.state
    if raw.keys() != shapes.keys():
        raise ValueError(f"{model.spec.name} has another memory")
    memory = {}
    for name, shape in shapes.items():
        kind = np.dtype(raw[name]["dtype"])
        if kind.kind not in "fiu":
            raise ValueError(f"{kind} is no number")
        size = kind.itemsize * int(np.prod(shape))
        data = zlib.decompressobj().decompress(base64.b85decode(raw[name]["data"]), size + 1)
        memory[name] = np.frombuffer(data, kind).reshape(shape).copy()
    return memory


# --- again ----------------------------------------------------------------------------------------


def network(name: str, sha256: str, provider: str) -> OnnxModel:
    """Return the network a take was made with; DataError if its file has changed since."""
    model = OnnxModel(find_network(name, sha256), provider)
    if model.sha256 != sha256:
        raise DataError(
            f"the take was made with another {name} ({sha256[:12]}, this one is {model.sha256[:12]}); "
            "put that model into $IMPROV_MODELS"
        )
    return model


Networks = Callable[[str, str, str], StepModel]


def replayed(recording: Recording, networks: Networks = network) -> Iterator[Again]:
    """Yield the steps of a take, each decided again and compared; DataError where one differs.

    `networks` gives the network of a name, a hash and a provider. Where the band played by other rules its notes are
    left as they were recorded: only what the soloist does is compared, which no band changes.
    """
    check_bounds(recording)
    head = recording.head
    missing = {index for index, lost in recording.losses if lost.count}
    states = dict(recording.states)
    model = networks(head.model, head.model_sha256, head.provider)
    band = {each.part: networks(each.model, each.sha256, CPU) for each in head.band}
    session: Session | None = None
    only_soloist = other_rules(recording)
    if not head.continues:
        session = begin(model, head.settings, head.transport, count_in_bars=head.count_in_bars, choruses=head.choruses)
    for index, entry in enumerate(recording.entries):
        if index in missing:
            session = None
        if (state := states.get(index)) is not None and session is None:
            model = networks(state.model, state.model_sha256, head.provider)
            session = restored(state, model)
            _check_session(session, recording)
        if entry.model:
            model = networks(entry.model, entry.model_sha256, head.provider)
            session = None if session is None else swapped(session, model)
        if session is not None:
            with as_data_error(f"step {entry.step}"):  # any program can have made what it goes on from
                session = _the_same(entry, session, model, band, only_soloist=only_soloist)
        yield Again(entry, session)


def _the_same(entry: Entry, session: Session, model: StepModel, band: BandNetworks, *, only_soloist: bool) -> Session:
    """The session at an entry, decided again; DataError if it is not what was recorded."""
    if entry.how is How.IDLE and session.position.playing:  # an ending rings
        played = Played(session.band.frame, ())
    elif entry.how is How.IDLE:
        session = idled(session, replace(entry.heard, notes=()), entry.transport.time_of(entry.step + 1))
        played = Played(session.band.frame, ())
    elif entry.step == session.step:  # the end of the performance, in the step it came in
        played = finish(session, by_itself=has_ending(entry.events))
    else:
        session, played = _decided(entry, session, model, band)
    now = entry_of(Moment(session, Heard(), played, session))
    if only_soloist:
        now, entry = _without_band(now), _without_band(entry)
    differs = [name for name, field in _COMPARED.items() if getattr(now, field) != getattr(entry, field)]
    if differs:
        raise DataError(f"step {entry.step} is not what was recorded: other {' and '.join(differs)}")
    return session


def _without_band(entry: Entry) -> Entry:
    """Return an entry without what parts have played that accompany the melody."""
    return replace(entry, events=tuple(each for each in entry.events if each.event.part not in ACCOMPANYING_PARTS))


def _decided(entry: Entry, session: Session, model: StepModel, band: BandNetworks) -> tuple[Session, Played]:
    """The step after a session's, come about as the entry says it did."""
    if entry.skipped_choruses:
        session = skip_choruses(session, entry.skipped_choruses)
    match entry.how:
        case How.NETWORK:
            refused = {each.part: RefusingNetwork(each.why) for each in entry.by_rule}
            return advance(session, entry.heard, model, {**band, **refused}, entry.draft)
        case How.FALLBACK:
            return fallback(session, entry.heard, model, entry.fault)
        case How.SKIPPED:
            return fallback(session, entry.heard, model, "", audible=False)
        case How.IDLE:
            raise DataError(f"step {entry.step} goes on while playing is stopped")
