"""Notices: short texts shown over the screen for some seconds, and the last of them kept for the log."""

from collections import deque
from typing import Literal, Protocol

from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.tui.views.output_status import output_status, saving_texts

_KEPT = 200
"""How many texts are kept for the log."""

SHOWN_S, ERROR_SHOWN_S = 4.0, 6.0
"""How long a notice is shown; an error takes longer to read."""

_JUST_SAID = 2
"""Among so many of the last texts an answer is looked for, so that it is not said again as a remark."""


class Notify(Protocol):
    """Textual's `App.notify`, as far as it is used here."""

    def __call__(
        self, message: str, *, severity: Literal["information", "error"], timeout: float, markup: bool
    ) -> None:
        """Show a text over the screen."""
        ...


class Notices:
    """The notices of a screen; `notify` shows one."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self.kept: deque[str] = deque(maxlen=_KEPT)
        """The last texts, for the log."""

    def keep(self, text: str) -> None:
        """Keep a text for the log without showing it."""
        self.kept.append(text)

    def show(self, text: str) -> None:
        """Show a text as a notice, and keep it for the log."""
        self.keep(text)
        self._notify(text, severity="information", timeout=SHOWN_S, markup=False)

    def show_error(self, text: str) -> None:
        """Show an error as a notice, and keep it for the log."""
        self.keep(text)
        self._notify(text, severity="error", timeout=ERROR_SHOWN_S, markup=False)

    def compare(self, seen: Snapshot, before: Snapshot | None, *, is_joining: bool) -> None:
        """Show or keep what is new since the snapshot before: faults, remarks, trouble with the recording.

        `is_joining` is whether it is the first one of its daemon: what was remarked earlier is old news then.
        """
        if seen.health.fault and seen.health.fault != (before and before.health.fault):
            self.keep(seen.health.fault)
        if (remark := seen.system.remark) and remark != (before and before.system.remark):
            is_old = before is None or is_joining or remark in list(self.kept)[-_JUST_SAID:]
            (self.keep if is_old else self.show)(remark)
        self._compare_recording(seen.system, SystemStatus() if before is None or is_joining else before.system)

    def _compare_recording(self, system: SystemStatus, before: SystemStatus) -> None:
        """Show that the recording has a gap and, where nothing sounds, which file the jam is saved to."""
        now, then = system.recording, before.recording
        if now.fault and now.fault != then.fault:
            self.show_error(f"not recorded: {now.fault}")
        texts = saving_texts(system, full=True)[:1] if output_status(system).is_heard is False else ()
        if texts and (system.recording.saves_to or system.recording.take) != (
            before.recording.saves_to or before.recording.take
        ):
            self.show(texts[0])
