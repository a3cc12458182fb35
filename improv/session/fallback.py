"""Steps without the network, which has failed or is late: the form goes on, and a plain line over it.

Some are always planned ahead, so that there is something to play whatever happens.
"""

from dataclasses import replace
from itertools import pairwise

from improv.dataclass import dataclass
from improv.models.contract import StepModel
from improv.models.encodings import Encoding, encoding_of
from improv.music.notes import SILENCE, Frame, NoteOn, Placed
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.band.accompaniment import accompanied, unsounded
from improv.session.band.arrange import arrange, note_offs
from improv.session.melody import plain_line
from improv.session.network import has_melody, with_empty_memory
from improv.session.state import NetworkState, Played, Session
from improv.session.step import makes_music, prepare_step, silent_step, sounding

LATE = "the network was late"
"""The fault of a network that has done nothing wrong but was too slow."""

_FAULTS_BEFORE_FORGETTING = 4
"""After so many failed steps in a row the network starts again from an empty memory."""


def fallback(
    session: Session, heard: Heard, model: StepModel, fault: str, *, audible: bool = True
) -> tuple[Session, Played]:
    """Return the session one step later without the network, which has failed or is late.

    The form's chord and, in improv's turn, a plain line of its chord tones on the beats. Where the
    step's time has passed already, `audible=False` only ends what sounds, and the step counts as missed.
    What the network should have been fed is kept for its next step, so that it loses no place.
    An empty `fault` says that nothing has gone wrong yet.
    """
    encoding = encoding_of(model.spec)
    step = prepare_step(session, heard, encoding)
    before, session = step.before, step.session
    if fault:
        in_a_row = before.health.consecutive_faults + (fault != LATE)
        faults = replace(session.health, faults=before.health.faults + 1, consecutive_faults=in_a_row, last_fault=fault)
        session = replace(session, health=faults)
    if not audible:
        session = replace(session, health=replace(session.health, missed_steps=before.health.missed_steps + 1))
    if not makes_music(session):
        return silent_step(replace(step, session=session), audible=audible)
    newest = session.tune.form.chord_at(session.place + encoding.lookahead_steps)
    chord, *lookahead = (*step.inputs[-1].chord_lookahead, newest)
    melody = SILENCE
    if audible and session.turn.who.plays and has_melody(model.spec):
        melody = plain_line(session.place, chord, encoding)
    network = NetworkState(
        memory=before.network.memory,
        earlier_memories=before.network.earlier_memories,
        output=Frame(melody, chord),
        chord_lookahead=tuple(lookahead),
        pending_inputs=(*before.network.pending_inputs, *step.inputs),
        recent_inputs=session.network.recent_inputs,
        steps_behind=before.network.steps_behind + 1,
    )
    session = sounding(before, session, network, session.band.style, in_time=False)
    failing = session.health.consecutive_faults == _FAULTS_BEFORE_FORGETTING > before.health.consecutive_faults
    if failing or session.network.steps_behind % session.tune.form.steps == 0:
        session = with_empty_memory(session, model)
    if not audible:
        session = replace(session, band=unsounded(session.band))
    events = arrange(before, session)
    if not audible:
        events = tuple(placed for placed in events if not isinstance(placed.event, NoteOn))
    return session, Played(session.band.frame, events)


# --- planned ahead ----------------------------------------------------------------------------------

_NETWORKS_OWN = frozenset(
    {"temperature", "top_p", "density", "rests", "breath", "build", "motifs", "leaning", "changes", "drafts", "duet"}
)
"""Settings that only a network obeys: where they alone have changed, what is planned without it still holds."""


@dataclass(frozen=True, slots=True)
class FallbackPlan:
    """The steps after a session's as they are played if nothing better comes in time."""

    base: Session
    """The session that they follow."""
    taken_in: Heard
    """What the first of them has taken in."""
    sessions: tuple[Session, ...]
    """The session at each of them; what its network remembers is not kept up."""
    played: tuple[tuple[Placed, ...], ...]
    """The events of each of them."""

    @property
    def events(self) -> tuple[Placed, ...]:
        """All events in the order of the steps, then the ends of the notes that still sound, but for held chords."""
        last = self.sessions[-1] if self.sessions else self.base
        end = last.tick + last.grid.ticks_per_step
        ends = (Placed(end, off) for off in note_offs(last, held=False))
        return (*(placed for events in self.played for placed in events), *ends)


