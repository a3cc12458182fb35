"""The drums as a network plays them: it chooses what four limbs strike; when to fill and to crash is the rule's."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from improv.models.contract import StepModel
from improv.models.encodings import Choice
from improv.models.encodings.drum_grids import (
    CLASSES,
    GRID,
    HITS_HEAD,
    LATER_HITS_HEAD,
    PITCH_OF,
    SOUNDS,
    SUBSTEP_TICKS,
    SUBSTEPS,
    VELOCITY_HEAD,
    DrumGrids,
    DrumInput,
    Sound,
    Stroke,
    Strokes,
)
from improv.music.grid import TICKS_PER_BEAT
from improv.music.parts import Part
from improv.music.styles import Style
from improv.session.band.asking import Freedom, asked, chosen
from improv.session.band.context import BandContext
from improv.session.band.drum_figures import CRASH, HAT, HIGH_TOM, LOW_TOM, MID_TOM, OPEN_HAT, RIDE, SNARE, STICK
from improv.session.band.drums import HIT_TICKS, bar_figure, crash, is_filling, timekeeping, weight
from improv.session.band.notes import Struck
from improv.session.band.part_state import PartState
from improv.session.band.rows import VELOCITIES

_GRIDS = DrumGrids()

SOUND_OF = MappingProxyType(
    {
        **{pitch: sound for sound, pitch in PITCH_OF.items()},
        **dict.fromkeys((59, 53), Sound.RIDE),
        **dict.fromkeys((52, 55, 57), Sound.CRASH),
        **dict.fromkeys((39, 40), Sound.SNARE),
        **dict.fromkeys((45, 47, 50), Sound.HIGH_TOM),
        41: Sound.LOW_TOM,
        35: Sound.KICK,
    }
)
"""What each pitch of General MIDI's percussion map is to the network; others are nothing."""

_NO_CRASH = frozenset({Sound.CRASH})
"""What a network does not strike outside of fills: it is the band's to say where a crash is."""

_CYMBALS = frozenset({Sound.CLOSED_HAT, Sound.OPEN_HAT, Sound.RIDE})

_KEEPS_TIME = frozenset({RIDE, HAT, OPEN_HAT, CRASH})

_FILLS = frozenset({SNARE, STICK, LOW_TOM, MID_TOM, HIGH_TOM, PITCH_OF[Sound.HIGH_TOM], PITCH_OF[Sound.LOW_TOM]})
"""The drums, by MIDI pitch, that a fill is played on."""

_PLAIN, _LIVELY = Freedom(0.35, 0.7), Freedom(0.85, 0.94)
"""How freely what is struck is drawn by a plain and by a lively drummer."""

_TOUCH, _TIMING = Freedom(0.6, 1.0), Freedom(0.5, 1.0)
"""How freely velocities and delays are drawn."""

_LOUDER = MappingProxyType(
    {Style.SWING: 0.96, Style.SHUFFLE: 0.85, Style.SLOW: 0.92, Style.FUNK: 0.82, Style.NEW_ORLEANS: 0.74}
)
"""How hard the kit is struck in each style beside the drummers of the dataset: measured to be as loud as by rule."""

_LOUDEST_FROM = 3.3
"""Classes of loudness in all the energy there can be: the loudest quarter of bars is for the very top."""

_LAST = SUBSTEPS * SUBSTEP_TICKS - 0.1
"""No stroke of a step is later, in ticks from its beginning."""


NEARER_THAN_RULE = frozenset({Style.SWING, Style.SLOW, Style.FUNK, Style.NEW_ORLEANS})
"""The styles in which the network is nearer to people than the rule (`python -m training evaluate`)."""


def keeps_time(context: BandContext) -> bool:
    """Return whether the network plays in a step: on its grid, in a style in which it is better than the rule."""
    return context.style in NEARER_THAN_RULE and context.length == GRID.ticks_per_step


