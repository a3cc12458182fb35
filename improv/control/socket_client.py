"""A client of the control socket."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from reprlib import repr as shortly
from types import TracebackType
from typing import Any, Self

from improv import __version__
from improv.control.socket_protocol import PROTOCOL, Greeting, one_line, request_for
from improv.control.socket_server import READ_BYTES
from improv.control.socket_transport import system_transport
from improv.errors import DataError, Unavailable, UsageError
from improv.protocol.commands import Command
from improv.protocol.json_codec import as_data_error, from_json, json_text, parse_object
from improv.protocol.snapshot import Snapshot

_MAX_ANSWER_BYTES = 1 << 20


class ControlClient:
    """A client of the control socket: steers a daemon and sees what it plays; a context that connects and closes.

    Unavailable where no daemon runs or it does not answer, UsageError for what it refuses, DataError for an answer that
    makes no sense.
    """

    greeting: Greeting
    """The server's first line: its version, process id and instance."""
    _end: socket.socket

    def __init__(self, path: Path, timeout_s: float = 2.0, *, instance: str = "default") -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._instance = instance
        self._unread = bytearray()
        self._asked = 0

    def __enter__(self) -> Self:
        try:
            self._end, token = system_transport().connect(self._path, self._timeout_s)
        except (OSError, ValueError) as error:
            raise self._unreachable() from error
        try:
            self._send({"improv": PROTOCOL} | ({"token": token} if token else {}))
            raw = self._next_line()
            if raw is None:
                raise self._unreachable()
            with as_data_error("improv's first line"):
                self.greeting = from_json(Greeting, raw)
        except BaseException:
            self._end.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.close()

    def submit(self, command: Command) -> str:
        """Send a command and wait until it is done; return the daemon's note on it, mostly empty."""
        note = self._request(request_for(command)).get("note", "")
        if not isinstance(note, str):
            raise DataError(f"{self._answers} is not what it should be ({shortly(note)} is no note)")
        return note

    def status(self) -> Snapshot:
        """Ask the daemon for its newest snapshot and return it."""
        return self._snapshot(self._request({"do": "status"}))

    def watch(self, per_s: float = 20.0) -> Iterator[Snapshot]:
        """Yield each new snapshot, at most `per_s` a second, until the daemon ends.

        The daemon goes on sending until closed.
        """
        self._request({"do": "watch", "per_s": per_s})
        watched = self._asked
        while True:
            self._end.settimeout(None)  # nothing new is no fault
            if (raw := self._next_line()) is None:
                return
            if raw.get("id") == watched:
                yield self._snapshot(raw)

    @property
    def _answers(self) -> str:
        if self.greeting.version == __version__:
            return "improv's answer"
        return f"what improv {self.greeting.version} answers to improv {__version__}"

    def _request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; snapshots that are watched may come before it."""
        self._asked += 1
        self._end.settimeout(self._timeout_s)
        self._send({**request, "id": self._asked})
        while (raw := self._next_line()) is not None:
            name = raw.get("id", self._asked)
            if name == self._asked:
                return raw
        raise self._unreachable()

    def _send(self, line: Mapping[str, Any]) -> None:
        with suppress(OSError):  # why it does not listen, it may have said
            self._end.sendall(f"{json_text(line)}\n".encode())

    def _next_line(self) -> dict[str, Any] | None:
        """Return the next line, None if there will be none; UsageError if it is a refusal."""
        while (end := self._unread.find(b"\n")) < 0:
            try:
                data = self._end.recv(READ_BYTES)
            except TimeoutError as error:
                raise Unavailable(f"improv does not answer (instance {self._instance}); try again") from error
            except OSError:
                data = b""
            if not data:
                return None
            self._unread += data
            if len(self._unread) > _MAX_ANSWER_BYTES:
                raise DataError(f"improv's answer is longer than {_MAX_ANSWER_BYTES} bytes")
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        with as_data_error("improv's answer"):
            raw = parse_object(line.decode())
        if "error" in raw:
            raise UsageError(one_line(raw["error"]))
        return raw

    def _snapshot(self, raw: Mapping[str, Any]) -> Snapshot:
        with as_data_error(self._answers):
            seen: Snapshot = from_json(Snapshot, raw["snapshot"])
            return seen

    def _unreachable(self) -> Unavailable:
        start = "improv daemon start" + ("" if self._instance == "default" else f" --instance {self._instance}")
        return Unavailable(f"no improv is playing as {self._instance}; start one with: {start}")
