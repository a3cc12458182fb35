"""A synth on an audio device, fed with messages that are due at times of the clock.

Everything is heard by one delay later than it is due: so long ahead a message has to come for its sound to be rendered,
and what the device takes. A device that goes is waited for. It must never wait for a device but to open and close it.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from improv.errors import ImprovError, InputNotFound, Unavailable
from improv.midi.messages import NOTE_ON
from improv.synth.device import PERIOD_S, Device
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.synth import FADE_S, Synth

_SLACK_S = 0.006
"""How late a message may come: what passing it on, and being woken, takes."""

_SETTLING_S = 0.25
"""How long a device is listened to before it is known what it takes."""

_AGAIN_S = 2.0
"""How often a device that is missing is looked for."""

_OLD_S = 0.1
"""A note whose time is over by so much is not begun any more: the synth has stood still."""

_FADES_S = 0.3
"""How long closing waits for the device to take what fades out."""

_STEADY_S = 0.010
"""The delay stays as it is unless what the device takes has changed by so much: MIDI is sent by it."""


class LiveSynth:
    """A synth on a device. `sound` and `cut` are called from one thread, in which `tend` is called too, often.

    `device_s` is what the device takes, in seconds, where it is not to be measured. `in_thread` is called first in the
    device's thread.
    """

    def __init__(
        self, audio: str, device_s: float | None = None, *, in_thread: Callable[[], None] = lambda: None
    ) -> None:
        self.synth: Synth | None = None
        """The synth, once it is ready."""
        self.device: Device | None = None
        self.fault = ""
        """Why there is no device."""
        self.failure: BaseException | None = None
        """What the synth has raised in the device's thread: then nothing sounds any more."""
        self._audio, self._given_s, self._in_thread = audio, device_s, in_thread
        self._device_s = 0.0
        self._opened_s = self._next_s = 0.0
        self._rendered = 0
        self._lag = 0
        """The frames that the device had asked for before the synth began to play them."""
        self._late_before = 0

    @property
    def settled(self) -> bool:
        """True if there is a device that asks for samples, and it is known what it takes."""
        device = self.device
        return device is not None and device.frame > 0 and time.monotonic() >= self._opened_s + _SETTLING_S

    @property
    def device_s(self) -> float:
        """What the device takes from asking for a sample to sounding it, in seconds: as given, or as measured."""
        if self._given_s is not None:
            return self._given_s
        measured_s = self.device.latency_s if self.device is not None else 0.0
        if abs(measured_s - self._device_s) > _STEADY_S:
            self._device_s = measured_s
        return self._device_s

    @property
    def delay_s(self) -> float:
        """How much later than it is due everything is heard, in seconds; 0 while nothing is."""
        return self._ahead_s + self.device_s if self.synth is not None and self.settled else 0.0

    @property
    def late(self) -> int:
        """How often a device has had to wait for samples."""
        return self._late_before + (self.device.late if self.device is not None else 0)

    def open(self) -> None:
        """Open the device; Unavailable if there is none, InputNotFound if there is none of that name."""
        self._lag = -self._rendered  # before the device begins to ask
        self.device = Device(self._audio, self._render, in_thread=self._in_thread)
        self._opened_s = self._next_s = time.monotonic()

    def tend(self) -> None:
        """Close a device that is gone, and look for one that is missing."""
        now_s = time.monotonic()
        if self.device is not None and self.device.silent:
            name, device = self.device.name, self.device
            self._late_before += device.late
            self.device, self._next_s = None, now_s + _AGAIN_S / 4
            self.fault = f"the audio device is gone ({name}); waiting for it to come back"
            device.close()
        elif self.device is None and now_s >= self._next_s:
            self._next_s = now_s + _AGAIN_S
            try:
                self.open()
                self.fault = ""
            except (Unavailable, InputNotFound) as error:
                self.fault = self.fault or str(error)

    def sound(self, messages: Sequence[bytes], due_s: float | None) -> None:
        """Sound MIDI messages by the delay after a time of the clock, or as soon as can be."""
        if self.synth is None or self.device is None:
            return
        if due_s is None:
            for message in messages:
                self.synth.send(message, 0.0)
            return
        at_s = due_s + self._ahead_s - self.device.clock.base_s - self._lag / RATE_HZ
        old = at_s < self._rendered / RATE_HZ - _OLD_S
        for message in messages:
            if not (old and message[0] & 0xF0 == NOTE_ON and message[2]):
                self.synth.send(message, at_s)

    def cut(self) -> None:
        """Silence everything, tails too, within some ten milliseconds and what the device has in hand."""
        if self.synth is not None:
            self.synth.panic()

    def close(self) -> None:
        """Fade out, let the device sound the fade, and close it."""
        device, self.device = self.device, None
        if device is not None:
            self.cut()
            if self.synth is not None:
                latest_s = time.monotonic() + _FADES_S
                while not (self.synth.took_in_all or device.silent or time.monotonic() > latest_s):
                    time.sleep(FADE_S / 4)
                time.sleep(PERIOD_S + device.latency_s)
            with suppress(ImprovError):
                device.close()

    @property
    def _ahead_s(self) -> float:
        """How long before it leaves for the device a message has to be there."""
        period_s = self.device.period / RATE_HZ if self.device is not None else PERIOD_S
        return (self.synth.ahead_s if self.synth is not None else 0.0) + period_s + _SLACK_S

    def _render(self, frames: int) -> Samples:
        """Render for the device, in its thread."""
        if self.synth is None or self.failure is not None:
            self._lag += frames
            return np.zeros((frames, 2), np.float32)
        try:
            samples = self.synth.render(frames)
        except BaseException as error:  # told by the other thread: here it would be lost
            self.failure = error
            return np.zeros((frames, 2), np.float32)
        self._rendered += frames
        return samples
