"""How the melody that was decided is played: how hard and how late each note is struck, and how much of it sounds.

The melody stays as it was decided, and its network is fed that: what is bent here is only heard. A network says how
people would play a note, as it begins; where there is none, or it fails, a rule does. No note begins outside of its
step, and none overtakes another. What ends as another note begins may end earlier, in the step before: that is known in
time where the step before has only just begun, as it has when a step is first planned.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from improv.dataclass import dataclass
from improv.models.contract import StepModel, Tensors
from improv.models.encodings.expression import (
    MIDDLE,
    PHRASE_TICKS,
    TIMING_HEAD,
    Expression,
    Line,
    NoteInput,
    Touch,
    late_ms_of,
    share_of,
    velocity_of,
)
from improv.models.sampling import one_of_few
from improv.music.grid import EIGHTHS, TICKS_PER_BEAT
from improv.music.notes import Cell, Frame, Onset
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.protocol.snapshot import ByRule
from improv.session.band.asking import packed, unpacked
from improv.session.band.draws import chance
from improv.session.band.learned import Networks, why_by_rule
from improv.session.expression_state import ExpressionState, NoteExpression
from improv.session.state import PlayingStyle, Session

ACCENT = 10
"""How much louder the first beat of a bar is, and how much softer a note off the beat, where expression is flat."""

_EXPRESSION = Expression()

_TIMING_TEMPERATURE = 0.8
"""How freely timing is drawn: the database's beats are themselves exact to some 10 ms. All else is drawn as learned."""

_NEAREST = 0.45
"""How far a note may be moved towards its neighbours, as a share of the way: the order is kept."""

_LEAST_GAP = 0.25
"""A note is not ended earlier than the next is struck by less than so many ticks."""

_AHEAD = 2 / 3
"""How far into the step before a note may be ended, as a share of it: by then this step has been planned."""

_ROUNDED = 2
"""Decimals of a tick."""


@dataclass(frozen=True, slots=True)
class _Touched:
    """How people would play a note."""

    velocity: float
    """Where the middle is 88."""
    late_ms: float
    """How much later than its place, in milliseconds."""
    share: float
    """How much of the time since the onset before the note before has sounded."""


def accent(session: Session) -> int:
    """Return the accent of the session's step, as a difference in MIDI velocity."""
    if session.place % session.grid.steps_per_bar == 0:
        return ACCENT
    return -ACCENT if session.place % session.grid.steps_per_beat else 0


def flat_velocity(session: Session, style: PlayingStyle) -> int:
    """Return the MIDI velocity of the step's notes where dynamics are flat: the player's mean, and the accent."""
    return min(127, max(1, style.velocity + accent(session)))


def expressed(
    before: Session, session: Session, frame: Frame, style: PlayingStyle, networks: Networks, *, in_time: bool = True
) -> tuple[ExpressionState, ByRule | None]:
    """Return how the melody of a step is played, and why by rule where its network failed.

    `before` is the session of the step before; `frame` is what improv plays, as it sounds. Nothing is asked or drawn
    where nothing begins, where several notes sound together, or where dynamics and feel are both 0. Unless `in_time`,
    every note lasts until the next is struck: what is played then follows from the step alone, and ends nothing in the
    step before.
    """
    state, cell = before.band.expression, frame.melody
    turned = session.settings.dynamics or session.settings.feel
    if not (cell.onsets and turned and cell.is_one_voice and before.band.frame.melody.is_one_voice):
        return _as_notated(state, cell, session), None
    model = networks.get(Part.MELODY)
    line, failed, memory = state.line, None, state.memory
    found: list[_Touched] = []
    givens = _inputs(state, cell, frame, session)
    if model is not None:
        try:
            found, line, memory = _asked(givens, state, session, model)
        except Exception as error:  # nothing may raise into the music
            failed, found = why_by_rule(Part.MELODY, error), []
    if not found:
        for given in givens:
            touched = _by_rule(given, session)
            found, line = [*found, touched], _after(line, given, touched)
    notes = _placed(before, session, cell, found, style, in_time=in_time)
    struck = round(session.tick + max(note.tick for note in notes), _ROUNDED)
    return ExpressionState(notes, line, struck, _sounded_to(state, cell, session), memory), failed


