"""The core: what a performance is, and how one step leads to the next.

`advance` is a function of values: the session so far, what was heard during its step, and a
model. It decides what sounds at the next step. It reads no clock, opens nothing and keeps
nothing, so an older session can always be taken up again.

Two keys are in play. The network lives in its own key and range (`network.output`); the performance
sounds in the player's (`band.frame`). What is heard is brought into the network's on the way in, what
is chosen is brought into the performance's on the way out.
"""

from dataclasses import replace

from improv.dataclass import dataclass
from improv.models.contract import StepModel
from improv.models.encodings import Encoding, StepInput, encoding_of
from improv.music.notes import SILENCE, Cell, Frame, Placed, in_order
from improv.music.turns import NO_ACTIVITY, Answer, Mode, PlayerActivity, Turn, first_turn, turn_after
from improv.protocol.commands import HandOver
from improv.protocol.heard import Heard
from improv.session.band.accompaniment import accompanied
from improv.session.band.arrange import arrange, note_offs, transposed_to_performance
from improv.session.band.click import count_in_clicks
from improv.session.band.hearing import NOTHING_HEARD
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.band.levels import mix_changes
from improv.session.band.part_state import ALL_REST
from improv.session.commands import apply_commands
from improv.session.expression import expressed
from improv.session.expression_state import AS_NOTATED
from improv.session.harmony import decide_chord
from improv.session.listening import cell_at, hear, next_listener, playing_style
from improv.session.melody import answer_so_far, decide_melody, melody_muted, phrases_after, register_over_chords
from improv.session.motifs import counted_motifs
from improv.session.network import (
    ask_network,
    call_cell,
    has_voice,
    network_inputs,
    with_revised_inputs,
)
from improv.session.state import BandState, NetworkState, Played, PlayingStyle, Position, Session


def advance(
    session: Session, heard: Heard, model: StepModel, band: Networks = NO_NETWORKS, draft: int = 0
) -> tuple[Session, Played]:
    """Return the session one step later, and what improv plays in that step.

    `heard` holds what arrived since the session's step was planned; an onset belongs where it was meant on the model's
    grid, which may be a little earlier. Whatever the model raises is raised. `band` are the networks of other parts:
    where one raises, its part plays by rule. `draft` is the one that is played from this step on, if one is chosen
    with it: see `improv.session.drafts`.
    """
    encoding = encoding_of(model.spec)
    step = prepare_step(session, heard, encoding, draft)
    if not makes_music(step.session):
        return silent_step(step, audible=True)
    session, style = decided(step, encoding, model)
    session = sounding(step.before, session, session.network, style, band)
    if session.health.consecutive_faults:
        session = replace(session, health=replace(session.health, consecutive_faults=0))
    return session, Played(session.band.frame, arrange(step.before, session))


def decided(step: "PreparedStep", encoding: Encoding, model: StepModel) -> tuple[Session, PlayingStyle]:
    """Return the session at a step with what its network has chosen, and how that is played. The model may raise."""
    before, session = step.before, step.session
    asked = ask_network(before.network, step.inputs, encoding, model)
    chord, *lookahead = (*step.inputs[-1].chord_lookahead, decide_chord(asked, session))
    melody, logits = decide_melody(asked, chord, before, session)
    style = session.band.style
    if not has_voice(session.settings, encoding):
        style = register_over_chords(session, melody, before.band.frame.melody)
    network = NetworkState(
        memory=asked.memory,
        earlier_memories=asked.earlier_memories,
        output=Frame(melody, chord),
        logits=logits,
        chord_lookahead=tuple(lookahead),
        recent_inputs=session.network.recent_inputs,
        stream=session.network.stream,
    )
    return replace(session, network=network), style


@dataclass(frozen=True, slots=True)
class PreparedStep:
    """A step of which everything is known but what the network decides."""

    before: Session
    """The session of the step before, with all that was heard in it and asked for."""
    session: Session
    """The session at the step; what its network chose and its band plays is still that of the step before."""
    inputs: tuple[StepInput, ...]
    """What the network is fed: the step before, and the rest of its chorus in silence where that is cut short."""


def prepare_step(session: Session, heard: Heard, encoding: Encoding, draft: int = 0) -> PreparedStep:
    """Take in notes and commands of a session's step, and go on to the next, with a draft that was chosen for it."""
    listened = hear(session, heard.notes, encoding.finest_ticks) if heard.notes else session
    if listened is not session:
        listened = with_revised_inputs(session, listened)
    before = apply_commands(listened, heard.commands) if heard.commands else listened
    cell = cell_at(before.listener.keys, before.step, encoding.grid)
    *earlier, last = inputs = network_inputs(listened, before, cell, encoding)
    recent = before.network.recent_inputs
    if listened.place >= 0:
        recent = (*recent, *inputs)[-before.tune.form.steps :]
    changed = before is not listened
    restarted = changed and _game(before) != _game(listened)
    traded = changed and before.settings.mode is Mode.TRADE and before.settings.bars != listened.settings.bars
    anew = restarted or traded
    turn = next_turn(before, player_activity(before, heard, cell), anew=anew)
    session = Session(
        position=next_position(before.position),
        settings=before.settings,
        tune=before.tune,
        turn=turn,
        listener=next_listener(before, cell, turn, anew=anew, restarted=restarted),
        network=before.network.hearing(recent, draft or (before.network.stream if turn == before.turn else 0)),
        band=next_band(before, turn, encoding),
        health=before.health,
    )
    turn_left = turn.end - session.step if turn.who.plays and turn.end is not None else None
    last = last.before_decision(
        improv_plays=turn.who.plays,
        call_cell=call_cell(session, session.step),
        turn_left=turn_left,
        motifs=counted_motifs(session),
    )
    return PreparedStep(before, session, (*earlier, last))


