"""Drafts: the next bar of improv's turn drawn several times from streams of random numbers, and one chosen.

A session is a value, and draws follow from seed, step and stream; so a draft is `advance` on a copy of the session that
hears nothing, and playing it means to draw from its stream from then on. Each step is still drawn under the controls.
The draft that is taken is the one with which the answer so far is nearest to people's by its figures: see
`improv.session.answer_table`. A bar at a time is better than the whole answer at once: of eight drafts for each of four
bars an answer is put together that is one of thousands.

Drafts begin `AHEAD_STEPS` steps after the session that they are drawn from, on the assumption that nothing more is
heard; so there is time to draw them, and what is played does not depend on how long that takes. It must never read a
clock.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from math import ceil

import numpy as np

from improv.dataclass import dataclass
from improv.models.contract import StepModel
from improv.models.encodings import Encoding, encoding_of
from improv.music.grid import BEATS_PER_BAR
from improv.music.notes import SILENCE, Cell, Frame
from improv.music.theory import pitch_class
from improv.music.turns import Answer, Mode, PlayerActivity, Turn, Who, turn_after
from improv.protocol.controls import DRAFTS
from improv.protocol.heard import Heard
from improv.session.answer_figures import figures
from improv.session.answer_table import LEAST_NOTES, cost
from improv.session.band.arrange import transposed_to_performance
from improv.session.melody import answer_so_far, melody_muted
from improv.session.network import has_melody
from improv.session.state import Session
from improv.session.step import decided, prepare_step

AHEAD_STEPS = 2
"""How many steps after the session that they follow drafts begin: a beat of eighths."""

_DRAFTED_BARS = 1
"""A turn is drafted so many bars at a time, up to a bar line."""

_LEAST_STEPS = 4
"""No drafts are drawn of fewer steps."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft that was chosen: what it takes the sessions to be, as long as nothing is heard."""

    stream: int
    """The stream of random numbers that plays it, from 1 on."""
    due: int
    """The step from which it is played."""
    sessions: tuple[Session, ...]
    """From the step after the session that the drafts follow, to the draft's last one."""

    @property
    def end(self) -> int:
        """The step after its last one."""
        return self.sessions[-1].step + 1


Cost = Callable[[Mapping[str, float], int], float]
"""What an answer costs by its figures and the number of notes that it lacks: the less, the better it is."""

Drafting = Generator[Session | Drafted | None, None, Drafted | None]
"""Draws drafts a step at a time; yields the sessions before the drafts begin, None for each step of a draft, and each
draft that is the best so far."""


def drafts_due(session: Session, model: StepModel) -> int | None:
    """Return the step at which drafts that follow a session would begin; None where none are drawn.

    They are in a turn of improv's whose length is known, or will be when they begin if nothing more is heard.
    """
    settings = session.settings
    if not settings.drafts or settings.mode not in (Mode.TRADE, Mode.PHRASE):
        return None
    if not session.position.playing or melody_muted(settings) or not has_melody(model.spec):
        return None
    if DRAFTS.name in encoding_of(model.spec).unsupported_controls:  # nothing is drawn, so that all would be the same
        return None
    due = session.step + AHEAD_STEPS
    turn = _turn_at(due, session)
    return due if turn.who is Who.IMPROV and turn.end is not None and turn.end - due >= _LEAST_STEPS else None


def _turn_at(step: int, session: Session) -> Turn:
    """Return the turn at a step to come if nothing more is heard."""
    turn = session.turn
    if turn.who is not Who.IMPROV and session.settings.mode is Mode.PHRASE and session.listener.keys:
        return turn
    rules, activity = session.rules, PlayerActivity(call=session.listener.call)
    for each in range(session.step + 1, step + 1):
        turn = turn_after(turn, each, rules, activity)
    return turn