def _as_notated(state: ExpressionState, cell: Cell, session: Session) -> ExpressionState:
    """Return the state after a step in which no note is played otherwise than it is notated."""
    to = _sounded_to(state, cell, session)
    if not state.notes and to == state.sounded_to:
        return state
    struck = float(session.tick + max(onset.tick for onset in cell.onsets)) if cell.onsets else state.struck
    return ExpressionState((), state.line, struck, to, state.memory)


def _sounded_to(state: ExpressionState, cell: Cell, session: Session) -> int:
    """Return the tick at which the line has last sounded at the end of a step."""
    if not cell.onsets and not cell.held:
        return state.sounded_to
    if cell.sounding_after:
        return session.tick + session.grid.ticks_per_step
    return session.tick + max((release.tick for release in cell.releases), default=0)


def _inputs(state: ExpressionState, cell: Cell, frame: Frame, session: Session) -> Sequence[NoteInput]:
    """Return the input of each onset but for the line before it, which follows from how that was played."""
    transport, length = session.position.transport, session.grid.ticks_per_step
    ticks = sorted({onset.tick for onset in cell.onsets})
    start = session.place * length
    sounds_in = bool(cell.held)
    found = []
    for onset in cell.onsets:
        later = next((tick for tick in ticks if tick > onset.tick), length)
        first = onset.tick == ticks[0]
        silent = session.tick + onset.tick - state.sounded_to if first and not sounds_in else 0
        found.append(
            NoteInput(
                line=state.line,
                onset=session.tick + onset.tick,
                place=start + onset.tick,
                pitch=onset.pitch,
                room=min(EIGHTHS.ticks_per_step, later - onset.tick),
                rested=silent >= PHRASE_TICKS,
                chord=frame.chord,
                bpm=transport.bpm,
                swing=transport.swing,
            )
        )
    return found


def _asked(
    givens: Sequence[NoteInput], state: ExpressionState, session: Session, model: StepModel
) -> tuple[list[_Touched], Line, tuple[float, ...]]:
    """Return how a network plays notes, the line after them, and what it remembers. Its errors are raised."""
    line, memory = state.line, unpacked(state.memory, model)
    found: list[_Touched] = []
    for number, each in enumerate(givens):
        given = replace(each, line=line) if number else each
        outputs, memory = model.step(_EXPRESSION.encode(given), memory)
        touched = _drawn(outputs, _draws(session, given))
        found.append(touched)
        line = _after(line, given, touched)
    return found, line, packed(memory)


def _drawn(outputs: Tensors, draw: Callable[[int], float]) -> _Touched:
    """Return how a note is played that a network says it of: a class of each kind, and a place in it."""
    within: list[float] = []
    decoder = _EXPRESSION.decode()
    choice = next(decoder)
    while True:
        temperature = _TIMING_TEMPERATURE if choice.head == TIMING_HEAD else 1.0
        unit, left = one_of_few(outputs[choice.head], temperature, draw(len(within)))
        within.append(left)
        try:
            choice = decoder.send(unit)
        except StopIteration as done:
            touch: Touch = done.value
            velocity, timing, length = within
            return _Touched(
                velocity_of(touch.velocity, velocity),
                late_ms_of(touch.timing, timing),
                share_of(touch.length, length),
            )


def _draws(session: Session, given: NoteInput) -> Callable[[int], float]:
    """Return what gives random numbers of a note, 0 to 1: a stream that the choice of notes does not touch."""
    seed = session.settings.seed
    return lambda number: chance(seed, given.onset, Part.MELODY, number)


def _after(line: Line, given: NoteInput, touched: _Touched) -> Line:
    return line.after(
        onset=given.onset,
        pitch=given.pitch,
        begins=given.rested,
        velocity=round(touched.velocity, 1),
        late_ms=round(touched.late_ms, 1),
        share=round(touched.share, 3),
    )


_SWELL_TICKS, _SWELL = 8 * TICKS_PER_BEAT, 7.0
"""How long a swell by rule is, and how much louder and softer it is at most."""

_SCATTER = 12.0
"""How far velocities by rule lie from each other at most, to either side."""

_LATE_MS, _LATE_OFF_BEAT_MS, _LATE_SCATTER_MS = 16.0, 6.0, 12.0
"""How late notes on the beat and off it are by rule, and how far these lie from each other to either side."""

