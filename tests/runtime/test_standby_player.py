"""The player that waits for another one to die, with a MIDI system of the test's own in the place of JACK."""

from collections.abc import Sequence
from typing import Any

import pytest

from improv.config.values import Wiring
from improv.errors import InputNotFound
from improv.midi import own_port
from improv.midi.messages import silencing
from improv.midi.ports import OutputPort
from improv.protocol.commands import Quit
from improv.protocol.port_status import PortStatus
from improv.runtime.ipc_messages import StandBy, TakeOver
from improv.runtime.standby_player import stand_by

OWN = (("output", "improv-out:improv out"), ("thru", "improv-thru:improv thru"), ("input", "improv-in:improv in"))
STANDBY = "improv-standby:improv standby"
SILENCE = [list(message) for message in silencing(range(16))]


class System:
    """A MIDI system: who is connected to whom, and what reaches whom. Each look at it is a moment later."""

    period_s = 0.0

    def __init__(self) -> None:
        self.there = [*(name for _, name in OWN), "synth:in", "organ:in"]
        self.cables: set[tuple[str, str]] = set()
        self.said: list[Any] = []
        self.moment = 0
        self.gone_at: dict[str, int] = {}
        """At which moment a port of a dead player goes out of the graph."""

    def dies(self, *gone: tuple[str, int]) -> None:
        """From now on what is sent is lost until those ports have gone, so many moments from now."""
        self.gone_at = {name: self.moment + moments for name, moments in gone}

    def passes(self) -> None:
        self.moment += 1
        for name, at in list(self.gone_at.items()):
            if self.moment >= at:
                del self.gone_at[name]
                self.there.remove(name)
                self.said.append(f"{name} goes")

    # --- the graph

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_: object) -> None: ...

    def ports(self) -> tuple[str, ...]:
        self.passes()
        return tuple(self.there)

    def peers(self, port: str) -> tuple[str, ...] | None:
        return tuple(sorted(sink for source, sink in self.cables if source == port)) if port in self.there else None

    def owner(self, port: str) -> str | None:
        return None

    @property
    def cycle(self) -> int | None:
        self.moment += 0
        self._cycle = getattr(self, "_cycle", 0) + 1
        return self._cycle

    def connect(self, source: str, sink: str) -> None:
        if sink not in self.there:
            raise InputNotFound(sink)
        self.said.append(f"{source} > {sink}")
        self.cables.add((source, sink))

    # --- rtmidi

    def get_ports(self) -> list[str]:
        return [name for name in self.there if name.endswith(":in")]

    def open_virtual_port(self, *_: Any) -> None:
        self.there.append(STANDBY)

    def close_port(self) -> None:
        self.cables = {cable for cable in self.cables if cable[0] != STANDBY}
        if STANDBY in self.there:
            self.there.remove(STANDBY)
            self.said.append("closed")

    def delete(self) -> None: ...

    def send_message(self, message: Sequence[int]) -> None:
        if message[0] == 0xB0 and message[1] == 64:
            lost = any(role != "input" and name in self.gone_at for role, name in OWN)
            self.said.append("silence" + (" lost" if lost else ""))


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    there = System()
    monkeypatch.setattr(own_port, "new_client", lambda role, api: there)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return there


def connected(*outputs: str, thru: Sequence[str] = (), lights: Sequence[str] = ()) -> tuple[PortStatus, ...]:
    return (
        PortStatus(role="output", name="improv out", virtual=True, peers=outputs),
        PortStatus(role="thru", name="improv thru", virtual=True, peers=tuple(thru)),
        PortStatus(role="lights", name="pads", peers=tuple(lights)),
    )


def waited(system: System, *asked: StandBy | TakeOver | Quit | None) -> TakeOver | None:
    """What becomes of a player that is told these one after the other."""
    told = iter(asked)
    first = next(told)
    assert isinstance(first, StandBy | TakeOver)

    def wait() -> StandBy | TakeOver | Quit | None:
        system.said.append("waits")
        now = next(told)
        if now is None or isinstance(now, TakeOver):
            system.dies((OWN[0][1], 2), (OWN[1][1], 4), (OWN[2][1], 1 << 30))
        return now

    def silenced() -> None:
        system.said.append("silenced")
        system.gone_at[OWN[2][1]] = system.moment + 2

    return stand_by(first, wait, system, silenced, lambda: True)


JACK = Wiring(api="jack")


