"""The status of a jam while it plays: put together here, from parts that know some of it each."""

from collections.abc import Callable

from improv.protocol.snapshot import SystemStatus

StatusSource = Callable[[SystemStatus], SystemStatus]
"""Returns the status with what it knows filled in: no two sources fill in the same."""


class LiveStatus:
    """The status as it is now, from all of its sources, and the last remark on it."""

    def __init__(self) -> None:
        self.remark = ""
        """The last thing that has happened besides the music."""
        self._sources: list[StatusSource] = []

    def add(self, source: StatusSource) -> None:
        """Add a source that fills in its part of the status from now on."""
        self._sources.append(source)

    @property
    def now(self) -> SystemStatus:
        """The whole system status, filled in by all sources."""
        status = SystemStatus(remark=self.remark)
        for source in self._sources:
            status = source(status)
        return status
