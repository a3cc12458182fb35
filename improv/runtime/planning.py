"""Drafts of improv's answer, drawn in the time that is left: a step of a draft at a time, and never instead of a step.

What is chosen does not depend on how fast that goes: drafts follow from a session, and begin at a step. Where not all
are there by then the best of those that are is played, if there is one, and whoever records the step is told. It must
never wait.
"""

from collections.abc import Callable

from improv.models.contract import StepModel
from improv.music.clock import Clock
from improv.music.turns import Turn
from improv.session.answer_table import cost
from improv.session.drafts import AHEAD_STEPS, Cost, Drafted, Drafting, drafting, drafts_due, is_as_expected
from improv.session.state import Session

_FORGOTTEN = 0.9
"""What is left of the time that a step of a draft is taken to need, after each."""


class Planner:
    """Draws drafts that follow the sessions of a performance, and says which is to be played."""

    def __init__(self, model: StepModel, clock: Clock, cost: Cost = cost) -> None:
        self._model = model
        self._cost = cost
        self._clock = clock
        self._base: Session | None = None
        self._due = 0
        self._drafting: Drafting | None = None
        self._best: Drafted | None = None
        """The best of the drafts so far, while more are drawn."""
        self._chosen: Drafted | None = None
        self._expected: dict[int, Session] = {}
        self._given_up: Turn | None = None
        self._slice_s = 0.0

    def follow(self, session: Session) -> None:
        """Take in a session that is settled: what was drawn no longer holds if it is not what that took it to be.

        Drafts that follow it are begun where there are none.
        """
        if session is self._base:
            return
        if not self._holds(session):
            self._forget()
        over = self._chosen is not None and session.step + AHEAD_STEPS >= self._chosen.end
        if (self._base is None or over) and session.turn != self._given_up:
            due = drafts_due(session, self._model)
            if due is not None:
                self._forget()
                self._base, self._due, self._drafting = session, due, drafting(session, self._model, due, self._cost)

    def draft(self, step: int) -> int:
        """Return the number of the draft that is to be played from a step on, as far as is known; 0 for none."""
        drafted = self._chosen or self._best
        return drafted.stream if drafted is not None and drafted.due == step else 0

    def work(self, until_s: float, stop: Callable[[], bool]) -> None:
        """Draw drafts until they are there, `stop` says so, or a time is near, in seconds of the clock."""
        while self._drafting is not None and self._clock.now() + self._slice_s < until_s and not stop():
            began_s = self._clock.now()
            self._draw(self._drafting)
            self._slice_s = max(_FORGOTTEN * self._slice_s, self._clock.now() - began_s)

    def settle(self, session: Session, draft: int) -> bool:
        """Take in with which draft a step was decided; return False if drafts that were due in it came too late.

        Then the best one that was there is played. Where there is none, the rest of the turn is not drafted.
        """
        if session.step != self._due or self._base is None:
            return True
        chosen = self._chosen.stream if self._chosen is not None else None
        if chosen == draft or (chosen is None and self._drafting is None):
            return True
        if self._best is not None and self._best.stream == draft:
            self._choose(self._best)
            return False
        self._forget()
        self._given_up = session.turn
        return False

    def _draw(self, work: Drafting) -> None:
        try:
            match next(work):
                case Session() as expected:
                    self._expected[expected.step] = expected
                case Drafted() as best:
                    self._best = best
        except StopIteration as over:
            self._choose(over.value)
        except Exception:  # what the network raises it raises again where the step is decided
            self._choose(None)

    def _choose(self, drafted: Drafted | None) -> None:
        self._chosen, self._best, self._drafting = drafted, None, None
        if drafted is not None:
            self._expected = {each.step: each for each in drafted.sessions}

    def _holds(self, session: Session) -> bool:
        if self._base is None:
            return True
        expected = self._expected.get(session.step)
        return expected is not None and is_as_expected(expected, session)

    def _forget(self) -> None:
        self._base = self._drafting = self._best = self._chosen = None
        self._expected = {}
