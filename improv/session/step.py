"""The core: what a performance is, and how one step leads to the next.

`advance` is a function of values: the session so far, what was heard during its step, and a
model. It decides what sounds at the next step. It reads no clock, opens nothing and keeps
nothing, so an older session can always be taken up again.

Two keys are in play. The network lives in its own key and range (`chosen`); the performance
sounds in the player's (`frame`). What is heard is brought into the network's on the way in, what
is chosen is brought into the performance's on the way out.
"""

from dataclasses import replace
from typing import Any

from improv.models.contract import StepModel, Tensor
from improv.models.encodings import CHORD_HEAD, ENCODINGS, Choice, Encoding, Fed
from improv.music.notes import SILENCE, Cell, Frame, Placed, in_order
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT, TICKS_PER_STEP
from improv.music.turns import Answer, Ear, Mode, Who, first_turn, is_stray, is_taken, turn_after
from improv.protocol.commands import HandOver
from improv.protocol.controls import ON
from improv.session.band.arrange import arrange, note_offs, transposed_to_performance
from improv.session.band.click import count_in_clicks
from improv.session.band.comping import CHORDS_LOW
from improv.session.band.levels import levels_of, volume_changes
from improv.session.commands import apply_commands
from improv.session.harmony import choose_chord_units
from improv.session.listening import answered_from, cell_at, hear, playing_style
from improv.session.melody import answer_so_far, improvise, melody_muted, register_over_chords, steering
from improv.session.network import accepted_features, call_cell, encode_features, has_melody, network_inputs
from improv.session.state import Heard, Played, Session


def advance(session: Session, heard: Heard, model: StepModel) -> tuple[Session, Played]:
    """The session one step later, and what sounds there.

    `heard` holds what arrived since the session's step was planned; an onset belongs to its
    nearest place on the model's grid. Whatever the model raises is raised.
    """
    encoding = ENCODINGS[model.spec.encoding]
    before, session, fed = prepare_step(session, heard, encoding)
    if not makes_music(session):
        return silent_step(before, session, fed, audible=True)
    memory = before.memory
    *earlier, last = (*before.unfed, *fed)
    for each in earlier:
        _, memory = model.step(encode_features(each, encoding, model), memory)
    features = encode_features(last, encoding, model)
    outputs, after = model.step(features, memory)

    def asked(choice: Choice) -> Tensor:
        return model.ask(choice.head, {**features, **accepted_features(choice.features, model)}, after)

    newest = encoding.chord(choose_chord_units(outputs[CHORD_HEAD], last, encoding, session), session.form)
    chord, *ahead = (*last.ahead, newest)
    melody, odds = SILENCE, None
    if has_melody(model.spec):
        choosing = encoding.choosing(steering(session, before), chord, before.chosen.melody, last.asked)
        melody, odds = improvise(choosing, outputs, asked, session, model.spec)
    session = replace(session, touch=register_over_chords(session, melody, before.frame.melody))
    session = settle(
        Frame(melody, chord), before, session, ahead=tuple(ahead), memory=after, odds=odds,
        unfed=(), behind=0, faults_in_a_row=0,
    )  # fmt: skip
    return session, Played(session.frame, arrange(before, session))


def prepare_step(session: Session, heard: Heard, encoding: Encoding) -> tuple[Session, Session, tuple[Fed, ...]]:
    """The session with all it has heard, the same at its next step, and what the network is fed for the one between.

    That is one step, but where the form is left for its top: then the rest of the chorus too, in silence.
    """
    listened = hear(session, heard.notes, encoding.grid)
    before = apply_commands(listened, heard.commands)
    cell = cell_at(before.keys, before.step)
    ear = Ear(
        call=before.call,
        struck=len(cell.onsets),
        so_far=len({key.onset for key in before.recent if key.onset >= before.turn.start * TICKS_PER_STEP}),
        held=any(key.release is None for key in before.keys),
        handed_over=any(isinstance(command, HandOver) for command in heard.commands),
    )
    fed = network_inputs(listened, before, cell, encoding)
    past = before.past if listened.place < 0 else (*before.past, *fed)[-before.form.steps :]
    after = next_position(before, listened, cell, ear, past, encoding)
    *earlier, last = fed
    return before, after, (*earlier, replace(last, answers=after.turn.who.plays, asked=call_cell(after, after.step)))


