"""The core: what a performance is, and how one step leads to the next.

`advance` is a function of values: the session so far, what was heard during its step, and a
model. It decides what sounds at the next step. It reads no clock, opens nothing and keeps
nothing, so an older session can always be taken up again.

Two keys are in play. The network lives in its own key and range (`network.output`); the performance
sounds in the player's (`band.frame`). What is heard is brought into the network's on the way in, what
is chosen is brought into the performance's on the way out.
"""

from dataclasses import replace

from improv.models.contract import StepModel, Tensor
from improv.models.encodings import CHORD_HEAD, ENCODINGS, Choice, Encoding, StepInput
from improv.music.notes import SILENCE, Cell, Frame, Placed, in_order
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT, TICKS_PER_STEP
from improv.music.turns import Answer, Mode, PlayerActivity, first_turn, turn_after
from improv.protocol.commands import HandOver
from improv.protocol.heard import Heard
from improv.session.band.accompaniment import voicings
from improv.session.band.arrange import arrange, note_offs, transposed_to_performance
from improv.session.band.click import count_in_clicks
from improv.session.band.levels import volume_changes
from improv.session.commands import apply_commands
from improv.session.harmony import choose_chord_units
from improv.session.listening import cell_at, hear, next_listener, playing_style
from improv.session.melody import answer_so_far, improvise, melody_muted, register_over_chords, steering
from improv.session.network import accepted_features, call_cell, encode_features, has_melody, network_inputs
from improv.session.state import NetworkState, Played, Position, Session, Voicings


def advance(session: Session, heard: Heard, model: StepModel) -> tuple[Session, Played]:
    """The session one step later, and what sounds there.

    `heard` holds what arrived since the session's step was planned; an onset belongs to its
    nearest place on the model's grid. Whatever the model raises is raised.
    """
    encoding = ENCODINGS[model.spec.encoding]
    before, session, inputs = prepare_step(session, heard, encoding)
    if not makes_music(session):
        return silent_step(before, session, inputs, audible=True)
    memory = before.network.memory
    *earlier, last = (*before.network.pending_inputs, *inputs)
    for each in earlier:
        _, memory = model.step(encode_features(each, encoding, model), memory)
    features = encode_features(last, encoding, model)
    outputs, after = model.step(features, memory)

    def asked(choice: Choice) -> Tensor:
        return model.ask(choice.head, {**features, **accepted_features(choice.features, model)}, after)

    newest = encoding.chord(choose_chord_units(outputs[CHORD_HEAD], last, encoding, session), session.tune.form)
    chord, *lookahead = (*last.chord_lookahead, newest)
    melody, logits = SILENCE, None
    if has_melody(model.spec):
        decoder = encoding.decode_cell(steering(session, before), chord, before.network.output.melody, last.call_cell)
        melody, logits = improvise(decoder, outputs, asked, session, model.spec)
    style = register_over_chords(session, melody, before.band.frame.melody)
    health = replace(session.health, consecutive_faults=0)
    session = replace(session, band=replace(session.band, style=style), health=health)
    network = replace(
        session.network,
        memory=after,
        output=Frame(melody, chord),
        logits=logits,
        chord_lookahead=tuple(lookahead),
        pending_inputs=(),
        steps_behind=0,
    )
    session = settle(session, before, network)
    return session, Played(session.band.frame, arrange(before, session))


