"""What is heard of your keys, read in one way from ports, from call files and from the computer's keyboard.

A key is known by its channel and its pitch, and what is heard of it by its pitch alone: while two hands or two fingers
of an MPE keyboard hold the same pitch it sounds until the last of them lets go. Percussion is left out. An end closes
what began first, so notes may touch with the new one first; a key struck again ends what it began before. Times here
are of whatever clock the caller has. It must never keep a key for ever that no hand can still be holding.
"""

from collections import Counter, deque
from collections.abc import Iterable
from math import inf

from improv.dataclass import dataclass
from improv.midi.messages import ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON, RESET_CONTROLLERS
from improv.midi.mpe_zones import Zones
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Timed
from improv.music.parts import PERCUSSION_CHANNEL, Part

DOUBT_BEATS = 2
"""A key that has been struck twice and ended once may be up: so long is a second end waited for."""

HELD_BEATS = 16
"""A key is held for no longer, four bars: its end was lost, or there is nothing left of the note to answer."""

LETTERS, SCRIPT = 16, 17
"""The channels of notes that come without MIDI: the computer's keys, and what is known beforehand."""

_PERCUSSION = PERCUSSION_CHANNEL
_LOCAL_CONTROL = 122
_SYSTEM_RESET, _SYSEX, _NON_REALTIME, _GENERAL_MIDI = 0xFF, 0xF0, 0x7E, 0x09
_TOGETHER_S = 0.02
"""An end that comes so soon after a key was struck again is surely the end of the note before."""

Key = tuple[int, int]
"""A channel and a pitch."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A note that was begun on a key: when, and how hard."""

    key: Key
    velocity: int
    begun: float


@dataclass(frozen=True, slots=True)
class Change:
    """A note that begins, or has ended, at some time."""

    at: float
    note: Struck
    begins: bool


class KeysDown:
    """The keys that are down: what begins and ends with each message.

    `together` is how close times are that are told apart only by their order.
    """

    def __init__(self, together: float = _TOGETHER_S) -> None:
        self._together = together
        self._notes: dict[Key, Struck] = {}
        """Of each key that is down the note that began last."""
        self._owed: dict[Key, deque[float]] = {}
        """When a key was struck again: so many ends are still to come of notes that are over."""
        self._doubted: dict[Key, float] = {}
        """When an end came that was owed, of keys that may be up by it."""
        self._zones = Zones()
        self.left_out = 0
        """Onsets of percussion."""

    def enter(self, message: bytes, at: float) -> list[Change]:
        """Take in a MIDI message; return the notes that it begins or ends."""
        if message and _resets(message):
            return self.release_all(at)
        if len(message) != 3:
            return []
        self._zones.enter(message)
        kind, channel, number = message[0] & 0xF0, message[0] & 0x0F, message[1]
        if kind == CONTROL and number >= ALL_SOUND_OFF and number not in (RESET_CONTROLLERS, _LOCAL_CONTROL):
            return self.release_all(at, self._zones.channels_of(channel))
        if kind not in (NOTE_ON, NOTE_OFF):
            return []
        if channel == _PERCUSSION and channel not in self._zones.channels:
            self.left_out += kind == NOTE_ON and message[2] > 0
            return []
        if kind == NOTE_ON and message[2]:
            return self.begin((channel, number), message[2], at)
        return self.end((channel, number), at)

    def begin(self, key: Key, velocity: int, at: float) -> list[Change]:
        """Strike a key, which ends its earlier note. Struck twice at once it is one note, until its last note-off."""
        before = []
        if key in self._doubted:  # it was up, or it could not have been struck
            before = self.release([key], at)
        elif key in self._notes:
            if self._notes[key].begun == at:
                self._owed.setdefault(key, deque()).append(at)
                return []
            before = [Change(at, self._notes[key], begins=False)]
            self._owed.setdefault(key, deque()).append(at)
        note = self._notes[key] = Struck(key, velocity, at)
        return [*before, Change(at, note, begins=True)]

    def end(self, key: Key, at: float) -> list[Change]:
        """End the note that a key began first, which may be over already."""
        owed = self._owed.get(key)
        if not owed:
            self._doubted.pop(key, None)
            return self.release([key], at)
        if at - owed.popleft() > self._together:
            self._doubted[key] = at
        if not owed:
            del self._owed[key]
        return []

    def release(self, keys: Iterable[Key], at: float) -> list[Change]:
        """Release keys, whatever note-offs are still to come; doubtful ones count as up since their last note-off."""
        ended = []
        for key in sorted(keys, key=lambda key: (key[1], key[0])):
            since = self._doubted.pop(key, at)
            self._owed.pop(key, None)
            if note := self._notes.pop(key, None):
                ended.append(Change(since, note, begins=False))
        return ended

    def release_all(self, at: float, channels: Iterable[int] | None = None) -> list[Change]:
        """Release all keys, or those of some channels."""
        among = None if channels is None else frozenset(channels)
        return self.release([key for key in self._notes if among is None or key[0] in among], at)

    def release_stale(self, at: float, beat: float) -> list[Change]:
        """Release keys that have been down longer than a hand holds them; scripted notes are left alone.

        `at` and `beat` have the same unit.
        """
        return self.release([key for key in self._notes if at >= self._until(key, beat)], at)

    def next_stale(self, beat: float) -> float:
        """Return when a key will next be released as stale; infinity if none will."""
        return min((self._until(key, beat) for key in self._notes), default=inf)

    def _until(self, key: Key, beat: float) -> float:
        if key[0] == SCRIPT:
            return inf
        held = self._notes[key].begun + HELD_BEATS * beat
        return min(held, self._doubted[key] + DOUBT_BEATS * beat) if key in self._doubted else held


