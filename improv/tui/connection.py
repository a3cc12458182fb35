"""The connection to the daemon as the screen knows it: starting, joined, gone or silent, and what was seen last.

The link brings news from its threads; here they become a state and the text of the banner. Nothing is asked of a
daemon that is not there.
"""

from collections import deque
from collections.abc import Callable

from improv.config.presets import Preset, preset_of
from improv.errors import AlreadyRunning, ImprovError
from improv.protocol.commands import Command
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.tui.client import Gone, Joined, Link, News, NotStarted, Seen, Started
from improv.tui.input.key_bindings import BY_ACTION
from improv.tui.notices import ERROR_SHOWN_S, Notices
from improv.tui.options import ScreenOptions
from improv.tui.views.base import without_daemon

GONE = "improv has stopped; waiting for it (s starts it again, ctrl+q leaves)"
_SILENT = "waiting for it (improv daemon restart begins again, ctrl+q leaves)"
_STARTING, _JOINING = "starting...", "joining..."


class Inbox:
    """News on the way from the link's threads to the screen; of snapshots only the newest is kept.

    `wake` is called from the thread that brings news, once until they are taken.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._news: deque[News] = deque()
        self._newest: deque[Snapshot] = deque(maxlen=1)
        self._has_woken = False

    def put(self, news: News) -> None:
        """Add news and wake the app; may be called from any thread."""
        if isinstance(news, Seen):
            self._newest.append(news.snapshot)
        else:
            self._news.append(news)
        if not self._has_woken:
            self._has_woken = True
            self._wake()

    def take(self) -> tuple[list[News], Snapshot | None]:
        """Remove and return the news in order, and the newest snapshot, if there is one."""
        self._has_woken = False
        newest = self._newest.pop() if self._newest else None  # first: its daemon has joined before it showed this
        news: list[News] = []
        while self._news:
            news.append(self._news.popleft())
        return news, newest


class Connection:
    """The state of the connection over a link."""

    def __init__(self, link: Link, options: ScreenOptions, notices: Notices) -> None:
        self._link = link
        self._options = options
        self._notices = notices
        self.seen: Snapshot | None = None
        """The snapshot that was seen last; it outlives its daemon."""
        self.has_snapshot = False
        """Whether the daemon that is there has shown one yet."""
        self.is_starting = options.starts_daemon
        """Whether a daemon is being started from here."""
        self.is_gone = options.starts_daemon
        """Whether there is no daemon to ask."""
        self.is_silent = False
        """Whether a daemon is there all the same, and does not answer."""
        self.banner = _STARTING if options.starts_daemon else _JOINING
        """Why nothing moves; empty while all is well."""
        self._before: Preset | None = None
        """How the controls stood when the daemon went that is being started again."""
        self._has_asked_first = False
        self._refused_until_s = -1.0

    # --- what is known ---

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot to draw: the newest one, stopped once its daemon has gone; None before the first."""
        return self.seen if self.seen is None or not self.is_gone else without_daemon(self.seen)

    @property
    def system(self) -> SystemStatus:
        """The system status seen last: ports, network and recording."""
        return SystemStatus() if self.seen is None else self.seen.system

    @property
    def is_calm(self) -> bool:
        """True if the banner reports no problem."""
        return self.banner in ("", _STARTING, _JOINING)

    # --- asking ---

    def open(self, tell: Callable[[News], object]) -> None:
        """Connect to the daemon, and start one if none plays; `tell` is called with all news, from other threads."""
        self._link.listen(tell)
        if self._options.starts_daemon:
            self._link.start_daemon()

    def submit(self, command: Command) -> bool:
        """Send the daemon a command; return whether there is a daemon, and show a notice if there is none."""
        if self.is_gone:
            self.refuse()
            return False
        self._link.submit(command)
        return True

    def is_ready(self) -> bool:
        """Return whether notes may be played: a daemon is connected. Show a notice if none is there."""
        if self.is_gone:
            self.refuse()
            return False
        return self.has_snapshot

    def refuse(self) -> None:
        """Show that there is no daemon, unless that is on the screen already."""
        now_s = self._options.clock()
        if now_s > self._refused_until_s and not self.is_starting:
            self._refused_until_s = now_s + ERROR_SHOWN_S
            if self.is_silent:
                self._notices.show_error("no improv answers")
            else:
                self._notices.show_error(f"no improv is there; {BY_ACTION['start_again'].label} starts it again")

    def start_again(self) -> None:
        """Start the daemon again after it has gone, unless one is being started."""
        if self.is_gone and not self.is_starting:
            self._before = None if self.seen is None else preset_of("as it was", self.seen)
            self.banner = _STARTING
            self.is_starting = True
            self._link.start_daemon()

    def flush(self) -> None:
        """Wait until all commands have reached the daemon, at most half a second."""
        self._link.flush()

    # --- news ---

    def take(self, news: News) -> None:
        """Take in news. Commands that waited for a daemon are sent when one joins."""
        match news:
            case Joined():
                self.is_gone = False
                self.banner = _STARTING if self.is_starting else _JOINING  # until it has shown a snapshot
                self._ask_first()
            case Gone(why, is_silent):
                self._lose(why, is_silent=is_silent)
            case Started():
                self.is_starting = False
            case NotStarted(error):
                self._not_started(error)
            case _:
                pass

    def see(self, seen: Snapshot) -> bool:
        """Take in a snapshot; return whether it is the first one of its daemon."""
        is_first = not self.has_snapshot
        self.seen, self.has_snapshot = seen, True
        if is_first:
            self.banner = ""
        return is_first

    def has_failed_to_start(self, error: ImprovError) -> bool:
        """Return whether an error at the start ends the screen: no daemon was ever seen."""
        return self.seen is None and not isinstance(error, AlreadyRunning)

    def take_preset_to_restore(self) -> Preset | None:
        """Return once, after a daemon was started again, the control values of the one before."""
        if self.is_starting or self.is_gone or not self.has_snapshot:
            return None
        before, self._before = self._before, None
        return before

    def _ask_first(self) -> None:
        if not self._has_asked_first:
            self._has_asked_first = True
            for command in self._options.first_commands:
                self._link.submit(command)
            for text in self._options.first_notices:
                self._notices.show(text)

    def _lose(self, reason: str, *, is_silent: bool) -> None:
        self.is_gone, self.is_silent, self.has_snapshot = True, is_silent, False
        if self.seen is None and not reason and self._options.starts_daemon:
            self.banner = _STARTING
        else:
            self.banner = (f"{reason}; " if reason else "") + (_SILENT if is_silent else GONE)

    def _not_started(self, error: ImprovError) -> None:
        """Say why a daemon could not be started; one that plays already is joined, and nothing is wrong."""
        self.is_starting, self._before = False, None
        if isinstance(error, AlreadyRunning) or self.seen is None:
            return
        if self.is_gone:
            self.banner = GONE
        self._notices.show_error(str(error))
