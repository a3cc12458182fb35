"""An app that ends in order, whatever ends it: a signal, or an error in any thread, task or worker.

The error is kept for the program that runs the app, where Textual would print pages of source. No error is lost, and
none is printed over a screen that is played on.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from rich.console import RenderableType
from textual._context import active_message_pump
from textual.driver import Driver
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import WorkerFailed

from improv.tui.screens.too_small import MinimumSizeApp, Result

if sys.platform != "win32":
    from improv.tui.input.driver import TerminalDriver

    TERMINALS: Mapping[str, type[Driver]] = MappingProxyType({"LinuxDriver": TerminalDriver})
else:
    TERMINALS = MappingProxyType({})
"""The drivers that take the place of Textual's, by the names of those."""

_LEAVES = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT")


class OrderlyApp(MinimumSizeApp[Result]):
    """An app that keeps the error that ended it in `crash`, and leaves the terminal as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.crash: BaseException | None = None
        """The error that ended it, if one did."""
        self._hooks = (threading.excepthook, sys.unraisablehook)
        self._handlers: dict[int, Any] = {}

    # --- beginning and ending ---

    def get_driver_class(self) -> type[Driver]:
        """Return the terminal driver: improv's own where it works, else Textual's."""
        found = super().get_driver_class()
        return TERMINALS.get(found.__name__, found)

    def on_load(self) -> None:
        """Install handlers for errors, and for the signals that end the app."""
        self._hooks = (threading.excepthook, sys.unraisablehook)
        threading.excepthook, sys.unraisablehook = self._thread_failed, self._unraisable
        asyncio.get_running_loop().set_exception_handler(self._task_failed)
        if not (self.is_headless or self.is_web):
            self._leave_on_signals()

    def on_unmount(self) -> None:
        """Restore the handlers for errors and signals of the program that runs the app."""
        threading.excepthook, sys.unraisablehook = self._hooks
        for number, before in self._handlers.items():
            signal.signal(number, before)

    def leave(self) -> None:
        """Leave the app in order, with the terminal restored."""
        self.exit()

    def _leave_on_signals(self) -> None:
        """Leave in order when the system asks for it, so that the terminal is what it was.

        Where the terminal has gone there is nothing to put in order, and writing to it might block for ever.
        """
        loop = asyncio.get_running_loop()

        def leave(number: int, _frame: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            if os.isatty(0):
                loop.call_soon_threadsafe(self.leave)
            else:
                os.kill(os.getpid(), number)

        for name in _LEAVES:
            if number := getattr(signal, name, None):
                self._handlers[number] = signal.signal(number, leave)

    # --- errors ---

    def fail(self, error: BaseException) -> None:
        """End the app because of an error; may be called from any thread."""
        loop = self._loop
        if self._exit or loop is None:
            return
        self.crash = self.crash or error
        with suppress(RuntimeError):  # it ends anyway
            loop.call_soon_threadsafe(self._handle_exception, error)

    def remark(self, text: str) -> None:
        """Note an error that does not end the app; may be called from any thread."""

    def _handle_exception(self, error: BaseException) -> None:
        """Keep an error, and end; one in a screen that was left already is noted, and ends nothing."""
        if isinstance(error, WorkerFailed):
            error = error.error
        if self._has_left(active_message_pump.get(None)):
            self.remark(f"a screen that was left: {type(error).__name__}: {error}")
            return
        self.crash = self.crash or error
        super()._handle_exception(error)  # type: ignore[arg-type]

    def _has_left(self, pump: object) -> bool:
        """Whether a message pump belongs to a screen that is not on the stack any more."""
        if not isinstance(pump, Widget):
            return False
        screen = next((node for node in pump.ancestors_with_self if isinstance(node, Screen)), None)
        return screen is None or (screen not in self.screen_stack and self.is_running)

    def _fatal_error(self) -> None:
        self.panic()

    def panic(self, *_renderables: RenderableType) -> None:
        """End the app without printing: the program that runs it reports the error."""
        super().panic()

    def _thread_failed(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            self.fail(args.exc_value or args.exc_type())

    def _task_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (error := context.get("exception")) is not None:
            self.fail(error)
        else:
            self.remark(str(context.get("message", "")))

    def _unraisable(self, args: "sys.UnraisableHookArgs") -> None:
        self.remark(f"{args.err_msg or 'ignored'}: {args.exc_type.__name__}: {args.exc_value}")
