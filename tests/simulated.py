"""A daemon on simulated time: the real control socket, router, engine, player and network, and no clock but the test's.

Nothing moves until the test lets it: `play` lets so many steps pass, however long the machine takes for
them, and meanwhile every connected client is served. MIDI that leaves is kept; there are no ports.
"""

import select
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from improv.config.instance import Instance
from improv.config.values import Tune
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers
from improv.control.socket_server import ControlServer
from improv.midi.controller_filter import ControllerFilter, PassOn
from improv.midi.parser import Incoming
from improv.midi.player import Player
from improv.midi.sources import Arrival
from improv.music.clock import SimulatedClock
from improv.music.turns import Mode
from improv.protocol.commands import Command, Connect, Forget, Learn, Panic, Quit
from improv.protocol.control import OFF, ON
from improv.protocol.json_codec import from_json
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.runtime.engine import Lead, perform
from improv.runtime.ipc_messages import Lights
from improv.runtime.live_status import LiveStatus
from improv.runtime.opening import begin_tune, open_network
from improv.runtime.router import CommandRouter
from improv.session.state import Moment
from improv.session.view import snapshot

_EARLY_S = 1.0


class _Waiting(SimulatedClock):
    """A clock that stands still until the test lets time pass, and has clients served meanwhile."""

    def __init__(self, daemon: "SimulatedDaemon") -> None:
        super().__init__(-_EARLY_S)
        self._daemon = daemon

    def wait_until(self, deadline_s: float, *, exactly: bool = True) -> None:
        if not self._daemon.waits(deadline_s):
            super().wait_until(deadline_s, exactly=exactly)


class _Sink:
    """Keeps what leaves."""

    def __init__(self, sent: list[bytes]) -> None:
        self.send = sent.append


class _NotingRouter(CommandRouter):
    """A router that notes what it has done elsewhere; what concerns knobs it does itself."""

    def __init__(self, daemon: "SimulatedDaemon", learned: Path) -> None:
        super().__init__(daemon, Controllers(DEFAULT_MAPS), learned)  # type: ignore[arg-type]
        self._asked = daemon.asked

    def _route(self, command: Command) -> str:
        if not isinstance(command, Learn | Forget):
            self._asked.append(command)
        return super()._route(command)


