"""Drafts of an answer: drawn on copies of a session, compared by their figures, and played as they were drawn."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.models.sampling import draw
from improv.music.grid import EIGHTHS
from improv.music.notes import SILENCE, Cell, Frame, NoteOff, NoteOn, Onset, Timed
from improv.music.parts import Part
from improv.music.theory import Chord
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import from_json, to_json
from improv.recording.replay import restored, state_of
from improv.session.answer_figures import figures, is_avoided, likeness, line_of
from improv.session.answer_table import LEAST_NOTES, WANTED, cost
from improv.session.drafts import AHEAD_STEPS, Drafted, drafting, drafts_due, is_as_expected
from improv.session.lifecycle import begin
from improv.session.state import Session
from improv.session.step import advance

C7 = Chord(0, (0, 4, 7, 10))
LICK = (60, 63, 65, 67, 70, 67, 65, 63)


@cache
def partner() -> OnnxModel:
    return OnnxModel(find_model("partner"))


def struck(step: int, pitch: int) -> Heard:
    """A note of an eighth at a step, as a call file has it."""
    on, off = (Timed(step * 0.25 + late, event(Part.YOU, pitch, *velocity), 6 * step + tick)
               for late, event, velocity, tick in ((0, NoteOn, (80,), 0), (0.2, NoteOff, (), 5)))  # fmt: skip
    return Heard((on, off))


def traded(steps: int, bars: int = 1, drafts: int = 4, called: int = 6, **settings: Any) -> Session:
    """The session after so many steps of trading, a lick played in the first of them."""
    session = begin(partner(), Settings(mode=Mode.TRADE, bars=bars, drafts=drafts, **settings), Transport(0, 0.0, 120))
    for step in range(steps):
        heard = struck(step, LICK[step % len(LICK)]) if step < called else Heard()
        session, _ = advance(session, heard, partner())
    return session


def drafted(session: Session, due: int, **how: Any) -> Drafted | None:
    drawing = drafting(session, partner(), due, **how)
    while True:
        try:
            next(drawing)
        except StopIteration as done:
            chosen: Drafted | None = done.value
            return chosen


def played(session: Session, chosen: Drafted) -> Iterator[tuple[Session, Session]]:
    """Yield the session that a draft expects at each of its steps, and the one that there is when it is played."""
    for expected in chosen.sessions:
        session, _ = advance(session, Heard(), partner(), draft=chosen.stream if expected.step == chosen.due else 0)
        yield expected, session


@pytest.mark.parametrize(
    ("steps", "bars", "end"),
    [
        (7, 1, 16),
        (9, 1, 16),
        (15, 2, 24),  # the first bar of two
        (33, 4, 40),  # the rest of a bar
        (36, 4, 48),  # that is too short, and the next one
        (59, 4, 64),
    ],
)
def test_a_chosen_draft_ends_at_a_bar_line_and_is_played_as_it_was_drawn(steps: int, bars: int, end: int) -> None:
    session = traded(steps, bars)
    due = drafts_due(session, partner())
    assert due == session.step + AHEAD_STEPS
    chosen = drafted(session, due)
    assert chosen is not None
    assert chosen.end == end
    for expected, now in played(session, chosen):
        assert is_as_expected(expected, now)
        assert now.band.frame.melody == expected.band.frame.melody
        assert now.network.stream == (chosen.stream if now.step >= due else 0)


def test_drafts_are_the_same_however_often_they_are_drawn_and_differ_from_each_other() -> None:
    session = traded(7)
    lines = []
    for wanted in range(1, 5):
        costs = iter(range(1, 9))
        found = drafted(session, 8, cost=lambda _figures, _lacking, of=costs, best=wanted: abs(next(of) - best))
        assert found is not None
        assert found.stream == wanted
        lines.append(tuple(each.network.output.melody for each in found.sessions))
    assert len(set(lines)) > 1
    assert drafted(session, 8) == drafted(session, 8)


def test_the_draft_that_costs_least_is_taken_and_the_first_of_equals() -> None:
    seen: list[Mapping[str, float]] = []

    def same(found: Mapping[str, float], lacking: int) -> float:
        seen.append(found)
        return 1.0

    found = drafted(traded(7, drafts=3), 8, cost=same)
    assert found is not None
    assert found.stream == 1
    assert len(seen) == 3
    assert all({"shared", "same", "avoid", "cut", "likeness", "notes"} <= each.keys() for each in seen)


def test_another_stream_is_of_no_concern_to_the_turn_that_follows() -> None:
    session = traded(7)
    chosen = drafted(session, 8)
    assert chosen is not None
    *_, (_, session) = played(session, chosen)
    assert session.network.stream == chosen.stream
    session, _ = advance(session, Heard(), partner())
    assert session.turn.who is Who.YOU
    assert session.network.stream == 0


@pytest.mark.parametrize(
    ("steps", "settings", "due"),
    [
        (6, {}, None),  # too early
        (7, {}, 8),  # two steps before the answer
        (8, {}, 9),
        (9, {}, 10),
        (11, {}, 12),
        (12, {}, None),  # fewer than four steps are left
        (15, {}, None),  # then it is your turn
        (7, {"drafts": 0}, None),
        (7, {"mode": Mode.SOLO}, None),  # no end is known
        (7, {"mode": Mode.DUET}, None),
        (7, {"mode": Mode.LISTEN}, None),
    ],
)
def test_drafts_are_due_where_improv_has_a_turn_whose_end_is_known(
    steps: int, settings: dict[str, Any], due: int | None
) -> None:
    session = traded(steps)
    for name, value in settings.items():
        session = replace(session, settings=replace(session.settings, **{name: value}))
        if name == "mode":
            session, _ = advance(session, Heard((), (Set("mode", str(value)),)), partner())
    assert drafts_due(session, partner()) == due


def test_no_drafts_are_drawn_of_a_melody_that_is_silenced() -> None:
    session, _ = advance(traded(6), Heard((), (Set("melody-mute", "on"),)), partner())
    assert drafts_due(session, partner()) is None


def test_an_answer_to_a_phrase_is_drafted_from_its_first_step() -> None:
    session = begin(partner(), Settings(mode=Mode.PHRASE, drafts=2), Transport(0, 0.0, 120))
    due = None
    for step in range(24):
        heard = struck(step, LICK[step]) if step < 6 else Heard()
        session, _ = advance(session, heard, partner())
        if session.turn.who is Who.IMPROV:
            break
        due = due or drafts_due(session, partner())
    assert session.turn.who is Who.IMPROV
    assert due == session.turn.start


def test_a_session_with_a_draft_is_kept_in_a_take() -> None:
    session = traded(7)
    session, _ = advance(session, Heard(), partner(), draft=3)
    assert restored(state_of(session, partner(), ""), partner()) == session
    assert session.network.stream == 3


@pytest.mark.parametrize("name", ["drafts", "breath", "build", "motifs", "soloist_rules"])
def test_settings_of_takes_before_a_control_are_as_if_there_were_none(name: str) -> None:
    raw = to_json(Settings(mode=Mode.TRADE))
    del raw[name]
    assert getattr(from_json(Settings, raw), name) == 0
    assert getattr(Settings(mode=Mode.TRADE), name) > 0


@pytest.mark.parametrize("called", [8, 12])
def test_a_bar_is_compared_with_as_much_of_the_call_and_with_what_was_played_before_it(called: int) -> None:
    """A call of eighths from the first step of two bars on: beside the answer's first bar are eight of its onsets."""
    session, shares = traded(2 * 8 - 1, bars=2, called=called), list[float]()

    def compared(found: Mapping[str, float], lacking: int) -> float:
        shares.append(found["shared"])
        return 0.0

    for due, onsets in ((16, 8), (24, called)):
        chosen = drafted(session, due, cost=compared)
        assert chosen is not None
        for _, after in played(session, chosen):
            lines = [each.frame.melody for each in after.network.recent_inputs[16:]] + [after.network.output.melody]
            session = after if after.step < due + 7 else session
        common = [tick for tick in line_of(lines, EIGHTHS).onsets if tick % 6 == 0 and tick < 6 * called]
        assert shares[0] == pytest.approx(len(common) / onsets)
        shares.clear()


