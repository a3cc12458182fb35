"""The chord that is decided: kept to the form, or drawn among those that are usual."""

import numpy as np

from improv.models.contract import Tensor
from improv.models.encodings import CHORD_HEAD, Encoding, StepInput
from improv.models.encodings.base import one_hot
from improv.models.sampling import draw, likeliest_unit, on_units, unit_weights
from improv.music.theory import Chord
from improv.session.network import AskedNetwork
from improv.session.state import Session

_USUAL_CHORDS = 0.98
"""A chord is drawn among the likeliest that together are so probable (Holtzman et al. 2020, section 3.1)."""

_CHORD_DRAW, _CHORUS_DRAW = 255, 254
"""The numbers of the chord's draw within a step, and of the chorus's; a melody's count from 0 and are a few."""

_KEPT_CHANGES = 2 / 3
"""The share of choruses that players play over the changes of the one before (`python -m training substitutions`)."""


def decide_chord(asked: AskedNetwork, session: Session) -> Chord | None:
    """Return the chord that follows the known ones, at the end of the encoding's lookahead; None for no chord."""
    units = chord_units(asked.outputs[CHORD_HEAD], asked.step_input, asked.encoding, session)
    return asked.encoding.chord(units, session.tune.form)


def chord_units(logits: Tensor, step_input: StepInput, encoding: Encoding, session: Session) -> Tensor:
    """Return the units of a chord, shape (units,): each by its own threshold, or one that keeps the form.

    Temperature chooses only among those that are likely as the network was trained: where players would hardly ever
    change, nothing does, however freely chords are drawn.
    """
    distribution = encoding.heads[CHORD_HEAD].distribution
    if distribution == "bernoulli":
        return on_units(logits)
    settings, bias = session.settings, encoding.chord_bias(step_input)
    if not settings.changes:
        unit = likeliest_unit(logits, bias)
        return one_hot(unit, logits.size).ravel()
    usual = unit_weights(logits, 1, distribution=distribution, bias=bias, top_p=_USUAL_CHORDS)
    bias = np.where(usual > 0, bias, -np.inf)
    weights = unit_weights(logits, settings.changes, distribution=distribution, bias=bias)
    unit = draw(weights, settings.seed, _chord_draw_step(session, encoding), _CHORD_DRAW)
    return one_hot(unit, logits.size).ravel()


def _chord_draw_step(session: Session, encoding: Encoding) -> int:
    """Return the step whose random number draws the chord: its own, or that at its place in an earlier chorus.

    A chorus keeps the draws of the one before it as often as players keep its changes, so that most choruses share
    theirs and another follows now and then.
    """
    chorus, place = divmod(session.place + encoding.lookahead_steps, session.tune.form.steps)
    steps, kept = session.tune.form.steps, np.array([_KEPT_CHANGES, 1 - _KEPT_CHANGES])
    while (
        chorus > 0
        and draw(kept, session.settings.seed, session.position.form_start + chorus * steps, _CHORUS_DRAW) == 0
    ):
        chorus -= 1
    return session.position.form_start + chorus * steps + place
