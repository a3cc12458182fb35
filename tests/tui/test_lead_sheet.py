"""The lead sheet: the bars of the form, and the chord that comes."""

from dataclasses import replace

import pytest

from improv.music.grid import Grid
from improv.music.theory import Chord, Place
from improv.music.turns import Turn, Who
from improv.protocol.snapshot import Harmony, Snapshot
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.views.base import width_of
from improv.tui.views.lead_sheet import form_bars, lead_sheet_rows, next_chord_change
from tests.tui.rows import BLUES, of_bar, text
from tests.tui.snapshots import bare, of_turn


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


def test_the_lead_sheet_of_a_network_of_sixteenths() -> None:
    f, d = Chord.parse("F7"), Chord.parse("Dm7")
    harmony = Harmony(form=BLUES, chords=(f,) * 8 + (d,) * 8)
    seen = replace(
        over_the_blues(), harmony=harmony, place=Place(1, 6, 1), step=80, turn=Turn(Who.YOU, 64, 128, Grid(4))
    )
    assert next_chord_change(seen) == ("F7", "Dm7", 2)
    assert "▶F7 Dm7•" in text(lead_sheet_rows(seen, UNICODE, 96, 3))[1]
