"""A band that plays a form by itself, step by step, without a session: what its players decide is seen in the open."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import QUALITIES, Chord, Form
from improv.session.band.accompaniment import PLAYERS
from improv.session.band.context import BandContext, Changes
from improv.session.band.intensity import arc, energy
from improv.session.band.part_state import REST, PartState

BLUES = "F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bdim7 | F7 | Am7b5 D7 | Gm7 | C7 | F7 D7 | Gm7 C7"

STYLES = tuple(style for style in Style if style is not Style.PADS)

CHORDS = st.one_of(
    st.builds(Chord, st.integers(0, 11), st.sampled_from(list(QUALITIES.values()))),
    st.sets(st.integers(0, 11), min_size=1, max_size=5).map(lambda classes: Chord.of(classes) or Chord(0, (0,))),
)
"""Chords with a name, and others."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a player has done in a step."""

    context: BandContext
    before: PartState
    after: PartState
    events: tuple[Placed, ...]

    @property
    def onsets(self) -> list[tuple[float, int, int]]:
        """Tick, MIDI pitch and velocity of what begins."""
        return [
            (placed.tick, placed.event.pitch, placed.event.velocity)
            for placed in self.events
            if isinstance(placed.event, NoteOn)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """What is played, and what is heard meanwhile."""

    form: Form
    style: Style = Style.SWING
    lively: float = 0.5
    seed: int = 0
    swing: float = 0.6
    busy: float = 0.0
    loudness: float = 0.0
    register: tuple[int, int] | None = (64, 79)
    turn_bars: int = 4
    silent: frozenset[Part] = frozenset()

    def context(self, step: int) -> BandContext:
        """Return what the band knows at a step."""
        form, grid = self.form, self.form.grid
        length, turn = grid.ticks_per_step, self.turn_bars * grid.steps_per_bar
        return BandContext(
            tick=step * length,
            length=length,
            bar_tick=step % grid.steps_per_bar * length,
            bar=step // grid.steps_per_bar,
            bars=form.bars,
            chord=form.chord_at(step),
            changes=Changes(decided=(), form=form, place=step, semitones=0),
            style=self.style,
            lively=self.lively,
            energy=energy(arc(step, form), self.loudness, self.busy, self.lively),
            loudness=self.loudness,
            busy=self.busy,
            register=self.register,
            turn_begins=step % turn == 0,
            turn_left=(turn - step % turn) * length,
            swing=self.swing,
            seed=self.seed,
            silent=self.silent,
        )


def blues(style: Style = Style.SWING, *, grid: Grid = EIGHTHS, **given: object) -> Tune:
    """A blues with many changes."""
    return Tune(form=Form.parse(BLUES, grid), style=style, **given)  # type: ignore[arg-type]


def played(tune: Tune, part: Part, choruses: int = 1, first: int = 0) -> Iterator[Step]:
    """Yield the steps of a player, through choruses from one on."""
    state = replace(REST, style=tune.style)
    for step in range(first * tune.form.steps, (first + choruses) * tune.form.steps):
        context = tune.context(step)
        before = state
        state, events = PLAYERS[part].play(before, context)
        yield Step(context, before, state, tuple(sorted(events, key=lambda placed: placed.tick)))


def checked(steps: list[Step], part: Part) -> None:
    """See that each note ends once before its pitch begins again, and that nothing happens outside of its step."""
    sounding: set[int] = set()
    for step in steps:
        for placed in step.events:
            assert step.context.tick <= placed.tick < step.context.tick + step.context.length
            assert placed.event.part is part
            if isinstance(placed.event, NoteOn):
                assert placed.event.pitch not in sounding
                assert 1 <= placed.event.velocity <= 127
                sounding.add(placed.event.pitch)
            else:
                assert isinstance(placed.event, NoteOff)
                sounding.remove(placed.event.pitch)
        assert sounding == set(step.after.pitches)
        assert len(step.after.pitches) == len(sounding)


@st.composite
def tunes(draw: st.DrawFn) -> Tune:
    """Tunes of a few bars with chords of all kinds, on all grids, in all styles, over lines of all kinds."""
    grid = Grid(draw(st.sampled_from([1, 2, 3, 4, 6, 12])))
    bars = draw(st.lists(st.lists(CHORDS, min_size=1, max_size=2), min_size=1, max_size=5))
    chords = [chord for bar in bars for chord in bar for _ in range(grid.steps_per_bar // len(bar))]
    low = draw(st.integers(30, 90))
    return Tune(
        form=Form(tuple(chords), grid),
        style=draw(st.sampled_from(STYLES)),
        lively=draw(st.sampled_from([0.0, 0.3, 1.0])),
        seed=draw(st.integers(0, 99)),
        swing=draw(st.sampled_from([0.5, 0.57, 0.6, 0.667, 0.75])),
        busy=draw(st.sampled_from([0.0, 0.5, 1.0])),
        loudness=draw(st.sampled_from([-1.0, 0.0, 1.0])),
        register=draw(st.sampled_from([None, (low, low + 17)])),
        turn_bars=draw(st.integers(1, 3)),
        silent=draw(st.sampled_from([frozenset(), frozenset({Part.BASS})])),
    )