def drafting(session: Session, model: StepModel, due: int, cost: Cost = cost) -> Drafting:
    """Draw as many drafts as `Settings.drafts` says, from step `due` on, and return the one that costs least.

    None where `due` is not in a turn of improv's after all. Whatever the model raises is raised.
    """
    encoding = encoding_of(model.spec)
    shared: list[Session] = []
    while session.step < due - 1:
        session = _next(session, model, encoding)
        shared.append(session)
        yield session
    best: tuple[float, Drafted] | None = None
    for stream in range(1, int(session.settings.drafts) + 1):
        drafted: list[Session] = []
        now = session
        while not drafted or now.step + 1 < _end(drafted[0]):
            now = _next(now, model, encoding, 0 if drafted else stream)
            drafted.append(now)
            if now.turn.who is not Who.IMPROV or now.turn.end is None:
                return None
            yield None
        costs = cost(_figures(session, drafted), _lacking(drafted[-1]))
        if best is None or costs < best[0]:
            best = costs, Drafted(stream, due, (*shared, *drafted))
            yield best[1]
    return best[1] if best else None


def _end(first: Session) -> int:
    """Return the step after the last one of a draft that begins with a session: a bar line, or the end of its turn."""
    bar, turn = first.grid.steps_per_bar, first.turn
    end = first.step - (first.step - first.position.form_start) % bar + _DRAFTED_BARS * bar
    if end - first.step < _LEAST_STEPS:
        end += bar
    return end if turn.end is None or turn.end - end >= _LEAST_STEPS else turn.end


def _next(session: Session, model: StepModel, encoding: Encoding, draft: int = 0) -> Session:
    """Return the session a step later if nothing is heard, without the band: it changes nothing of the melody."""
    step = prepare_step(session, Heard(), encoding, draft)
    before = step.before
    session, style = decided(step, encoding, model)
    frame = transposed_to_performance(session.network.output, session, style, before.band.frame.melody)
    answer, begun = answer_so_far(session, before), len(frame.melody.onsets)
    if begun:
        answer = Answer(answer.notes + begun, session.step)
    return replace(session, band=replace(session.band, frame=frame, style=style, answer=answer))


def _figures(before: Session, drafted: list[Session]) -> dict[str, float]:
    """Return the figures of the answer up to the end of a draft, beside as much of the call.

    `before` is the session before the draft.
    """
    turn, grid = drafted[0].turn, before.grid
    played = drafted[0].step - turn.start
    frames: list[Frame] = []
    if played:
        earlier = [each.frame for each in before.network.recent_inputs[-(played - 1) :]] if played > 1 else []
        frames = [*earlier, before.network.output]
    forgotten = played - len(frames)
    frames += [session.network.output for session in drafted]
    return figures(
        _call(drafted[0])[forgotten : forgotten + len(frames)],
        frames,
        pitch_class(before.tune.key),
        grid,
        place=(turn.start + forgotten - before.position.form_start) % (BEATS_PER_BAR * grid.steps_per_beat),
        ends=drafted[-1].step + 1 == turn.end,
    )


def _lacking(session: Session) -> int:
    """Return how many notes an answer lacks at a session: by the end of its turn there are to be `LEAST_NOTES`."""
    turn = session.turn
    if turn.end is None:
        return 0
    wanted = ceil(LEAST_NOTES * (session.step + 1 - turn.start) / (turn.end - turn.start))
    return max(0, wanted - session.band.answer.notes)


def _call(session: Session) -> tuple[Cell, ...]:
    """Return the player's cells that a session's turn answers, none if there are none; silence for those forgotten."""
    start = session.listener.call_start_step
    if start is None:
        return ()
    inputs, first = session.network.recent_inputs, session.step - len(session.network.recent_inputs)
    known = [each.frame.melody for each in inputs[max(0, start - first) : max(0, session.turn.start - first)]]
    return (*(SILENCE,) * max(0, first - start), *known)


def is_as_expected(expected: Session, session: Session) -> bool:
    """Return whether two sessions at one step are followed by the same melody, if nothing is heard."""
    ours, theirs = expected.position, session.position
    return (
        expected.turn == session.turn
        and (ours.form_start, ours.playing, ours.transport, ours.pending_swing)
        == (theirs.form_start, theirs.playing, theirs.transport, theirs.pending_swing)
        and expected.settings == session.settings
        and expected.tune == session.tune
        and expected.network.output == session.network.output
        and expected.network.chord_lookahead == session.network.chord_lookahead
        and expected.network.pending_inputs == session.network.pending_inputs
        and expected.listener.call_start_step == session.listener.call_start_step
        and expected.band.answer == session.band.answer
        and _same(expected.network.memory, session.network.memory)
    )


def _same(one: object, other: object) -> bool:
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):  # a faulty network may have returned anything
        return one is other
    return one is other or (one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one))
