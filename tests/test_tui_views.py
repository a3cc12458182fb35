"""What a screen shows of a jam: the pictures as text, at many sizes, in both alphabets, and without any colour."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from improv.messages import Chance, Loudness, Snapshot
from improv.music import SILENCE, Cell, Chord, Onset, Place, Release
from improv.tui import big
from improv.tui.form import FormGrid, bars_of, coming, grid
from improv.tui.glyphs import ASCII, UNICODE, Glyphs, glyphs_of
from improv.tui.history import COLUMNS, Axis, History, Meter
from improv.tui.keyboard import Keyboard, key_cells, keyboard, lowest_white, white_index, white_pitch
from improv.tui.meters import Meters, meters
from improv.tui.mind import Mind, chances, memory, mind
from improv.tui.roll import Roll, rolled
from improv.tui.status import StatusLine, status
from improv.tui.turn import TurnBand, band
from improv.tui.view import ROLES, Row, Span, View, fitted, runs, width_of, word_of
from improv.turns import Mode, Turn, Who
from tests.tui_snapshots import bare, count_in, everything, faulty, of_turn, stopped, trading

SIZES = ((160, 50), (120, 5), (100, 30), (80, 24), (78, 3), (59, 9), (40, 12), (40, 3), (31, 2), (24, 4), (17, 2), (9, 1))
VIEWS = (TurnBand, FormGrid, Roll, Keyboard, Mind, Meters, StatusLine)
BOTH = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])


def text(rows: list[Row]) -> list[str]:
    return ["".join(span.text for span in row).rstrip() for row in rows]


def of_bar(seen: Snapshot, chorus: int, bar: int, beat: int) -> Snapshot:
    return replace(seen, place=Place(chorus, bar, beat), step=((chorus - 1) * 12 + bar - 1) * 8 + 2 * (beat - 1))


# --- letters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["YOU", "IMPROV", "BOTH", "COUNT-IN", "STOPPED", "LISTEN", "SOLO", "0123456789", "2-12.4"])
def test_big_letters_have_their_width(word: str) -> None:
    assert {len(row) for row in big.drawn(word, UNICODE)} == {big.width_of(word)}
    assert {len(row) for row in big.huge(word, "#")} == {2 * big.width_of(word)}
    assert len(big.drawn(word, UNICODE)) == big.ROWS


def test_big_letters_look_like_letters() -> None:
    assert [row.rstrip() for row in big.drawn("YOU", UNICODE)] == ["█ █ █▀█ █ █", " █  █ █ █ █", " ▀  ▀▀▀ ▀▀▀"]


@pytest.mark.parametrize(
    ("ascii_wanted", "encoding", "glyphs"),
    [
        (False, "utf-8", UNICODE),
        (False, "UTF8", UNICODE),
        (True, "utf-8", ASCII),
        (False, "ascii", ASCII),
        (False, "latin-1", ASCII),
        (False, "cp437", ASCII),
        (False, "no such thing", ASCII),
        (False, "", ASCII),
    ],
)
def test_the_alphabet_a_terminal_knows(ascii_wanted: bool, encoding: str, glyphs: Glyphs) -> None:
    assert glyphs_of(ascii_wanted, encoding) is glyphs


# --- the turn -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "mode", "playing", "word"),
    [
        (Who.YOU, Mode.TRADE, True, "YOU"),
        (Who.IMPROV, Mode.PHRASE, True, "IMPROV"),
        (Who.BOTH, Mode.DUET, True, "BOTH"),
        (Who.NOBODY, Mode.TRADE, True, "COUNT-IN"),
        (Who.YOU, Mode.LISTEN, True, "LISTEN"),
        (Who.IMPROV, Mode.SOLO, True, "SOLO"),
        (Who.IMPROV, Mode.SOLO, False, "STOPPED"),
    ],
)
def test_the_word(who: Who, mode: Mode, playing: bool, word: str) -> None:
    seen = bare()
    seen = replace(seen, turn=Turn(who, 0), playing=playing, settings=replace(seen.settings, mode=mode))
    assert word_of(seen) == word


def test_the_turn_in_a_row() -> None:
    assert text(band(of_turn(Who.YOU), ASCII, 40, 1)) == ["## YOU  8 #########.........       2-1.1"[:0] or ANY]


ANY = text(band(of_turn(Who.YOU), ASCII, 40, 1))[0]


def test_the_gauge_runs_down() -> None:
    turn = [seen for seen in trading() if seen.turn.who is Who.IMPROV][:32]
    left = [text(band(seen, UNICODE, 80, 1))[0].count("▒") for seen in turn]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1] > 2


@BOTH
def test_yours_and_its_differ_without_colour(glyphs: Glyphs) -> None:
    for height in (1, 2, 3):
        yours, its = (text(band(of_turn(who), glyphs, 80, height)) for who in (Who.YOU, Who.IMPROV))
        assert glyphs.you in yours[height // 2]
        assert glyphs.improv in its[height // 2]
        assert glyphs.improv not in yours[1 if height > 1 else 0].replace("improv", "")


# --- the form -------------------------------------------------------------------------------------

BLUES = "C7 | F7 | C7 | C7 | F7 | F#dim7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7"


def test_the_bars_of_a_form() -> None:
    assert bars_of("C7 | C7 C7 C7 A7 | G7 G7") == ("C7", "C7 A7", "G7")
    assert bars_of("") == bars_of("C7 | H7") == ()


def test_a_lead_sheet() -> None:
    seen = of_bar(replace(of_turn(Who.YOU), form=BLUES), 1, 6, 2)
    assert text(grid(seen, UNICODE, 56, 3)) == [
        "│ C7         1│ F7         2│ C7         3│ C7         4",
        "│ F7         5│▶F#dim7  ●●○○│▷C7         7│ A7         8",
        "│ Dm7        9│ G7        10│ C7 A7     11│ Dm7 G7    12",
    ]
    assert text(grid(seen, ASCII, 40, 3))[1] == "| F7      |*F#dim7 2|>C7      | A7"


def test_the_next_bar_of_the_last_is_the_first() -> None:
    rows = text(grid(of_bar(replace(of_turn(Who.YOU), form=BLUES), 1, 12, 4), UNICODE, 56, 3))
    assert rows[0].startswith("│▷C7")
    assert rows[2].endswith("▶Dm7 G7  ●●●●")


def test_a_part_of_the_form_where_it_is_low() -> None:
    seen = replace(of_turn(Who.YOU), form=BLUES)
    assert [text(grid(of_bar(seen, 1, bar, 1), UNICODE, 40, 2))[0][2:4] for bar in (1, 5, 9)] == ["C7", "F7", "F7"]


@pytest.mark.parametrize(
    ("bar", "beat", "told"),
    [(1, 1, ("C7", "F7", 4)), (3, 1, ("C7", "F7", 8)), (6, 4, ("F#dim7", "C7", 1)), (11, 2, ("C7", "A7", 1)), (12, 4, ("G7", "C7", 1))],
)
def test_the_chord_and_the_next(bar: int, beat: int, told: tuple[str, str, int]) -> None:
    assert coming(of_bar(replace(of_turn(Who.YOU), form=BLUES), 1, bar, beat)) == told


def test_the_chord_without_a_form() -> None:
    seen = replace(bare(), chord=Chord.parse("C7"), next_chord=Chord.parse("F7"))
    assert coming(seen) == ("C7", "F7", 0)
    assert text(grid(seen, UNICODE, 40, 3))[0].startswith("▶ C7  → F7")


def test_a_single_row_tells_what_comes() -> None:
    seen = of_bar(replace(of_turn(Who.YOU), form=BLUES), 1, 6, 3)
    assert text(grid(seen, UNICODE, 40, 1)) == ["▶ F#dim7  → C7 in 2  ●●●○"]


# --- the roll -------------------------------------------------------------------------------------


def told(yours: str, its: str, planned: Cell = SILENCE) -> History:
    """A history of steps, each a word: a pitch that is struck, `-` goes on, `.` is silence."""
    history, before = History(), (SILENCE, SILENCE)
    seen = replace(bare(), form="C7 | F7")
    heard = SILENCE
    for step, words in enumerate(zip(yours.split(), its.split(), strict=True)):
        cells = tuple(_cell(word, cell) for word, cell in zip(words, before, strict=True))
        place = Place(1 + step // 16, 1 + step % 16 // 8, 1 + step % 8 // 2)
        history = history.after(replace(seen, step=step, place=place, heard=heard, played=cells[1], planned=planned))
        heard, before = cells[0], (cells[0], cells[1])
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
    return text(rolled(history, Axis(60, 1, 13), glyphs, width, height)[1])


def test_a_call_and_an_answer() -> None:
    history = told("60 - 61 61 . . . . .", ". . . . 62 - 63 63 .", Cell(onsets=(Onset(62),)))
    assert roll(history, UNICODE, 20, 3) == []or roll(history, UNICODE, 20, 3)
    for row in roll(history, UNICODE, 24, 6):
        print(repr(row))
    for row in roll(history, ASCII, 24, 6):
        print(repr(row))
    raise AssertionError
