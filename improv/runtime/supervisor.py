"""Keeps the processes of a jam alive, connects them, and passes on what they report to what shows and records it.

A process that dies is started again and takes up where the other one was; one that is stuck is
killed first. The supervisor is not in the way of the music: player and engine talk to each other
directly. It must never decide what or when to play.
"""

import select
import time
from pathlib import Path

from improv.config.values import NO_SOUND, SoundSettings, Tune, Wiring
from improv.dataclass import dataclass
from improv.errors import ImprovError
from improv.ipc.child import Child, introduce
from improv.protocol.commands import Panic, Quit
from improv.runtime.interfaces import Interfaces
from improv.runtime.ipc_messages import Begin, Ended, Opened, PlayerReport, names_of
from improv.runtime.managed_process import STARTING_S, DeathLimit
from improv.runtime.model_swap import ModelSwap
from improv.runtime.observers import JamObserver
from improv.runtime.supervised_engine import SupervisedEngine
from improv.runtime.supervised_player import SupervisedPlayer
from improv.runtime.supervised_synth import SupervisedSynth

_TICK_S = 0.05
"""How often the processes are looked after, in seconds, whether they send something or not."""

_STUCK_ANYWAY_S = 0.5
"""If the daemon itself was stopped for so long, no process is to blame for its silence."""

_OLDEST_S = 5.0
"""Notes that are older have long been settled in some step."""

_FAREWELL_S = 0.3
"""How long to wait for the last messages of player and engine, in seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a performance went."""

    report: PlayerReport
    realtime: bool
    sent: tuple[tuple[float, float], ...]
    """When each of the last onsets was due and was sent, in seconds of the clock."""
    ended: Ended | None
    engine_deaths: int
    player_deaths: int