_DETACHED, _SHORTEST, _LONGEST = 0.5, 0.7, 0.9
"""The share of notes that are detached by rule, and the least and the greatest share of its room that one sounds."""


def _by_rule(given: NoteInput, session: Session) -> _Touched:
    """Return how a note is played by rule: by its place alone, so that it is the same whatever came before."""
    draw = _draws(session, given)
    on_beat = given.place % TICKS_PER_BEAT == 0
    swell = _SWELL * (1 - abs(2 * (given.place % _SWELL_TICKS) / _SWELL_TICKS - 1)) - _SWELL / 2
    velocity = MIDDLE + swell + _SCATTER * (draw(0) + draw(1) - 1) + (ACCENT / 2 if on_beat else -ACCENT / 2)
    late_ms = (_LATE_MS if on_beat else _LATE_OFF_BEAT_MS) + _LATE_SCATTER_MS * (draw(2) + draw(3) - 1)
    detached = draw(4) < _DETACHED
    return _Touched(velocity, late_ms, _SHORTEST + (_LONGEST - _SHORTEST) * draw(5) if detached else 1.0)


# --- notes at their times -----------------------------------------------------------------------


def _placed(
    before: Session, session: Session, cell: Cell, touched: Sequence[_Touched], style: PlayingStyle, *, in_time: bool
) -> tuple[NoteExpression, ...]:
    """Return the notes of a cell as they are played; unless `in_time`, each lasts until the next is struck."""
    settings, transport = session.settings, session.position.transport
    length, start = session.grid.ticks_per_step, session.tick
    flat, middle = flat_velocity(session, style), style.velocity
    ticks = sorted({onset.tick for onset in cell.onsets})
    begins = {tick: number for number, tick in enumerate(ticks)}
    sounds = bool(cell.held if ticks[0] else before.band.frame.melody.sounding_after.difference(cell.held))
    last = before.band.expression.struck - start
    struck: dict[int, tuple[float, float | None]] = {}
    notes: list[NoteExpression] = []
    for onset, how in zip(cell.onsets, touched, strict=True):
        if onset.tick not in struck:
            number = begins[onset.tick]
            left = ticks[number - 1] if number else 0
            right = min(ticks[number + 1] if number + 1 < len(ticks) else length, _release(cell, onset, length))
            late_beats = settings.feel * how.late_ms * transport.bpm / 60_000
            at = _moved(transport, start, onset.tick, late_beats, left, right)
            end = None
            if in_time and (number or sounds):
                share = 1 - settings.feel * (1 - how.share)
                end = _early_end(transport, start, last, at, share, -_AHEAD * length)
            struck[onset.tick], last = (at, end), at
        at, end = struck[onset.tick]
        loud = flat + settings.dynamics * (middle * how.velocity / MIDDLE - flat)
        notes.append(NoteExpression(at, min(127, max(1, round(loud))), end))
    return tuple(notes)


def _release(cell: Cell, onset: Onset, otherwise: int) -> int:
    """Return the tick at which a note ends within its cell."""
    ends = [each.tick for each in cell.releases if each.pitch == onset.pitch and each.tick > onset.tick]
    return min(ends, default=otherwise)


def _moved(transport: Transport, start: int, tick: int, late_beats: float, earliest: int, latest: int) -> float:
    """Return the tick of the step at which a note is struck that is late by some beats.

    It keeps off what is `earliest` before it and `latest` after it.
    """
    place = transport.beats_of_tick(start + tick)
    before = _NEAREST * (transport.beats_of_tick(start + earliest) - place)
    after = _NEAREST * (transport.beats_of_tick(start + latest) - place)
    moved = transport.tick_of_beats(place + min(after, max(before, late_beats)))
    return round(max(float(tick - (tick - earliest) * _NEAREST), moved - start), _ROUNDED)


def _early_end(
    transport: Transport, start: int, before: float, struck: float, share: float, earliest: float
) -> float | None:
    """Return when a note ends that sounds a share of the time from its onset to the next, in ticks of the step.

    None where that is about where the next is struck. It is no earlier than `earliest`, and later than its onset.
    """
    if share >= 1:
        return None
    began, ends = transport.beats_of_tick(start + before), transport.beats_of_tick(start + struck)
    end = round(max(earliest, transport.tick_of_beats(began + share * (ends - began)) - start), _ROUNDED)
    return end if before < end < struck - _LEAST_GAP else None
