"""The notes of the computer keyboard over time: each is asked for when its key goes down, and ended in time.

The piano says which keys are down and until when; here is the time that passes. A note that was asked for never stays
without an end, unless the daemon that could end it has gone.
"""

from collections.abc import Callable

from improv.protocol.commands import Command, Press
from improv.tui.input.computer_piano import Piano
from improv.tui.input.key_bindings import PianoKey

_SHORTEST_S = 0.005
"""No timer is shorter."""


class NoteTimers:
    """Play a piano: `submit` asks for a note or its end, `call_in` calls back after some seconds of `clock`."""

    def __init__(
        self,
        submit: Callable[[Command], object],
        call_in: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
    ) -> None:
        self._submit = submit
        self._call_in = call_in
        self._clock = clock
        self._awaited_s: float | None = None
        self.piano = Piano()

    def strike(self, key: PianoKey) -> None:
        """Play a key whose release is not reported: its note ends by itself."""
        self._play(self.piano.pressed(key, self._clock()))
        self._wait()

    def hold(self, key: PianoKey, by: str) -> None:
        """Play a key until `lift` is called with the same `by`."""
        self.hold_pitch(self.piano.lowest + key.semitone, by, accent=key.accent)

    def hold_pitch(self, pitch: int, by: str, *, accent: bool = False) -> None:
        """Play a pitch until `lift` is called with the same `by`."""
        self._play(self.piano.held(pitch, by, self._clock(), accent=accent))

    def lift(self, by: str) -> None:
        """End the note held by `by`: a key's code, or the mouse."""
        self._play(self.piano.lifted(by))

    def lift_all(self) -> None:
        """End every note of the computer piano."""
        self._play(self.piano.released())

    def forget(self) -> None:
        """Forget every note without a note-off: the daemon that played it has gone."""
        self.piano, _ = self.piano.released()

    def end_due(self) -> None:
        """End the notes that are due, and set the timer for the next."""
        self._awaited_s = None
        self._play(self.piano.at_time(self._clock()))
        self._wait()

    def _play(self, played: tuple[Piano, tuple[Press, ...]]) -> None:
        self.piano, presses = played
        for press in presses:
            self._submit(press)

    def _wait(self) -> None:
        end_s = self.piano.next_end_s
        if end_s is not None and (self._awaited_s is None or end_s < self._awaited_s):
            self._awaited_s = end_s  # a later call finds nothing left to end
            self._call_in(max(_SHORTEST_S, end_s - self._clock()), self.end_due)
