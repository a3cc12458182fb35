"""What a screen shows of a jam: the pictures as text, at many sizes, in both alphabets, and without any colour."""

import asyncio
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from improv.music.notes import SILENCE, Cell, Onset, Release
from improv.music.parts import Part
from improv.music.theory import Chord, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.controls import MUTES
from improv.protocol.snapshot import Harmony, Loudness, MidiStatus, Snapshot
from improv.tui.screens.figures import figure_rows
from improv.tui.theme.glyphs import ASCII, UNICODE, Glyphs, glyphs_of
from improv.tui.views import block_letters
from improv.tui.views.base import ROLE_CLASSES, ROLE_CSS, ROLES, Row, Span, View, fitted, runs, turn_word, width_of
from improv.tui.views.history import COLUMNS, History, MeterLevel, PitchAxis
from improv.tui.views.keyboard import Keyboard, first_white_key, key_cells, keyboard_rows, white_index, white_pitch
from improv.tui.views.lead_sheet import LeadSheet, form_bars, lead_sheet_rows, next_chord_change
from improv.tui.views.meters import Meters, meter_rows
from improv.tui.views.network import ChartKeys, NetworkChart, network_rows
from improv.tui.views.piano_roll import PianoRoll, draw_roll
from improv.tui.views.status import StatusLine, status_rows
from improv.tui.views.turn_banner import TurnBanner, turn_rows
from tests.tui.snapshots import bare, count_in, everything, faulty, of_turn, stopped, trading

SIZES = (
    (160, 50),
    (120, 5),
    (100, 30),
    (80, 24),
    (78, 3),
    (59, 9),
    (40, 12),
    (40, 3),
    (31, 2),
    (24, 4),
    (17, 2),
    (9, 1),
)
VIEWS = (TurnBanner, LeadSheet, PianoRoll, Keyboard, NetworkChart, Meters, StatusLine)
BOTH = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])


def text(rows: list[Row]) -> list[str]:
    return ["".join(span.text for span in row).rstrip() for row in rows]


def of_bar(seen: Snapshot, chorus: int, bar: int, beat: int) -> Snapshot:
    return replace(seen, place=Place(chorus, bar, beat), step=((chorus - 1) * 12 + bar - 1) * 8 + 2 * (beat - 1))


# --- letters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["YOU", "IMPROV", "BOTH", "COUNT-IN", "STOPPED", "LISTEN", "SOLO", "0123456789", "2-12.4"]
)
def test_big_letters_have_their_width(word: str) -> None:
    assert {len(row) for row in block_letters.rows(word, UNICODE)} == {block_letters.width_of(word)}
    assert {len(row) for row in block_letters.large_rows(word, "#")} == {2 * block_letters.width_of(word)}
    assert len(block_letters.rows(word, UNICODE)) == block_letters.ROWS


def test_big_letters_look_like_letters() -> None:
    assert [row.rstrip() for row in block_letters.rows("YOU", UNICODE)] == ["█ █ █▀█ █ █", " █  █ █ █ █", " ▀  ▀▀▀ ▀▀▀"]


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
    assert turn_word(seen) == word


ONE_BEAT = replace(bare(), step=8, place=Place(1, 2, 1), turn=Turn(Who.IMPROV, 0, 32), beats_left=1.0)


@pytest.mark.parametrize(
    ("width", "height", "rows"),
    [
        (30, 1, ["oo IMPROV  1 o........ bar 2.1"]),
        (40, 2, ["oo IMPROV  1 beat, then you      bar 2.1", "ooo....................................."]),
        (
            40,
            3,
            [
                "oo I M P R O V  1 beat      bar 2 beat 1",
                "oo ooo..................................",
                "oo then you    phrase, gap 1.5 - 120 bpm",
            ],
        ),
    ],
)
def test_the_turn_in_ascii(width: int, height: int, rows: list[str]) -> None:
    assert text(turn_rows(ONE_BEAT, ASCII, width, height)) == rows


