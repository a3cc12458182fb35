"""What shows and records a jam while it goes on: lines or a log, a take, a file at its end, the watching clients.

What is missing from the recording is shown at once, and marked in the take. It must never hold up the music, nor
submit a command.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from improv.config.picks import Picks
from improv.config.values import RecordingSettings
from improv.protocol.snapshot import RecordingStatus, Snapshot, SystemStatus
from improv.recording import (
    Head,
    Journal,
    State,
    clear,
    over_limit,
    take_files,
    takes_directory,
)
from improv.runtime.ipc_messages import StepReport
from improv.runtime.live_status import LiveStatus

if TYPE_CHECKING:
    from improv.export.collector import Collector

_MB = 10**6
_MUCH_MB = 2000
"""Takes that are larger in all are worth a word where no limit is set."""


class Display(Protocol):
    """A display of a jam: lines in a terminal, or a log."""

    def observe(self, seen: Snapshot) -> None:
        """Show a step of the performance."""
        ...

    def remark(self, text: str) -> None:
        """Show a remark: something that happened besides the music."""
        ...

    def close(self) -> None:
        """End the display of the jam."""
        ...


class Remarks:
    """A display of faults and of what happens besides the music, without the steps."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._fault = ""

    def observe(self, seen: Snapshot) -> None:
        """Show a fault that is new in the snapshot."""
        fault, self._fault = self._fault, seen.health.fault
        if seen.health.fault and seen.health.fault != fault:
            self._say(f"fault: {seen.health.fault}")

    def remark(self, text: str) -> None:
        """Show a remark through `say`."""
        self._say(text)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class Watcher(Protocol):
    """An interface whose clients see each step."""

    def show(self, seen: Snapshot) -> None:
        """Show the newest snapshot."""
        ...


class JamObserver(Protocol):
    """What the supervisor reports a jam to: it shows and records what happens."""

    status: LiveStatus
    """The status of the jam: ports, network, recording, timing."""

    def begun(self, head: Head) -> None:
        """Note that a performance has begun."""
        ...

    def step_reported(self, report: StepReport) -> None:
        """Record and show a step that was played."""
        ...

    def state_reported(self, state: State) -> None:
        """Record the whole session, as the take wanted it."""
        ...

    def lost(self, count: int, why: str) -> None:
        """Mark a gap in the take: `count` steps are missing, or 0 for anything else."""
        ...

    @property
    def wants_state(self) -> bool:
        """True if the take wants the whole session, because steps before it are missing."""
        ...

    def remark(self, text: str) -> None:
        """Record and show a remark: a process died, a port vanished."""
        ...

    def changed(self) -> None:
        """Show the status, which has changed within a step."""
        ...

    def picked(self, end: str, name: str, api: str) -> str:
        """Store the port that is open at an end for the next start: its full name, empty for a virtual one.

        Return a note if it cannot be kept.
        """
        ...

    def controller_moved(self, time_s: float, message: bytes) -> str:
        """Submit the commands of a moved knob, key or pedal, at a time in seconds; return a note or ""."""
        ...

    def lights_reset(self) -> None:
        """Send all lights of the controller again: it was plugged in, or the player is new."""
        ...


class ControllerInterface(Protocol):
    """The meaning of knobs, keys and pedals, and their lights."""

    def controller_moved(self, time_s: float, message: bytes) -> str:
        """Submit the commands of a moved knob, key or pedal; return a note or ""."""
        ...

    def lights_reset(self) -> None:
        """Send all lights again."""
        ...


