"""Other programs on a JACK server, as tests see them: a witness, a synth, a keyboard; and what a witness has heard."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from improv.midi.messages import NOTE_OFF, NOTE_ON
from tests.ports.patience import eventually
from tests.ports.programs import Program


@dataclass(frozen=True, slots=True)
class Event:
    """A MIDI message as a witness saw it; `frame` counts samples since the witness began."""

    frame: int
    message: tuple[int, ...]

    @property
    def channel(self) -> int:
        """As musicians count, from 1."""
        return (self.message[0] & 0x0F) + 1

    @property
    def pitch(self) -> int:
        return self.message[1]

    @property
    def is_onset(self) -> bool:
        return self.message[0] & 0xF0 == NOTE_ON and self.message[2] > 0

    @property
    def is_end(self) -> bool:
        return self.message[0] & 0xF0 == NOTE_OFF or (self.message[0] & 0xF0 == NOTE_ON and self.message[2] == 0)


def sounding(events: Iterable[Event]) -> set[tuple[int, int]]:
    """The (channel, pitch) pairs that were begun and not ended by a message of their own."""
    notes: set[tuple[int, int]] = set()
    for event in events:
        if event.is_onset:
            notes.add((event.channel, event.pitch))
        elif event.is_end:
            notes.discard((event.channel, event.pitch))
    return notes


def unended(events: Iterable[Event]) -> list[Event]:
    """The onsets that have no end of their own: none at all, or one only after the pitch was struck again."""
    begun: dict[tuple[int, int], Event] = {}
    without: list[Event] = []
    for event in events:
        if event.is_onset:
            without += [begun[note]] if (note := (event.channel, event.pitch)) in begun else []
            begun[note] = event
        elif event.is_end:
            begun.pop((event.channel, event.pitch), None)
    return without + list(begun.values())


class Witness:
    """What `jack_midi_dump` says has arrived at its port."""

    _LINE = re.compile(r"^\s*(\d+):((?: [0-9a-f]{2})+)", re.MULTILINE)

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.port = f"{name}:input"
        self.log = program.log

    def heard(self) -> tuple[Event, ...]:
        """Everything until now."""
        return tuple(
            Event(int(frame), tuple(bytes.fromhex(message))) for frame, message in self._LINE.findall(self.program.out)
        )

    @property
    def onsets(self) -> list[Event]:
        """The notes that have begun until now."""
        return [event for event in self.heard() if event.is_onset]

    @property
    def latest_s(self) -> float:
        """When something arrived last, in seconds of the machine's clock (`time.time`)."""
        return self.log.stat().st_mtime


class Synth:
    """FluidSynth, playing two organs and the drums into a file instead of a loudspeaker."""

    def __init__(self, program: Program, path: Path) -> None:
        self._program = program
        self.path = path
        """Signed 16-bit samples, two channels in turn: a raw file needs no orderly end."""
        self.port = "synth:midi_00"

    @property
    def frames(self) -> int:
        """How far it has played, in frames of audio."""
        return self.path.stat().st_size // 4 if self.path.exists() else 0


class Keyboard:
    """A program that plays whatever messages they are told to, on a port of their own."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.port = f"{name}:out"
        self._played = 0

    def tell(self, messages: Iterable[Sequence[int]], *, per_s: float = math.inf) -> None:
        """Have messages sent, so many a second, and wait for nothing."""
        told = json.dumps({"messages": [list(message) for message in messages], "gap_s": 1 / per_s})
        self.program.tell(told)
        self._played += 1

    def play(
        self, messages: Iterable[Sequence[int]], *, per_s: float = math.inf, within_s: float | None = None
    ) -> None:
        """Send messages, so many a second; returns when the last one has been handed to the server."""
        self.tell(messages, per_s=per_s)
        eventually(lambda: self.program.out.count("played") >= self._played, "the keyboard", within_s)