def test_the_turn_in_big_letters() -> None:
    assert text(turn_rows(ONE_BEAT, UNICODE, 80, 3)) == [
        "▒▒  █ █▄ ▄█ █▀█ █▀█ █▀█ █ █  ▄█       beat, then you                   ▀▀█   ▄█",
        "▒▒  █ █ ▀ █ █▀▀ █▀▄ █ █ █ █   █       ▒▒·····························  █▀▀    █",
        "▒▒  ▀ ▀   ▀ ▀   ▀ ▀ ▀▀▀  ▀   ▀▀▀      phrase, gap 1.5        bar.beat  ▀▀▀ ▀ ▀▀▀",
    ]


def test_the_gauge_runs_down() -> None:
    turn = [seen for seen in trading() if seen.turn.who is Who.IMPROV][:32]
    left = [text(turn_rows(seen, UNICODE, 80, 1))[0].count("▒") for seen in turn]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1] > 2


@pytest.mark.parametrize(
    ("glyphs", "width", "height", "label"),
    [
        (UNICODE, 120, 3, "chorus-bar.beat  "),
        (UNICODE, 160, 6, "chorus-bar.beat  "),
        (UNICODE, 80, 3, " bar.beat  "),
        (UNICODE, 60, 3, " bar.beat  "),
        (ASCII, 80, 3, " chorus 2 bar 3 beat 1"),
        (ASCII, 40, 3, " bar 3 beat 1"),
        (UNICODE, 40, 1, " bar 3 beat 1"),
    ],
)
def test_the_place_is_always_labelled(glyphs: Glyphs, width: int, height: int, label: str) -> None:
    rows = text(turn_rows(of_turn(Who.IMPROV), glyphs, width, height))
    assert any(label in f"{row} " for row in rows)
    assert max(map(len, rows)) == width


@BOTH
@pytest.mark.parametrize(("width", "height"), [(40, 1), (80, 1), (40, 2), (40, 3), (80, 3), (120, 3), (160, 6)])
def test_a_count_in_is_counted_and_has_no_place(glyphs: Glyphs, width: int, height: int) -> None:
    beats = [seen for seen in trading() if seen.turn.who is Who.NOBODY]
    assert [seen.place.beat for seen in beats] == [1, 1, 2, 2, 3, 3, 4, 4]
    for seen in beats:
        rows = text(turn_rows(seen, glyphs, width, height))
        beat = f"{seen.place.beat}"
        told = re.search(rf"COUNT-IN +{beat}\b", rows[0].replace("C O U N T - I N", "COUNT-IN"))
        drawings = [block_letters.large_rows(beat, ink) for ink in "█#"]
        drawings += [block_letters.rows(beat, glyphs)] if glyphs.pixels else []
        drawn = any(all(part in row for part, row in zip(each, rows, strict=False)) for each in drawings)
        assert told or (height >= 3 and drawn)
        assert not any("12" in row.replace("120 bpm", "") or "bar" in row.replace("bars", "") for row in rows)