def prepare_step(session: Session, heard: Heard, encoding: Encoding) -> tuple[Session, Session, tuple[StepInput, ...]]:
    """The session with all it has heard, the same at its next step, and what the network is fed for the one between.

    That is one step, but where the form is left for its top: then the rest of the chorus too, in silence.
    """
    listened = hear(session, heard.notes, encoding.grid)
    before = apply_commands(listened, heard.commands)
    cell = cell_at(before.listener.keys, before.step)
    activity = PlayerActivity(
        call=before.listener.call,
        struck=len(cell.onsets),
        so_far=len(
            {key.onset for key in before.listener.recent_keys if key.onset >= before.turn.start * TICKS_PER_STEP}
        ),
        held=any(key.release is None for key in before.listener.keys),
        handed_over=any(isinstance(command, HandOver) for command in heard.commands),
    )
    inputs = network_inputs(listened, before, cell, encoding)
    past = (
        before.network.recent_inputs
        if listened.place < 0
        else (*before.network.recent_inputs, *inputs)[-before.tune.form.steps :]
    )
    after = next_step(before, listened, cell, activity, past, encoding)
    *earlier, last = inputs
    return (
        before,
        after,
        (*earlier, replace(last, improv_plays=after.turn.who.plays, call_cell=call_cell(after, after.step))),
    )


def makes_music(session: Session) -> bool:
    """Whether there is music in the session's step: it is neither counted in nor stopped."""
    return session.position.playing and session.place >= 0


def silent_step(
    before: Session, session: Session, inputs: tuple[StepInput, ...], *, audible: bool
) -> tuple[Session, Played]:
    """A step that is counted in, or in which playing stops: what sounds ends, and the network waits."""
    *earlier, last = inputs
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
        voicings=Voicings(),
        levels=session.settings.mixer.levels,
        style=before.band.style,
    )
    session = replace(session, network=network, band=band)
    start = session.step * TICKS_PER_STEP
    events = [*volume_changes(before, session), *(Placed(start, off) for off in note_offs(before))]
    if audible and session.position.playing:
        events += count_in_clicks(session)
    return session, Played(session.band.frame, in_order(events))


def settle(session: Session, before: Session, network: NetworkState) -> Session:
    """The session in which a network's output sounds; what is silenced is not played, and so was not chosen."""
    settings = session.settings
    if melody_muted(settings):
        network = replace(network, output=Frame(SILENCE, network.output.chord))
    frame = transposed_to_performance(network.output, session, before.band.frame.melody)
    answer, begun = answer_so_far(session, before), len(frame.melody.onsets)
    if begun:
        answer = Answer(answer.notes + begun, session.step)
    band = replace(session.band, frame=frame, levels=settings.mixer.levels, answer=answer)
    session = replace(session, network=network, band=band)
    return replace(session, band=replace(band, voicings=voicings(session)))


def next_step(
    before: Session,
    was: Session,
    cell: Cell,
    activity: PlayerActivity,
    inputs: tuple[StepInput, ...],
    encoding: Encoding,
) -> Session:
    """The session at its next step: what is over is forgotten, whose turn it is decided, the style renewed.

    `was` is the session before anything was asked for: where the rules have changed, turns begin anew. `inputs` are
    what the network was fed in the last chorus.
    """
    step = before.step + 1
    restarted = _game(before) != _game(was)
    anew = restarted or (before.settings.mode is Mode.TRADE and before.settings.bars != was.settings.bars)
    turn = first_turn(step, before.rules) if anew else turn_after(before.turn, step, before.rules, activity)
    style, recent = before.band.style, before.listener.recent_keys
    if recent and (turn.start == step or (step - before.position.form_start) % STEPS_PER_BAR == 0):
        style = playing_style(recent, before.semitones, encoding)
    return replace(
        before,
        position=_next_position(before.position),
        turn=turn,
        listener=next_listener(before, cell, turn, anew=anew, restarted=restarted),
        network=replace(before.network, recent_inputs=inputs),
        band=replace(before.band, style=style),
    )


def _game(session: Session) -> tuple[Mode, int, bool]:
    """What turns depend on: where it changes, the game begins anew."""
    return session.settings.mode, session.position.form_start, session.position.playing


def _next_position(position: Position) -> Position:
    """The position one step later; a swing that is pending comes with a beat."""
    step = position.step + 1
    if position.pending_swing is None or step % STEPS_PER_BEAT:
        return replace(position, step=step)
    transport = position.transport.with_swing(position.pending_swing, step)
    return replace(position, step=step, transport=transport, pending_swing=None)
