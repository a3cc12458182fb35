"""When what was seen is drawn: at once what a player has to see, the rest as far as the processor time allows."""

from collections.abc import Callable

from textual.timer import Timer

from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.tui.redraw_budget import DrawingBudget

_SPARE_S = 0.02
"""The processor time that has to be left for a step off the beat to be drawn: the beats come first."""

_LATEST_S = 0.5
"""How long a snapshot that was not drawn may stay unseen where none follows it."""


class Redraw:
    """Decides for each snapshot whether it is drawn now; `call_in` calls back after some seconds."""

    def __init__(
        self, draw: Callable[[], object], budget: DrawingBudget, call_in: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        self._draw = draw
        self._budget = budget
        self._call_in = call_in
        self._later: Timer | None = None

    def now(self) -> None:
        """Draw the newest snapshot at once."""
        if self._later is not None:
            self._later.stop()
            self._later = None
        self._draw()

    def after(self, before: Snapshot, seen: Snapshot) -> None:
        """Draw a snapshot that follows another: now, or later if processor time is short."""
        if self._is_urgent(before, seen) or self._has_time(before, seen):
            self.now()
        elif self._later is None:
            self._later = self._call_in(max(_LATEST_S, self._budget.wait_s()), self.now)

    @staticmethod
    def _is_urgent(before: Snapshot, seen: Snapshot) -> bool:
        """Return whether a control was turned, or ports or the recording have changed."""
        turned = (seen.playing, seen.settings) != (before.playing, before.settings)
        return turned or _urgent_status(seen.system) != _urgent_status(before.system)

    def _has_time(self, before: Snapshot, seen: Snapshot) -> bool:
        is_new_beat = seen.step % seen.grid.steps_per_beat == 0 or seen.step == before.step
        return self._budget.left_s() > (0 if is_new_beat else _SPARE_S)


def _urgent_status(system: SystemStatus) -> tuple[object, ...]:
    """What of the status is drawn at once whenever it changes."""
    midi, recording = system.midi, system.recording
    return midi.ports, midi.output, recording.take, recording.fault, recording.saves_to, system.learning
