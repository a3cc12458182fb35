"""How a jam went, in figures."""

from improv.dataclass import dataclass
from improv.runtime.observers import Audience
from improv.runtime.supervisor import Outcome
from improv.system.quantiles import quantile


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured in a jam; lateness is that of onsets, at the moment they were sent."""

    onsets: int
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_p999_us: float
    lateness_max_us: float
    dropped_onsets: int
    missed_steps: int
    faults: int
    lead_ms: float | None
    """How long before a step its last plan was begun, at the end of the jam; None if the engine did not say."""
    first_onset_s: float | None
    """When the first onset was sent, in seconds of the monotonic clock."""
    peak_memory_mib: float | None
    """The engine's; None where the system does not tell."""
    realtime: bool
    """Whether the system has granted the player real-time scheduling."""
    engine_deaths: int
    """How often the engine was replaced."""
    player_deaths: int
    """How often the player was replaced."""

    def text(self) -> str:
        """Return the figures as one line, for the end of a jam."""
        return (
            f"{self.onsets} onsets, late by p50 {self.lateness_p50_us:.0f} us, p99 {self.lateness_p99_us:.0f} us, "
            f"max {self.lateness_max_us:.0f} us; {self.missed_steps} missed steps, "
            f"{self.dropped_onsets} dropped onsets, {self.faults} faults"
        )


def figures_of(outcome: Outcome, audience: Audience) -> Figures:
    """Return the figures of a jam that has ended."""
    latenesses_us = sorted((sent_s - due_s) * 1e6 for due_s, sent_s in outcome.sent) or [0.0]
    seen = audience.last.seen if audience.last else None
    return Figures(
        onsets=outcome.report.onsets,
        lateness_p50_us=quantile(latenesses_us, 0.5),
        lateness_p99_us=quantile(latenesses_us, 0.99),
        lateness_p999_us=quantile(latenesses_us, 0.999),
        lateness_max_us=latenesses_us[-1],
        dropped_onsets=outcome.report.dropped,
        missed_steps=seen.health.missed_steps if seen else 0,
        faults=seen.health.faults if seen else 0,
        lead_ms=outcome.ended.lead_s * 1e3 if outcome.ended else None,
        first_onset_s=outcome.report.first_onset_s,
        peak_memory_mib=outcome.ended.peak_memory_mib if outcome.ended else None,
        realtime=outcome.realtime,
        engine_deaths=outcome.engine_deaths,
        player_deaths=outcome.player_deaths,
    )