class Supervisor:
    """Runs one performance. A context: however it is left, its processes end, within a second."""

    def __init__(
        self,
        tune: Tune,
        wiring: Wiring,
        observer: JamObserver,
        *,
        sound: SoundSettings = NO_SOUND,
        take: Path | None = None,
    ) -> None:
        self.status = observer.status
        self._observer = observer
        self._limit = DeathLimit()
        self.player = SupervisedPlayer(wiring, observer, say=self.remark, opened=self._introduce, limit=self._limit)
        self.engine = SupervisedEngine(
            tune,
            take,
            observer,
            say=self.remark,
            prepared=self._introduce,
            settled=self._swap_if_loaded,
            lost=self._engine_lost,
        )
        self.swap = ModelSwap(self.status, self.remark)
        self.synth = SupervisedSynth(sound, observer, say=self.remark)
        self.processes = (
            self.player.standby,
            self.swap.process,
            self.player.host,
            self.player.process,
            self.engine.process,
            self.synth.process,
        )
        """The table of processes, in the order in which they are looked after: a port host before its player."""
        self._begin: Begin | None = None
        self._met: tuple[Child | None, Child | None] = None, None
        """The player and the engine that are connected to each other."""
        self._left_in_hand: Child | None = None
        """The player that had plans in hand when the last engine died, and plays on with them."""
        self._undelivered = 0
        self._quitting = False
        self._looked_s = time.monotonic()

    def __enter__(self) -> "Supervisor":
        self.engine.read_network()
        self.player.process.start()
        self.engine.process.start()
        self.synth.want(output_named=self.player.known.wiring.output is not None)
        return self

    def __exit__(self, *_: object) -> None:
        self.player.leave_silent()
        running = [(process.child, process.row) for process in self.processes if process.child is not None]
        for child, _row in running:
            child.link.close()  # they end side by side
        self.player.release_connections()
        now_s = time.monotonic()
        for child, row in running:
            child.end(max(0.0, now_s + row.closing_s - time.monotonic()))
        self.player.close()

    def ready(self, interfaces: Interfaces) -> Opened | None:
        """Wait until the ports are open and the network is loaded; None if a command to quit comes first.

        ImprovError if the ports cannot be opened or the network cannot be loaded.
        """
        began_s = time.monotonic()
        deadline_s = began_s + STARTING_S
        while (
            self.player.known.opened is None
            or self.engine.prepared is None
            or (self.synth.pending and time.monotonic() < began_s + self.synth.waited_for_s)
        ):
            if time.monotonic() > deadline_s:
                raise ImprovError(f"nothing plays after {STARTING_S:g} s; start again, or try another --api")
            self._listen(interfaces)
            interfaces.poll()
            if self._quitting:
                return None
            for process in (self.player.process, self.engine.process):
                if not process.running:
                    raise ImprovError(f"the {process.row.name} has died while it was started; start again")
        return self.player.known.opened

    def play(self, begin: Begin, interfaces: Interfaces) -> Outcome:
        """Perform to the end of the tune, or until a command to quit."""
        self._begin = begin
        self._tend_sound()
        self._introduce()
        while self.engine.ended is None and not self._quitting:
            interfaces.poll()
            self._listen(interfaces)
            self._check_processes()
        return self._stopped()

    # --- what is asked of it ----------------------------------------------------------------------

    def quit(self) -> None:
        """End the performance."""
        self._quitting = True

    def panic(self) -> None:
        """Silence everything at once: the player acts first, and passes the command on to the engine."""
        if self.player.process.child is not None:
            self.player.process.send(Panic())
        else:
            self.engine.submit(Panic())

    def swap_model(self, model: str) -> None:
        """Start loading another network, which plays once it is ready; ImprovError if it cannot be read."""
        self.swap.request(model, self.engine.tune)

    def remark(self, text: str) -> None:
        """Show and record a remark."""
        self.status.remark = text
        self._observer.remark(text)
        self._observer.changed()

    # --- while it plays -----------------------------------------------------------------------------

    def _listen(self, interfaces: Interfaces | None = None) -> None:
        """Wait a moment for messages or commands, and take in the messages of the processes."""
        links = [process.link for process in self.processes if process.link is not None]
        readables = interfaces.readables() if interfaces is not None else []
        select.select([*links, *readables], [link for link in links if link.waits], (), _TICK_S)
        before_s, self._looked_s = self._looked_s, time.monotonic()
        for process in self.processes:
            if self._looked_s - before_s > _STUCK_ANYWAY_S:
                process.reset_silence()
            process.receive()

    def _check_processes(self) -> None:
        """Start again what has died, after killing what is stuck; say how much never reached player or engine."""
        if self.engine.ended is not None:
            return
        for process in self.processes:
            process.check()
        self._tend_sound()
        self.engine.restate_if_wanted()
        undelivered = self.player.process.dropped + self.engine.process.dropped
        if undelivered > self._undelivered:
            self.remark(
                f"{undelivered - self._undelivered} requests did not reach player or engine: they had no time to read"
            )
        self._undelivered = undelivered

    def _tend_sound(self) -> None:
        """Have improv sound by itself, or leave that to the synth at a MIDI output that is named."""
        known = self.player.known
        output = names_of(known.ports).get("output") if known.opened is not None else known.wiring.output
        self.synth.want(output_named=output is not None)
        self.synth.connect(self.player.process.child if self.player.is_open else None)

    def _introduce(self, *, goes_on: bool = False) -> None:
        """Connect player and engine to each other, and have an engine that is new begin, connected or not.

        `goes_on`: another engine has played up to now, and nothing is to be heard of the change.
        """
        player, engine = self.player.process.child, self.engine.process.child
        if self._begin is None or self.engine.prepared is None or engine is None:
            return
        if player is not None and self.player.is_open and self._met != (player, engine):
            since_s = max(self.engine.settled_s, self._looked_s - _OLDEST_S) if goes_on else None
            introduce(player, engine, since_s=since_s)
            self._met = player, engine
        if not self.engine.begun:
            in_hand = player is not None and self._left_in_hand is player and not goes_on
            self.engine.begin(self._begin, goes_on=goes_on, in_hand=in_hand)

    def _swap_if_loaded(self) -> None:
        """Have the engine with another network, if one is ready, go on from the step that was just reported."""
        playing = self.engine.prepared
        loaded = self.swap.loaded(playing.grid) if playing is not None else None
        if loaded is None:
            return
        before = self.engine.take_over(loaded)
        self._introduce(goes_on=True)
        if before is not None:
            before.kill()
        self.remark(f"{self.engine.tune.model} plays")

    def _engine_lost(self, stuck: bool) -> None:
        """Give up an engine; another one follows, which is sent whether the player still has plans of this one."""
        player, engine = self.player.process, self.engine.process
        self._left_in_hand = player.child if self._met == (player.child, engine.child) else None
        engine.end()
        self._limit.count(engine, time.monotonic())
        engine.replaced += 1
        self.remark(f"the engine {'is stuck' if stuck else 'has died'}; another takes its place")

    # --- at the end -----------------------------------------------------------------------------------

    def _stopped(self) -> Outcome:
        """Have player and engine end, silence first, and take in their last messages."""
        player, engine = self.player.process, self.engine.process
        for process in (player, engine, self.synth.process):
            process.send(Quit())
        deadline_s = time.monotonic() + _FAREWELL_S
        while time.monotonic() < deadline_s and (
            (player.running and not self.player.sent) or (engine.running and self.engine.ended is None)
        ):
            self._listen()
        self.engine.publish_steps()  # no other engine is going to decide them
        opened = self.player.known.opened
        return Outcome(
            report=self.player.reports.total,
            realtime=opened is not None and opened.realtime,
            sent=self.player.sent,
            ended=self.engine.ended,
            engine_deaths=engine.replaced,
            player_deaths=player.replaced,
        )
