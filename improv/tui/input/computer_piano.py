"""The computer keyboard as a piano: what a pressed letter means, and how long its note lasts.

Pure: times in seconds of any clock in, presses of keys out. Most terminals report that a key goes down and never that
it comes up, so the end of its note is guessed; no note is left without one.
"""

from dataclasses import replace
from math import inf

from improv.dataclass import dataclass
from improv.protocol.commands import Press
from improv.tui.input.key_bindings import Layout, PianoKey

CHORD_S = 0.04
"""Keys struck within so long of each other are one chord."""

REPEAT_S = 0.08
"""The same key again within so long is one that is held, and repeated by the terminal."""

GATE_S = 0.6
"""How long a note lasts if no other key ends it."""

HELD_S = 0.15
"""How long after its last repeat a held key is taken to have come up."""

_LOWEST_C, _HIGHEST_C = 0, 96
_SOFTEST, _LOUDEST, _TOUCH = 8, 127, 8
_ACCENT = 30


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that is down: when it was struck, when it was last repeated, and until when it sounds, in seconds."""

    pitch: int
    struck_s: float
    pressed_s: float
    until_s: float
    held_by: str = ""
    """What ends it when let go, a key's code or the mouse; empty where its end is guessed."""


@dataclass(frozen=True, slots=True)
class Piano:
    """The keys that are down, the lowest C and the velocity, as a value."""

    lowest: int = 60
    velocity: int = 80
    down: tuple[HeldKey, ...] = ()

    def pressed(self, key: PianoKey, now_s: float) -> tuple["Piano", tuple[Press, ...]]:
        """Return the piano after a key whose release is not reported, and the notes to send, note-offs first."""
        pitch = self.lowest + key.semitone
        if not 0 <= pitch <= 127:
            return self, ()
        piano, ended = self.at_time(now_s)
        held = next((sounding for sounding in piano.down if sounding.pitch == pitch), None)
        if held is not None and now_s - held.pressed_s <= REPEAT_S:
            held_on = replace(held, pressed_s=now_s, until_s=max(held.until_s, now_s + HELD_S))
            if held.struck_s < held.pressed_s:  # it has been repeated before: its end is known better
                held_on = replace(held_on, until_s=now_s + HELD_S)
            return replace(piano, down=tuple(held_on if one is held else one for one in piano.down)), ended
        kept = tuple(
            one for one in piano.down if one.pitch != pitch and (one.held_by or now_s - one.struck_s <= CHORD_S)
        )
        released = tuple(Press(one.pitch, 0) for one in piano.down if one not in kept)
        struck = HeldKey(pitch, now_s, now_s, now_s + GATE_S)
        velocity = min(_LOUDEST, self.velocity + _ACCENT * key.accent)
        return replace(piano, down=(*kept, struck)), (*ended, *released, Press(pitch, velocity))

    def held(self, pitch: int, by: str, now_s: float, *, accent: bool = False) -> tuple["Piano", tuple[Press, ...]]:
        """Return the piano after a key whose release is reported, and the notes to send; other notes go on."""
        if not 0 <= pitch <= 127:
            return self, ()
        ended = tuple(one for one in self.down if one.pitch == pitch or one.held_by == by)
        kept = tuple(one for one in self.down if one not in ended)
        struck = HeldKey(pitch, now_s, now_s, inf, by)
        velocity = min(_LOUDEST, self.velocity + _ACCENT * accent)
        return replace(self, down=(*kept, struck)), (*(Press(one.pitch, 0) for one in ended), Press(pitch, velocity))

    def lifted(self, by: str) -> tuple["Piano", tuple[Press, ...]]:
        """Return the piano after the key or mouse button `by` is released, and the note-offs to send."""
        ended = tuple(one for one in self.down if one.held_by == by)
        kept = tuple(one for one in self.down if one not in ended)
        return replace(self, down=kept), tuple(Press(one.pitch, 0) for one in ended)

    def at_time(self, now_s: float) -> tuple["Piano", tuple[Press, ...]]:
        """Return the piano at a time in seconds, and the note-offs of notes that are over by then."""
        over = tuple(one for one in self.down if one.until_s <= now_s)
        if not over:
            return self, ()
        kept = tuple(one for one in self.down if one not in over)
        return replace(self, down=kept), tuple(Press(one.pitch, 0) for one in over)

    def released(self) -> tuple["Piano", tuple[Press, ...]]:
        """Return the piano with every key up, and the note-offs to send."""
        return replace(self, down=()), tuple(Press(one.pitch, 0) for one in self.down)

    @property
    def next_end_s(self) -> float | None:
        """Time at which the next note ends by itself, in seconds; None if none does."""
        return min((one.until_s for one in self.down if one.until_s < inf), default=None)

    def transposed(self, by: int) -> "Piano":
        """Return the piano moved by octaves; sounding notes go on."""
        return replace(self, lowest=min(_HIGHEST_C, max(_LOWEST_C, self.lowest + 12 * by)))

    def louder(self, by: int) -> "Piano":
        """Return the piano with its velocity moved by notches."""
        return replace(self, velocity=min(_LOUDEST, max(_SOFTEST, self.velocity + _TOUCH * by)))

    def labels(self, layout: Layout) -> dict[int, str]:
        """Return the character to print on each pitch."""
        return {pitch: letter for pitch, letter in layout.labels(self.lowest).items() if 0 <= pitch <= 127}
