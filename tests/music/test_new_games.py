"""A game begun anew: restarts, stops and starts, another mode, other rules.

The signs are explained in tests/music/turn_lines.py.
"""

import pytest

from improv.music.turns import (
    Mode,
    Rules,
    Turn,
    Who,
    first_turn,
)
from improv.protocol.commands import Command, Restart, Set, Start, Stop
from improv.protocol.heard import Heard
from improv.session.lifecycle import idled
from improv.session.step import advance
from tests.conftest import Echo, form_chord
from tests.music.turn_lines import LETTERS, MAY_PLAY, check, line, sessions

RESTARTED = [
    pytest.param(
        {5: (Restart(),)}, "YyyyyyNn nnnnnnYy yyyyyyIi iiiiiiYy", [4, 4, 4, 4, 4], id="to a beat, a bar counted in"
    ),
    pytest.param({6: (Restart(),)}, "YyyyyyyN nnnnnnnn Yyyyyyyy Iiiiiiii", [4, 4.5, 4, 4], id="from off the beat"),
    pytest.param(
        {6: (Set("count-in", 0), Restart())},
        "YyyyyyyN Yyyyyyyy Iiiiiiii Yyyyyyyy",
        [4, 0.5, 4, 4],
        id="from off the beat, not counted in",
    ),
    pytest.param(
        {12: (Set("count-in", 0),), 13: (Restart(),)},
        "Yyyyyyyy IiiiiiYy yyyyyyIi iiiiiiYy",
        [4, 4, 4, 4, 4],
        id="at once",
    ),
    pytest.param(
        {12: (Restart(),), 20: (Restart(),)},
        "Yyyyyyyy IiiiiNnn nnnnnNnn nnnnnnYy",
        [4, 4, 4.5, 4.5, 4],
        id="and again, in its count-in",
    ),
]


@pytest.mark.parametrize(("asked", "turns", "left"), RESTARTED)
def test_a_restart_moves_the_top(asked: dict[int, tuple[Command, ...]], turns: str, left: list[float]) -> None:
    check(line(turns), left, sessions("." * 32, Mode.TRADE, asked=asked))


@pytest.mark.parametrize(
    ("asked", "turn"),
    [
        ((Set("mode", "trade"),), Turn(Who.IMPROV, 8, 16)),
        ((Set("mode", "trade"), Set("bars", 2)), Turn(Who.YOU, 0, 16)),
        ((Set("mode", "trade"), Set("bars", 3)), Turn(Who.YOU, 0, 24)),
        ((Set("mode", "solo"),), Turn(Who.IMPROV, 13)),
        ((Set("mode", "duet"),), Turn(Who.BOTH, 13)),
        ((Set("mode", "phrase"),), Turn(Who.YOU, 13)),
        ((Set("mode", "listen"),), Turn(Who.YOU, 13)),
    ],
)
@pytest.mark.parametrize("before", list(Mode))
def test_another_game_begins_at_the_next_step_in_the_same_place(
    before: Mode, asked: tuple[Command, ...], turn: Turn
) -> None:
    """Asked for in step 12: a turn of trading is where it would have been all along."""
    passed = sessions("." * 14, before, asked={12: asked})
    assert [session.place for session in passed] == list(range(15))
    assert [session.band.frame.chord for session in passed] == [form_chord(session) for session in passed]
    if passed[12].settings != passed[13].settings:
        assert passed[13].turn == turn


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_asked_in_the_count_in_is_so_at_its_end(mode: Mode) -> None:
    passed = sessions("." * 12, Mode.TRADE, count_in=1, asked={-4: (Set("mode", str(mode)), Set("bars", 2))})
    assert [LETTERS[session.turn.who] for session in passed[:8]] == ["n"] * 8
    assert {session.turn.end for session in passed[:8]} == {0}
    assert passed[8].turn == first_turn(0, Rules(mode, 2, 1.5))


@pytest.mark.parametrize("control", ["gap", "bars"])
def test_a_rule_of_another_game_changes_nothing(control: str) -> None:
    """The gap is of phrases, and the bars of trading."""
    mode, played = (Mode.TRADE, "...h....") if control == "gap" else (Mode.PHRASE, "x.x.....")
    passed = sessions(played, mode, asked={6: (Set(control, 3),)})
    assert [session.turn for session in passed] == [session.turn for session in sessions(played, mode)]


def test_the_gap_can_be_turned_while_improv_answers() -> None:
    passed = sessions("xxxxxxxx........", Mode.PHRASE, asked={13: (Set("gap", 2),)})
    assert passed[14].turn == Turn(Who.IMPROV, 12, 20)


@pytest.mark.parametrize("mode", [Mode.DUET, Mode.LISTEN, Mode.TRADE])
def test_what_was_played_long_before_in_another_game_is_no_call(mode: Mode) -> None:
    passed = sessions("x" * 8 + "." * 40, mode, bars=12, asked={32: (Set("mode", "phrase"),)})
    assert {session.turn for session in passed[33:]} == {Turn(Who.YOU, 33)}


def test_a_restart_forgets_what_was_called() -> None:
    passed = sessions("x.x" + "." * 24, Mode.PHRASE, asked={3: (Restart(),)})
    assert [LETTERS[session.turn.who] for session in passed] == ["y"] * 4 + ["n"] * 8 + ["y"] * 16


STOPPED_AT = [10, 11, 39, 40]


@pytest.mark.parametrize("count_in", [0, 1])
@pytest.mark.parametrize("step", STOPPED_AT)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_start_begins_with_the_first_turn(mode: Mode, step: int, count_in: int) -> None:
    """Whosever turn it was, and whatever was asked for while nothing played."""
    model = Echo()
    session = sessions("." * step, Mode.TRADE, bars=4, asked={step - 1: (Stop(),)})[-1]
    assert not session.position.playing
    session = idled(session, Heard((), (Set("mode", str(mode)), Set("count-in", count_in), Start())), 100.0)
    first = step + 1
    top = first + first % 2 + 8 * count_in
    for at in range(first, top + 40):
        session, _ = advance(session, Heard(), model)
        if at < top:
            assert session.turn == Turn(Who.NEITHER, first, top)
        if at == top:
            assert session.turn == first_turn(top, Rules(mode, 4, 1.5, top))
        if at >= top:
            assert session.turn.who in MAY_PLAY[mode]