class SimulatedDaemon:
    """A jam of the shipped network that a test steps through; a context that begins and ends it.

    What it was asked for is in `asked`, in order, what left it in `sent`, and what it told last in `seen`.
    """

    def __init__(self, instance: Instance, mode: Mode = Mode.TRADE, *, count_in: int = 0, bars: int = 1) -> None:
        self.instance = instance
        self.asked: list[Command] = []
        self.sent: list[bytes] = []
        self.seen: Snapshot | None = None
        self._tune = Tune.of(model="eck2002-blues", count_in=count_in, bars=bars)
        self._mode = mode
        self._system = {"says": "jack: hears keys:out, plays to synth:in", "api": "jack", "output": "synth:in"}
        self._system["model"] = "eck2002-blues"
        self.passes_on = False
        self.status = LiveStatus()
        self.status.add(self._status)
        self._arrived: list[Arrival] = []
        self._moments = 0
        self._allowed_s = -_EARLY_S
        self._over = False
        self._wakes, self._woken = socket.socketpair()
        self._changed = threading.Condition()
        self._router = _NotingRouter(self, instance.learned)
        self._server: ControlServer | None = None
        self._thread = threading.Thread(target=self._perform)
        self._began = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._began.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._wake()
        self._thread.join()
        self._wakes.close()
        self._woken.close()

    @property
    def player(self) -> Self:
        """What the router gives commands for the player to."""
        return self

    @property
    def engine(self) -> Self:
        """What the router gives commands for the engine to."""
        return self

    # --- what a test does -------------------------------------------------------------------------

    def play(self, steps: int = 1) -> None:
        """Let so many steps be told of, and wait until they are."""
        with self._changed:
            told = self._moments
        for _ in range(steps):
            with self._changed:
                told += 1
                while self._moments < told and not self._over:
                    self._allowed_s += 0.05
                    self._wake()
                    self._changed.wait(0.01)

    def turn(self, message: Sequence[int]) -> None:
        """Move a knob of a MIDI controller."""
        self._arrived.append(Incoming(0.0, bytes(message)))
        self._wake()

    def arrive(self) -> None:
        """Let the network that was asked for take its place, by its name: the one that plays plays on."""
        self._system["model"], self._system["model_coming"] = self._system["model_coming"], ""

    # --- what the supervisor of a real one does ---------------------------------------------------

    def quit(self) -> None:
        """End it."""
        self._over = True

    def panic(self) -> None:
        """Have the player silence everything."""
        self._arrived.append(Panic())

    def swap_model(self, model: str) -> None:
        """Have another network loaded."""
        self._system["model_coming"] = model

    def remark(self, text: str) -> None:
        """Nothing is told of what goes wrong."""

    # --- what its player and its engine do ----------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Have the engine do it."""
        self._arrived.append(command)

    def send(self, message: object) -> None:
        """Have the player do it; it has no lights."""
        if not isinstance(message, Lights):
            self._arrived.append(message)  # type: ignore[arg-type]

    def connect(self, asked: Connect) -> None:
        """Say that another port is open."""
        self._system[asked.end] = asked.name

    def pass_on(self, *, on: bool) -> None:
        """Have the player pass on what arrives."""
        self.passes_on = on
        self._arrived.append(PassOn(on))

    def report_controllers(self, wanted: ControllerFilter) -> None:
        """Have the player tell of knobs."""
        self._arrived.append(wanted)

    def _status(self, status: SystemStatus) -> SystemStatus:
        known = {**self._system, "thru": ON if self.passes_on else OFF, "take": "20261121-200000"}
        system: SystemStatus = from_json(SystemStatus, known)
        return replace(system, remark=status.remark)

    # --- the thread of it -------------------------------------------------------------------------

    def _perform(self) -> None:
        model = open_network(self._tune)
        session = begin_tune(self._tune, model, self._mode, 1)
        with (
            self.instance.claimed(),
            ControlServer(self.instance.socket, self.instance.name, self._router.submit) as server,
        ):
            self._server = server
            with Player(_Waiting(self), _Sink(self.sent), [self]) as self._player:
                self._began.set()
                perform(session, model, self._player, self._told, lead=Lead())

    def _told(self, moment: Moment) -> None:
        seen = snapshot(moment.session, moment.planned, moment.played.events)
        system = self.status.now
        seen = replace(
            seen,
            system=replace(system, midi=replace(system.midi, keys=tuple(sorted(self._player.held_pitches)))),
        )
        self.seen = seen
        self._router.controllers.show(seen)
        if self._server is not None:
            self._server.show(seen)
        with self._changed:
            self._moments += 1
            self._changed.notify_all()

    def waits(self, deadline_s: float) -> bool:
        """Serve every connected client until time may pass; whether something has arrived before."""
        while not self._over and not self._arrived and deadline_s > self._allowed_s:
            if self._server is None:
                return False
            select.select([self._woken, *self._server.readables()], (), (), 0.05)
            with suppress(BlockingIOError):
                self._woken.setblocking(False)
                self._woken.recv(1 << 12)
            self._server.poll()
        return bool(self._arrived) or self._over

    def _wake(self) -> None:
        self._wakes.send(b".")

    # --- the player's source -------------------------------------------------------------

    def poll(self, now_s: float) -> list[Arrival]:
        """What was asked for."""
        arrived, self._arrived = self._arrived, []
        turned = self._player.controllers.take() if hasattr(self, "_player") else []
        for time_s, message in turned:
            if remark := self._router.controllers.controller_moved(time_s, message):
                self.status.remark = remark
        return [Quit()] if self._over else arrived

    def next_poll_s(self, now_s: float) -> float:
        """Waiting ends by itself when something arrives."""
        return float("inf")
