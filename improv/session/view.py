"""A session as clients see it."""

from collections.abc import Iterable
from functools import cache

import numpy as np

from improv.models.contract import Tensors
from improv.models.sampling import one_unit
from improv.music.notes import SILENCE, NoteOn, Placed
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS, Part
from improv.music.theory import Chord, Form, Place
from improv.protocol.snapshot import Harmony, Loudness, NetworkView, PitchProbability, Snapshot, StepHealth
from improv.session.state import Session

_SEEN_OF_MEMORY = 48


def snapshot(session: Session, planned: Session, played: Iterable[Placed] = ()) -> Snapshot:
    """Return the snapshot of a session for clients, with its plan for the next step and the events played."""
    return Snapshot(
        step=session.step,
        place=Place.of(session.place, session.tune.form),
        turn=session.turn,
        beats_left=session.turn.beats_left(session.step),
        took_turn=session.listener.took_turn,
        playing=session.position.playing,
        harmony=Harmony(
            chord=session.band.frame.chord,
            next_chord=planned.band.frame.chord,
            form=_form_text(session.tune.form, session.semitones),
            chords=_known_chords(session, planned),
        ),
        heard=session.listener.previous_cell,
        played=session.band.frame.melody,
        planned=planned.band.frame.melody if planned.step > session.step else SILENCE,
        loudness=_loudness(session, played),
        network=NetworkView(probabilities=_probabilities(planned), memory=_memory_view(session.network.memory)),
        tempo=session.position.transport.bpm,
        swing=session.position.swing,
        settings=session.settings,
        health=StepHealth(
            missed_steps=session.health.missed_steps,
            faults=session.health.faults,
            fault=session.health.last_fault,
            by_rule=session.band.by_rule,
        ),
    )


def _known_chords(session: Session, planned: Session) -> tuple[Chord | None, ...]:
    """Return the chords of the session's bar so far, and those that are decided or planned, in the key that sounds."""
    if not session.position.playing:
        return ()
    so_far, counted_in = session.place % session.grid.steps_per_bar, session.place < 0
    past = (
        []
        if counted_in or not so_far
        else [step_input.frame.chord for step_input in session.network.recent_inputs[-so_far:]]
    )
    chords = [*[None] * (so_far - len(past)), *past, None if counted_in else session.network.output.chord]
    coming: list[Chord | None] = []
    if planned.step > session.step and planned.position.playing:
        next_ones = [None] * -planned.place if planned.place < 0 else [planned.network.output.chord]
        coming = [*next_ones, *planned.network.chord_lookahead]
    return (*_transposed(chords, session.semitones), *_transposed(coming, planned.semitones))


def _transposed(chords: Iterable[Chord | None], semitones: int) -> tuple[Chord | None, ...]:
    return tuple(chord and chord.transposed(semitones) for chord in chords)


@cache
def _form_text(form: Form, semitones: int) -> str:
    return form.transposed(semitones).text


def _loudness(session: Session, played: Iterable[Placed]) -> Loudness:
    """Return the loudest onsets' velocities: the player's of the step before, each part's of the session's step."""
    step, loudest = session.step - 1, dict.fromkeys(Part, 0)
    for key in (*session.listener.keys, *session.listener.recent_keys):
        if key.onset // session.grid.ticks_per_step == step:
            loudest[Part.YOU] = max(loudest[Part.YOU], key.velocity)
    levels = {part: level / DEFAULT_VOLUME for part, level in zip(MIXED_PARTS, session.band.levels, strict=True)}
    for event in (placed.event for placed in played):
        if isinstance(event, NoteOn):
            loudest[event.part] = max(loudest[event.part], min(127, round(event.velocity * levels[event.part])))
    return Loudness.of(loudest)


def _probabilities(session: Session) -> tuple[PitchProbability, ...]:
    """Return how probable each pitch of the melody was in the session's step, in the pitches that would sound."""
    said, settings = session.network.logits, session.settings
    if said is None:
        return ()
    trained = one_unit(said.logits, 1.0, distribution=said.distribution)
    bent = one_unit(
        said.logits,
        settings.temperature,
        distribution=said.distribution,
        bias=said.bias,
        top_p=settings.top_p,
    )
    up = session.semitones + 12 * said.octaves
    return tuple(
        PitchProbability(pitch + up, round(float(p), 4), round(float(q), 4))
        for pitch, p, q in zip(said.pitches, trained, bent, strict=False)  # units behind them are no pitches
    )


def _memory_view(memory: Tensors) -> tuple[float, ...]:
    """Return at most 48 numbers of a memory, of each tensor as many and evenly chosen, squeezed to -1..1."""
    if not memory:
        return ()
    share = -(-_SEEN_OF_MEMORY // len(memory))
    chosen = [tensor.ravel()[:: max(1, -(-tensor.size // share))] for _, tensor in sorted(memory.items())]
    return tuple(round(float(number), 2) for number in np.tanh(np.concatenate(chosen)[:_SEEN_OF_MEMORY]))