def test_of_a_long_turn_each_bar_is_compared_with_its_own_bar_of_the_call() -> None:
    """Eight bars each, the call in its seventh: the answer's first six are beside silence, its seventh is not."""
    session = begin(partner(), Settings(mode=Mode.TRADE, bars=8, drafts=1), Transport(0, 0.0, 120))
    shares: dict[int, float | None] = {}
    for step in range(15 * 8 - 1):
        session, _ = advance(session, struck(step, LICK[step % 8]) if 48 <= step < 56 else Heard(), partner())
        if session.step + 1 in (13 * 8, 14 * 8):  # the first bars of the call are forgotten by then
            assert len(session.network.recent_inputs) < session.step
            due = session.step + 1
            drafted(session, due, cost=lambda found, _, at=due: shares.setdefault(at, found.get("shared")) or 0.0)
    assert shares[13 * 8] is None
    assert shares[14 * 8] is not None


# --- draws ----------------------------------------------------------------------------------------

WEIGHTS = [1.0] * 97


@given(st.integers(0, 2**31), st.integers(-64, 10**6), st.integers(0, 12))
def test_streams_draw_other_numbers_and_the_same_ones_again(seed: int, step: int, number: int) -> None:
    weights = np.array(WEIGHTS)
    drawn = [draw(weights, seed, step, number, stream) for stream in range(16)]
    assert drawn == [draw(weights, seed, step, number, stream) for stream in range(16)]
    assert drawn[0] == draw(weights, seed, step, number)
    assert len(set(drawn)) > 4


