"""The synth: an engine with its parts balanced, nothing clipped, and a panic that does not click.

It has an engine's own interface. Messages may be sent from another thread than the one that renders; only that one
touches the engine, and it never waits.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

import numpy as np

from improv.dataclass import dataclass
from improv.midi.messages import ALL_NOTES_OFF, ALL_SOUND_OFF, BEND, CONTROL, PEDALS, PROGRAM, RESET_CONTROLLERS
from improv.music.parts import Part
from improv.synth.engine import RATE_HZ, Samples, SynthEngine
from improv.synth.limiter import BLOCK, Limiter
from improv.synth.loudness import EXPRESSION, Balance

_FADE_BLOCKS = 8
"""How long a panic fades out, in blocks of 64 frames: 11 ms."""

_FADE = np.cos(np.linspace(0, np.pi, _FADE_BLOCKS * BLOCK, dtype=np.float32))[:, None] / 2 + 0.5  # (frames, 1)

_SPARE_DB = 6.0
"""How much quieter than the parts' own programs another one may be, and is still made as loud."""

FADE_S = _FADE_BLOCKS * BLOCK / RATE_HZ
"""How long a panic fades out, in seconds."""

_CHANNELS = 16
_SWITCHES = 64
"""The first controller that is a switch or a mode: a panic sets those back, and leaves levels, pan and the like."""


@dataclass(slots=True)
class _Channel:
    """What a channel was told."""

    program: int = 0
    expression: int = 127
    controls: dict[int, int] = field(default_factory=dict)


class Synth:
    """An engine fit to be listened to. See `SynthEngine`.


    `measure_later` is called with a channel and a program that was chosen and was never measured, and has `measure`
    called, from any thread. Without it, a program is measured where it is sent.
    """

    def __init__(
        self, make: Callable[[], SynthEngine], measure_later: Callable[[int, int], None] | None = None
    ) -> None:
        self._make = make
        self._engine = make()
        self._meter: SynthEngine | None = None
        self._measure_later = measure_later
        self._font: Path | None = None
        self._limiter = Limiter()
        self._balance = Balance()
        self._sent: deque[tuple[bytes, float]] = deque()
        self._left: Samples = np.zeros((0, 2), np.float32)
        self._fading = 0
        self._channels = [_Channel() for _ in range(_CHANNELS)]

    @property
    def description(self) -> str:
        """See `SynthEngine`."""
        return self._engine.description

    @property
    def ahead_s(self) -> float:
        """How long before it is due a message has to be sent to sound at its time, in seconds."""
        return self._engine.lead_s + BLOCK / RATE_HZ

    @property
    def lead_s(self) -> float:
        """See `SynthEngine`."""
        return self.ahead_s

    @property
    def known_lufs(self) -> Mapping[tuple[int, int], float]:
        """See `SynthEngine`: it has balanced them."""
        return {}

    def load(self, font: Path | None) -> None:
        """Make the parts' own programs ready, and as loud as the mix wants them; DataError for a bad SoundFont."""
        self._engine.load(font)
        self._font = font
        for part in Part:
            self._channels[part.channel].program = part.row.program or 0
            self._measure(part.channel, part.row.program or 0)
        self._balance.settle(_SPARE_DB)
        self._restate()

    def send(self, message: bytes, time_s: float) -> None:
        """See `SynthEngine`."""
        self._sent.append((message, time_s))

    def panic(self) -> None:
        """See `SynthEngine`: it fades within 11 ms. What is sent from now on sounds after that."""
        self._sent.append((b"", 0.0))

    @property
    def took_in_all(self) -> bool:
        """True once everything that was sent is with the engine, and a panic has faded out."""
        return not self._sent and not self._fading

    def measure(self, channel: int, program: int) -> None:
        """Measure how loud a channel's program is, and have it balanced. It takes some ten milliseconds."""
        if not self._balance.known(channel, program):
            self._measure(channel, program)
        if self._channels[channel].program == program:
            expression = self._channels[channel].expression
            self._sent.append((bytes((CONTROL | channel, EXPRESSION, expression)), 0.0))

    def render(self, frames: int) -> Samples:
        """See `SynthEngine`."""
        blocks = max(0, -(-(frames - len(self._left)) // BLOCK))
        parts = [self._left]
        while blocks:
            self._take_in()
            count = min(blocks, self._fading) if self._fading else blocks
            samples = self._engine.render(count * BLOCK)
            samples *= self._balance.master
            if self._fading:
                at = (_FADE_BLOCKS - self._fading) * BLOCK
                samples *= _FADE[at : at + len(samples)]
                self._fading -= count
                if not self._fading:
                    self._engine.panic()
                    self._restate()
            parts.append(self._limiter.process(samples))
            blocks -= count
        made = np.concatenate(parts)
        self._left = made[frames:]
        return made[:frames]

    def _measure(self, channel: int, program: int) -> None:
        if (known := self._engine.known_lufs.get((channel, program))) is not None:
            self._balance.know(channel, program, known)
            return
        if self._meter is None:
            self._meter = self._make()
            self._meter.load(self._font)
        self._balance.measure(self._meter, channel, program)

    def _take_in(self) -> None:
        """Pass on what was sent; what follows a panic waits until that has faded out."""
        while self._sent and not self._fading:
            message, time_s = self._sent.popleft()
            if not message:
                self._fading = _FADE_BLOCKS
            else:
                for passed in self._passed_on(message):
                    self._engine.send(passed, time_s - BLOCK / RATE_HZ)

    def _passed_on(self, message: bytes) -> list[bytes]:
        """Return what the engine is sent for a message: balanced, and without cuts that would click."""
        kind, number = message[0] & 0xF0, message[0] & 0x0F
        channel = self._channels[number]
        if kind == PROGRAM:
            channel.program = message[1]
            if not self._balance.known(number, message[1]):
                if self._measure_later is None:
                    self._measure(number, message[1])
                else:
                    self._measure_later(number, message[1])
            return [message, self._expression(number)]
        if kind != CONTROL:
            return [message]
        controller, value = message[1], message[2]
        if controller == EXPRESSION:
            channel.expression = value
            return [self._expression(number)]
        if controller == ALL_SOUND_OFF:
            ups = [bytes((message[0], pedal, 0)) for pedal in PEDALS]
            return [*ups, bytes((message[0], ALL_NOTES_OFF, 0))]
        if controller == RESET_CONTROLLERS:
            channel.expression = 127
            return [message, self._expression(number)]
        if controller < _SWITCHES:
            channel.controls[controller] = value
        return [message]

    def _expression(self, number: int) -> bytes:
        channel = self._channels[number]
        value = self._balance.expression(number, channel.program, channel.expression)
        return bytes((CONTROL | number, EXPRESSION, value))

    def _restate(self) -> None:
        """Send an engine in which nothing sounds the program and the levels of each channel."""
        for number, channel in enumerate(self._channels):
            for message in (
                bytes((PROGRAM | number, channel.program)),
                self._expression(number),
                *(bytes((CONTROL | number, controller, value)) for controller, value in channel.controls.items()),
                bytes((BEND | number, 0, 64)),
            ):
                self._engine.send(message, 0.0)