def fallback_plan(
    session: Session, heard: Heard, model: StepModel, steps: int, earlier: FallbackPlan | None = None
) -> FallbackPlan:
    """Plan `steps` steps after a session's without the network, in case it fails or is late.

    Steps of `earlier` that still hold are kept, so that as a rule only one new step is planned.
    """
    if not session.position.playing:
        return FallbackPlan(session, heard, (), ())
    sessions = () if earlier is None or heard else _kept(earlier, session)[:steps]
    played: list[tuple[Placed, ...]] = []
    last = session
    if earlier is not None and sessions:
        encoding, first = encoding_of(model.spec), sessions[0].step - earlier.sessions[0].step
        if _band_goes_on_alike(earlier, session):
            played = [arrange(session, sessions[0]), *earlier.played[first + 1 : first + len(sessions)]]
        else:
            sessions = _accompanied_anew(sessions, session, encoding)
            played = [arrange(one, other) for one, other in pairwise((session, *sessions))]
        last = _as_base(sessions[-1], session, encoding)
    found = [*sessions]
    while len(found) < steps:
        last, now = fallback(last, Heard() if found else heard, model, "")
        found.append(last)
        played.append(now.events)
    return FallbackPlan(session, heard, tuple(found), tuple(played))


def _kept(plan: FallbackPlan, session: Session) -> tuple[Session, ...]:
    """Return the sessions of a plan that still follow a session: none, if it is not what the plan took it to be."""
    expected = next((each for each in (plan.base, *plan.sessions) if each.step == session.step), None)
    if expected is None or (expected is plan.base and plan.taken_in) or not _goes_on_alike(expected, session):
        return ()
    kept = tuple(each for each in plan.sessions if each.step > session.step)
    known = session.network.chord_lookahead[: len(kept)]
    return kept if known == expected.network.chord_lookahead[: len(kept)] else ()


def _goes_on_alike(one: Session, other: Session) -> bool:
    """Return whether two sessions at one step are followed by the same music, as long as no network plays it."""
    return (
        makes_music(one)
        and makes_music(other)
        and one.position == other.position
        and one.turn == other.turn
        and one.listener == other.listener
        and one.tune == other.tune
        and one.band.style == other.band.style
        and _alike(one.settings, other.settings)
    )


def _alike(one: Settings, other: Settings) -> bool:
    if one is other:
        return True
    return all(getattr(one, name) == getattr(other, name) for name in Settings.__slots__ if name not in _NETWORKS_OWN)


def _band_goes_on_alike(plan: FallbackPlan, session: Session) -> bool:
    """Return whether the band of a plan plays what it would play after a session, with what it knows by now."""
    expected = next(each for each in (plan.base, *plan.sessions) if each.step == session.step)
    return (
        expected.band.parts == session.band.parts
        and expected.band.hearing == session.band.hearing
        and expected.band.frame.melody == session.band.frame.melody
        and expected.network.chord_lookahead == session.network.chord_lookahead
    )


def _accompanied_anew(sessions: tuple[Session, ...], session: Session, encoding: Encoding) -> tuple[Session, ...]:
    """Return the sessions of a plan with the band as it plays after a session, and with the chords known by then."""
    found: list[Session] = []
    for planned in sessions:
        now = _as_base(planned, session, encoding)
        found.append(
            replace(now, band=accompanied(found[-1] if found else session, now, now.band, now.network.chord_lookahead))
        )
    return tuple(found)


def _as_base(planned: Session, session: Session, encoding: Encoding) -> Session:
    """Return a session of a plan with the chords that are known by now, from which another step is planned."""
    form, after = session.tune.form, planned.step - session.step
    known = session.network.chord_lookahead[after:]
    first = session.place + 1 + max(after, len(session.network.chord_lookahead))
    more = range(first, first + encoding.lookahead_steps - len(known))
    lookahead = (*known, *(form.chord_at(place) for place in more))
    network = replace(
        session.network, output=planned.network.output, chord_lookahead=lookahead, pending_inputs=(), steps_behind=0
    )
    return replace(planned, network=network)
