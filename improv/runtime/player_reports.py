"""The reports of the players of a jam, one after the other, and the remarks that follow from them."""

from collections.abc import Sequence

from improv.protocol.snapshot import OnsetTiming
from improv.runtime.ipc_messages import PlayerReport


class PlayerReports:
    """The newest report of the player, and those of all before it added up."""

    def __init__(self) -> None:
        self.newest = PlayerReport()
        self._earlier = PlayerReport()

    @property
    def total(self) -> PlayerReport:
        """The newest report, with the counts of all players so far."""
        return self.newest.after(self._earlier)

    def take_in(self, report: PlayerReport) -> Sequence[str]:
        """Take in a report; return remarks on what has become worse."""
        before, self.newest = self.newest, report
        texts = list(report.news)
        if report.loops > before.loops:
            texts.append("what improv plays comes back to its input: ignored, and nothing is passed on")
        if report.overflows > before.overflows:
            texts.append(f"{report.overflows} MIDI messages were lost: more came than the system could keep")
        if report.undelivered > before.undelivered:
            texts.append(f"{report.undelivered} reports of the player were lost: they were not read for too long")
        if report.broken and not before.broken:
            texts.append("the input sends MIDI messages that make no sense; they are left out")
        if report.gaps > before.gaps:
            texts.append("time has passed unnoticed: the machine was suspended, or overloaded")
        return texts

    def end(self) -> None:
        """Add up the counts of a player that has ended: the next one counts from 0."""
        self._earlier, self.newest = self.total, PlayerReport()

    def timing(self) -> OnsetTiming:
        """Return the number of onsets sent, and how late they were."""
        return OnsetTiming(
            onsets=self._earlier.onsets + self.newest.onsets,
            dropped_onsets=self._earlier.dropped + self.newest.dropped,
            lateness_p50_us=self.newest.lateness_p50_us,
            lateness_p99_us=self.newest.lateness_p99_us,
        )