def makes_music(session: Session) -> bool:
    """Whether there is music in the session's step: it is neither counted in nor stopped."""
    return session.playing and session.place >= 0


def silent_step(before: Session, session: Session, fed: tuple[Fed, ...], *, audible: bool) -> tuple[Session, Played]:
    """A step that is counted in, or in which playing stops: what sounds ends, and the network waits."""
    *unfed, last = fed
    session = replace(
        session,
        frame=Frame(SILENCE, None),
        voicing=(),
        levels=levels_of(session.settings),
        odds=None,
        chosen=last.frame,
        ahead=last.ahead,
        unfed=(*before.unfed, *unfed),
        touch=before.touch,
    )
    start = session.step * TICKS_PER_STEP
    events = [*volume_changes(before, session), *(Placed(start, off) for off in note_offs(before))]
    if audible and session.playing:
        events += count_in_clicks(session)
    return session, Played(session.frame, in_order(events))


def settle(chosen: Frame, before: Session, session: Session, **known: Any) -> Session:
    """The session with what was chosen for its step; what is silenced is not played, and so was not chosen."""
    settings = session.settings
    if melody_muted(settings):
        chosen = Frame(SILENCE, chosen.chord)
    frame = transposed_to_performance(chosen, session, before.frame.melody)
    sounds = settings.chords_mute != ON and settings.chords_level
    voicing = frame.chord.voiced(CHORDS_LOW) if frame.chord and sounds else ()
    answer, begun = answer_so_far(session, before), len(frame.melody.onsets)
    if begun:
        answer = Answer(answer.notes + begun, session.step)
    return replace(
        session, chosen=chosen, frame=frame, voicing=voicing, levels=levels_of(settings), answer=answer, **known
    )


def next_position(
    before: Session, was: Session, cell: Cell, ear: Ear, past: tuple[Fed, ...], encoding: Encoding
) -> Session:
    """The session at its next step: what is over is forgotten, whose turn it is decided, the touch renewed.

    `was` is the session before anything was asked for: where the rules have changed, turns begin anew.
    """
    step = before.step + 1
    start = step * TICKS_PER_STEP
    keys = tuple(key for key in before.keys if key.release is None or key.release > start)
    left = (before.settings.mode, before.top, before.playing) != (was.settings.mode, was.top, was.playing)
    anew = left or (before.settings.mode is Mode.TRADE and before.settings.bars != was.settings.bars)
    turn = first_turn(step, before.rules) if anew else turn_after(before.turn, step, before.rules, ear)
    begins = turn.start == step
    answering = before.answering if turn == before.turn else None if anew else answered_from(before, turn)
    took = before.took_turn if turn == before.turn else not anew and is_taken(turn, before.turn)
    recent, call, touch, transport, swing = before.recent, before.call, before.touch, before.transport, before.swing
    if recent and (begins or (step - before.top) % STEPS_PER_BAR == 0):
        touch = playing_style(recent, before.semitones, encoding)
    if begins and turn.who.hears_you:  # what was struck in the step before has taken the turn
        recent = tuple(key for key in recent if key.onset >= start - TICKS_PER_STEP)
    if left or (begins and turn.who is Who.IMPROV) or (call and is_stray(call, step)):
        call = None
    if swing is not None and step % STEPS_PER_BEAT == 0:
        transport, swing = transport.with_swing(swing, step), None
    return replace(
        before, step=step, keys=keys, heard=cell, turn=turn, took_turn=took, recent=recent, call=call,
        answering=answering, touch=touch, past=past, transport=transport, swing=swing,
    )  # fmt: skip
