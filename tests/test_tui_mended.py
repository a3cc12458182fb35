"""The terminal interface where it was wrong once."""

from queue import SimpleQueue

from improv.control import ControlServer
from improv.instance import Instance
from improv.messages import Panic, Set, Stop
from improv.tui.daemon_link import DaemonLink, Gone, Joined, News, Said
from tests.test_control import Daemon, served

# --- the link -------------------------------------------------------------------------------------


def told(news: "SimpleQueue[News]", kind: type) -> News:
    """The next news of a kind."""
    while not isinstance(one := news.get(timeout=30), kind):
        pass
    return one


def test_the_first_command_after_a_daemon_has_been_started_again_is_done() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    link = DaemonLink(at, lambda: None)
    link.begin(news.put)
    for _ in range(2):
        daemon = Daemon(note="done")
        with ControlServer(at.socket, at.name, daemon.ask) as server, served(server):
            told(news, Joined)
            link.ask(Panic())
            assert told(news, Said) == Said(Panic(), "done")
            assert daemon.asked == [Panic()]
        told(news, Gone)
    link.end()


def test_a_command_that_nobody_takes_is_told_of_once() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    link = DaemonLink(at, lambda: None)
    link.ask(Set("tempo", 90.0))
    link.ask(Stop())
    link.begin(news.put)
    said = told(news, Said)
    assert isinstance(said, Said)
    assert said.command == Set("tempo", 90.0)
    assert said.wrong
    assert "no improv is running" in said.text
    daemon = Daemon(note="done")
    with ControlServer(at.socket, at.name, daemon.ask) as server, served(server):
        told(news, Joined)
        link.ask(Panic())
        assert told(news, Said) == Said(Panic(), "done")
    link.end()
    assert daemon.asked == [Panic()]
