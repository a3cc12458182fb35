"""The terminal interface where it was wrong once."""

from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from improv.control import ControlServer
from improv.instance import Instance
from improv.messages import Panic, Press, Set, Stop
from improv.tui import daemon_link
from improv.tui.daemon_link import DaemonLink, Gone, Joined, News, NotStarted, Said, Seen, Started
from tests.test_control import Daemon, served
from tests.test_tui import ALONE, SEEN, Stage, staged

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


def test_a_daemon_that_hangs_is_noticed_and_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_link, "_PROBED_S", 0.5)
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    now_s = [100.0]
    link = DaemonLink(at, lambda: None, clock=lambda: now_s[0])
    with ControlServer(at.socket, at.name, Daemon().ask) as server:
        with served(server):
            link.begin(news.put)
            told(news, Joined)
            link.ask(Panic())
            assert told(news, Said) == Said(Panic(), "")
        now_s[0] += 2 * daemon_link.SILENT_S  # and nobody serves it any more
        gone = told(news, Gone)
        assert isinstance(gone, Gone)
        assert gone.hangs
        with served(server):
            told(news, Joined)
    link.end()


# --- leaving, stopping, panic ---------------------------------------------------------------------


def test_panic_lets_the_keys_of_the_piano_go_and_says_silenced_only_when_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("q", "f12")
        assert stage.asked() == [Press(60, 80), Press(60, 0), Panic()]
        assert stage.toasts == []
        await stage.tell(Said(Panic(), ""))
        assert stage.toasts == ["silenced"]
        await stage.tell(Gone("improv does not answer", hangs=True))
        assert "improv does not answer; waiting for it" in stage.screen()
        await stage.press("f12")
        assert stage.asked() == []
        assert any("nothing was silenced" in toast for toast in stage.toasts)

    staged(tmp_path, scene, ALONE)


# --- starting again -------------------------------------------------------------------------------


def test_what_had_been_turned_is_turned_again_in_what_was_started_again_from_here(tmp_path: Path) -> None:
    turned = replace(SEEN, tempo=90.0, settings=replace(SEEN.settings, bars=2))

    async def scene(stage: Stage) -> None:
        await stage.tell(Seen(turned))
        await stage.tell(Gone(""))
        await stage.press("s", "s", "s")
        assert stage.link.started == 1
        await stage.tell(Joined(2), Seen(SEEN))
        assert stage.asked() == []
        await stage.tell(Started())
        assert stage.asked() == [Set("tempo", 90.0), Set("bars", 2)]
        await stage.tell(Seen(turned))
        await stage.tell(Gone(""))
        await stage.press("s")
        await stage.tell(Joined(3), Started())
        assert stage.asked() == []
        await stage.tell(Seen(SEEN))
        assert stage.asked() == [Set("tempo", 90.0), Set("bars", 2)]

    staged(tmp_path, scene)


def test_what_somebody_else_has_started_is_joined_as_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone(""))
        await stage.press("s")
        await stage.tell(NotStarted(Instance().already()))
        assert stage.toasts == []
        await stage.tell(Joined(2), Seen(replace(SEEN, tempo=90.0)))
        assert stage.asked() == []

    staged(tmp_path, scene)
