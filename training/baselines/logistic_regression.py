"""Logistic regression on the last ten choices: the simplest thing that learns, to be compared with.

As in Xu, Xu & Tang 2018 (Music Generation with LSTMs, section IV.i) it hears the last ten notes, each as a one-hot
vector, and chooses the next. Theirs has no rhythm; here a second one chooses each step's rhythm after the last ten.
It is a `training.baselines.markov.Chooser`, so that it is measured and drawn from as a chain is.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from training.baselines.markov import REMEMBERED, Choices, Numbers, Shares

STRENGTH = 1.0
"""C, how little the weights are held back; the validation blues are more surprised by 0.1."""

ROUNDS = 60
"""Of L-BFGS at most; by then nothing changes that validation could see."""


@dataclass(frozen=True, slots=True)
class Regression:
    """Multinomial logistic regression on the kinds of the last choices."""

    weights: Shares
    """(REMEMBERED, kinds + 1, kinds)"""
    bias: Shares
    """(kinds,)"""

    def probability(self, chosen: Numbers, past: Numbers, place: Numbers) -> Shares:
        """Return the probability of choices (n,) after their pasts (n, REMEMBERED); `place` is not used."""
        logits = np.tile(self.bias, (len(chosen), 1))
        for ago, weights in enumerate(self.weights):
            logits += weights[past[:, ago]]
        logits -= logits.max(axis=1, keepdims=True)
        return np.asarray(np.exp(logits[np.arange(len(chosen)), chosen]) / np.exp(logits).sum(axis=1))


def learn(choices: Choices, strength: float = STRENGTH, rounds: int = ROUNDS) -> Regression:
    """Return the regression fitted to choices, and to one more of each kind, so that none is impossible."""
    kinds = choices.kinds
    past = np.concatenate((choices.past, np.full((kinds, REMEMBERED), kinds)))
    columns = (past + np.arange(REMEMBERED) * (kinds + 1)).ravel()
    rows = np.repeat(np.arange(len(past)), REMEMBERED)
    design = csr_array((np.ones(columns.size), (rows, columns)), (len(past), REMEMBERED * (kinds + 1)))
    found = LogisticRegression(C=strength, max_iter=rounds, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped on purpose
        found.fit(design, np.concatenate((choices.chosen, np.arange(kinds))))
    return Regression(found.coef_.T.reshape(REMEMBERED, kinds + 1, kinds), found.intercept_)
