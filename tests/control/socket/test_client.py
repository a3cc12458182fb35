"""The product's own client of the control socket."""

import os
import socket
import stat
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from improv import __version__
from improv.control import socket_client, socket_server, socket_transport
from improv.control.socket_client import ControlClient
from improv.control.socket_protocol import Greeting
from improv.control.socket_server import ControlServer
from improv.errors import DataError, Unavailable, UsageError
from improv.protocol.commands import (
    Command,
    Forget,
    Learn,
    Nudge,
    Panic,
    Quit,
    Set,
    Start,
    Tap,
)
from tests.control.socket.conftest import SEEN, Daemon, served


@pytest.mark.parametrize(
    "command", [Set("tempo", 99.0), Nudge("tempo", -1.0), Tap(0.0), Start(), Quit(), Learn("tempo"), Forget("panic")]
)
def test_the_client_asks(command: Command, server: ControlServer, path: Path, daemon: Daemon) -> None:
    daemon.note = "noted"
    with served(server), ControlClient(path) as client:
        assert client.submit(command) == "noted"
        assert client.greeting == Greeting(1, __version__, os.getpid(), "default")
    assert daemon.asked == [Tap(100.0) if isinstance(command, Tap) else command]


def test_the_client_tells_a_refusal(server: ControlServer, path: Path) -> None:
    with served(server), ControlClient(path) as client:
        with pytest.raises(UsageError, match="the seed is not for knobs"):
            client.submit(Learn("seed"))
        with pytest.raises(UsageError, match="nothing has been played yet"):
            client.status()
        assert client.submit(Panic()) == ""


def test_the_client_sees_what_is_played(path: Path, daemon: Daemon) -> None:
    with ControlServer(path, "default", daemon.ask) as server, served(server) as show, ControlClient(path) as client:
        show(SEEN)
        watched = client.watch(30)
        assert next(watched) == SEEN
        assert client.status() == SEEN
        show(replace(SEEN, step=14))
        assert next(watched) == replace(SEEN, step=14)


def test_watching_ends_with_the_daemon(path: Path, daemon: Daemon) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(ControlServer(path, "default", daemon.ask))
        show = stack.enter_context(served(server))
        with ControlClient(path) as client:
            show(SEEN)
            watched = client.watch()
            assert next(watched) == SEEN
            stack.close()
            assert list(watched) == []
            with pytest.raises(Unavailable, match="no improv is playing as"):
                client.submit(Panic())


def test_the_client_says_that_no_daemon_is_there(path: Path) -> None:
    with pytest.raises(Unavailable, match=r"as default; start one with: improv daemon start$"):
        ControlClient(path).__enter__()
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    with pytest.raises(Unavailable, match=r"as stage; start one with: improv daemon start --instance stage$"):
        ControlClient(path, instance="stage").__enter__()


GREETING = f'{{"improv":1,"version":"{__version__}","pid":1,"instance":"default"}}\n'


@pytest.mark.parametrize(
    ("answers", "error", "why"),
    [
        ("", Unavailable, "no improv is playing as"),
        ("[]\n", DataError, "improv's answer is not what it should be"),
        ('{"improv":1}\n', DataError, "improv's first line is not what it should be"),
        ('{"error":"protocol 2\\nonly"}\n', UsageError, "^protocol 2 only$"),
        (GREETING, Unavailable, "no improv is playing as"),
        (GREETING + "x\n", DataError, "improv's answer is not what it should be"),
        (GREETING + '{"ok":true,"id":1}\n', DataError, "improv's answer is not what it should be"),
        (GREETING + '{"snapshot":{},"id":1}\n', DataError, "improv's answer is not what it should be .*lacks"),
        (GREETING.replace(__version__, "9.9") + '{"snapshot":{},"id":1}\n', DataError, "what improv 9.9 answers to"),
        (GREETING + "x" * (2 << 20), DataError, "longer than"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(answers: str, error: type[Exception], why: str, path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()

        def answer() -> None:
            end, _ = listener.accept()
            with end:
                end.recv(1)
                try:
                    end.sendall(answers.encode())
                    end.shutdown(socket.SHUT_WR)
                    while end.recv(1 << 16):
                        pass
                except OSError:
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(error, match=why), ControlClient(path) as client:
            client.status()
        thread.join()


def test_a_daemon_that_does_not_answer_is_said_so(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()
        with pytest.raises(Unavailable, match=r"does not answer \(instance default\)"):
            ControlClient(path, timeout_s=0.01).__enter__()


def test_without_unix_sockets_a_token_lets_in(path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (socket_client, socket_server):
        monkeypatch.setattr(module, "system_transport", socket_transport.LoopbackTransport)
    with ControlServer(path, "default", daemon.ask) as server, served(server):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with ControlClient(path) as client:
            assert client.submit(Panic()) == ""
        port, token = path.read_text().split()
        for wrong in ("", "0" * len(token), "\N{SNOWMAN}"):
            path.write_text(f"{port} {wrong or '-'}")
            with pytest.raises(UsageError, match="the token is wrong"):
                ControlClient(path).__enter__()
    assert daemon.asked == [Panic()]
