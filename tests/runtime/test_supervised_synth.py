"""The synth as the supervisor keeps it, on a clock of the test's: the sound is back whenever a device is."""

import time
from dataclasses import dataclass, field
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest

from improv.config.values import SoundSettings
from improv.errors import InputNotFound, UsageError
from improv.ipc.link import Failed
from improv.protocol.commands import Quit
from improv.protocol.snapshot import SoundStatus, SystemStatus
from improv.runtime import supervised_synth
from improv.runtime.ipc_messages import OpenSound, SoundDelay, SynthReport
from improv.runtime.supervised_synth import SupervisedSynth

SOUNDS = SynthReport(engine="FluidSynth", device="JACK", delay_s=0.05)
NO_SERVER = "no JACK server answers; start one, or choose another --audio"


class World:
    """A machine with one audio device, which may be there, missing or stalled."""

    device = "there"


@dataclass(eq=False)
class Synth:
    """A synth process as its supervisor sees it: it opens the device that there is, as the real one does."""

    world: World
    gone: bool = False
    closed: bool = False
    waits: bool = False
    dropped: int = 0
    unread: list[Any] = field(default_factory=list)
    ends: bool = False
    fails: Failed | None = None

    @property
    def link(self) -> "Synth":
        return self

    def send(self, message: Any) -> bool:
        if isinstance(message, OpenSound):
            asks_nothing = message.sound.audio == "auto"
            if self.fails is None and self.world.device == "missing" and not (message.waits or asks_nothing):
                self.fails = Failed("Unavailable", NO_SERVER)
        self.ends = self.ends or isinstance(message, Quit)
        return True

    def receive(self) -> list[Any]:
        said, self.unread = self.unread, []
        if self.gone or self.world.device == "stalled":
            return said
        if self.fails is not None:
            self.gone = True
            return [*said, self.fails]
        return [*said, SOUNDS if self.world.device == "there" else SynthReport(engine="FluidSynth", fault=NO_SERVER)]

    def kill(self) -> None:
        self.gone = True


class Player:
    """The player as it is told of delays."""

    def __init__(self) -> None:
        self.link = self
        self.told: list[Any] = []

    def send(self, message: Any) -> bool:
        self.told.append(message)
        return True


