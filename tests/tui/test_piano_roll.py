"""The piano roll, and the history it is drawn from."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.grid import Grid
from improv.music.notes import SILENCE, Cell, Onset, Release
from improv.music.theory import Chord, Place
from improv.music.turns import Turn, Who
from improv.protocol.snapshot import Harmony, Snapshot
from improv.tui.theme.glyphs import ASCII, UNICODE, Glyphs
from improv.tui.views.history import COLUMNS, History, PitchAxis
from improv.tui.views.piano_roll import draw_roll
from tests.tui.rows import BLUES, text
from tests.tui.snapshots import bare, trading


def told(yours: str, its: str, planned: Cell = SILENCE) -> History:
    """A history of steps, each a word: a pitch that is struck, `-` goes on, `.` is silence."""
    history, before, heard = History(), (SILENCE, SILENCE), SILENCE
    for step, words in enumerate(zip(yours.split(), its.split(), strict=True)):
        you, improv = (_cell(word, cell) for word, cell in zip(words, before, strict=True))
        seen = replace(
            bare(),
            harmony=Harmony(form="C7 | F7", chord=Chord.parse("F7" if step % 16 // 8 else "C7")),
            step=step,
            place=Place(1 + step // 16, 1 + step % 16 // 8, 1 + step % 8 // 2),
            turn=Turn(Who.YOU, 0) if words[1] == "." else Turn(Who.IMPROV, 0),
            heard=heard,
            played=improv,
            planned=planned,
        )
        history, heard, before = history.after(seen), you, (you, improv)
    return history


def _cell(word: str, before: Cell) -> Cell:
    match word:
        case ".":
            return SILENCE
        case "-":
            return Cell(held=tuple(before.pitches))
        case _:
            return Cell(onsets=(Onset(int(word)),))


def roll(history: History, glyphs: Glyphs, width: int, height: int) -> list[str]:
    return text(draw_roll(history, PitchAxis(60, 1, 13), glyphs, width, height)[1])


CALL = "60 - 61 61 . . . . ."

ANSWER = ". . . . 62 - 63 63 63"


def test_a_call_and_an_answer_a_cell_a_step() -> None:
    history = told(CALL, ANSWER, Cell(onsets=(Onset(62),)))
    assert roll(history, UNICODE, 24, 5) == [
        "          ▼   ▼improv F7",
        "          ┊     ▒▒▓┃",
        "          ┊   ▓▒  ┊┃▓",
        "          ┊ ▊█    ┊┃",
        " C4       ██      ┊┃",
    ]
    assert roll(history, ASCII, 24, 5) == [
        "          v   vimprov F7",
        "          :     oo(|",
        "          :   (o  :|<",
        "          : #[    :|",
        " C4       [#      :|",
    ]


def test_a_call_and_an_answer_two_cells_a_step() -> None:
    assert roll(told(CALL, ANSWER, Cell(onsets=(Onset(62),))), UNICODE, 60, 5) == [
        "                            ▼you C7 ▼improv F7",
        "            ┊               ┊           ▓▒▓▒▓▒┃",
        "            ┊               ┊       ▓▒▒▒    ┊ ┃▓▒",
        "            ┊               ┊   █▊██        ┊ ┃",
        " C4         ┊               ████            ┊ ┃",
    ]


def test_the_ruler_tells_what_comes_where_it_comes() -> None:
    history = History()
    for seen in trading()[8 : 8 + 32 + 14]:  # in the sixth bar: improv has four of its own
        history = history.after(seen)
    assert roll(history, UNICODE, 45, 8)[0] == "    you C7  C7      ▼improv F#dim7   C7"
    assert roll(history, UNICODE, 120, 8)[0] == (
        "    you C7    F7              C7              C7              "
        "▼improv F7      F#dim7           C7              A7"
    )


def of_place(step: int, place: int, turn: Turn, chord: str) -> Snapshot:
    """A step of a blues, at a place of its chorus."""
    at = Place(1, 1 + place // 8, 1 + place % 8 // 2)
    return replace(
        bare(), harmony=Harmony(form=BLUES, chord=Chord.parse(chord) if chord else None), step=step, place=at, turn=turn
    )


def rulers(history: History, width: int) -> tuple[str, str]:
    """The ruler and the row below it, without the names of the octaves."""
    ruler, row = (line[4:] for line in roll(history, UNICODE, width, 4)[:2])
    return ruler, row


def test_what_was_played_keeps_its_place_when_it_goes_on_from_another_top() -> None:
    history = History()
    for step in range(13):  # into the second bar
        history = history.after(of_place(step, step, Turn(Who.YOU, 0, 32), "F7" if step >= 8 else "C7"))
    seen = of_place(12, 94, Turn(Who.NEITHER, 13, 22), "")  # a step of waiting, and a bar that is counted
    begun = replace(seen, place=Place(0, 12, 4))
    for again in (replace(history.seen or seen, playing=False), begun):
        history = history.after(again)
    for step in range(13, 24):
        place = 95 + step - 13 if step < 14 else 88 + step - 14 if step < 22 else step - 22
        turn = Turn(Who.NEITHER, 13, 22) if step < 22 else Turn(Who.YOU, 22, 54)
        history = history.after(of_place(step, place, turn, "" if step < 22 else "C7"))
    assert rulers(history, 40) == (
        "   ▼you C7 F7    ▼count  ▼you C7  F7",
        "   ┊       ┊     ┊       ┊ ┃      ┊",
    )


def test_a_chord_is_named_once_though_steps_were_left_out() -> None:
    history = History()
    for step in (0, 1, 2, 4, 5, 6, 9, 10, 12):
        history = history.after(
            replace(
                of_place(step, step, Turn(Who.YOU, 0, 32), "C7"), harmony=Harmony(form="C7", chord=Chord.parse("C7"))
            )
        )
    assert rulers(history, 36)[0] == "           ▼you C7  C7      C7"


@pytest.mark.parametrize("who", [Who.YOU, Who.IMPROV])
def test_names_over_the_roll_neither_run_together_nor_are_cut(who: Who) -> None:
    for length in range(2, 40):
        history = History()
        for step in range(length):
            chord = "F7" if step % 8 >= 4 else "C7"
            history = history.after(of_place(step, step, Turn(who, 0, 96), chord))
        for width in (24, 40, 64, 65):
            words = rulers(history, width)[0].split()
            assert set(words) <= {f"▼{who}", str(who), "▼", "C7", "F7", "F#dim7"}, (length, width)


@pytest.mark.parametrize(("start", "ruler"), [(4, "      ▼improv F7"), (-30, "improv        F7")])
def test_who_joins_in_a_turn_sees_where_it_began(start: int, ruler: str) -> None:
    seen = of_place(12, 12, Turn(Who.IMPROV, start, 32), "F7")
    assert rulers(History().after(seen), 24)[0] == ruler


def test_two_pitches_share_a_row_where_it_is_low() -> None:
    history = told(CALL, ANSWER, Cell(onsets=(Onset(62),)))
    assert roll(history, UNICODE, 24, 3) == [
        "          ┊     ⡄⡄⣤┃",
        "          ┊ ▖▄⠛⠛  ┊┃⠉",
        " C4       ▀▀      ┊┃",
    ]


def test_a_pitch_takes_two_rows_where_it_is_high() -> None:
    rows = roll(told(CALL, ANSWER), UNICODE, 24, 9)
    assert rows[1] == rows[2] == "          ┊     ▒▒▓┃"
    assert rows[8] == " C4       ██      ┊┃"


def test_a_triplet_and_a_short_note_lie_where_they_sound() -> None:
    history = told("60 .", ". .")
    seen = history.seen
    assert seen is not None
    late, short = Cell(onsets=(Onset(60, 4),)), Cell(onsets=(Onset(62),), releases=(Release(62, 2),))
    history = history.after(replace(seen, step=2, place=Place(1, 1, 2), heard=late, played=short))
    rows = roll(history, UNICODE, 60, 4)
    assert [row[40:47] for row in rows[1:]] == ["┊   ▓ ┃", "┊     ┃", "██ █  ┃"]


def test_keys_that_are_down_sound_on() -> None:
    history = told(". . .", ". . .")
    assert history.seen is not None
    seen = replace(
        history.seen, system=replace(history.seen.system, midi=replace(history.seen.system.midi, keys=(60, 64)))
    )
    assert sum(row.count("█") for row in roll(history.after(seen), ASCII, 60, 6)) == 0
    assert sum(row.count("##") for row in roll(history.after(seen), ASCII, 60, 6)) == 2


def test_a_history_is_bounded_and_begins_anew_with_another_jam() -> None:
    history = History()
    for step in range(2 * COLUMNS):
        history = history.after(replace(bare(), step=step))
    assert len(history.columns) == COLUMNS
    assert [column.step for column in history.after(replace(bare(), step=3)).columns] == [3]


def test_a_step_that_is_told_again_is_told_anew() -> None:
    one = replace(bare(), step=4, played=Cell(onsets=(Onset(60),)))
    history = History().after(one).after(replace(one, played=SILENCE))
    assert [column.improv for column in history.columns] == [SILENCE]


def test_what_you_played_belongs_to_the_step_before() -> None:
    history = History().after(replace(bare(), step=4)).after(replace(bare(), step=5, heard=Cell(onsets=(Onset(60),))))
    assert [(column.step, column.you.pitches) for column in history.columns] == [(4, {60}), (5, frozenset())]


def test_a_missing_step_stays_missing() -> None:
    history = History().after(replace(bare(), step=4)).after(replace(bare(), step=7))
    assert [history.at(step) is not None for step in range(3, 9)] == [False, True, False, False, True, False]


@given(st.frozensets(st.integers(0, 127)), st.integers(1, 60), st.integers(1, 60))
def test_every_pitch_has_its_rows(pitches: frozenset[int], rows: int, later: int) -> None:
    axis = PitchAxis(60, 1, 13).fitted(pitches, rows)
    for height in (rows, later):
        axis = axis.fitted(pitches, height)
        assert axis == axis.fitted(pitches, height)
        for pitch in pitches:
            assert axis.rows_of(pitch)
            assert all(0 <= row < height for row in axis.rows_of(pitch))
            assert pitch in axis.pitches(axis.rows_of(pitch)[-1])


def test_the_axis_rests_as_long_as_it_will_do() -> None:
    axis = PitchAxis(60, 1, 13).fitted(frozenset({60, 72}), 15)
    assert axis == axis.fitted(frozenset({62, 70}), 15) == axis.fitted(frozenset(), 15)
    assert axis != axis.fitted(frozenset({60, 84}), 15)


def test_a_bar_of_a_network_of_sixteenths_has_sixteen_steps() -> None:
    grid, history = Grid(4), History()
    for step in range(24):
        history = history.after(
            replace(
                bare(),
                step=step,
                place=Place(1, 1 + step // 16, 1 + step % 16 // 4),
                turn=Turn(Who.IMPROV, 0, 32, grid),
                played=Cell(onsets=(Onset(60),), releases=(Release(60, 1),)),
            )
        )
    assert [column.place for column in history.columns] == list(range(24))
    rows = roll(history, UNICODE, 100, 5)
    bar_lines = [x for x, char in enumerate(rows[1]) if char == UNICODE.roll.bar]
    assert [after - before for before, after in pairwise(bar_lines)] == [32, 33]  # two cells a step, and the now-line
    assert max(row.count(UNICODE.improv.onset) for row in rows) == 24