class YourNotes:
    """What is heard of the keys that are down: each pitch once, until the last key that holds it comes up.

    A keyboard of layers sends each note on several channels, all but at once.
    """

    def __init__(self) -> None:
        self._keys = KeysDown()
        self._down: Counter[int] = Counter()
        self._struck_s: dict[int, float] = {}
        """When each pitch was heard to begin last."""

    @property
    def down(self) -> frozenset[int]:
        """The pitches of the keys that are down."""
        return frozenset(self._down)

    def message(self, message: bytes, time_s: float) -> list[Timed]:
        """Take in a MIDI message at a time in seconds; return the note events it causes."""
        return self._heard(self._keys.enter(message, time_s))

    def computer_key(self, event: NoteEvent, time_s: float) -> list[Timed]:
        """Take in a key of the computer keyboard; return its note events. One release ends it."""
        key = LETTERS, event.pitch
        changes = self._keys.release([key], time_s)
        if isinstance(event, NoteOn):
            changes += self._keys.begin(key, event.velocity, time_s)
        return self._heard(changes)

    def scripted(self, event: NoteEvent, time_s: float) -> list[Timed]:
        """Take in a note that is known beforehand; return its note events."""
        key = SCRIPT, event.pitch
        if isinstance(event, NoteOn):
            return self._heard(self._keys.begin(key, event.velocity, time_s))
        return self._heard(self._keys.end(key, time_s))

    def release_all(self, time_s: float) -> list[Timed]:
        """Release all keys at a time in seconds; return the note-offs."""
        return self._heard(self._keys.release_all(time_s))

    def release_stale(self, now_s: float, beat_s: float) -> list[Timed]:
        """Release keys that have been down longer than a hand holds them; return the note-offs."""
        return self._heard(self._keys.release_stale(now_s, beat_s)) if self._down else []

    def next_stale_s(self, beat_s: float) -> float:
        """Return when a key will next be released as stale, in seconds; infinity if none will."""
        return self._keys.next_stale(beat_s) if self._down else inf

    def _heard(self, changes: Iterable[Change]) -> list[Timed]:
        heard = []
        for change in changes:
            pitch, sounds = change.note.key[1], self._down[change.note.key[1]] > 0
            self._down[pitch] += 1 if change.begins else -1
            layered = change.begins and sounds and change.at - self._struck_s[pitch] <= _TOGETHER_S
            if sounds and not layered and (change.begins or not self._down[pitch]):
                heard.append(Timed(change.at, NoteOff(Part.YOU, pitch)))
            if change.begins and not layered:
                self._struck_s[pitch] = change.at
                heard.append(Timed(change.at, NoteOn(Part.YOU, pitch, change.note.velocity)))
            self._down += Counter()  # leaves out what is zero
        return heard


def _resets(message: bytes) -> bool:
    """Whether a message sets the whole instrument back: system reset, or General MIDI on or off."""
    if message[0] == _SYSTEM_RESET:
        return True
    return message[0] == _SYSEX and len(message) > 4 and message[1] == _NON_REALTIME and message[3] == _GENERAL_MIDI
