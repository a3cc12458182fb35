"""What is connected to what, asked of the MIDI system itself: JACK by its own library, ALSA by what the kernel shows.

A call that did not raise proves nothing: RtMidi reports no connection that failed, and a program that has gone and
come back has the same name as before. So what is shown as connected is read from here. Where the system cannot be
asked (CoreMIDI, Windows, no libjack) there is no graph, and nothing may be called connected.

Asking reads memory or a file and takes microseconds, also from a server that is stuck; connecting waits for the
server. It must never be called back by the MIDI system: what asks has deadlines.
"""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Protocol, Self

from improv.errors import InputNotFound, Unavailable

ALSA_CLIENTS = Path("/proc/asound/seq/clients")

_CLIENT = "improv-graph"
_ACONNECT_S = 2.0
_CYCLES, _CYCLES_S, _POLL_S = 3, 1.0, 0.001
"""So many cycles bring what was sent to all its receivers; how long they are waited for, and looked at how often."""

_CLOSES_S = 0.5
"""How long closing a client of JACK may take."""

_ALSA_CLIENT = re.compile(r'^Client +([0-9]+) : "(.*)" \[')
_ALSA_PORT = re.compile(r'^  Port +([0-9]+) : "(.*)" \(')
_ALSA_CABLES = re.compile(r"^    (?:Connecting To|Connected From): (.*)$")
_ALSA_ADDRESS = re.compile(r"\b[0-9]+:[0-9]+\b(?!\])")


class Graph(Protocol):
    """The ports of a MIDI system and their connections, by the names that `improv.midi.systems` lists. A context."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def ports(self) -> tuple[str, ...]:
        """Return the names of all MIDI ports, inputs and outputs, our own among them."""
        ...

    def peers(self, port: str) -> tuple[str, ...] | None:
        """Return the names of the ports that `port` is connected to now; None if there is no such port.

        A port that was renamed is found by its client, if that has no other port.
        """
        ...

    def owner(self, port: str) -> str | None:
        """Return an id of the program run that owns a port, which changes when it restarts; None where unknown."""
        ...

    @property
    def period_s(self) -> float:
        """Time that the system holds messages before it passes them on, in seconds; 0 where it does not."""
        ...

    @property
    def cycle(self) -> int | None:
        """A number that changes whenever the system passes on messages; None where it does not hold any."""
        ...

    def connect(self, source: str, sink: str) -> None:
        """Connect an output to an input of the system; does nothing if they are connected.

        InputNotFound if either is not there, Unavailable if the system refuses.
        """
        ...


@contextmanager
def graph_of(api: str) -> Iterator[Graph | None]:
    """Open the graph of a MIDI system, by its name in `improv.midi.systems.APIS`; None where it cannot be asked."""
    graph = _opened(api)
    if graph is None:
        yield None
        return
    with graph:
        yield graph


def pass_on(graph: Graph | None, cycles: int = _CYCLES, within_s: float = _CYCLES_S) -> None:
    """Wait until the system has passed on what was sent; return at once where it holds nothing."""
    deadline_s = time.monotonic() + within_s
    for _ in range(cycles):
        cycle = graph.cycle if graph is not None else None
        while graph is not None and cycle is not None and graph.cycle == cycle and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)


def _opened(api: str) -> Graph | None:
    if api == "jack":
        with suppress(Unavailable):
            return JackGraph()
    if api == "alsa" and ALSA_CLIENTS.exists():
        return AlsaGraph()
    return None


# --- JACK -----------------------------------------------------------------------------------------


class JackGraph:
    """The graph of the JACK server, asked by a client without ports that is never activated: nothing waits for it.

    Unavailable if there is no libjack, or no server answers.
    """

    def __init__(self) -> None:
        try:
            import jack
        except OSError as error:
            raise Unavailable(f"JACK's library is missing: {error}") from error
        self._jack: Any = jack
        try:
            self._client = jack.Client(_CLIENT, no_start_server=True)
        except jack.JackError as error:
            raise Unavailable(f"no JACK server answers: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; libjack may wait for ever while others come and go, so it is left alone after a while."""
        closing = Thread(target=self._client.close, daemon=True)
        closing.start()
        closing.join(_CLOSES_S)

    def ports(self) -> tuple[str, ...]:
        """See `Graph.ports`."""
        with suppress(self._jack.JackError):  # one that goes while it is asked for
            return tuple(port.name for port in self._client.get_ports(is_midi=True))
        return ()

    def peers(self, port: str) -> tuple[str, ...] | None:
        """See `Graph.peers`."""
        asked = self._found(port)
        if asked is None:
            return None
        with suppress(self._jack.JackError):  # a peer that goes while it is asked for
            return tuple(peer.name for peer in self._client.get_all_connections(asked))
        return ()

    def owner(self, port: str) -> str | None:
        """See `Graph.owner`; the server is asked, so it waits for it."""
        with suppress(self._jack.JackError):
            return str(self._client.get_uuid_for_client_name(port.partition(":")[0]))
        return None

    @property
    def period_s(self) -> float:
        """See `Graph.period_s`."""
        return float(self._client.blocksize / self._client.samplerate)

    @property
    def cycle(self) -> int | None:
        """See `Graph.cycle`: the frame at which the last period began, from memory that the server shares."""
        return int(self._client.last_frame_time)

    def connect(self, source: str, sink: str) -> None:
        """See `Graph.connect`."""
        ends = [self._found(source), self._found(sink)]
        for name, end in zip((source, sink), ends, strict=True):
            if end is None:
                raise InputNotFound(f"there is no JACK port {name!r}")
        try:
            self._client.connect(*ends)
        except self._jack.JackErrorCode as error:
            if error.code != EEXIST:
                raise Unavailable(f"JACK does not connect {source!r} to {sink!r}: {error}") from error

    def _found(self, name: str) -> Any:
        with suppress(self._jack.JackError):
            return self._client.get_port_by_name(name)
        client = name.partition(":")[0]
        with suppress(self._jack.JackError):
            ports = self._client.get_ports(f"^{re.escape(client)}:", is_midi=True)
            return ports[0] if len(ports) == 1 else None
        return None


