"""The ports of a jam: opened as its wiring says, and exchanged while it plays.

Their state is what the MIDI system says of them. This module must never decide what to play.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from improv.config.values import Wiring
from improv.dataclass import dataclass
from improv.errors import ImprovError, Unavailable, UsageError
from improv.midi.graph import Graph, graph_of, pass_on
from improv.midi.own_port import Host
from improv.midi.player import Player
from improv.midi.port_names import one_of_each
from improv.midi.ports import InputPort, OutputPort
from improv.midi.systems import PortLists, reachable_api
from improv.protocol.commands import ENDS, Connect
from improv.protocol.port_status import PortStatus
from improv.runtime.ipc_messages import Moved, Opened
from improv.system.quiet import quiet


@dataclass(frozen=True, slots=True)
class OpenPorts:
    """The ports that are open; none without a MIDI system."""

    api: str
    source: InputPort | None = None
    sink: OutputPort | None = None
    apart: OutputPort | None = None
    """A port of its own for what is passed on."""
    lights: OutputPort | None = None
    note: str = ""
    """Why there are none, or why they are these; empty where that needs no word."""

    @property
    def ports(self) -> tuple[InputPort | OutputPort, ...]:
        """The ports that are open."""
        return tuple(port for port in (self.source, self.sink, self.apart, self.lights) if port is not None)

    @property
    def through(self) -> OutputPort | None:
        """The output of MIDI thru: a named output, or else a port of its own."""
        if self.source is None or self.sink is None:
            return None
        return self.apart if self.apart is not None and self.sink.virtual else self.sink

    def message(self, *, realtime: bool = False) -> Opened:
        """Return the message that tells the daemon which ports are open."""
        ports = tuple(port.status for port in self.ports)
        return Opened(self.note, self.api, self.source is not None, self.sink is not None, realtime, ports)

    def take_over(self, before: Sequence[PortStatus], graph: Graph | None) -> None:
        """Connect the ports as those of the earlier player were, and silence what they lead to."""
        was = {port.role: port.peers or () for port in before}
        for port in self.ports if graph is not None else ():
            port.plug_in(was.get(port.status.role, ()))
        pass_on(graph)
        for sink in {self.sink, self.through}:
            if sink is not None:
                sink.silence()
        pass_on(graph)

    def move(self, player: Player, asked: Connect) -> Moved:
        """Open another port in the place of one; if that fails, all stays as it is."""
        port = self.source if asked.end == "input" else self.sink
        if port is None:
            return Moved(asked.end, asked.name, None, f"there is no {asked.end} to be another one")
        left = False
        try:
            if not port.reaches(asked.name or None):
                if port is self.sink:
                    left = True
                    player.leave_output()
                port.move(asked.name or None)
        except ImprovError as error:
            return Moved(asked.end, asked.name, None, str(error))
        finally:
            if left:
                player.output_has_moved(self.through)
        return Moved(asked.end, asked.name, replace(self.message(), note=""))


def open_ports(
    wiring: Wiring,
    stack: ExitStack,
    graph: Graph | None = None,
    host: Host | None = None,
    before: Sequence[PortStatus] = (),
    *,
    waits: bool = False,
) -> OpenPorts:
    """Open the ports of a wiring; the stack closes them. Unavailable, InputNotFound or UsageError if that fails.

    `before` are the ports of a player whose place this one takes: an output may have been a virtual one when it began.
    `waits`: ports that are missing are waited for, as when a lost MIDI server has come back.
    `host` holds their clients, if that is a JACK server's: other systems bury the dead by themselves.

    Outputs first: a JACK server lets go of the clients of a player that dies in their order, half a second each.
    """
    if wiring.api == "none":
        if wiring.input or wiring.output:
            raise UsageError("--api none has no ports; leave --input and --output out, or name another --api")
        return OpenPorts("none")
    with quiet():
        try:
            api = wiring.api if waits and wiring.api else reachable_api(wiring.api)
        except Unavailable as error:
            if wiring.api or wiring.input or wiring.output or not wiring.listens:
                raise
            return OpenPorts("none", note=f"{error}; playing on without MIDI")
        wiring, note = _found(wiring, api)
        graph = graph or stack.enter_context(graph_of(api))
        by = host if api == "jack" else None
        source = apart = lights = None
        patient = waits or "output" in wiring.picked
        sink = stack.enter_context(OutputPort(wiring.output, api, graph=graph, patient=patient, host=by))
        if wiring.listens and (not wiring.output or any(port.role == "thru" for port in before)):
            apart = stack.enter_context(OutputPort(None, api, "thru", graph=graph, host=by))
        if wiring.listens:
            patient = waits or "input" in wiring.picked
            source = stack.enter_context(InputPort(wiring.input, api, graph=graph, patient=patient, host=by))
        if wiring.lights:
            lights = stack.enter_context(OutputPort(wiring.lights, api, "lights", graph=graph, patient=True, host=by))
    return OpenPorts(api, source, sink, apart, lights, note)


def _found(wiring: Wiring, api: str) -> tuple[Wiring, str]:
    """Return the wiring with the only keyboard and the only synth, where they may be sought; and a note on it."""
    if wiring.finds and wiring.listens:
        with PortLists(api) as lists:
            pair = one_of_each(lists.names("input"), lists.names("output"))
        if pair is not None:
            note = "the only keyboard and the only synth here, so improv has connected itself to them"
            others = "--input and --output name others, or virtual ports"
            return replace(wiring, input=pair[0], output=pair[1], picked=ENDS), f"{note}; {others}"
    if wiring.picked and wiring.picked_api != api:
        hears, plays = (end not in wiring.picked for end in ENDS)
        wiring = replace(wiring, input=wiring.input if hears else None, output=wiring.output if plays else None)
        return replace(wiring, picked=()), ""
    picked = [end for end in wiring.picked if {"input": wiring.input, "output": wiring.output}[end]]
    if not picked:
        return wiring, ""
    ends = " and ".join(picked)
    undone = ", ".join(f"improv ctl connect {end} virtual" for end in picked)
    return wiring, f"the {ends} picked last time; undone by {' and '.join(f'--{end}' for end in picked)}, or {undone}"
