"""The loop: wait, advance, hand over. It decides when, never what, and never opens a port.

For each step: plan the next one early (what a screen shows dimmed), wait until just before it,
plan again if anything new was heard or asked, hand the events to the player. Time is nominal: a
step that comes late is counted from where it should have been.
"""

from collections.abc import Callable
from dataclasses import replace

from improv.midi.player import Player
from improv.model import StepModel
from improv.music import NoteOff
from improv.session import Heard, Moment, Played, Session, advance, finish, rest
from improv.transport import Clock

MAX_FAULTS_IN_A_ROW = 3
"""After so many failed steps the performance ends."""

_LEAD_TRIALS = 100
_LEAD_S = (0.002, 0.025)
"""The least and the most time before a step that the network is given."""


Observer = Callable[[Moment], None]


def perform(
    session: Session,
    model: StepModel,
    player: Player,
    observe: Observer,
    *,
    lead_s: float,
    last_step: int | None = None,
) -> Session:
    """Play from a session on, up to the end of `last_step` or until stopped; returns the last session.

    `lead_s` is how many seconds before a step its notes are decided.
    """
    heard, played = Heard(), Played(session.frame, ())
    before_the_first = session.step
    while session.faults_in_a_row < MAX_FAULTS_IN_A_ROW:
        session, heard, played = _caught_up(session, heard, played, model, player)
        following = _stepped(session, Heard(), model)
        if session.step > before_the_first:
            observe(Moment(session, heard, played, following[1].frame))
        if last_step is not None and session.step >= last_step:
            break
        if not player.wait_until(session.transport.time_of(session.step + 1) - lead_s):
            break
        heard = Heard(*player.heard())
        session, played = _stepped(session, heard, model) if heard else following
        player.play(played.events, session.transport)
        player.wait_until(session.transport.time_of(session.step))
    closing = finish(session)
    player.play(closing.events, session.transport)
    player.wait_until(session.transport.time_of(session.step + 1))
    observe(Moment(session, Heard(*player.heard()), closing, closing.frame))
    return session


def measured_lead_s(session: Session, model: StepModel, clock: Clock) -> float:
    """How long before a step it must be decided: twice the slowest of a hundred, within 2 to 25 ms."""
    slowest_s = 0.0
    for _ in range(_LEAD_TRIALS):
        began_s = clock.now()
        advance(replace(session, step=0), Heard(), model)
        slowest_s = max(slowest_s, clock.now() - began_s)
    return min(_LEAD_S[1], max(_LEAD_S[0], 2 * slowest_s))


def _stepped(session: Session, heard: Heard, model: StepModel, *, audible: bool = True) -> tuple[Session, Played]:
    """One step on; whatever the model raises becomes a fault and a silent step."""
    try:
        return advance(session, heard, model, audible=audible)
    except Exception as error:  # nothing may raise into the music
        return rest(session, heard, model, f"{type(error).__name__}: {error}")


def _caught_up(
    session: Session, heard: Heard, played: Played, model: StepModel, player: Player
) -> tuple[Session, Heard, Played]:
    """The session past every step whose time is over by more than half a step: counted, not played."""
    while (
        player.clock.now() > session.transport.time_of(session.step + 1) + session.transport.step_s / 2
        and session.faults_in_a_row < MAX_FAULTS_IN_A_ROW
    ):
        missed = Heard(*player.heard())
        session, skipped = _stepped(session, missed, model, audible=False)
        session = replace(session, missed_steps=session.missed_steps + 1)
        offs = tuple(placed for placed in skipped.events if isinstance(placed.event, NoteOff))
        player.play(offs, session.transport)
        heard = Heard(heard.notes + missed.notes, heard.commands + missed.commands)
        played = Played(skipped.frame, played.events + offs)
    return session, heard, played
