"""The loop: plan, listen, hand over. It decides when, never what, and never opens a port.

At the start of a step the next one is planned and handed to the player, a bar of plain fallback
behind it; whenever something is heard it is planned again, the last time just before it is due.
So there is always something musical to play, on the beat, whatever the network does. Time is
nominal: a step that comes late is counted from where it should have been.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import ceil, inf
from typing import Protocol

from improv.dataclass import dataclass
from improv.models.contract import StepModel
from improv.music.clock import Clock
from improv.music.plan import Plan
from improv.protocol.commands import Panic, Stop
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.runtime.planning import Planner
from improv.runtime.timely_networks import InTime, Remembering
from improv.session.answer_table import cost
from improv.session.band.ending import RELEASE_S, has_ending
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.drafts import Cost
from improv.session.fallback import LATE, FallbackPlan, fallback, fallback_plan
from improv.session.lifecycle import finish, idled, skip_choruses
from improv.session.network import caught_up
from improv.session.state import Moment, Played, Session
from improv.session.step import advance
from improv.system.quantiles import quantile

FALLBACK_BARS = 1
"""How many bars the player has in hand beyond the step that is planned."""

REPLAN_S = 0.010
"""The least time between two plans of a step, in seconds, however much is heard."""

START_S = 0.1
"""How long after a start the first step falls due at most, in seconds."""

_START_LEAST_S, _START_LEADS = 0.02, 8
"""How long at least, in seconds, and in leads: what is handed over first are a bar of fallback and two plans."""

IDLE_S = 1.0
"""How often the observer is called while playing is stopped or the ending rings, in seconds."""

_LEAD_S = (0.001, 0.025)
"""The least and the most time before a step at which its last plan is begun, in seconds."""

_BAND_RESERVE_S = 0.0005
"""The networks of the band are asked no later than so long before a step, in seconds: the rules take no longer."""

_LEAD_SHARE, _LEAD_MARGIN, _LEAD_FIXED_S = 0.99, 1.25, 0.0005
_LEAD_MEASURED = 1000
_LEAD_TRIALS = 4
"""So many plans are tried before there is music: enough to know how long one takes, few enough not to be waited for."""

Observer = Callable[[Moment], None]


class PlayerInterface(Protocol):
    """What an engine needs of a player: it plays plans, and returns what it hears."""

    @property
    def clock(self) -> Clock:
        """The clock of the player's deadlines."""
        ...

    @property
    def independent(self) -> bool:
        """True if it plays on by itself, in a process of its own."""
        ...

    def play(self, plan: Plan) -> None:
        """Play a plan at its times; it replaces earlier plans for the same steps."""
        ...

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard | None:
        """Return what arrives until a time, or with `at_once` as soon as anything does; None to quit."""
        ...


class Lead:
    """How long before a step its last plan is begun: the 99th percentile of planning times lately, and a margin.

    It covers waking up, the network's step and handing over. One in a hundred may take longer: the player has an
    earlier plan already, so all that is lost is what was heard last.
    """

    def __init__(self) -> None:
        self.s = _LEAD_S[0]
        """In seconds."""
        self.p50_s = self.p99_s = 0.0
        """Median and 99th percentile of what planning has taken lately, in seconds."""
        self._took_s: deque[float] = deque()
        self._ordered_s: list[float] = []

    @property
    def start_s(self) -> float:
        """Time from a start to its first step, in seconds: as short as its plans allow."""
        return min(START_S, max(_START_LEAST_S, _START_LEADS * self.s))

    def record(self, took_s: float) -> None:
        """Record how long a plan has taken, in seconds."""
        self._took_s.append(took_s)
        insort(self._ordered_s, took_s)
        if len(self._took_s) > _LEAD_MEASURED:
            del self._ordered_s[bisect_left(self._ordered_s, self._took_s.popleft())]
        self.p50_s, self.p99_s = quantile(self._ordered_s, 0.5), quantile(self._ordered_s, _LEAD_SHARE)
        self.s = min(_LEAD_S[1], max(_LEAD_S[0], _LEAD_MARGIN * self.p99_s + _LEAD_FIXED_S))

    def rehearsed(self, session: Session, model: StepModel, clock: Clock, band: Networks = NO_NETWORKS) -> "Lead":
        """Time some plans that are not played, before the music begins, and return the lead. The network may raise."""
        for trial in range(_LEAD_TRIALS + 1):
            began_s = clock.now()
            advance(replace(session, position=replace(session.position, step=0)), Heard(), model, band)
            if trial:  # the first loads what the others have
                self.record(clock.now() - began_s)
        return self