def player_activity(session: Session, heard: Heard, cell: Cell) -> PlayerActivity:
    """Return the player's activity in a session's step and turn, as the rules of turn taking need it."""
    listener = session.listener
    if not listener.keys and not listener.recent_keys and not heard.commands:
        return PlayerActivity(call=listener.call) if listener.call else NO_ACTIVITY
    start = session.turn.start * session.grid.ticks_per_step
    return PlayerActivity(
        call=listener.call,
        struck=len(cell.onsets),
        so_far=len({key.onset for key in listener.recent_keys if key.onset >= start}),
        held=any(key.release is None for key in listener.keys),
        handed_over=any(isinstance(command, HandOver) for command in heard.commands),
    )


def next_turn(before: Session, activity: PlayerActivity, *, anew: bool) -> Turn:
    """Return the turn one step later; with `anew` turns begin again, since the rules have changed."""
    step = before.step + 1
    return first_turn(step, before.rules) if anew else turn_after(before.turn, step, before.rules, activity)


def next_position(position: Position) -> Position:
    """Return the position one step later; a pending swing begins with a beat."""
    step = position.step + 1
    if position.pending_swing is None or step % position.transport.grid.steps_per_beat:
        return Position(
            step=step,
            form_start=position.form_start,
            playing=position.playing,
            transport=position.transport,
            pending_swing=position.pending_swing,
            taps_s=position.taps_s,
        )
    transport = position.transport.with_swing(position.pending_swing, step)
    return replace(position, step=step, transport=transport, pending_swing=None)


def next_band(before: Session, turn: Turn, encoding: Encoding) -> BandState:
    """Return the band one step later. At a turn or a bar it follows how the player has played lately."""
    step, recent = before.step + 1, before.listener.recent_keys
    if not recent or (turn.start != step and (step - before.position.form_start) % before.grid.steps_per_bar):
        return before.band
    return replace(before.band, style=playing_style(recent, before.semitones, encoding))


def makes_music(session: Session) -> bool:
    """Return whether the session's step is music, neither count-in nor stopped."""
    return session.position.playing and session.place >= 0


def silent_step(step: PreparedStep, *, audible: bool) -> tuple[Session, Played]:
    """Return the session and the events of a step that is count-in or stopped: notes end, the network waits."""
    before, session = step.before, step.session
    *earlier, last = step.inputs
    network = replace(
        session.network,
        output=last.frame,
        logits=None,
        chord_lookahead=last.chord_lookahead,
        pending_inputs=(*before.network.pending_inputs, *earlier),
    )
    band = replace(
        session.band,
        frame=Frame(SILENCE, None),
        parts=ALL_REST,
        hearing=NOTHING_HEARD,
        events=(),
        by_rule=(),
        expression=AS_NOTATED,
        levels=session.settings.mixer.levels,
        programs=session.settings.mixer.programs,
        style=before.band.style,
    )
    session = replace(session, network=network, band=band)
    start = session.tick
    events = [*mix_changes(before, session), *(Placed(start, off) for off in note_offs(before))]
    if audible and session.position.playing:
        events += count_in_clicks(session)
    return session, Played(session.band.frame, in_order(events))


def sounding(
    before: Session,
    session: Session,
    network: NetworkState,
    style: PlayingStyle,
    networks: Networks = NO_NETWORKS,
    *,
    in_time: bool = True,
) -> Session:
    """Return the session with a network's output in it and the band's, without the parts that are silenced.

    Unless it is decided `in_time`, nothing ends in the step before.
    """
    if melody_muted(session.settings):
        network = replace(network, output=Frame(SILENCE, network.output.chord))
    frame = transposed_to_performance(network.output, session, style, before.band.frame.melody)
    answer, begun = answer_so_far(session, before), len(frame.melody.onsets)
    expression, failed = expressed(before, session, frame, style, networks, in_time=in_time)
    band = BandState(
        frame=frame,
        levels=session.settings.mixer.levels,
        programs=session.settings.mixer.programs,
        style=style,
        answer=Answer(answer.notes + begun, session.step) if begun else answer,
        expression=expression,
        by_rule=() if failed is None else (failed,),
        phrases=phrases_after(session, before, frame.melody),
    )
    return Session(
        position=session.position,
        settings=session.settings,
        tune=session.tune,
        turn=session.turn,
        listener=session.listener,
        network=network,
        band=accompanied(before, session, band, network.chord_lookahead, networks),
        health=session.health,
    )


def _game(session: Session) -> tuple[Mode, int, bool]:
    """Return what turns depend on: where it changes, the game begins anew."""
    return session.settings.mode, session.position.form_start, session.position.playing
