"""Whose turn it is. Pure: the turn so far, the rules of the game and what you play in, the turn at the next step out.

Steps are absolute; a rule that is aligned to the form counts from its top.
"""

from enum import StrEnum
from math import ceil
from typing import assert_never

from improv.dataclass import dataclass
from improv.music.grid import EIGHTHS, TICKS_PER_BEAT, Grid

_GRACE_BEATS = 1
"""A note on the first beat of improv's turn ends your phrase; it takes nothing back."""

_LEAST_CALL = 2
"""One stray note is not a call."""

_STRAY_BEATS = 4
"""A note that has had no company for so long is forgotten."""

_LEAST_ANSWER_BEATS, _MOST_ANSWER_BEATS = 2, 48

_DUE = (1 / 2, 5 / 8, 3 / 4)
"""How much of improv's turn may be over before its first, second and third note: with fewer it would be no answer."""

_LONGEST_START_BARS, _LONGEST_REST_BARS = 2, 1
"""However long the turn is, the first comes after so many bars, and the others so many after the one before."""


class Mode(StrEnum):
    """How the player and improv share the time."""

    TRADE = "trade"
    """You have some bars, improv answers as many, aligned to the form."""
    PHRASE = "phrase"
    """You play a phrase; when it has ended improv answers, about as long."""
    DUET = "duet"
    """Both play all the time."""
    SOLO = "solo"
    """improv plays and never waits."""
    LISTEN = "listen"
    """improv keeps the changes going and listens."""


class Who(StrEnum):
    """Who plays the melody."""

    NEITHER = "count-in"
    YOU = "you"
    IMPROV = "improv"
    BOTH = "both"

    @property
    def hears_you(self) -> bool:
        """True if the network is fed what you play."""
        return self in (Who.YOU, Who.BOTH)

    @property
    def plays(self) -> bool:
        """True if the network's melody sounds."""
        return self in (Who.IMPROV, Who.BOTH)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who plays, from which step on, and up to which (None: until something happens)."""

    who: Who
    start: int
    end: int | None = None
    grid: Grid = EIGHTHS
    """The steps in which it is counted."""

    @property
    def beats(self) -> float | None:
        """Length of the turn in beats; None if it is open."""
        return self.beats_left(self.start)

    def beats_left(self, step: int) -> float | None:
        """Return the beats until the turn ends, from the start of a step; None if it is open."""
        return None if self.end is None else (self.end - step) / self.grid.steps_per_beat


@dataclass(frozen=True, slots=True)
class Rules:
    """The game: how turns are shared, and how long they are."""

    mode: Mode
    bars: int
    """In a turn of trading."""
    gap_beats: float
    """Beats of silence that end a phrase."""
    top: int = 0
    """The step of the top of the form."""
    grid: Grid = EIGHTHS
    wait_bars: int = 0
    """Bars of silence in your turn after which improv plays without a phrase to answer; 0: it never does."""

    def turn(self, who: Who, start: int, end: int | None = None) -> Turn:
        """Return a turn from step `start` to step `end`, None for an open one."""
        return Turn(who, start, end, self.grid)


@dataclass(frozen=True, slots=True)
class Call:
    """What you have played since improv last did: its first onset and its last sound in ticks, and how many onsets."""

    first: int
    last: int
    onsets: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What improv has played in its turn so far: how many notes, and the step in which the last one began."""

    notes: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class PlayerActivity:
    """What is heard of you when a step is decided."""

    call: Call | None = None
    struck: int = 0
    """Your onsets in the step that has just ended."""
    so_far: int = 0
    """At how many places you have struck in this turn, a chord at one."""
    held: bool = False
    """Whether a key is down."""
    handed_over: bool = False
    """Whether the turn was given away."""


NO_ACTIVITY = PlayerActivity()

NOTHING_YET = Answer()


def first_turn(step: int, rules: Rules) -> Turn:
    """Return the turn at a step where nothing has been played yet: at the beginning, or when the rules change."""
    if step < rules.top:
        return rules.turn(Who.NEITHER, step, rules.top)
    match rules.mode:
        case Mode.SOLO:
            return rules.turn(Who.IMPROV, step)
        case Mode.DUET:
            return rules.turn(Who.BOTH, step)
        case Mode.PHRASE | Mode.LISTEN:
            return rules.turn(Who.YOU, step)
        case Mode.TRADE:
            return _of_block(step, rules)
        case _:
            assert_never(rules.mode)


def turn_after(turn: Turn, step: int, rules: Rules, activity: PlayerActivity = NO_ACTIVITY) -> Turn:
    """Return the turn at `step`, given the turn of the step before."""
    if step < rules.top or turn.who is Who.NEITHER:
        return turn if step < rules.top and turn.end == rules.top else first_turn(step, rules)
    match rules.mode:
        case Mode.TRADE:
            return _trade(turn, step, rules, activity)
        case Mode.PHRASE:
            return _phrase(turn, step, rules, activity)
        case _:
            return turn


