"""The engine as the supervisor keeps it: what it plays, what it has reported, and what the next one needs to go on.

It must never decide what or when to play.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from improv.config.values import Tune
from improv.ipc.child import Child
from improv.ipc.link import Failed
from improv.models.catalog import find_model, read_model
from improv.protocol.commands import Command
from improv.protocol.snapshot import SystemStatus
from improv.recording import BandModel, State
from improv.runtime.early_engine import EARLY_ENGINE
from improv.runtime.ipc_messages import Begin, Begun, Ended, Prepare, Prepared, Restate, StepReport
from improv.runtime.managed_process import ManagedProcess
from improv.runtime.model_swap import LoadedModel
from improv.runtime.observers import JamObserver
from improv.runtime.process_table import ENGINE


class SupervisedEngine:
    """Keeps an engine alive.

    `prepared` is called when its network is loaded, `settled` when a step was reported that another engine can go on
    from, `lost` with whether it is stuck once it is that or has died.
    """

    def __init__(
        self,
        tune: Tune,
        take: Path | None,
        observer: JamObserver,
        *,
        say: Callable[[str], None],
        prepared: Callable[[], None],
        settled: Callable[[], None],
        lost: Callable[[bool], None],
    ) -> None:
        self.process = ManagedProcess(
            ENGINE,
            said=self._said,
            lost=lost,
            make=lambda: Child(ENGINE.program, launched=EARLY_ENGINE.take()),
            brief=self._brief,
        )
        self.tune = tune
        self.prepared: Prepared | None = None
        """The network that it has loaded; None until it has."""
        self.begun = False
        """Whether it was asked to begin."""
        self.ended: Ended | None = None
        """How the performance ended, once it has."""
        self.settled_s = 0.0
        """When the last of your notes in a reported step was played, in seconds of the clock."""
        self._take = take
        self._reads_file = take is None
        """Whether the next engine reads the network's file itself: the first one does, as soon as it can."""
        self._network = b""
        """What the network's file held at the start: another engine plays the same, whatever becomes of the file."""
        self._observer, self._say = observer, say
        self._when_prepared, self._when_settled = prepared, settled
        self._session = b""
        """The last session that was reported, for an engine to go on from."""
        self._band: tuple[BandModel, ...] = ()
        """The networks of the band that the performance began with."""
        self._swapped = False
        """Whether that session is of another network than the engine's."""
        self._unpublished: list[StepReport] = []
        """Steps after that session, of which the session is not known yet."""
        self._submitted: list[Command] = []
        """Commands that are in no reported step yet."""
        self._unplayed = 0
        self._restating = False
        """Whether the engine was asked for the whole session, and has not sent it yet."""
        observer.status.add(self._status_of_engine)

    # --- what is asked of it ----------------------------------------------------------------------

    def read_network(self) -> None:
        """Read the network's file for every engine of this jam; ImprovError if it cannot be read."""
        if self._take is None:
            self._network = read_model(find_model(self.tune.model))

    def submit(self, command: Command) -> None:
        """Send a command to the engine, for its next step. If it dies before, the next engine gets it."""
        self._submitted.append(command)
        if self.begun:  # else it is sent as the engine begins
            self.process.send(command)

    def begin(self, begin: Begin, *, goes_on: bool, in_hand: bool) -> None:
        """Send the order to perform, from the last reported session or from the beginning.

        `goes_on`: another engine has played up to now, and what it has begun sounds. `in_hand`: a player has played on
        what an engine that died had given it.
        """
        self.begun = True
        self.process.reset_silence()
        self.process.send(
            replace(
                begin,
                session=self._session,
                swapped=self._swapped,
                goes_on=goes_on,
                in_hand=in_hand,
                band=self._band,
            )
        )
        for command in self._submitted:  # of another engine, which had no time to play them
            self.process.send(command)

    def take_over(self, loaded: LoadedModel) -> Child | None:
        """Replace the engine by one with another network, which goes on from the last reported step.

        Returns the other one, which ends once the player knows the new one.
        """
        before = self.process.release()
        self.process.adopt(loaded.child)
        self._forget_engine()
        self.tune, self._network, self.prepared, self._swapped = loaded.tune, loaded.network, loaded.prepared, True
        return before

    def restate_if_wanted(self) -> None:
        """Ask the engine for its whole session, if the recording wants it."""
        if self._observer.wants_state and self.begun and not self._restating:
            self._restating = self.process.send(Restate())

    def _status_of_engine(self, status: SystemStatus) -> SystemStatus:
        prepared = self.prepared
        network = replace(
            status.network,
            model=prepared.model if prepared else self.tune.model,
            unsupported_controls=prepared.unsupported_controls if prepared else (),
        )
        return replace(status, network=network, engine_deaths=self.process.replaced)

    # --- started, and what it says ------------------------------------------------------------------

    def _brief(self) -> None:
        self._unpublished = []  # this one decides those steps again
        self._forget_engine()
        if self._reads_file:
            self._reads_file = False
            self.process.send(Prepare(self.tune, sha256=hashlib.sha256(self._network).hexdigest()))
        else:
            self.process.send(Prepare(self.tune, self._take, self._network))

    def _forget_engine(self) -> None:
        self.prepared, self.begun, self._restating, self._unplayed = None, False, False, 0

    def _said(self, message: object) -> None:
        match message:
            case Prepared():
                self.prepared = message
                for remark in message.remarks:
                    self._say(remark)
                self._when_prepared()
            case Begun(head):
                self._band = head.band
                self._observer.begun(head)
            case StepReport(session=session):
                self.process.mark_working()
                self._unpublished.append(message)
                if session:
                    self.publish_steps()
                    self._session, self._swapped = session, False
                    self._when_settled()
            case State():
                self.publish_steps()  # it stands behind them in the take
                self._restating = False
                self._observer.state_reported(message)
            case Ended():
                self.publish_steps()
                self.ended = message
            case Failed():
                if not self._session:
                    raise message.error()
                self._say(message.message)
            case _:
                raise AssertionError(message)

    def publish_steps(self) -> None:
        """Show and record the reported steps, now that the session after them is known.

        Before, they are kept back: if the engine dies, another one decides them again.
        """
        unpublished, self._unpublished = self._unpublished, []
        for report in unpublished:
            self._take_in(report)
            self._observer.step_reported(replace(report, seen=replace(report.seen, system=self._observer.status.now)))

    def _take_in(self, report: StepReport) -> None:
        """Take in which notes and commands have led to something, and mark in the take what was lost."""
        for note in report.entry.heard.notes if report.entry else ():
            self.settled_s = max(self.settled_s, note.time_s)
        for command in report.entry.heard.commands if report.entry else ():
            if command in self._submitted:
                self._submitted.remove(command)
        if report.lost:
            self._observer.lost(report.lost, "improv's daemon did not run for too long")
        if report.unplayed > self._unplayed:
            self._observer.lost(0, f"{report.unplayed - self._unplayed} plans did not reach the player in time")
        self._unplayed = report.unplayed