class Audience:
    """Shows a jam, has it recorded, and writes the file it leaves. A context that ends these and says where all is."""

    def __init__(
        self,
        shown: Display,
        say: Callable[[str], None],
        recording: RecordingSettings = RecordingSettings(),  # noqa: B008
    ) -> None:
        self.save: Path | None = None
        """The file to write at the end, as an absolute path; None for none."""
        self.save_asked_for = True
        """False if it is written because nothing could be heard."""
        self.last: StepReport | None = None
        self.watched_by: list[Watcher] = []
        self.controllers: ControllerInterface | None = None
        self.picks: Picks | None = None
        self.status = LiveStatus()
        self._shown = shown
        self._say = say
        self._recording = recording
        self._journal: Journal | None = None
        self._collected: Collector | None = None
        """What is played, where no take can be recorded."""
        self._head: Head | None = None
        self._fault = self._failure = ""
        self.status.add(self._status_of_recording)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_journal("stopped" if error is None else f"{type(error).__name__}: {error}")
        self._shown.close()
        if self._journal is not None:
            paths = [path for path in self._journal.paths if path.exists()]
            if self.save is not None:
                from improv.runtime.jam_file import write_jam

                played = None if self._collected is None else self._collected.performance()
                write_jam(self.save, paths, self._say, played=played, asked_for=self.save_asked_for)
            if paths:
                self._say(f"recorded as {' and '.join(path.stem for path in paths)}")

    # --- as the supervisor tells it -----------------------------------------------------------------

    def begun(self, head: Head) -> None:
        """Open the recording. Where there can be none, collect the steps for the file."""
        self._close_journal("an engine died before its first step")
        self._make_room()
        self._head = head
        self._journal = Journal(takes_directory(), head, limit_bytes=self._recording.take_mb * _MB).__enter__()
        if self.save is not None and self._journal.path is None:
            from improv.export.collector import Collector  # late: it would only delay the first note

            self._collected = Collector(head)

    def step_reported(self, report: StepReport) -> None:
        """Record a step and show it."""
        self.last = report
        if self._journal is not None and report.entry is not None:
            self._journal.append(report.entry)
        if self._collected is not None and report.entry is not None:
            self._collected.observe(report.entry)
        self._show_fault()
        self._shown.observe(report.seen)
        self.changed()

    def state_reported(self, state: State) -> None:
        """Record the whole session."""
        if self._journal is not None:
            self._journal.state(state)

    @property
    def wants_state(self) -> bool:
        """True if the take wants the whole session, because steps before it are missing."""
        return self._journal is not None and self._journal.wants_state

    def lost(self, count: int, why: str) -> None:
        """Mark a gap in the take: `count` steps are missing, or 0 for anything else, which is also shown."""
        if self._journal is not None:
            self._journal.lost(self._step, count, why)
        if not count:
            self._shown.remark(why)

    def changed(self) -> None:
        """Show the last step again, with the present status."""
        if self.last is None:
            return
        seen = replace(self.last.seen, system=self.status.now)
        for watcher in self.watched_by:
            try:
                watcher.show(seen)
            except Exception as error:  # what one is not shown the others are
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                failure, self._failure = self._failure, f"an interface cannot show what is played: {reason}"
                if self._failure != failure:
                    self._shown.remark(self._failure)

    def picked(self, end: str, name: str, api: str) -> str:
        """Store the port for the next start; return a note if that fails, else ""."""
        return self.picks.pick(end, name, api) if self.picks is not None else ""

    def controller_moved(self, time_s: float, message: bytes) -> str:
        """Submit the commands of a moved knob, key or pedal; return a note or ""."""
        return self.controllers.controller_moved(time_s, message) if self.controllers is not None else ""

    def lights_reset(self) -> None:
        """Send all lights again."""
        if self.controllers is not None:
            self.controllers.lights_reset()

    def remark(self, text: str) -> None:
        """Record and show a remark."""
        if self._journal is not None:
            self._journal.remark(self._step, text)
        self._shown.remark(text)

    def tend(self) -> None:
        """Check the recording regularly, and show at once when it fails or recovers."""
        if self._journal is not None:
            self._journal.tend()
            self._show_fault()

    # --- the recording --------------------------------------------------------------------------------

    @property
    def _step(self) -> int:
        return self.last.seen.step if self.last else 0

    def _status_of_recording(self, status: SystemStatus) -> SystemStatus:
        path = self._journal.path if self._journal is not None else None
        take = path.stem if path is not None else ""
        return replace(status, recording=RecordingStatus(take=take, fault=self._fault, saves_to=str(self.save or "")))

    def _show_fault(self) -> None:
        """Show a new fault of the recording, or that it is over."""
        fault, self._fault = self._fault, self._journal.fault if self._journal is not None else ""
        if self._fault == fault:
            return
        self._shown.remark(self._fault or "the recording goes on, and nothing is missing")
        self.changed()

    def _close_journal(self, reason: str) -> None:
        if self._journal is not None:
            self._journal.end(reason)
            self._journal.__exit__(None, None, None)
            self._show_fault()
            if missing := self._journal.unwritten:
                self._say(f"{missing} of the steps that were played are in no recording")

    def _make_room(self) -> None:
        """Delete the oldest takes if that is wanted; else say that there are many."""
        sizes = [(path, path.stat().st_size) for path in take_files(takes_directory()) if path.exists()]
        if self._recording.keep_mb is None:
            if (all_mb := sum(size for _, size in sizes) / _MB) > _MUCH_MB:
                self._say(f"the takes are {all_mb:.0f} MB in all; improv takes clear deletes old ones")
            return
        gone, kept = clear(over_limit(sizes, self._recording.keep_mb * _MB))
        if gone:
            self._say(f"deleted {len(gone)} old takes: more than {self._recording.keep_mb} MB (keep-mb)")
        for why in kept:
            self._say(f"not deleted: {why}")