@BOTH
def test_yours_and_its_differ_without_colour(glyphs: Glyphs) -> None:
    for height in (1, 2, 3):
        yours, its = (text(turn_rows(of_turn(who), glyphs, 80, height)) for who in (Who.YOU, Who.IMPROV))
        assert glyphs.you.body in yours[height // 2]
        assert glyphs.improv.body in its[height // 2]
        gauge = yours[1 if height > 1 else 0].partition("chorus")[0]
        assert glyphs.improv.body not in gauge.replace("improv", "")


# --- the form -------------------------------------------------------------------------------------

BLUES = "C7 | F7 | C7 | C7 | F7 | F#dim7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7"


def over_the_blues(who: Who = Who.YOU) -> Snapshot:
    """A moment over another form than the network's, of which no chord is settled."""
    seen = of_turn(who)
    return replace(seen, harmony=replace(seen.harmony, form=BLUES, chords=()))


def test_the_bars_of_a_form() -> None:
    assert form_bars("C7 | C7 C7 C7 A7 | G7 G7") == ("C7", "C7 A7", "G7")
    assert form_bars("") == form_bars("C7 | H7") == ()


def test_a_lead_sheet() -> None:
    seen = of_bar(over_the_blues(), 1, 6, 2)
    assert text(lead_sheet_rows(seen, UNICODE, 56, 3)) == [
        "│ C7         1│ F7         2│ C7         3│ C7         4",
        "│ F7         5│▶F#dim7  ●●○○│▷C7         7│ A7         8",
        "│ Dm7        9│ G7        10│ C7 A7     11│ Dm7 G7    12",
    ]
    assert text(lead_sheet_rows(seen, ASCII, 40, 3))[1] == "| F7      |*F#dim7  |>C7      | A7"


@pytest.mark.parametrize("width", [41, 43, 77, 79, 111])
def test_a_lead_sheet_is_as_wide_as_there_is_room(width: int) -> None:
    seen = of_bar(over_the_blues(), 1, 6, 2)
    for height in (3, 6, 9):
        rows = lead_sheet_rows(seen, UNICODE, width, height)
        assert {width_of(row) for row in rows} == {width}
        starts = {tuple(x for x, char in enumerate(row) if char == "│") for row in text(rows) if "─" not in row}
        assert starts == {tuple(width * bar // 4 for bar in range(4))}


def test_the_next_bar_of_the_last_is_the_first() -> None:
    rows = text(lead_sheet_rows(of_bar(over_the_blues(), 1, 12, 4), UNICODE, 56, 3))
    assert rows[0].startswith("│▷C7")
    assert rows[2].endswith("▶Dm7 G7  ●●●●")


def test_a_part_of_the_form_where_it_is_low() -> None:
    seen = over_the_blues()
    assert [text(lead_sheet_rows(of_bar(seen, 1, bar, 1), UNICODE, 40, 2))[0][2:4] for bar in (1, 5, 9)] == [
        "C7",
        "F7",
        "F7",
    ]


@pytest.mark.parametrize(
    ("bar", "beat", "told"),
    [
        (1, 1, ("C7", "F7", 4)),
        (3, 1, ("C7", "F7", 8)),
        (6, 4, ("F#dim7", "C7", 1)),
        (11, 2, ("C7", "A7", 1)),
        (12, 4, ("G7", "C7", 1)),
    ],
)
def test_the_chord_and_the_next(bar: int, beat: int, told: tuple[str, str, int]) -> None:
    assert next_chord_change(of_bar(over_the_blues(), 1, bar, beat)) == told


def test_the_chord_without_a_form() -> None:
    seen = replace(bare(), harmony=Harmony(chord=Chord.parse("C7"), next_chord=Chord.parse("F7")))
    assert next_chord_change(seen) == ("C7", "F7", 0)
    assert text(lead_sheet_rows(seen, UNICODE, 40, 3))[0].startswith("▶ C7  → F7")


def test_a_single_row_tells_what_comes() -> None:
    seen = of_bar(over_the_blues(), 1, 6, 3)
    assert text(lead_sheet_rows(seen, UNICODE, 40, 1)) == ["▶ F#dim7  → C7 in 2  ●●●○"]


def test_a_bar_whose_chords_are_others_than_the_forms_shows_those_that_come() -> None:
    f, sharp, d, g, c = (Chord.parse(symbol) for symbol in ("F7", "F#dim7", "Dm7", "G7", "C7"))
    bar_6 = (f,) * 4 + (sharp,) * 4
    for beat, known, bars in (
        (1, (d,) * 8 + (g,), ("▶Dm7•", "▷G7…•")),
        (1, (sharp,) * 8 + (c,), ("▶F#dim7", "▷C7 ")),
        (3, (*bar_6, c, c, c, d, d), ("▶F7 F#dim7•", "▷C7 Dm7…•")),
        (4, (sharp,) * 8 + (c,) * 4 + (g,) * 4, ("▶F#dim7", "▷C7 G7•")),
    ):
        seen = of_bar(replace(over_the_blues(), harmony=Harmony(form=BLUES, chords=known)), 1, 6, beat)
        row = text(lead_sheet_rows(seen, UNICODE, 96, 3))[1]
        assert [told in row for told in bars] == [True, True], row
        assert text(lead_sheet_rows(seen, ASCII, 96, 3))[1].isascii()
    first = of_bar(replace(over_the_blues(), harmony=Harmony(form=BLUES, chords=(d,) * 8 + (f,) * 8)), 1, 12, 1)
    assert text(lead_sheet_rows(first, UNICODE, 96, 3))[0].startswith("│▷F7•")


def test_the_next_chord_is_the_one_that_comes() -> None:
    f, d = Chord.parse("F7"), Chord.parse("Dm7")
    seen = replace(over_the_blues(), harmony=Harmony(form=BLUES, chords=(f,) * 4 + (d,) * 8))
    assert next_chord_change(of_bar(seen, 1, 6, 1)) == ("F7", "Dm7", 2)
    assert next_chord_change(of_bar(seen, 1, 6, 4)) == ("Dm7", "C7", 3)  # 12 steps are known, the rest is the form's


# --- the roll -------------------------------------------------------------------------------------


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
    seen = of_place(12, 94, Turn(Who.NOBODY, 13, 22), "")  # a step of waiting, and a bar that is counted
    begun = replace(seen, place=Place(0, 12, 4))
    for again in (replace(history.seen or seen, playing=False), begun):
        history = history.after(again)
    for step in range(13, 24):
        place = 95 + step - 13 if step < 14 else 88 + step - 14 if step < 22 else step - 22
        turn = Turn(Who.NOBODY, 13, 22) if step < 22 else Turn(Who.YOU, 22, 54)
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


# --- the keyboard ---------------------------------------------------------------------------------


def test_the_keys_of_an_octave() -> None:
    seen = replace(bare(), played=Cell(held=(61, 65)), system=replace(bare().system, midi=MidiStatus(keys=(60, 70))))
    low = white_index(60)
    assert text(keyboard_rows(seen, UNICODE, {62: "c", 63: "f"}, low, 7, 3, 3)) == [
        "│██▒  f  │▒▒│  │  █  │",
        "│██│c │  │▒▒│  │  │  │",
        " C4",
    ]
    assert text(keyboard_rows(seen, ASCII, {}, low, 7, 2, 2)) == ["|#o : |o: : # |", "|#| | |o| | | |"]


@given(st.frozensets(st.integers(21, 108)), st.integers(20, 200))
def test_what_sounds_can_be_seen(pitches: frozenset[int], width: int) -> None:
    whites = (width - 1) // key_cells(width)
    low = first_white_key(pitches, frozenset(), whites, 0)
    fits = not pitches or white_index(max(pitches)) + 2 - white_index(min(pitches)) <= whites
    if fits and pitches:
        assert low <= white_index(min(pitches))
        assert white_index(max(pitches)) < low + whites
    assert low == first_white_key(pitches, frozenset(), whites, low) or not fits


LABELLED = frozenset(range(60, 89))
"""From C4 to E6: 17 white keys."""


@pytest.mark.parametrize("low", [0, 28, 30, 45])
@pytest.mark.parametrize("whites", [17, 18, 24])
def test_all_labelled_keys_are_seen_where_there_is_room(whites: int, low: int) -> None:
    low = first_white_key(frozenset({64, 87}), LABELLED, whites, low)
    assert low <= white_index(60)
    assert white_index(88) < low + whites


@pytest.mark.parametrize(("sounds", "first"), [({50, 52}, 50), ({64}, 60), ({96}, 69), ({97}, 71)])
def test_what_sounds_is_seen_before_the_labels_and_then_as_many_of_them_as_fit(sounds: set[int], first: int) -> None:
    for before in (0, 21, 35, 42, 49):
        low = first_white_key(frozenset(sounds), LABELLED, 17, before)
        assert white_pitch(low) == first
        assert low == first_white_key(frozenset(sounds), LABELLED, 17, low)


@pytest.mark.parametrize("index", range(75))
def test_white_keys_are_counted(index: int) -> None:
    assert white_index(white_pitch(index)) == index


# --- meters and the status ------------------------------------------------------------------------


def test_a_meter_falls_and_is_struck_again() -> None:
    meter = MeterLevel().struck(100, 1.0)
    assert meter.at(1.0) == 100
    assert 0 < meter.at(1.3) < 100
    assert meter.at(9.0) == 0
    assert meter.struck(5, 1.1) is meter
    assert meter.struck(120, 1.1).at(1.1) == 120


def test_your_meter_moves_with_the_key_and_not_a_step_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improv.tui.views.meters.time", SimpleNamespace(monotonic=lambda: 0.0))
    view, seen = Meters(UNICODE), bare()

    def yours() -> str:
        return text(view.picture(seen, 17, 4))[0]

    for keys, level in (((60,), 0), ((60,), 0), ((), 0), ((62,), 5), ((), 5)):  # joined with a key down
        view.take(replace(seen, system=replace(seen.system, midi=replace(seen.system.midi, keys=keys))))
        assert yours() == "you    " + "█" * level + "·" * (10 - level)
    view.take(replace(seen, step=1, loudness=Loudness.of({Part.YOU: 127})))
    assert yours() == "you    ██████████"


def test_meters_say_what_is_muted() -> None:
    seen = replace(bare(), settings=bare().settings.with_value(MUTES[Part.CHORDS], "on"))
    levels = {Part.YOU: 127.0, Part.MELODY: 63.5, Part.CHORDS: 50.0, Part.DRUMS: 0.0}
    assert text(meter_rows(levels, seen, UNICODE, 17, 4)) == [
        "you    ██████████",
        "melody ▒▒▒▒▒·····",
        "chords muted",
        "click  ··········",
    ]


def test_what_is_wrong_comes_first() -> None:
    (line,) = text(status_rows(faulty(), UNICODE, 260, 1))
    assert line.startswith(
        "▲ 3 faults: the network was late │ ▲ 7 missed │ ▲ 2 dropped │ ▲ restarted 1x │ "
        "It answers; play in to take the turn │ ● rec"
    )
    assert "eck2002-blues → eck2002-chords" in line
    assert text(status_rows(faulty(), ASCII, 24, 1)) == ["! 3 faults | ! 7 missed"]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            100,
            [
                "Your 4 bars: play",
                "● rec │ you hear it through FLUID Synth │ it hears nanoKEY2 │ eck2002-blues │ 120 bpm",
            ],
        ),
        (80, ["Your 4 bars: play", "● rec │ you hear FLUID Synth │ it hears nanoKEY2 │ eck2002-blues │ 120 bpm"]),
        (40, ["Your 4 bars: play", "● rec │ you hear FLUID Synth │ 120 bpm"]),
        (12, ["Your 4 bars:", "● rec"]),
        (4, ["Your", "● re"]),
    ],
)
def test_the_status_drops_what_matters_least(width: int, lines: list[str]) -> None:
    assert text(status_rows(of_turn(Who.YOU), UNICODE, width, 2)) == lines


def test_names_of_ports_can_not_upset_the_line() -> None:
    system = replace(bare().system, midi=MidiStatus(input="\x1b[31mキーボード\n", output="é"))
    for glyphs, width in ((UNICODE, 80), (ASCII, 80), (UNICODE, 13), (UNICODE, 5)):
        (row,) = status_rows(replace(bare(), system=system), glyphs, width, 1)
        assert width_of(row) <= width
        assert all(span.text.isprintable() for span in row)


# --- all of it ------------------------------------------------------------------------------------


def pictures(seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> dict[str, list[Row]]:
    cells = key_cells(width)
    whites = (width - 1) // cells
    return {
        "band": turn_rows(seen, glyphs, width, height),
        "grid": lead_sheet_rows(seen, glyphs, width, height),
        "roll": draw_roll(History().after(seen), PitchAxis(60, 1, 13), glyphs, width, height)[1],
        "keyboard": keyboard_rows(seen, glyphs, {60: "z"}, 30, whites, cells, height),
        "mind": network_rows(
            seen, seen.network.probabilities, ChartKeys(48, 2 if width >= 26 else 1), glyphs, width, height
        ),
        "figures": figure_rows(seen, glyphs, width)[:height],
        "meters": meter_rows(dict.fromkeys(Part, 64.0), seen, glyphs, width, height),
        "status": status_rows(seen, glyphs, width, height),
    }


@BOTH
def test_nothing_is_clipped(glyphs: Glyphs) -> None:
    for seen in (count_in(), of_turn(Who.YOU), of_turn(Who.IMPROV), stopped(), faulty(), bare()):
        for width, height in SIZES:
            for name, rows in pictures(seen, glyphs, width, height).items():
                assert len(rows) <= height, (name, width, height)
                assert [width_of(row) for row in rows if width_of(row) > width] == [], (name, width, height)


def test_ascii_is_ascii() -> None:
    for seen in everything():
        for name, rows in pictures(seen, ASCII, 80, 5).items():
            assert all(line.isascii() for line in text(rows)), name


def test_every_role_has_a_colour() -> None:
    for seen in (of_turn(Who.YOU), of_turn(Who.IMPROV), faulty(), bare()):
        for rows in pictures(seen, UNICODE, 80, 5).values():
            assert {span.role for row in rows for span in row} <= set(ROLES)


@given(st.lists(st.tuples(st.sampled_from("ab #"), st.sampled_from(["text", "you", "improv"]))), st.integers(1, 40))
def test_rows_keep_their_text_and_have_their_width(cells: list[tuple[str, str]], width: int) -> None:
    row = runs([char for char, _ in cells], [role for _, role in cells])
    whole = "".join(char for char, _ in cells)
    assert "".join(span.text for span in row) == whole
    assert width_of(fitted(row, width)) == width
    assert fitted((Span("キー"),), 3) == (Span("キ "),)


class Wall(App[None]):
    """All views, one below the other."""

    CSS = "Screen { overflow: hidden; }"
    DEFAULT_CSS = ROLE_CSS
    COMPONENT_CLASSES = ROLE_CLASSES

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        for view in VIEWS:
            yield view(self._glyphs)

    def show(self, seen: Snapshot) -> None:
        """Have every view show it."""
        for view in self.query(View):
            view.show(seen)

    def lines(self) -> list[str]:
        """What the views have painted, line by line."""
        views = [view for view in self.query(View) if view.size]
        strips = [strip for view in views for strip in view.render_lines(view.size.region)]
        return [strip.text for strip in strips]


@BOTH
@pytest.mark.parametrize("size", [(160, 50), (80, 24), (40, 12)])
def test_the_views_in_a_terminal(glyphs: Glyphs, size: tuple[int, int]) -> None:
    async def watch() -> None:
        app = Wall(glyphs)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            app.query_one(Keyboard).show_labels({60: "q", 61: "2"})
            for seen in (count_in(), *trading()[8:60], faulty(), stopped()):
                app.show(seen)
                lines = app.lines()
                assert {len(line) for line in lines} == {size[0]}
                assert turn_word(seen) in " ".join(lines).replace(" ", "") or glyphs.pixels
            await pilot.resize_terminal(30, 9)
            app.show(of_turn(Who.IMPROV))
            await pilot.pause()
            assert {len(line) for line in app.lines()} <= {30, 0}

    asyncio.run(watch())


def test_only_rows_that_have_changed_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[Region] = []

    async def watch() -> None:
        app = Wall(UNICODE)
        async with app.run_test(size=(80, 70)) as pilot:
            app.show(of_turn(Who.YOU))
            await pilot.pause()
            grid_ = app.query_one(LeadSheet)
            monkeypatch.setattr(grid_, "refresh", lambda *regions, **_: painted.extend(regions))
            app.show(of_turn(Who.YOU))
            assert painted == []
            bar = of_turn(Who.YOU).place
            app.show(replace(of_turn(Who.YOU), place=replace(bar, beat=bar.beat + 1)))

    asyncio.run(watch())
    assert [region.height for region in painted] == [1]


def test_a_theme_changes_every_colour() -> None:
    async def watch() -> None:
        app = Wall(UNICODE)
        async with app.run_test(size=(80, 40)) as pilot:
            app.show(of_turn(Who.YOU))
            await pilot.pause()
            band_ = app.query_one(TurnBanner)
            dark = [segment.style for segment in band_.render_lines(band_.size.region)[0]]
            app.theme = "textual-light"
            await pilot.pause()
            assert [segment.style for segment in band_.render_lines(band_.size.region)[0]] != dark

    asyncio.run(watch())


def test_where_nothing_plays_the_band_says_where_it_starts() -> None:
    assert "".join(span.text for span in turn_rows(stopped(), UNICODE, 80, 1)[0]).endswith(" chorus 1 bar 1 beat 1")


def test_a_turn_that_was_taken_says_so_for_a_bar() -> None:
    taken = replace(bare(), step=12, turn=Turn(Who.YOU, 10, 64), beats_left=26.0, took_turn=True)
    for seen, says in ((taken, True), (replace(taken, step=18), False), (replace(taken, took_turn=False), False)):
        rows = ["".join(span.text for span in row) for row in turn_rows(seen, UNICODE, 100, 3)]
        assert any("you took its turn: 27 beats" in row for row in rows) == says
        assert any("beats, then improv" in row for row in rows) != says