def test_silence_is_sent_until_it_is_sure_to_have_left_and_the_rest_is_waited_for(system: System) -> None:
    take_over = TakeOver(JACK, connected("synth:in", thru=["organ:in"]), OWN)
    assert waited(system, StandBy(JACK, take_over.ports), take_over) is take_over
    connects = [f"{STANDBY} > organ:in", f"{STANDBY} > synth:in"]
    assert sorted(system.said[:2]) == connects
    assert system.said[2:] == [
        "waits",
        "silence lost", f"{OWN[0][1]} goes",
        "silence lost", "silence lost", f"{OWN[1][1]} goes",
        "silence", "silence", "silenced",
        f"{OWN[2][1]} goes", "silence", "closed",
    ]  # fmt: skip


def test_it_follows_what_happens_to_the_ports_of_the_one_that_plays(system: System) -> None:
    """A cable more is one more of ours; one that is pulled is pulled here as well; lights are left alone."""
    asked = [connected(), connected("synth:in"), connected("synth:in", "gone:in"), connected("organ:in", lights=["x"])]
    assert waited(system, *(StandBy(JACK, each) for each in asked), Quit()) is None
    cable = f"{STANDBY} > "
    assert system.said == [
        "waits", f"{cable}synth:in", "waits", "waits", "closed", f"{cable}organ:in", "waits", "closed"
    ]  # fmt: skip


def test_one_that_is_started_only_then_silences_as_well(system: System) -> None:
    system.dies((OWN[0][1], 3))
    system.there = [name for name in system.there if name == OWN[0][1] or name.endswith(":in")]
    take_over = TakeOver(JACK, connected("synth:in"), OWN[:1])
    assert stand_by(take_over, lambda: None, system, lambda: system.said.append("silenced"), lambda: True) is take_over
    assert system.said[-4:] == ["silence", "silenced", "silence", "closed"]


def test_where_no_graph_can_be_asked_it_is_connected_to_the_named_output(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str | None, str]] = []

    class Port:
        own = ""

        def __init__(self, wanted: str | None, api: str, role: str, **_: Any) -> None:
            opened.append((wanted, role))

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

        def follow(self) -> str:
            return ""

        def silence(self) -> None:
            system.said.append("silence")

    monkeypatch.setattr("improv.runtime.standby_player.OutputPort", Port)
    named = Wiring(api="coremidi", output="synth")
    unknown = (PortStatus(role="output", name="synth"),)
    told = iter([TakeOver(named, unknown, ())])
    assert stand_by(StandBy(named, unknown), lambda: next(told), None, lambda: None, lambda: True) is not None
    assert opened == [("synth", "standby")]
    assert system.said == ["silence"] * 3
    virtual = TakeOver(Wiring(api="coremidi"), unknown, ())
    assert stand_by(virtual, lambda: None, None, lambda: None, lambda: True) is virtual
    assert len(opened) == 1


def test_a_server_that_begins_no_period_stands_still(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, cycle = 0.0, 7
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    monkeypatch.setattr(System, "cycle", property(lambda _: cycle))
    monkeypatch.setattr(System, "period_s", 0.02)
    port = OutputPort(None, "alsa", "standby", graph=system)
    found = []
    for now_s, cycle in ((0.0, 7), (0.01, 8), (0.08, 8), (0.1, 8), (5.0, 8), (5.01, 9), (5.02, 9)):  # noqa: B007
        found.append(port.stalled())
    assert found == [False, False, False, True, True, False, False]
    monkeypatch.setattr(System, "cycle", property(lambda _: None))
    assert not port.stalled()


def test_it_silences_where_daemon_and_player_are_gone_at_once_without_a_word(system: System) -> None:
    """As far as it was told of them; no player waits for the rest."""
    assert waited(system, StandBy(JACK, connected("synth:in"), OWN[:2]), None) is None
    assert system.said[0] == f"{STANDBY} > synth:in"
    assert system.said[-4:] == ["silence", "silenced", "silence", "closed"]
    assert system.said.count(f"{OWN[0][1]} goes") == system.said.count(f"{OWN[1][1]} goes") == 1


def test_nothing_is_waited_for_once_no_player_is_wanted(system: System) -> None:
    system.dies((OWN[0][1], 3), (OWN[1][1], 3), (OWN[2][1], 1 << 30))
    take_over = TakeOver(JACK, connected("synth:in"), OWN)
    stand_by(take_over, lambda: None, system, lambda: system.said.append("silenced"), lambda: False)
    assert system.said[-2:] == ["silenced", "closed"]
