"""Another network takes over while it plays: from the request to the step at which it does, or to why it cannot.

An engine of its own loads and tries it beside the one that plays, and takes that one's place at a step. Whatever goes
wrong before, the one that plays plays on.
"""

from collections.abc import Callable
from dataclasses import replace

from improv.config.values import Tune
from improv.dataclass import dataclass
from improv.ipc.child import Child
from improv.ipc.link import Failed
from improv.models.catalog import find_model, read_model
from improv.music.grid import Grid
from improv.protocol.controls import MODEL
from improv.protocol.snapshot import SystemStatus
from improv.runtime.ipc_messages import Prepare, Prepared
from improv.runtime.live_status import LiveStatus
from improv.runtime.managed_process import ManagedProcess
from improv.runtime.process_table import NEXT_ENGINE


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """An engine that has loaded its network and waits to begin."""

    child: Child
    tune: Tune
    """The tune with this network."""
    network: bytes
    """What the network's file held when it was asked for."""
    prepared: Prepared


class ModelSwap:
    """The swap that is under way, if one is: requested, loaded, then done or failed."""

    def __init__(self, status: LiveStatus, say: Callable[[str], None]) -> None:
        self.process = ManagedProcess(NEXT_ENGINE, said=self._said, lost=self._lost, brief=self._brief)
        self._say = say
        self._tune: Tune | None = None
        self._network = b""
        self._prepared: Prepared | None = None
        status.add(self._status_of_swap)

    def request(self, model: str, tune: Tune) -> None:
        """Start loading another network for a tune; a request before it is dropped.

        ImprovError if there is none of that name, or its file cannot be read: then all stays as it is.
        """
        network = read_model(find_model(model))
        self._give_up()
        self._tune, self._network = replace(tune, given=(*tune.given, (MODEL.name, model))), network
        self.process.start()

    def loaded(self, grid: Grid) -> LoadedModel | None:
        """Return the engine with the other network once it has loaded, which completes the swap; else None.

        A network of another grid than the session's is given up: steps, turns and form would be other ones.
        """
        if self._prepared is not None and self._prepared.grid != grid:
            self._say(
                f"{self._prepared.model} makes {self._prepared.grid.steps_per_beat} steps a beat, this jam "
                f"{grid.steps_per_beat}: it can only play from the beginning, with --model {self._prepared.model}"
            )
            self._give_up()
        if self._prepared is None or self._tune is None or (child := self.process.release()) is None:
            return None
        loaded = LoadedModel(child, self._tune, self._network, self._prepared)
        self._tune = self._prepared = None
        return loaded

    def _status_of_swap(self, status: SystemStatus) -> SystemStatus:
        next_model = self._tune.model if self._tune is not None else ""
        return replace(status, network=replace(status.network, next_model=next_model))

    def _brief(self) -> None:
        if self._tune is not None:
            self.process.send(Prepare(self._tune, network=self._network))

    def _said(self, message: object) -> None:
        match message:
            case Prepared():
                self._prepared = message
            case Failed():
                self._say(message.message)
                self._give_up()
            case _:
                raise AssertionError(message)

    def _lost(self, _stuck: bool) -> None:
        if self._tune is not None:
            self._say(f"{self._tune.model} cannot be loaded: its process has died, or takes too long")
        self._give_up()

    def _give_up(self) -> None:
        self.process.end()
        self._tune = self._prepared = None
