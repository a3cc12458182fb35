"""What is judged: networks at some temperatures and baselines, each as a player that plays, answers and foresees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from improv.models.contract import StepModel
from improv.music.notes import Frame
from improv.music.theory import STEPS_PER_BAR, Form
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from training.baselines import markov
from training.baselines.markov import Choices, Chooser
from training.corpora.solos import Solo
from training.datasets.sequences import sequences
from training.evaluation.call_and_response import Call
from training.metrics.melody import Melody, melody
from training.rendering.playing import Surprise, play_alone, play_answer, session_before_turn, surprise


@dataclass(frozen=True, slots=True)
class Player:
    """A network or a baseline, and what it can do."""

    name: str
    alone: Callable[[int, float, int], Sequence[Frame]]
    """Play so many bars from the top of a form on, at a tempo in bpm, from a seed."""
    surprise: Surprise | None = None
    """How well it foresaw the people's solos; None for a player that cannot read them."""
    answer: Callable[[Call, bool, int], Melody] | None = None
    """Answer a call, or silence if the call is not heard, from a seed; None for a player that hears no calls."""


def networks(model: StepModel, name: str, temperatures: Sequence[float], solos: Sequence[Solo]) -> list[Player]:
    """Return a model as one player for each temperature."""
    found = surprise(model, solos, temperatures)
    begun = cache(lambda bars, place: session_before_turn(model, bars, place))

    def player(temperature: float) -> Player:
        def answered(call: Call, hears: bool, seed: int) -> Melody:
            notes = call.notes if hears else ()
            return melody(play_answer(model, begun(call.bars, call.place), notes, temperature, seed))

        return Player(
            f"{name} at {temperature:g}",
            lambda bars, bpm, seed: play_alone(
                model, bars, Settings(mode=Mode.SOLO, temperature=temperature, seed=seed), bpm
            ),
            found[temperature] if found else None,
            answered,
        )

    return [player(temperature) for temperature in temperatures]


def chooser(name: str, rhythm: Chooser, pitch: Chooser, form: Form, solos: Sequence[Solo]) -> Player:
    """Return a baseline as a player: it draws a rhythm, then pitches, and does not hear the chords."""
    return Player(
        name,
        lambda bars, _bpm, seed: markov.draw_line(rhythm, pitch, form, -(-bars // form.bars), seed)[
            : bars * STEPS_PER_BAR
        ],
        prediction_figures(rhythm, pitch, solos),
    )


def prediction_figures(rhythm: Chooser, pitch: Chooser, solos: Sequence[Solo]) -> Surprise:
    """Return how well two models, of rhythms and of pitches, predict solos."""
    read = sequences(solos)
    of_rhythm, of_pitch = (markov.judged_choices(choices, read) for choices in (markov.rhythms, markov.pitches))
    hits = _likeliest(pitch, of_pitch) == of_pitch.chosen

    def sums(choices: Choices, values: Any) -> Any:
        return np.bincount(choices.solo, values, len(read))

    return Surprise(
        sums(of_rhythm, markov.nats(rhythm, of_rhythm)),
        sums(of_pitch, markov.nats(pitch, of_pitch)),
        sums(of_rhythm, None),
        sums(of_pitch, None),
        sums(of_pitch, hits),
    )


def _likeliest(chooser: Chooser, choices: Choices) -> Any:
    likely = [
        chooser.probability(np.full(len(choices.chosen), kind), choices.past, choices.place)
        for kind in range(choices.kinds)
    ]
    return np.argmax(likely, axis=0)