# --- ALSA -----------------------------------------------------------------------------------------


class AlsaGraph:
    """The graph of ALSA's sequencer, as the kernel writes it into /proc/asound/seq/clients."""

    def __init__(self, clients: Path = ALSA_CLIENTS) -> None:
        self._clients = clients

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def ports(self) -> tuple[str, ...]:
        """See `Graph.ports`."""
        return tuple(name for name, _ in self._read().values())

    def peers(self, port: str) -> tuple[str, ...] | None:
        """See `Graph.peers`."""
        known = self._read()
        address = _address(port, known)
        if address is None:
            return None
        return tuple(known[peer][0] for peer in known[address][1] if peer in known)

    def owner(self, port: str) -> str | None:
        """See `Graph.owner`: a new client is given the number of one that has gone."""
        return None

    @property
    def period_s(self) -> float:
        """See `Graph.period_s`."""
        return 0.0

    @property
    def cycle(self) -> int | None:
        """See `Graph.cycle`."""
        return None

    def connect(self, source: str, sink: str) -> None:
        """See `Graph.connect`; by ALSA's own `aconnect`."""
        known = self._read()
        ends = [_address(source, known), _address(sink, known)]
        for name, end in zip((source, sink), ends, strict=True):
            if end is None:
                raise InputNotFound(f"there is no ALSA port {name!r}")
        if ends[1] in known[str(ends[0])][1]:
            return
        command = ["aconnect", str(ends[0]), str(ends[1])]
        try:
            done = subprocess.run(  # noqa: S603 two numbers each
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_ACONNECT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{' '.join(command)}: {error}") from error
        if done.returncode:
            raise Unavailable(f"{' '.join(command)}: {' '.join(done.stderr.split())}")

    def _read(self) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        with suppress(OSError):
            return alsa_ports(self._clients.read_text(errors="replace"))
        return {}


def alsa_ports(text: str) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return the ports in the text of /proc/asound/seq/clients by address, such as 128:0: name, and peers' addresses.

    The name is as RtMidi makes it: client, port and address.
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    client = name = address = ""
    for line in text.splitlines():
        if begins := _ALSA_CLIENT.match(line):
            client, name, address = *begins.groups(), ""
        elif begins := _ALSA_PORT.match(line):
            address = f"{client}:{begins[1]}"
            found[address] = f"{name}:{begins[2]} {address}", ()
        elif address and (cables := _ALSA_CABLES.match(line)):
            whole, peers = found[address]
            found[address] = whole, (*peers, *_ALSA_ADDRESS.findall(cables[1]))
    return found


def _address(name: str, known: Mapping[str, object]) -> str | None:
    """The address that ends a port's name, which it keeps if it is renamed."""
    address = name.rpartition(" ")[2]
    return address if address in known else None