# --- figures --------------------------------------------------------------------------------------


def cells(*pitches: int | None) -> list[Cell]:
    """A cell of an eighth for each pitch, None for silence, 0 for a note that goes on."""
    found: list[Cell] = []
    sounds = 0
    for pitch in pitches:
        found.append(SILENCE if pitch is None else Cell(held=(sounds,)) if pitch == 0 else Cell((Onset(pitch),)))
        sounds = pitch or sounds
    return found


def frames(*pitches: int | None, chord: Chord | None = C7) -> list[Frame]:
    return [Frame(cell, chord) for cell in cells(*pitches)]


def of(call: list[Cell], answer: list[Frame]) -> dict[str, float]:
    return figures(call, answer, 0, EIGHTHS)


def test_an_echo_shares_all_and_a_transposed_one_the_rhythm() -> None:
    call = cells(60, 62, None, 64, 65, None, 67, None)
    echo = of(call, frames(60, 62, None, 64, 65, None, 67, None))
    assert (echo["shared"], echo["same"], echo["likeness"], echo["notes"]) == (1, 1, 1, 0)
    moved = of(call, frames(65, 67, None, 69, 70, None, 72, None))
    assert (moved["shared"], moved["same"]) == (1, 0)
    assert 0.7 < moved["likeness"] < 1
    other = of(call, frames(None, None, 72, None, None, 48, None, None))
    assert (other["shared"], other["same"]) == (0, 0)
    assert other["likeness"] < 0.2


