"""What a player of the band knows when it plays a step: one value, made once for all of them.

Chords are in the performance's key. Ticks of the bar count from its beginning; those of events from the first step of
the performance.
"""

from improv.dataclass import dataclass
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import Chord, Form
from improv.session.band.draws import chance

TICKS_PER_BAR = BEATS_PER_BAR * TICKS_PER_BEAT

PHRASE_BARS = 4
"""The bars of a phrase of the form, at whose end a drummer fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The chords that come, step by step: those that are decided, then the form's, both in the network's key."""

    decided: tuple[Chord | None, ...]
    form: Form
    place: int
    """Of the step, from the top of the form."""
    semitones: int
    """From the network's key to the performance's."""

    def after(self, steps: int) -> Chord | None:
        """Return the chord so many steps, 1 or more, after this one, in the performance's key."""
        chord = self.decided[steps - 1] if steps <= len(self.decided) else self.form.chord_at(self.place + steps)
        return chord and chord.transposed(self.semitones)


@dataclass(frozen=True, slots=True)
class Beside:
    """What else sounds, which a player keeps clear of: MIDI pitches, each None where nothing does."""

    soloist_low: int | None = None
    """The lowest pitch of the soloist in the step, which is decided, and in the one before."""
    bass_high: int | None = None
    """The pitch of the bass that sounds as the step begins."""
    comp_low: int | None = None
    """The lowest pitch of the chord that the comping hand struck last; None where it is silenced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandContext:
    """A step as the band sees it."""

    tick: int
    """The tick at which the step begins."""
    length: int
    """How many ticks it has."""
    bar_tick: int
    """The tick of the bar at which it begins, 0 to 47."""
    bar: int
    """Bars since the top of the form, choruses counted through."""
    bars: int
    """Bars of the form."""
    chord: Chord | None
    """The chord of the step."""
    changes: Changes
    style: Style
    lively: float
    """The control `band`: 0 plain to 1 lively."""
    energy: float
    """How much is going on: 0 little to 1 everything; the arc over choruses, and what is heard."""
    loudness: float
    """How loud the player is: -1 as soft as can be, 0 as usual, 1 as loud as can be."""
    busy: float
    """How busy player and soloist are: 0 calm to 1."""
    register: tuple[int, int] | None
    """The lowest and the highest MIDI pitch of player and soloist over the last bar; None where nothing sounded."""
    beside: Beside = Beside()
    turn_begins: bool
    """Whether the turn has changed hands with this step."""
    turn_left: int | None
    """How many ticks are left of the turn from the step on; None where its end is not known."""
    swing: float
    """The share of a beat that its first eighth takes, 0.5 to 0.75."""
    seed: int
    bpm: float = 120.0
    """The tempo, in quarter notes a minute."""
    silent: frozenset[Part] = frozenset()
    """The parts of the band that are silenced."""

    @property
    def chorus_bar(self) -> int:
        """The bar of the chorus, from 0."""
        return self.bar % self.bars

    @property
    def bar_start(self) -> int:
        """The tick at which the bar of the step begins."""
        return self.tick - self.bar_tick

    @property
    def begins_phrase(self) -> bool:
        """Whether the bar is the first of four, or of the chorus."""
        return self.chorus_bar % PHRASE_BARS == 0

    @property
    def ends_phrase(self) -> bool:
        """Whether the bar is the last of four, or of the chorus."""
        return self.chorus_bar % PHRASE_BARS == PHRASE_BARS - 1 or self.chorus_bar == self.bars - 1

    def chord_at(self, tick: int) -> Chord | None:
        """Return the chord that sounds at a tick of the bar, from the step on, into the bars that follow it too."""
        steps = (tick - self.bar_tick) // self.length
        return self.changes.after(steps) if steps > 0 else self.chord

    def draw(self, part: Part, number: int) -> float:
        """Return a random number from 0 up to 1 of a part in this step."""
        return chance(self.seed, self.tick, part, number)

    def bar_draw(self, part: Part, number: int, bars: int = 1) -> float:
        """Return a random number from 0 up to 1 of a part, the same in every step of a bar, or of so many bars."""
        return chance(self.seed, self.tick - self.bar_tick - self.bar % bars * TICKS_PER_BAR, part, number)
