"""The computer keyboard as a piano: what a pressed letter means, and how long its note lasts.

Pure: moments come in as seconds of some clock, keys of the piano go out. Most terminals tell that a key goes down and
never that it comes up, so an end has to be guessed; nothing here may leave a note without one.
"""

from dataclasses import dataclass, replace
from math import inf

from improv.protocol.commands import Press
from improv.tui.input.key_bindings import Layout, Struck

CHORD_S = 0.04
"""Keys within so long of each other are one chord."""

REPEAT_S = 0.08
"""The same key again within so long is a terminal repeating one that is held."""

GATE_S = 0.6
"""How long a note lasts if nothing ends it."""

HELD_S = 0.15
"""How long after its last repeat a held key is taken to be up."""

_LOWEST_C, _HIGHEST_C = 0, 96
_SOFTEST, _LOUDEST, _TOUCH = 8, 127, 8
_ACCENT = 30


@dataclass(frozen=True, slots=True)
class Sounding:
    """A key that is down: from when on, when it was last pressed, and until when."""

    pitch: int
    struck_s: float
    pressed_s: float
    until_s: float
    held_by: str = ""
    """What has to be let go to end it; empty where its end is guessed."""


@dataclass(frozen=True, slots=True)
class Piano:
    """The keys that are down, the lowest C and the velocity: a value, so that a key makes another one of it."""

    lowest: int = 60
    velocity: int = 80
    down: tuple[Sounding, ...] = ()

    def pressed(self, key: Struck, now_s: float) -> tuple["Piano", tuple[Press, ...]]:
        """The piano after a key, and what is to be sent: the ends of what it ends, then its own beginning."""
        pitch = self.lowest + key.semitone
        if not 0 <= pitch <= 127:
            return self, ()
        piano, ended = self.passed(now_s)
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
        struck = Sounding(pitch, now_s, now_s, now_s + GATE_S)
        velocity = min(_LOUDEST, self.velocity + _ACCENT * key.accent)
        return replace(piano, down=(*kept, struck)), (*ended, *released, Press(pitch, velocity))

    def held(self, pitch: int, by: str, now_s: float, *, accent: bool = False) -> tuple["Piano", tuple[Press, ...]]:
        """The piano after a key that will tell when it comes up: others go on, one of the same pitch begins again."""
        if not 0 <= pitch <= 127:
            return self, ()
        ended = tuple(one for one in self.down if one.pitch == pitch or one.held_by == by)
        kept = tuple(one for one in self.down if one not in ended)
        struck = Sounding(pitch, now_s, now_s, inf, by)
        velocity = min(_LOUDEST, self.velocity + _ACCENT * accent)
        return replace(self, down=(*kept, struck)), (*(Press(one.pitch, 0) for one in ended), Press(pitch, velocity))

    def lifted(self, by: str) -> tuple["Piano", tuple[Press, ...]]:
        """The piano after that has been let go."""
        ended = tuple(one for one in self.down if one.held_by == by)
        kept = tuple(one for one in self.down if one not in ended)
        return replace(self, down=kept), tuple(Press(one.pitch, 0) for one in ended)

    def passed(self, now_s: float) -> tuple["Piano", tuple[Press, ...]]:
        """The piano at a moment, and the ends of what has ended by then."""
        over = tuple(one for one in self.down if one.until_s <= now_s)
        if not over:
            return self, ()
        kept = tuple(one for one in self.down if one not in over)
        return replace(self, down=kept), tuple(Press(one.pitch, 0) for one in over)

    def released(self) -> tuple["Piano", tuple[Press, ...]]:
        """The piano with every key up, and their ends."""
        return replace(self, down=()), tuple(Press(one.pitch, 0) for one in self.down)

    @property
    def next_end_s(self) -> float | None:
        """When the next key comes up by itself, if one will."""
        return min((one.until_s for one in self.down if one.until_s < inf), default=None)

    def octave(self, by: int) -> "Piano":
        """The piano so many octaves higher; what sounds goes on."""
        return replace(self, lowest=min(_HIGHEST_C, max(_LOWEST_C, self.lowest + 12 * by)))

    def touch(self, by: int) -> "Piano":
        """The piano struck harder by so many notches."""
        return replace(self, velocity=min(_LOUDEST, max(_SOFTEST, self.velocity + _TOUCH * by)))

    def labels(self, layout: Layout) -> dict[int, str]:
        """The letter to print on each pitch."""
        return {pitch: letter for pitch, letter in layout.labels(self.lowest).items() if 0 <= pitch <= 127}
