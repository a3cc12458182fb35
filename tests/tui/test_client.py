"""The link to the daemon, over the real socket."""

from queue import SimpleQueue

import pytest

from improv.config.instance import Instance
from improv.control.socket_server import ControlServer
from improv.errors import UsageError
from improv.protocol.commands import (
    Command,
    Learn,
    Nudge,
    Panic,
    Set,
    Stop,
)
from improv.tui import client as daemon_link
from improv.tui.client import Answered, DaemonLink, Gone, Joined, News, NotStarted, Seen, latest
from tests.control.socket.conftest import Daemon, served
from tests.tui.stage import SEEN


def test_settings_that_are_overtaken_are_not_sent() -> None:
    commands: list[Command | None] = [
        Set("tempo", 60),
        Panic(),
        Set("bars", 2),
        Set("tempo", 90),
        None,
        Nudge("bars", 1),
    ]
    assert latest(commands) == [Panic(), Set("bars", 2), Set("tempo", 90), Nudge("bars", 1)]


def test_the_link_joins_tells_asks_and_says_when_the_daemon_is_gone() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    daemon = Daemon(note="noted")
    link = DaemonLink(at, lambda: None)
    with ControlServer(at.socket, at.name, daemon.ask) as server, served(server) as show:
        link.listen(news.put)
        assert isinstance(news.get(timeout=180), Joined)
        show(SEEN)
        assert news.get(timeout=180) == Seen(SEEN)
        link.submit(Set("tempo", 99.0))
        assert news.get(timeout=180) == Answered(Set("tempo", 99.0), "noted")
        link.submit(Learn("seed"))
        assert news.get(timeout=180) == Answered(Learn("seed"), "the seed is not for knobs", is_error=True)
    assert news.get(timeout=180) == Gone("")
    link.close()
    assert daemon.asked == [Set("tempo", 99.0), Learn("seed")]


def test_the_link_says_why_a_daemon_did_not_start() -> None:
    error = UsageError("no such port")
    news: SimpleQueue[News] = SimpleQueue()

    def starts() -> None:
        raise error

    link = DaemonLink(Instance(), starts)
    link._tell = news.put
    link.start_daemon()
    assert news.get(timeout=180) == NotStarted(error)


def told(news: "SimpleQueue[News]", kind: type) -> News:
    """The next news of a kind."""
    while not isinstance(one := news.get(timeout=180), kind):
        pass
    return one


def test_the_first_command_after_a_daemon_has_been_started_again_is_done() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    link = DaemonLink(at, lambda: None)
    link.listen(news.put)
    for _ in range(2):
        daemon = Daemon(note="done")
        with ControlServer(at.socket, at.name, daemon.ask) as server, served(server):
            told(news, Joined)
            link.submit(Panic())
            assert told(news, Answered) == Answered(Panic(), "done")
            assert daemon.asked == [Panic()]
        told(news, Gone)
    link.close()


def test_a_command_without_a_daemon_is_answered_once() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    link = DaemonLink(at, lambda: None)
    link.submit(Set("tempo", 90.0))
    link.submit(Stop())
    link.listen(news.put)
    said = told(news, Answered)
    assert isinstance(said, Answered)
    assert said.command == Set("tempo", 90.0)
    assert said.is_error
    assert "no improv is playing" in said.text
    daemon = Daemon(note="done")
    with ControlServer(at.socket, at.name, daemon.ask) as server, served(server):
        told(news, Joined)
        link.submit(Panic())
        assert told(news, Answered) == Answered(Panic(), "done")
    link.close()
    assert daemon.asked == [Panic()]


def test_a_daemon_that_hangs_is_noticed_and_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_link, "_PROBED_S", 0.5)
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    now_s = [100.0]
    link = DaemonLink(at, lambda: None, clock=lambda: now_s[0])
    with ControlServer(at.socket, at.name, Daemon().ask) as server:
        with served(server):
            link.listen(news.put)
            told(news, Joined)
            link.submit(Panic())
            assert told(news, Answered) == Answered(Panic(), "")
        now_s[0] += 2 * daemon_link.SILENT_S  # and it is not served any more
        gone = told(news, Gone)
        assert isinstance(gone, Gone)
        assert gone.is_silent
        with served(server):
            told(news, Joined)
    link.close()