def perform(
    session: Session,
    model: StepModel,
    player: PlayerInterface,
    observe: Observer,
    *,
    lead: Lead,
    band: Networks = NO_NETWORKS,
    last_step: int | None = None,
    in_hand: bool = False,
    time_waits: bool = False,
    cost: Cost = cost,
) -> Session:
    """Play from a session on until `last_step` of the form or a command to quit; return the last session.

    `in_hand`: the player has another engine's plan for the session's next step, and the bar behind it. `time_waits`:
    time is simulated and stands still while the network decides, so nothing is planned for its being late. `band` are
    the networks of other parts. `cost` is how drafts of an answer are compared.

    The observer is called with each step once it can no longer change, and at the end once more; while
    playing is stopped, with each command, and once a second.
    """
    performance = _Performance(
        session,
        model,
        player,
        observe,
        lead,
        band=band,
        last_step=inf if last_step is None else last_step,
        fallback_bars=0 if time_waits else FALLBACK_BARS,
        cost=cost,
    )
    if in_hand:
        performance.go_on_from_what_is_in_hand()
    while performance.step():
        pass
    return performance.closed()


@dataclass(frozen=True, slots=True)
class _Step:
    """A step as it was decided: the session at it, what was heard for it and what is played."""

    session: Session
    heard: Heard
    played: Played
    how: How
    draft: int = 0
    """The number of the draft that is played from it on; 0 where none was chosen for it."""