@pytest.mark.parametrize(
    ("answer", "figure", "value"),
    [
        ((60, None, 61, 0, None, None, 64, None), "avoid", 1),  # the ninth flat, for a beat
        ((60, None, 61, 62, None, None, 64, None), "avoid", 0),  # on the way
        ((60, None, 65, 0, None, None, 64, None), "avoid", 0),  # the fourth is a blues's own
        ((71, 0, 0, None, None, None, 64, None), "avoid", 1),
        ((60, None, None, None, 62, None, 64, None), "strong", 0.5),
        ((None, None, 60, None, 62, None, None, None), "strong", 0),
        ((None, None, None, 60, 62, 64, None, None), "start", 1.5),
        ((60, 62, 64, None, None, None, 65, 0), "cut", 1),
        ((60, 62, 64, None, None, None, 65, None), "cut", 0),
        ((60, 62, 63, None, None, None, 65, None), "ends", 0.5),
        ((60, 48, 64, None, None, None, 65, None), "range", 17),
        ((60, 48, 64, None, None, None, 65, None), "leap", 16),
    ],
)
def test_figures_of_an_answer(answer: tuple[int | None, ...], figure: str, value: float) -> None:
    assert of(cells(60, 62, None, None, None, None, None, None), frames(*answer))[figure] == value


def test_silence_has_no_figures_and_costs_more_than_any_answer() -> None:
    assert of(cells(60), frames(None)) == {}
    worst = dict.fromkeys(WANTED, 50.0) | {"ends": 0.0, "likeness": 0.0, "shared": 1.0, "same": 1.0}
    assert cost({}, 3) > cost({}, 1) > cost({}, 0) == 0
    worst |= {"range": 60.0, "leap": 40.0, "start": 16.0, "avoid": 20.0, "notes": 5, "cut": 1, "strong": 1.0}
    assert cost({}, LEAST_NOTES) > cost(worst, 0)


def test_where_no_chord_is_known_nothing_is_said_of_it() -> None:
    found = of(cells(60), frames(61, 0, 0, None, chord=None))
    assert found["avoid"] == 0
    assert {"strong", "ends"}.isdisjoint(found)


def test_every_figure_is_in_the_table() -> None:
    assert of(cells(60, 62), frames(60, 62, 64, 65)).keys() <= WANTED.keys()


@given(st.sampled_from(list(WANTED)), st.integers(-10_000, 10_000), st.integers(0, 5000))
def test_a_figure_costs_nothing_where_it_is_people_s_and_the_more_the_farther(
    name: str, hundredths: int, more: int
) -> None:
    wanted, value, farther = WANTED[name], hundredths / 100, more / 100
    costs = wanted.cost(value)
    assert (costs == 0) == (wanted.low <= value <= wanted.high)
    if value >= wanted.high:
        assert wanted.cost(value + farther) >= costs
    if value <= wanted.low:
        assert wanted.cost(value - farther) >= costs


@given(st.lists(st.one_of(st.none(), st.just(0), st.integers(48, 84)), min_size=1, max_size=32))
def test_likeness_is_one_with_itself_and_symmetric(pitches: list[int | None]) -> None:
    line, other = line_of(cells(*pitches), EIGHTHS), line_of(cells(*LICK), EIGHTHS)
    if line.onsets:
        assert likeness(line, line) == pytest.approx(1)
        assert likeness(line, other) == pytest.approx(likeness(other, line))
        assert 0 <= likeness(line, other) <= 1


@given(st.integers(0, 11), st.sampled_from([C7, Chord(5, (0, 4, 7, 10)), Chord(2, (0, 3, 7, 10))]))
def test_chord_tones_are_never_avoid_notes(pitch_class: int, chord: Chord) -> None:
    if pitch_class in chord.pitch_classes:
        assert not is_avoided(chord, pitch_class, pitch_class)


@pytest.mark.parametrize("memory", [None, {}, {"other": np.zeros(1)}, "nothing"])
def test_a_memory_that_a_faulty_network_returned_is_not_the_one_that_was_expected(memory: Any) -> None:
    session = traded(8)
    faulty = replace(session, network=replace(session.network, memory=memory))
    assert is_as_expected(session, session)
    assert not is_as_expected(session, faulty)
    assert not is_as_expected(faulty, session)