def _trade(turn: Turn, step: int, rules: Rules, activity: PlayerActivity) -> Turn:
    """Return the turn of trading, aligned to the form.

    A player who takes or is given the turn early has the rest of the block, and then the next one.
    """
    block = _of_block(step, rules)
    if turn.end is not None and step >= turn.end:
        return block
    if activity.handed_over or _barges_in(turn, step, activity):
        other = Who.YOU if turn.who is Who.IMPROV else Who.IMPROV
        end = block.end if block.who is other else _of_block(block.end or step, rules).end
        return rules.turn(other, step, end)
    return turn


def _phrase(turn: Turn, step: int, rules: Rules, activity: PlayerActivity) -> Turn:
    if turn.who is Who.IMPROV:
        over = turn.end is not None and step >= turn.end
        return rules.turn(Who.YOU, step) if over or activity.handed_over or _barges_in(turn, step, activity) else turn
    if (step - rules.top) % rules.grid.steps_per_beat:  # an answer begins on the beat
        return rules.turn(turn.who, turn.start, step + 1) if activity.handed_over else turn
    if activity.handed_over or turn.end is not None:
        return _answer(step, rules, activity.call)
    if activity.call is None and not activity.held and _has_waited(turn, step, rules):
        return _answer(step, rules, None)
    if activity.call is None or activity.call.onsets < _LEAST_CALL or activity.held:
        return turn
    silent = step * rules.grid.ticks_per_step - activity.call.last
    return _answer(step, rules, activity.call) if silent >= rules.gap_beats * TICKS_PER_BEAT else turn


def _has_waited(turn: Turn, step: int, rules: Rules) -> bool:
    """Return whether you have had the turn for as long as improv waits for a phrase, up to a bar line."""
    bar = rules.grid.steps_per_bar
    return 0 < rules.wait_bars * bar <= step - turn.start and (step - rules.top) % bar == 0


def _answer(step: int, rules: Rules, call: Call | None) -> Turn:
    """Return an answer about as long as the call; of so many bars, if there was none."""
    if call is None:
        return rules.turn(Who.IMPROV, step, step + rules.bars * rules.grid.steps_per_bar)
    return rules.turn(Who.IMPROV, step, step + answer_beats(call) * rules.grid.steps_per_beat)


def answer_beats(call: Call) -> int:
    """Return the length of improv's answer to a phrase, in beats: about that of the phrase, 2 to 48."""
    beats = ceil((call.last - call.first) / TICKS_PER_BEAT)
    return min(_MOST_ANSWER_BEATS, max(_LEAST_ANSWER_BEATS, beats))


def owes_a_note(turn: Turn, step: int, answer: Answer) -> bool:
    """Return whether a note of improv's must begin in this step of its turn.

    So a turn has three notes: if they do not come by themselves, the first one half-way, the others a little later and
    in its last quarter, and in a long one none much later than the one before it. A turn of less than four steps has as
    many as there is time for. In its last step nothing has to begin: what sounds may end.
    """
    if turn.who is not Who.IMPROV or turn.end is None or step >= turn.end - 1 or answer.notes >= len(_DUE):
        return False
    length, over = turn.end - turn.start, step - turn.start
    spare = length - 1 - len(_DUE)
    due = sum(over >= min(int(share * length), spare + number) for number, share in enumerate(_DUE))
    bar = turn.grid.steps_per_bar
    waits = step - answer.last >= _LONGEST_REST_BARS * bar if answer.notes else over >= _LONGEST_START_BARS * bar
    return waits or answer.notes < due


def _barges_in(turn: Turn, step: int, activity: PlayerActivity) -> bool:
    """Return whether you have begun to play in improv's turn: not by the note that ends your own."""
    late = step - turn.start > _GRACE_BEATS * turn.grid.steps_per_beat
    return turn.who is Who.IMPROV and activity.struck > 0 and (late or activity.so_far > 1)


def is_taken(turn: Turn, before: Turn) -> bool:
    """Return whether you took the turn from improv before it was over."""
    ended = before.end is None or turn.start >= before.end
    return turn.who is Who.YOU and before.who is Who.IMPROV and not ended


def taken_text(turn: Turn) -> str:
    """Return a few words on a turn that you took from improv, and its length."""
    beats = turn.beats
    return "you took its turn" if beats is None else f"you took its turn: {beats:g} beat{'s' * (beats != 1)}"


def is_stray(call: Call, tick: int) -> bool:
    """Return whether a call is too short to be answered, judged at a tick."""
    return call.onsets < _LEAST_CALL and tick - call.last >= _STRAY_BEATS * TICKS_PER_BEAT


def _of_block(step: int, rules: Rules) -> Turn:
    length = rules.bars * rules.grid.steps_per_bar
    block = (step - rules.top) // length
    start = rules.top + block * length
    return rules.turn(Who.IMPROV if block % 2 else Who.YOU, start, start + length)
