"""The driver of the terminal: reads and writes it in threads, and gives it back when stopped by the shell.

Textual's driver ends with a page of source at the first byte that is no text, ignores a shell's job control where
another program wraps it, and asks for no key releases. Here every error goes to the app. The terminal is always left as
it was.
"""

import errno
import os
import selectors
import signal
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from textual import constants
from textual.drivers.linux_driver import LinuxDriver

from improv.tui.input.keystrokes import ASKS_FOR_FLAGS, ASKS_FOR_RELEASES, KeystrokeParser

_READ = 4096
_LOOK_S = 0.1
_HANGS_UP_S = 5.0
"""How long the system may take to report that a terminal has gone."""

_ENDS = (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EPIPE, errno.EBADF)


class TerminalDriver(LinuxDriver):
    """Textual's driver, which gives the errors of its threads to the app's `fail`."""

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._fail: Callable[[BaseException], object] = app.fail
        self._out = _Written(sys.__stderr__ or sys.stderr, self._broken)
        self._file = self._out  # type: ignore[assignment]
        self._is_on = False
        self._stops = False
        """Whether the shell is stopping the program, or has stopped it."""
        self._continued = 0
        """How often the shell has continued the program."""

    # --- the terminal ---

    def start_application_mode(self) -> None:
        """Take over the terminal, and ask it to report key releases."""
        with suppress(OSError):
            os.set_blocking(self._out.fileno(), True)  # another program may have left it otherwise
        self._is_on = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if not constants.DISABLE_KITTY_KEY and self._writer_thread is not None:
            self.write(ASKS_FOR_RELEASES + ASKS_FOR_FLAGS)

    def stop_application_mode(self) -> None:
        """Restore the terminal."""
        if self._is_on:
            self._is_on = False
            with _in_the_background():
                super().stop_application_mode()

    def close(self) -> None:
        """Stop using the terminal and its signals."""
        super().close()
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)

    # --- what is read and written ---

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except BaseException as error:
            if not self.exit_event.is_set():
                self._gone() if _has_gone(error) else self._fail(error)

    def run_input_thread(self) -> None:
        """Read the terminal until it is given back; invalid UTF-8 is ignored."""
        parser = KeystrokeParser(self._debug)
        decode = getincrementaldecoder("utf-8")("ignore").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_LOOK_S):
                    read = os.read(self.fileno, _READ)
                    if not read:
                        raise OSError(errno.EIO, "there is nothing left to read")
                    if text := decode(read):
                        for event in parser.feed(text):
                            self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _broken(self, error: Exception) -> None:
        """Take an error of writing; that a terminal has gone is noticed by the reading thread, too."""
        if not _has_gone(error):
            self._fail(error)

    def _gone(self) -> None:
        """Hang up, unless the system does so within five seconds."""
        if not self.exit_event.wait(_HANGS_UP_S):
            os.kill(os.getpid(), signal.SIGHUP)

    # --- the shell's jobs ---

    def suspend(self) -> None:
        """Suspend this process, as the shell does with Ctrl-Z."""
        self._suspend(lambda: os.kill(0, signal.SIGTSTP))

    def _sigtstp_application(self, *_: object) -> None:
        if not self._stops:
            self._loop.call_soon_threadsafe(self._suspend, _stop)

    def _sigcont_application(self, *_: object) -> None:
        self._continued += 1
        if not self._stops:  # it was stopped without a word, and the terminal may have been another's
            self._loop.call_soon_threadsafe(self._suspend, None)

    def _suspend(self, stop: Callable[[], object] | None) -> None:
        """Give the terminal back, stop, and take it again as soon as this job is in the foreground."""
        if not self._is_on or self._stops:
            return
        self._stops = True
        self._app.app_suspend_signal.publish(self._app)
        self.stop_application_mode()
        if self._writer_thread is not None:
            self._writer_thread.stop()
        try:
            while stop is not None or not self._is_in_front():
                before = self._continued
                signal.signal(signal.SIGTSTP, signal.SIG_DFL)
                (stop or _stop)()
                signal.signal(signal.SIGTSTP, self._sigtstp_application)
                stop = None
                if self._continued == before:  # no shell could continue it, so it was not stopped
                    break
        finally:
            self._stops = False
        self.start_application_mode()
        self._app.app_resume_signal.publish(self._app)
        self._app.refresh(layout=True)

    def _is_in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:
            return True


class _Written:
    """The output: the first error is reported, after which nothing is written any more."""

    def __init__(self, file: TextIO, failed: Callable[[Exception], object]) -> None:
        self._out = file
        self._failed = failed
        self._is_broken = False

    def write(self, text: str) -> None:
        """Write a text."""
        self._do(lambda: self._out.write(text))

    def flush(self) -> None:
        """Flush what was written."""
        self._do(self._out.flush)

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._out.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._out.isatty()

    def _do(self, write: Callable[[], object]) -> None:
        if not self._is_broken:
            try:
                write()
            except Exception as error:
                self._is_broken = True
                self._failed(error)


def _stop() -> None:
    """Stop here, and go on when continued."""
    signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)


def _has_gone(error: BaseException) -> bool:
    """Whether an error means that the terminal has gone."""
    return isinstance(error, OSError) and error.errno in _ENDS


@contextmanager
def _in_the_background() -> Iterator[None]:
    """Allow setting the terminal from a job that the shell has put into the background."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, before)
