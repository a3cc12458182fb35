"""Control sockets for tests: a daemon that notes what it is asked, peers that do as told, a clock turned by hand.

Server and peer take turns in one thread; only where the product's own client waits for an answer does the server run
beside it (`served`).
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from select import select
from typing import Any

import pytest

from improv.control.socket_server import ControlServer
from improv.errors import UsageError
from improv.music.notes import Cell, Onset, Release
from improv.music.theory import Chord, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import (
    Command,
    Learn,
)
from improv.protocol.controls import Settings
from improv.protocol.snapshot import Harmony, NetworkStatus, OnsetTiming, Snapshot, StepHealth, SystemStatus

HELLO = '{"improv":1}'


SEEN = Snapshot(
    step=13,
    place=Place(1, 2, 3),
    turn=Turn(Who.IMPROV, 8, 16),
    beats_left=1.5,
    playing=True,
    harmony=Harmony(chord=Chord.parse("C7"), next_chord=Chord(0, (0, 1, 5))),
    heard=Cell((Onset(60, 3),), (48,), (Release(48, 2),)),
    played=Cell((), (64,)),
    tempo=132.5,
    swing=0.5,
    settings=Settings(mode=Mode.TRADE, temperature=0.8, key="Bb"),
    health=StepHealth(missed_steps=1, faults=2, fault="it was late"),
    system=SystemStatus(
        description="virtual ports",
        network=NetworkStatus(model="echo", unsupported_controls=("density",)),
        timing=OnsetTiming(lateness_p99_us=48.5),
    ),
)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Daemon:
    """What commands come to; `unfit` is answered with a refusal."""

    def __init__(self, note: str = "") -> None:
        self.asked: list[Command] = []
        self.note = note

    def ask(self, command: Command) -> str:
        self.asked.append(command)
        if command == Learn("seed"):
            raise UsageError("the seed is not for knobs")
        return self.note


class Peer:
    """A program at the other end, which only does what it is told."""

    def __init__(self, path: Path, *lines: str) -> None:
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.end.connect(os.fspath(path))
        self.end.setblocking(False)
        self.closed = False
        self._unread = b""
        self.send(*lines)

    def send(self, *lines: str) -> None:
        self.end.sendall("".join(f"{line}\n" for line in lines).encode())

    def lines(self) -> list[Any]:
        """What has arrived, parsed; `closed` once the server has closed it."""
        while not self.closed:
            try:
                data = self.end.recv(1 << 20)
            except BlockingIOError:
                break
            except ConnectionError:
                data = b""
            self.closed = not data
            self._unread += data
        *whole, self._unread = self._unread.split(b"\n")
        return [json.loads(line) for line in whole]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "default.sock"


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def server(path: Path, daemon: Daemon, clock: Hand) -> Iterator[ControlServer]:
    with ControlServer(path, "default", daemon.ask, clock=clock) as server:
        yield server


@pytest.fixture
def connect(server: ControlServer, path: Path) -> Iterator[Callable[..., Peer]]:
    """A greeted peer, its greeting read."""
    with ExitStack() as stack:

        def connect(*lines: str, greet: bool = True) -> Peer:
            peer = Peer(path, *([HELLO] if greet else []), *lines)
            stack.enter_context(peer.end)
            server.poll()
            if greet and not lines:
                assert [line["improv"] for line in peer.lines()] == [1]
            return peer

        yield connect


@contextmanager
def served(server: ControlServer) -> Iterator[Callable[[Snapshot], None]]:
    """A thread that polls it, as a daemon does, and shows what is given."""
    wakes, woken = socket.socketpair()
    shown: SimpleQueue[Snapshot] = SimpleQueue()

    def serve() -> None:
        while True:
            ready, _, _ = select([*server.readables(), woken], [], [], 0.05)
            if woken in ready:
                if not woken.recv(1):
                    return
                server.show(shown.get())
            server.poll()

    def show(seen: Snapshot) -> None:
        shown.put(seen)
        wakes.send(b".")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield show
    finally:
        wakes.close()
        thread.join()
        woken.close()
