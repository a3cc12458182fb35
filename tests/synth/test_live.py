"""A synth on a device: each message is heard at its place on the device's clock, whatever the device does."""

import math
import time
from collections.abc import Callable

import numpy as np
import pytest

from improv.errors import InputNotFound
from improv.synth.choice import SONARE, sonare
from improv.synth.device import ClockLine, matching, missing
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.live import LiveSynth
from tests.ports.patience import eventually
from tests.synth.listening import MELODY, note, onset_s, opened, peak_db

needs_device = pytest.mark.skipif(bool(missing()) or sonare() is None, reason="needs miniaudio and libsonare")


class Heard:
    """What a device was given, with when it asked for each frame at the soonest."""

    def __init__(self, live: LiveSynth) -> None:
        self._live = live
        self.samples: list[Samples] = []
        assert live.synth is not None
        self._render: Callable[[int], Samples] = live.synth.render
        live.synth.render = self.render  # type: ignore[method-assign]
        self.first: int | None = None

    def render(self, frames: int) -> Samples:
        assert self._live.device is not None
        if self.first is None:
            self.first = self._live.device.frame - frames
        self.samples.append(self._render(frames))
        return self.samples[-1]

    def leave(self) -> None:
        """Listen no more."""
        assert self._live.synth is not None
        self._live.synth.render = self._render  # type: ignore[assignment, method-assign]

    def after_s(self, due_s: float) -> float:
        """How long after a time of the clock the first sound was asked for."""
        device = self._live.device
        assert device is not None
        assert self.first is not None
        return device.clock.base_s + self.first / RATE_HZ + onset_s(np.concatenate(self.samples)) - due_s


def tended(live: LiveSynth) -> LiveSynth:
    live.tend()
    return live


@needs_device
def test_a_message_is_heard_by_the_delay_after_it_is_due_on_a_device_that_comes_back_too() -> None:
    live = LiveSynth("null")
    live.open()
    eventually(lambda: live.settled, "the device")
    live.synth = opened(SONARE)
    for _ in range(2):
        heard = Heard(live)
        due_s = time.monotonic() + 2.0  # a machine that is busy has the time
        for time_s, message in note(MELODY, 79, due_s, 0.2):
            live.sound([message], time_s)
        eventually(lambda due_s=due_s: time.monotonic() > due_s + 1.0, "the note")  # type: ignore[misc]
        assert heard.after_s(due_s) == pytest.approx(live.delay_s - live.device_s, abs=0.015)
        heard.leave()
        assert live.device is not None
        live.device.close()  # as when it is unplugged
        eventually(lambda: tended(live).fault, "that it is gone")
        assert "gone" in live.fault
        eventually(lambda: tended(live).settled, "another device")
        assert live.fault == ""
    live.close()


@needs_device
def test_a_note_that_is_long_over_is_not_begun() -> None:
    live = LiveSynth("null")
    live.open()
    live.synth = opened(SONARE)
    eventually(lambda: live.settled, "the device")
    heard = Heard(live)
    live.sound([bytes((0x90 | MELODY, 72, 100))], time.monotonic() - 1.0)
    eventually(lambda: sum(map(len, heard.samples)) > RATE_HZ // 2, "half a second")
    assert peak_db(np.concatenate(heard.samples)) < -90
    live.close()


def test_what_a_synth_raises_is_kept_and_silence_is_sounded() -> None:
    live = LiveSynth("null")

    class Broken:
        def render(self, frames: int) -> Samples:
            raise ValueError("broken")

    live.synth = Broken()  # type: ignore[assignment]
    assert not live._render(480).any()
    assert isinstance(live.failure, ValueError)


def test_the_clock_line_follows_the_soonest_calls() -> None:
    line = ClockLine()
    draws = np.random.default_rng(1)
    for call in range(300):
        played_s = max(0.0, (call - 2) * 0.01)  # two periods are asked for at once
        line.called(100.0 + played_s + float(draws.exponential(0.002)), call * 480)
    assert line.base_s == pytest.approx(100.0 - 0.02, abs=0.001)
    assert line.ahead_s == pytest.approx(0.02, abs=0.003)


def test_the_clock_line_follows_a_device_that_has_lost_sound_at_once() -> None:
    line = ClockLine()
    for call in range(100):
        line.called(call * 0.01, call * 480)
    for call in range(100, 130):
        line.called(call * 0.01 + 0.05, call * 480)
    assert line.base_s == pytest.approx(0.05, abs=0.001)
    assert math.isclose(line.ahead_s, 0.0, abs_tol=1e-3)


@pytest.mark.parametrize(("wanted", "index"), [("Speakers", 0), ("speakers (usb", 2), ("head", 1)])
def test_a_device_is_known_by_a_part_of_its_name(wanted: str, index: int) -> None:
    assert matching(wanted, ["Speakers", "Headphones", "Speakers (USB)"]) == index


@pytest.mark.parametrize(("wanted", "says"), [("s", "may be any of"), ("theremin", "no audio device 'theremin' here")])
def test_a_name_that_means_no_device_or_several_is_refused(wanted: str, says: str) -> None:
    with pytest.raises(InputNotFound, match=says):
        matching(wanted, ["Speakers", "Headphones"])
