"""What the band hears: how busy, how loud and how high the player and the soloist have been over the last bar."""

from collections.abc import Iterable
from dataclasses import replace

from improv.dataclass import dataclass
from improv.music.grid import BEATS_PER_BAR
from improv.music.notes import Cell

_CALM, _BUSY, _AT_BPM = 1.0, 3.5, 120
"""Onsets a beat at a tempo: a line that is not busy at all, and one that is as busy as can be. In a slower tempo there
are more of them, in a faster one fewer."""

_LEAST, _MOST = 0.6, 1.8
"""By how much at least and at most."""

_NEWEST = 2
"""The beats from which the register is taken: a line moves through octaves within a bar."""

_USUAL, _LOUDEST = 80, 45
"""The velocity that is neither loud nor soft, and how far above or below it is as loud or as soft as can be."""


@dataclass(frozen=True, slots=True)
class HeardBeat:
    """What was heard in one beat of the player and the soloist."""

    onsets: int = 0
    """How many places had an onset, a chord at one."""
    strikes: int = 0
    """How many notes the player struck."""
    velocities: int = 0
    """The sum of their velocities."""
    low: int = 128
    """The lowest MIDI pitch that sounded; 128 where none did."""
    high: int = -1
    """The highest; -1 where none did."""


QUIET = HeardBeat()


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard over the last bar, beat by beat, the newest last: never more than a bar and the beat that runs."""

    beats: tuple[HeardBeat, ...] = ()

    def busy(self, bpm: float) -> float:
        """Return how busy the lines are at a tempo, 0 to 1; the newest beats weigh most."""
        heard = weights = 0.0
        for weight, beat in enumerate(self.beats, 1):
            heard += weight * beat.onsets
            weights += weight
        if not heard:
            return 0.0
        a_beat = heard / weights / min(_MOST, max(_LEAST, _AT_BPM / bpm))
        return min(1.0, max(0.0, (a_beat - _CALM) / (_BUSY - _CALM)))

    @property
    def loudness(self) -> float | None:
        """How loud the player is, -1 to 1; None where the player has struck nothing."""
        strikes = sum([beat.strikes for beat in self.beats])
        if not strikes:
            return None
        return loudness(sum([beat.velocities for beat in self.beats]) / strikes)

    @property
    def register(self) -> tuple[int, int] | None:
        """The lowest and the highest MIDI pitch of the last beats, where the lines are now; None where none sounded."""
        newest = self.beats[-_NEWEST:]
        low = min([beat.low for beat in newest], default=128)
        return None if low > 127 else (low, max([beat.high for beat in newest]))


NOTHING_HEARD = Hearing()


def loudness(velocity: float) -> float:
    """Return how loud a velocity is, -1 to 1."""
    return min(1.0, max(-1.0, (velocity - _USUAL) / _LOUDEST))


def listened(
    hearing: Hearing, cells: Iterable[Cell], velocities: tuple[int, ...], *, beat_begins: bool, beat_ends: bool
) -> Hearing:
    """Return what was heard after a step: the cells of player and soloist in it, and the player's velocities.

    `beat_begins` and `beat_ends`: whether the step is the first of its beat, and the last.
    """
    beats = hearing.beats
    if beat_begins or not beats:
        beats = (*beats[-BEATS_PER_BAR:], QUIET)
    now = beats[-1]
    for cell in cells:
        pitches = cell.pitches
        if pitches:
            onsets = now.onsets + len({onset.tick for onset in cell.onsets})
            low, high = min(now.low, *pitches), max(now.high, *pitches)
            now = HeardBeat(onsets, now.strikes, now.velocities, low, high)
    if velocities:
        now = replace(now, strikes=now.strikes + len(velocities), velocities=now.velocities + sum(velocities))
    beats = (*beats[:-1], now)
    return Hearing(beats[-BEATS_PER_BAR:] if beat_ends else beats)