class _Performance:
    """The loop's state: where the music is, and what has been heard that is in no step yet."""

    def __init__(
        self,
        session: Session,
        model: StepModel,
        player: PlayerInterface,
        observe: Observer,
        lead: Lead,
        *,
        band: Networks,
        last_step: float,
        fallback_bars: int,
        cost: Cost = cost,
    ) -> None:
        self.session = session
        self._last_place = last_step
        self._model = Remembering(model)
        self._planner = Planner(model, player.clock, cost)
        self._in_time = [InTime(each, player.clock) for each in band.values()]
        self._band = dict(zip(band, self._in_time, strict=True))
        self._player = player
        self._observe = observe
        self._lead = lead
        self._left = Heard()
        self._settled: _Step | None = None
        self._late_drafts = False
        self._skipped_choruses = 0
        self._ends_by_itself = False
        self._handed = session.step
        self._fallbacks: FallbackPlan | None = None
        self._fallback_steps = fallback_bars * session.grid.steps_per_bar

    def go_on_from_what_is_in_hand(self) -> None:
        """Take it that the step after the session's, and the bar behind that, are being played."""
        self._handed = self.session.step + 1 + self._fallback_steps

    def step(self) -> bool:
        """Decide the next step and go on to it when it is due; False after the last, or once told to quit."""
        if not self.session.position.playing:
            return self._idle()
        self._catch_up()
        if self.session.step >= self._last_step:
            self._ends_by_itself = True
            return False
        taken_in = Heard()
        if self._left or self._handed < self.session.step + self._fallback_steps:
            taken_in = self._hand_over_fallbacks(self.session, self._left)
        due_s = self.session.position.transport.time_of(self.session.step + 1)
        self._feed_what_was_missed(due_s)
        self._planner.follow(self.session)
        if not self._fallback_steps:  # time waits
            self._planner.work(inf, stop=bool)
        coming, heard, took_s = None, self._left, 0.0
        while (planned_s := self._player.clock.now()) < due_s:
            plan = self._planned(heard, due_s)
            if self._player.clock.now() >= due_s:  # too late: what the player has stands
                break
            self._hand_over(plan)
            took_s = max(took_s, self._player.clock.now() - planned_s)
            self._hand_over_fallbacks(plan.session)
            if coming is None:
                self._tell(plan.session)
            coming = plan
            decide_s = due_s - self._lead.s
            arrived = self._listen_and_draft(decide_s)
            if arrived is None:
                self._left = heard
                return False
            if not arrived and coming.draft != self._planner.draft(coming.session.step):
                continue  # it was chosen just now
            if not arrived:
                self._lead.record(took_s + max(0.0, self._player.clock.now() - decide_s))
                break
            more = self._player.listen_until(min(decide_s, planned_s + REPLAN_S), at_once=False)
            heard = heard + arrived + (more or Heard())
        if coming is None:
            coming = self._without_network(LATE, taken_in, audible=True)
            self._tell(coming.session)
        self._left = heard.since(coming.heard)
        arrived = self._player.listen_until(due_s, at_once=False)
        self._settle(coming)
        self._left += arrived or Heard()
        return arrived is not None

    def _idle(self) -> bool:
        """Wait until something is asked for, above all to start; False once told to quit."""
        self._tell(self.session)
        arrived = self._player.listen_until(self._player.clock.now() + (0 if self._left else IDLE_S))
        if arrived is None:
            return False
        asked, self._left = self._left + arrived, Heard()
        self.session = idled(self.session, asked, self._player.clock.now() + START_S)
        self._handed = self.session.step
        asked = replace(asked, notes=())
        self._observe(Moment(self.session, asked, Played(self.session.band.frame, ()), self.session, How.IDLE))
        return True

    @property
    def _last_step(self) -> float:
        return self.session.position.form_start + self._last_place

    def closed(self) -> Session:
        """End what sounds after the session's step, with an ending where it was the last one; the last session."""
        closing = finish(self.session, by_itself=self._ends_by_itself)
        self._tell(self.session)
        first, transport = self.session.step + 1, self.session.position.transport
        last = ceil(max((placed.tick for placed in closing.events), default=0) / transport.grid.ticks_per_step)
        self._player.play(Plan(first, closing.events, transport, max(1, last + 1 - first)))
        if has_ending(closing.events):
            self._hear_out(first, transport.time_of(last) + RELEASE_S)
        else:
            self._left += self._player.listen_until(transport.time_of(first), at_once=False) or Heard()
        self._observe(Moment(self.session, self._left, closing, self.session, How.NETWORK))
        return self.session

    def _hear_out(self, first: int, until_s: float) -> None:
        """Listen while the ending rings; a stop ends it at once, and so does a panic, or being told to quit."""
        waits = Moment(self.session, Heard(), Played(self.session.band.frame, ()), self.session, How.IDLE)
        while (now_s := self._player.clock.now()) < until_s:
            if (arrived := self._player.listen_until(min(until_s, now_s + IDLE_S))) is None:
                return
            self._left += arrived
            if any(isinstance(command, Stop | Panic) for command in arrived.commands):
                self._player.play(Plan(first, finish(self.session).events, self.session.position.transport))
                return
            if self._player.independent:  # a process that says nothing for long is taken to be stuck
                self._observe(waits)

    def _feed_what_was_missed(self, due_s: float) -> None:
        """Have the network catch up with the music, as far as there is time: it is back in its place all the sooner."""
        with suppress(Exception):  # what it raises it raises again where the step is decided
            while self.session.network.pending_inputs and self._player.clock.now() < due_s:
                self.session = caught_up(self.session, self._model)

    def _planned(self, heard: Heard, due_s: float) -> _Step:
        """Return the next step by the network; whatever it raises becomes a fault and a step without it.

        The networks of the band are asked while there is time before it is due.
        """
        for network in self._in_time:
            network.until_s = due_s - _BAND_RESERVE_S
        draft = self._planner.draft(self.session.step + 1)
        try:
            session, played = advance(self.session, heard, self._model, self._band, draft)
            return _Step(session, heard, played, How.NETWORK, draft)
        except Exception as error:  # nothing may raise into the music
            fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
            return self._without_network(fault, heard, audible=True)

    def _listen_and_draft(self, until_s: float) -> Heard | None:
        """Return what arrives until a time, drawing drafts meanwhile; None once told to quit."""
        arrived: Heard | None = Heard()

        def interrupted() -> bool:
            nonlocal arrived
            arrived = self._player.listen_until(self._player.clock.now())
            return arrived is None or bool(arrived)

        chosen = self._planner.draft(self.session.step + 1)
        self._planner.work(until_s, stop=interrupted)
        if arrived is None or arrived or self._planner.draft(self.session.step + 1) != chosen:
            return arrived
        return self._player.listen_until(until_s)

    def _without_network(self, fault: str, heard: Heard = Heard(), *, audible: bool) -> _Step:  # noqa: B008 a value
        session, played = fallback(self.session, heard, self._model, fault, audible=audible)
        return _Step(session, heard, played, How.FALLBACK if audible else How.SKIPPED)

    def _hand_over(self, coming: _Step) -> None:
        self._player.play(Plan(coming.session.step, coming.played.events, coming.session.position.transport))

    def _hand_over_fallbacks(self, session: Session, heard: Heard = Heard()) -> Heard:  # noqa: B008 a value
        """Return what is played after a session's step if nothing better comes in time; what has begun is left alone.

        Returns what its first step has taken in of what was heard: nothing, if that has begun already.
        """
        if not self._fallback_steps:
            return Heard()
        now_s, first = self._player.clock.now(), session.step + 1
        while session.position.transport.time_of(first) <= now_s:
            first += 1
        taken_in = heard if first == session.step + 1 else Heard()
        self._handed = session.step + self._fallback_steps
        length = session.grid.ticks_per_step
        begin, end = first * length, (self._last_step + 1) * length
        last = session.step + self._fallback_steps
        plan = fallback_plan(session, taken_in, self._model, self._fallback_steps, self._fallbacks)
        self._fallbacks = plan
        kept = tuple(placed for placed in plan.events if begin <= placed.tick < end)
        self._player.play(Plan(first, kept, session.position.transport, max(0, last + 1 - first)))
        return taken_in

    def _catch_up(self) -> None:
        """Go past every step whose time is over by more than half a step, and over whole choruses at once.

        A player of its own has gone on with the fallback it was given; after that, and where
        playing stood still with us, such a step is silent and counted as missed.
        """
        while self.session.position.playing and self.session.step < self._last_step and self._is_over():
            behind_s = self._behind_s()
            self._tell(self.session)
            steps = min(behind_s / self.session.position.transport.step_s, self._last_step - self.session.step)
            choruses = int(steps) // self.session.tune.form.steps
            if choruses:
                self.session = skip_choruses(self.session, choruses)
                self._skipped_choruses += choruses
            sounded = self._player.independent and self._in_hand
            missed = self._without_network(LATE if sounded else "", audible=sounded)
            if not sounded:
                self._hand_over(missed)
            self._settle(missed)

    def _is_over(self) -> bool:
        """Return whether the time of the next step has passed already: by half a step, if it may have been played."""
        return self._behind_s() >= (self.session.position.transport.step_s / 2 if self._in_hand else 0)

    @property
    def _in_hand(self) -> bool:
        """Return whether the player has something to play for the next step."""
        return self.session.step < self._handed

    def _behind_s(self) -> float:
        return self._player.clock.now() - self.session.position.transport.time_of(self.session.step + 1)

    def _settle(self, step: _Step) -> None:
        """Go on to a step that can no longer change."""
        self.session, self._settled = step.session, step
        self._late_drafts = not self._planner.settle(step.session, step.draft)

    def _tell(self, planned: Session) -> None:
        """Tell the observer of the last step, once."""
        step, self._settled = self._settled, None
        if step is not None:
            self._observe(
                Moment(
                    step.session,
                    step.heard,
                    step.played,
                    planned,
                    step.how,
                    self._skipped_choruses,
                    step.draft,
                    self._late_drafts,
                )
            )
            self._skipped_choruses = 0
