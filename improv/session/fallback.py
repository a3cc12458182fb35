"""A step without the network, which has failed or is late: the form goes on, and a plain line over it."""

from dataclasses import replace

from improv.models.contract import StepModel
from improv.models.encodings import ENCODINGS
from improv.music.notes import SILENCE, Frame, NoteOn
from improv.protocol.heard import Heard
from improv.session.band.arrange import arrange
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
    """The session one step later without the network, which has failed or is late.

    The form's chord and, in improv's turn, a plain line of its chord tones on the beats. Where the
    step's time has passed already, `audible=False` only ends what sounds, and the step counts as missed.
    What the network should have been fed is kept for its next step, so that it loses no place.
    An empty `fault` says that nothing has gone wrong yet.
    """
    encoding = ENCODINGS[model.spec.encoding]
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
        output=Frame(melody, chord),
        chord_lookahead=tuple(lookahead),
        pending_inputs=(*before.network.pending_inputs, *step.inputs),
        recent_inputs=session.network.recent_inputs,
        steps_behind=before.network.steps_behind + 1,
    )
    session = sounding(before, session, network, session.band.style)
    failing = session.health.consecutive_faults == _FAULTS_BEFORE_FORGETTING > before.health.consecutive_faults
    if failing or session.network.steps_behind % session.tune.form.steps == 0:
        session = with_empty_memory(session, model)
    events = arrange(before, session)
    if not audible:
        events = tuple(placed for placed in events if not isinstance(placed.event, NoteOn))
    return session, Played(session.band.frame, events)