class Jam:
    """A supervised synth in a world, with a player."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sound: SoundSettings) -> None:
        self.world, self.now_s, self.player = World(), 100.0, Player()
        self.started: list[Synth] = []
        self.said: list[str] = []
        self.met: list[tuple[object, object]] = []
        self.fails: Failed | None = None
        self.statuses: list[Any] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(supervised_synth, "Child", self._make)
        monkeypatch.setattr(supervised_synth, "introduce", self._introduce)
        observer = SimpleNamespace(status=SimpleNamespace(add=self.statuses.append), changed=lambda: None)
        self.synth = SupervisedSynth(sound, observer, say=self.said.append)

    def _make(self, _program: str) -> Synth:
        self.started.append(Synth(self.world, fails=self.fails))
        return self.started[-1]

    def _introduce(self, player: Player, synth: Synth, *, sounds: bool) -> None:
        self.met.append((player, synth))

    def start(self) -> None:
        self.synth.want(output_named=False)
        self.synth.process.receive()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 5)):
            self.now_s += 0.2
            self.synth.process.receive()
            self.synth.process.check()
            self.synth.connect(self.player)  # type: ignore[arg-type]

    def kill(self) -> None:
        if self.synth.process.child is not None:
            self.started[-1].gone = True

    @property
    def status(self) -> SoundStatus:
        (measure,) = self.statuses
        status: SystemStatus = measure(SystemStatus())
        return status.sound

    @property
    def sounds(self) -> bool:
        """Whether what the player of the moment plays is heard."""
        return bool(self.status.device) and self.met[-1] == (self.player, self.synth.process.child)


@pytest.fixture
def jam(monkeypatch: pytest.MonkeyPatch) -> Jam:
    jam = Jam(monkeypatch, SoundSettings(audio="jack"))
    jam.start()
    jam.pass_time(1)
    assert jam.sounds
    return jam


def replace_player(jam: Jam) -> None:
    jam.player = Player()


def lose_device(jam: Jam) -> None:
    jam.world.device = "missing"


def stall_device(jam: Jam) -> None:
    jam.world.device = "stalled"


BLOWS = {"synth": Jam.kill, "device": lose_device, "player": replace_player, "stall": stall_device}


@pytest.mark.parametrize("apart_s", [0.0, 0.4, 8.0, 70.0])
@pytest.mark.parametrize("order", [*permutations(BLOWS), ("device", *["synth"] * 9), ("stall", *["synth"] * 9)])
def test_the_sound_is_back_when_the_device_is_whatever_died_before(
    order: tuple[str, ...], apart_s: float, jam: Jam
) -> None:
    for blow in order:
        BLOWS[blow](jam)
        jam.pass_time(apart_s)
    jam.pass_time(60)
    assert not jam.status.device
    jam.world.device = "there"
    jam.pass_time(41)  # one that was stuck has 30 s, and is tried again within 10 s
    assert jam.sounds
    assert jam.status.fault == ""
    assert jam.player.told[-1] == SoundDelay(SOUNDS.delay_s)
    assert not any(said.endswith(" on ") for said in jam.said)


def test_a_device_that_goes_and_comes_is_told_once_each(jam: Jam) -> None:
    lose_device(jam)
    jam.pass_time(5)
    jam.kill()
    jam.pass_time(32)
    assert jam.said == [NO_SERVER, "the synth has died; another takes its place"]
    assert jam.status.fault == NO_SERVER
    jam.world.device = "there"
    jam.pass_time(1)
    assert jam.said[2:] == ["sound is back on JACK"]


def test_one_that_dies_again_and_again_is_tried_seldom_and_said_once(jam: Jam) -> None:
    lose_device(jam)
    for _ in range(12):
        jam.kill()
        jam.pass_time(11)
    says = "the synth has died 5 times in a row; improv plays on without a sound of its own, and tries again every 10 s"
    assert jam.said.count(says) == 1
    assert len(jam.started) <= 14
    jam.world.device = "there"
    jam.pass_time(11)
    assert jam.said[-1] == "sound is back on JACK"


def test_a_soundfont_that_is_gone_when_another_synth_starts_is_waited_for_too(jam: Jam) -> None:
    jam.fails = Failed("InputNotFound", "x.sf2: No such file or directory")
    jam.kill()
    jam.pass_time(60)
    assert jam.status.fault == "no sound of its own: x.sf2: No such file or directory"
    assert jam.said.count(jam.status.fault) == 1
    jam.fails = None
    jam.pass_time(11)
    assert jam.sounds


def test_a_first_device_is_not_back(monkeypatch: pytest.MonkeyPatch) -> None:
    jam = Jam(monkeypatch, SoundSettings())
    jam.world.device = "missing"
    jam.start()
    jam.pass_time(60)
    assert jam.said == [NO_SERVER]
    jam.world.device = "there"
    jam.pass_time(1)
    assert jam.said[1:] == ["it sounds on JACK"]


@pytest.mark.parametrize(
    ("sound", "failure", "error"),
    [
        (SoundSettings(audio="jack"), Failed("InputNotFound", "no such device"), InputNotFound),
        (SoundSettings(), Failed("UsageError", "IMPROV_SYNTH=x names no engine"), UsageError),
    ],
)
def test_what_was_asked_for_and_is_not_there_at_the_start_is_raised(
    sound: SoundSettings, failure: Failed, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    jam = Jam(monkeypatch, sound)
    jam.fails = failure
    with pytest.raises(error):
        jam.start()


def test_where_nothing_makes_sound_it_is_said_once_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    jam = Jam(monkeypatch, SoundSettings())
    jam.fails = Failed("Unavailable", "no synth engine here")
    jam.start()
    jam.pass_time(60)
    assert jam.said == ["no sound of its own: no synth engine here"]
    assert len(jam.started) == 1
    assert jam.status.fault == jam.said[0]


def test_one_that_fades_out_sounds_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    jam = Jam(monkeypatch, SoundSettings())
    jam.start()
    jam.pass_time(1)
    jam.synth.want(output_named=True)
    jam.pass_time(1)
    assert jam.started[-1].ends
    assert jam.status == SoundStatus()
    jam.synth.want(output_named=False)
    jam.pass_time(1)
    assert jam.sounds
    assert jam.said == ["sound is back on JACK"]
