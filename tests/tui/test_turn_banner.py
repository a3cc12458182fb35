"""The turn banner: whose turn it is, how long yet, and the place."""

import re
from dataclasses import replace

import pytest

from improv.music.theory import Place
from improv.music.turns import Mode, Turn, Who
from improv.tui.theme.glyphs import ASCII, UNICODE, Glyphs
from improv.tui.views import block_letters
from improv.tui.views.base import turn_word
from improv.tui.views.turn_banner import turn_rows
from tests.tui.rows import BOTH, text
from tests.tui.snapshots import bare, of_turn, stopped, trading


@pytest.mark.parametrize(
    ("who", "mode", "playing", "word"),
    [
        (Who.YOU, Mode.TRADE, True, "YOU"),
        (Who.IMPROV, Mode.PHRASE, True, "IMPROV"),
        (Who.BOTH, Mode.DUET, True, "BOTH"),
        (Who.NEITHER, Mode.TRADE, True, "COUNT-IN"),
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
    beats = [seen for seen in trading() if seen.turn.who is Who.NEITHER]
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


def test_where_nothing_plays_the_banner_says_where_it_starts() -> None:
    assert "".join(span.text for span in turn_rows(stopped(), UNICODE, 80, 1)[0]).endswith(" chorus 1 bar 1 beat 1")


def test_a_turn_that_was_taken_says_so_for_a_bar() -> None:
    taken = replace(bare(), step=12, turn=Turn(Who.YOU, 10, 64), beats_left=26.0, took_turn=True)
    for seen, says in ((taken, True), (replace(taken, step=18), False), (replace(taken, took_turn=False), False)):
        rows = ["".join(span.text for span in row) for row in turn_rows(seen, UNICODE, 100, 3)]
        assert any("you took its turn: 27 beats" in row for row in rows) == says
        assert any("beats, then improv" in row for row in rows) != says