def learned_drums(state: PartState, context: BandContext, model: StepModel) -> tuple[PartState, list[Struck]]:
    """Return the drummer's state after a step, and what it strikes in it. Errors of the model are raised."""
    before = state.figure
    if context.bar_tick == 0 or len(before) != 4:
        state = replace(state, figure=bar_figure(context, before))
    history = state.strokes
    given = DrumInput(
        struck=_read(history[-1], context.style) if history else (),
        bar_ago=_read(history[0], context.style) if len(history) == GRID.steps_per_bar else (),
        style=context.style.value,
        place=context.chorus_bar * GRID.steps_per_bar + context.bar_tick // GRID.ticks_per_step,
        bpm=context.bpm,
        density=_class(CLASSES * (context.energy - 0.3 * context.lively * context.busy)),
        loudness=_class(_LOUDEST_FROM * (context.energy + 0.25 * context.lively * context.loudness)),
        fills=is_filling(state.figure, context),
    )
    logits, memory = asked(model, _GRIDS.encode(given), state.memory)
    strokes = chosen(
        _GRIDS.decode(_NO_CRASH if not given.fills else frozenset()),
        logits,
        lambda choice: _freedom(choice, context),
        lambda number: context.draw(Part.DRUMS, number),
        rows=True,
    )
    if context.bar_tick == 0 and (how := crash(context, before)):
        strokes = _with_crash(strokes, VELOCITIES[how])
    return state.remembering(memory, state.strokes), _with_time(
        [_struck(stroke, context) for stroke in strokes], state.figure, context, fills=given.fills
    )


def remembered(
    strokes: tuple[tuple[int, ...], ...], struck: Iterable[Struck], start: int
) -> tuple[tuple[int, ...], ...]:
    """Return the strokes of the last bar, step by step, after a step in which notes were struck, by rule or not.

    Each is a number: the sound, the place within the step and the velocity.
    """
    now = tuple(
        _written(SOUND_OF[note.pitch], substep_at(note.tick - start), note.velocity)
        for note in struck
        if note.pitch in SOUND_OF
    )
    return (*strokes, now)[-GRID.steps_per_bar :]


def substep_at(ticks: float) -> int:
    """Return the place of a step that is nearest to ticks from its beginning: a stroke may be early."""
    return min(SUBSTEPS - 1, int(ticks / SUBSTEP_TICKS + 0.5))


def _written(sound: Sound, substep: int, velocity: int) -> int:
    return sound + len(SOUNDS) * (substep + SUBSTEPS * velocity)


@lru_cache(maxsize=64)
def _read(strokes: tuple[int, ...], style: Style) -> Strokes:
    """Return strokes as the network knows them; each step's are read twice, the second time a bar later."""
    found = []
    for number in strokes:
        rest, sound = divmod(number, len(SOUNDS))
        velocity, substep = divmod(rest, SUBSTEPS)
        louder = _LOUDER.get(style, 1.0) * weight(PITCH_OF[SOUNDS[sound]])
        found.append(Stroke(SOUNDS[sound], substep, min(127, round(velocity / louder))))
    return tuple(found)


def _freedom(choice: Choice, context: BandContext) -> Freedom:
    if choice.head in (HITS_HEAD, LATER_HITS_HEAD):
        return _hits_freedom(context.lively)
    return _TOUCH if choice.head == VELOCITY_HEAD else _TIMING


@lru_cache(maxsize=64)
def _hits_freedom(lively: float) -> Freedom:
    return _PLAIN.towards(_LIVELY, lively)


def _class(number: float) -> int:
    """Return the class that a number falls into."""
    return min(CLASSES - 1, max(0, int(number)))


def _with_crash(strokes: Strokes, velocity: int) -> Strokes:
    """Return strokes with a crash and a kick in the place of the cymbals at the step's beginning."""
    kept = tuple(
        stroke for stroke in strokes if stroke.substep or stroke.sound not in (*_CYMBALS, Sound.CRASH, Sound.KICK)
    )
    return (Stroke(Sound.CRASH, 0, velocity), Stroke(Sound.KICK, 0, velocity), *kept)


def _with_time(struck: list[Struck], figure: tuple[int, ...], context: BandContext, *, fills: bool) -> list[Struck]:
    """Return what is struck in a step with the cymbal on a beat that the network left out: time never stops.

    In a fill it goes on until a drum answers it.
    """
    if any(note.pitch in _KEEPS_TIME or (fills and note.pitch in _FILLS) for note in struck):
        return struck
    return [*struck, *timekeeping(figure, context)]


def _struck(stroke: Stroke, context: BandContext) -> Struck:
    """Return a stroke as a note: as loud as the band is, and late by its timing, never before the step."""
    pitch = PITCH_OF[stroke.sound]
    velocity = stroke.velocity * _LOUDER[context.style] * weight(pitch) + 10 * context.lively * context.loudness
    late = stroke.late_ms * context.bpm * TICKS_PER_BEAT / 60_000
    at = context.tick + round(min(_LAST, max(0.0, stroke.substep * SUBSTEP_TICKS + late)), 2)
    return Struck(at, pitch, min(127, max(1, round(velocity))), at + HIT_TICKS)
