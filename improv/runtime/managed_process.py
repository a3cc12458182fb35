"""One process as the supervisor sees it: absent, starting, at work, stuck or gone; and when another one follows.

It knows how long a process may be silent and when the next one is due, never what the process is for.
"""

import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from improv.dataclass import dataclass
from improv.errors import ImprovError
from improv.ipc.child import Child
from improv.ipc.launch import Program
from improv.ipc.link import Link

STARTING_S = 30.0
"""How long a process may be silent before it has done any work, or while it waits for a MIDI server, in seconds."""

_MOST_IN_A_ROW, _MOST_DEATHS, _DEATHS_WITHIN_S = 5, 20, 30.0
"""How often one process may die before it has done any work, and how often all together within a time."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A row of the table of processes: what runs, how long it may be silent, and when another one follows it.

    All times are in seconds.
    """

    name: str
    program: Program
    silent_s: float = inf
    """How long it may be silent at work; one that is silent for longer is stuck."""
    starting_s: float = STARTING_S
    """The same before it has done any work, and while it waits for a MIDI server."""
    again_s: float | None = None
    """How long after the end of one another is started; None: only when it is asked for."""
    retry_s: float = 0.0
    """How long after one that never came to work."""
    closing_s: float = 0.3
    """How long it may take to end when the jam is over."""


class DeathLimit:
    """Ends a jam whose processes die too often: one in a row before it has done any work, or all within a time."""

    def __init__(self) -> None:
        self._deaths_s: deque[float] = deque(maxlen=_MOST_DEATHS)

    def count(self, process: "ManagedProcess", now_s: float) -> None:
        """Count a death of a process; ImprovError if there were too many lately."""
        self._deaths_s.append(now_s)
        process.deaths_in_a_row += 1
        if process.deaths_in_a_row >= _MOST_IN_A_ROW:
            raise ImprovError(f"the {process.row.name} has died {_MOST_IN_A_ROW} times in a row; start again")
        if len(self._deaths_s) == _MOST_DEATHS and now_s - self._deaths_s[0] < _DEATHS_WITHIN_S:
            raise ImprovError(f"{_MOST_DEATHS} processes have died within {_DEATHS_WITHIN_S:g} s; start again")


class ManagedProcess:
    """A place in the table of processes, and the process that has it now, if there is one.

    `said` takes in each message of the process. `lost` is called with whether it is stuck once it is that or gone, and
    ends with `end`. `make` returns the next process, and `brief` sends it what it has to know first. `through` is
    the process through which it asks a MIDI server: while that one may be silent, so may this one.
    """

    def __init__(
        self,
        row: ProcessRow,
        *,
        said: Callable[[Any], None],
        lost: Callable[[bool], None],
        make: Callable[[], Child] | None = None,
        brief: Callable[[], None] = lambda: None,
        through: "ManagedProcess | None" = None,
    ) -> None:
        self.row = row
        self.child: Child | None = None
        self.works = False
        """Whether it has done what it was started for."""
        self.waits_for_server = False
        """Whether it waits for a MIDI server, which may take its time."""
        self.due_s = inf
        """When another one is started, if there is none."""
        self.replaced = 0
        """How often another one had to take its place."""
        self.deaths_in_a_row = 0
        """How often it has died since it did any work."""
        self._said, self._lost, self._brief = said, lost, brief
        self._make = make or (lambda: Child(row.program))
        self._through = through
        self._heard_s = 0.0

    @property
    def gone(self) -> bool:
        """True if the process has ended and all its messages were read; False if there is none."""
        return self.child is not None and self.child.gone

    @property
    def running(self) -> bool:
        """True if there is a process that has not ended."""
        return self.child is not None and not self.child.gone

    @property
    def link(self) -> Link | None:
        """The link to the process while both ends are open, else None."""
        return self.child.link if self.child is not None and not self.child.link.closed else None

    @property
    def dropped(self) -> int:
        """Number of messages that were dropped because the process did not read them."""
        return self.child.link.dropped if self.child is not None else 0

    @property
    def patience_s(self) -> float:
        """Time that the process may be silent at present, in seconds."""
        own_s = self.row.silent_s if self.works and not self.waits_for_server else self.row.starting_s
        through = self._through
        return own_s if through is None or through.child is None else max(own_s, through.patience_s)

    def start(self) -> None:
        """Start the process, and send its first messages."""
        self.adopt(self._make())
        self._brief()

    def adopt(self, child: Child) -> None:
        """Take over a process that runs already."""
        self.child, self.works, self.waits_for_server = child, False, False
        self.reset_silence()

    def release(self) -> Child | None:
        """Give the process away and return it; this row is empty until the next start."""
        child, self.child = self.child, None
        self.due_s = inf
        return child

    def send(self, message: object) -> bool:
        """Send the process a message; return False if there is no process or it was dropped."""
        return self.child is not None and self.child.link.send(message)

    def receive(self) -> None:
        """Handle the messages of the process, up to one that gives its place to another."""
        child = self.child
        if child is None:
            return
        for message in child.link.receive():
            if self.child is not child:
                return
            self.reset_silence()
            self._said(message)

    def reset_silence(self) -> None:
        """Count the silence of the process from now."""
        self._heard_s = time.monotonic()

    def mark_working(self) -> None:
        """Note that the process has done some of its work since it started."""
        self.works, self.deaths_in_a_row = True, 0

    def check(self) -> None:
        """Replace the process if it has ended or is stuck, and start it if it is due."""
        if self.gone:
            self._lost(False)
        elif self.child is not None and time.monotonic() - self._heard_s > self.patience_s:
            self._lost(True)
        if self.child is None and time.monotonic() >= self.due_s:
            self.start()

    def end(self, grace_s: float = 0.0) -> None:
        """End the process, if there is one, and kill it after `grace_s` seconds."""
        child, self.child = self.child, None
        if child is not None and grace_s:
            child.end(grace_s)
        elif child is not None:
            child.kill()
        again_s = inf if self.row.again_s is None else self.row.again_s
        self.due_s = time.monotonic() + (again_s if self.works else max(again_s, self.row.retry_s))
        self.works = self.waits_for_server = False
