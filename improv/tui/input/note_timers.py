"""The fingers on the computer keyboard: what they strike is asked for, and so is its end when its time has come.

The piano says which keys are down and until when; here is the time that passes. It must never leave a note
that was asked for without an end, unless nobody is there any more to end it.
"""

from collections.abc import Callable

from improv.protocol.commands import Command, Press
from improv.tui.input.computer_piano import Piano
from improv.tui.input.key_bindings import Struck

_SOONEST_S = 0.005
"""No timer is shorter."""


class Fingers:
    """They play a piano: `ask` has a key pressed, `call_in` calls back after some seconds of `clock`."""

    def __init__(
        self,
        ask: Callable[[Command], object],
        call_in: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._call_in = call_in
        self._clock = clock
        self._awaited_s: float | None = None
        self.piano = Piano()

    def strike(self, key: Struck) -> None:
        """Press a key of the piano."""
        self._play(self.piano.pressed(key, self._clock()))
        self._wait()

    def hold(self, key: Struck, by: str) -> None:
        """Press a key of the piano that is held until it is lifted."""
        self.hold_pitch(self.piano.lowest + key.semitone, by, accent=key.accent)

    def hold_pitch(self, pitch: int, by: str, *, accent: bool = False) -> None:
        """The same for a pitch."""
        self._play(self.piano.held(pitch, by, self._clock(), accent=accent))

    def lift(self, by: str) -> None:
        """Have up what is held by that."""
        self._play(self.piano.lifted(by))

    def let_go(self) -> None:
        """Have every key up."""
        self._play(self.piano.released())

    def forget(self) -> None:
        """Have every key up without a word: who was told that they are down is no more."""
        self.piano, _ = self.piano.released()

    def end(self) -> None:
        """Have those keys up whose time has come."""
        self._awaited_s = None
        self._play(self.piano.passed(self._clock()))
        self._wait()

    def _play(self, played: tuple[Piano, tuple[Press, ...]]) -> None:
        self.piano, presses = played
        for press in presses:
            self._ask(press)

    def _wait(self) -> None:
        end_s = self.piano.next_end_s
        if end_s is not None and (self._awaited_s is None or end_s < self._awaited_s):
            self._awaited_s = end_s  # who was to call later finds nothing left to do
            self._call_in(max(_SOONEST_S, end_s - self._clock()), self.end)
