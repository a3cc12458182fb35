"""Turn taking in each mode, as tables that read like music; and that turns have no hole, whatever happens.

The signs are explained in tests/music/turn_lines.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.theory import STEPS_PER_BAR
from improv.music.transport import Transport
from improv.music.turns import (
    NO_ACTIVITY,
    Call,
    Mode,
    PlayerActivity,
    Rules,
    Turn,
    Who,
    first_turn,
    turn_after,
)
from improv.protocol.commands import Command, HandOver, Restart, Set, Start, Stop
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, idled, skip_choruses
from improv.session.step import advance
from tests.conftest import Echo
from tests.music.turn_lines import MAY_PLAY, check, line, notes, sessions

TRADE = [
    pytest.param(
        "........ ........ ........ ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="a bar each",
    ),
    pytest.param(
        "x.xx.x.x x....... x.x.x.x. ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="the note that ends your phrase is on its first beat",
    ),
    pytest.param(
        "x.xx.x.x .x...... ........ ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="or behind its first beat",
    ),
    pytest.param(
        "x.xxo--- ----.... ........ ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="a note held into its turn is not struck in it",
    ),
    pytest.param(
        "........ ..x..... ........ ........",
        "Yyyyyyyy IiiYyyyy yyyyyyyy Iiiiiiii",
        [4, 4, 6.5, 4],
        id="a note on its second beat takes the turn and yours after it",
    ),
    pytest.param(
        "........ xx...... ........ ........",
        "Yyyyyyyy IiYyyyyy yyyyyyyy Iiiiiiii",
        [4, 4, 7, 4],
        id="so does a second one on its first beat",
    ),
    pytest.param(
        "........ X....... ........ ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="nor does a chord on its first beat",
    ),
    pytest.param(
        "........ .......x ........ ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="on its last eighth your own turn comes anyway",
    ),
    pytest.param(
        "...h.... ........ ........ ........",
        "YyyyIiii iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 6, 4, 4],
        id="given away early",
    ),
    pytest.param(
        "........ ...h.... ........ ........",
        "Yyyyyyyy IiiiYyyy yyyyyyyy Iiiiiiii",
        [4, 4, 6, 4],
        id="taken early",
    ),
    pytest.param(
        ".......h ........ ........ ........",
        "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 4, 4, 4],
        id="given away where it ends",
    ),
    pytest.param(
        "...h.h.. ........ ........ ........",
        "YyyyIiYy Iiiiiiii Yyyyyyyy Iiiiiiii",
        [4, 6, 1, 4],
        id="given away and taken back",
    ),
    pytest.param(
        "...h.... .x...... ........ ........",
        "YyyyIiii iiYyyyyy yyyyyyyy Iiiiiiii",
        [4, 6, 7, 4],
        id="given away and played into in its own bar",
    ),
    pytest.param(
        "........ ..x.h... ........ ........",
        "Yyyyyyyy IiiYyIii Yyyyyyyy Iiiiiiii",
        [4, 4, 6.5, 1.5],
        id="taken and given back",
    ),
]


@pytest.mark.parametrize(("played", "turns", "left"), TRADE)
def test_trading(played: str, turns: str, left: list[float | None]) -> None:
    check(line(turns), left, sessions(line(played), Mode.TRADE))


@pytest.mark.parametrize("bars", [1, 2, 3, 5, 12])
def test_turns_of_any_length_alternate_from_you(bars: int) -> None:
    rules = Rules(Mode.TRADE, bars, 1.5)
    length = bars * STEPS_PER_BAR
    turn = first_turn(0, rules)
    for step in range(1, 6 * length):
        assert turn == Turn([Who.YOU, Who.IMPROV][(step - 1) // length % 2], (step - 1) // length * length, turn.end)
        assert turn.beats_left(step - 1) == (length - (step - 1) % length) / 2
        turn = turn_after(turn, step, rules)


PHRASE = [
    pytest.param(
        1.5,
        "x.x..... ........",
        "YyyyyyIi iiYyyyyy",
        [None, 2, None],
        id="two notes, a beat and a half of silence, an answer as long",
    ),
    pytest.param(
        1.5,
        ".x.x.... ........",
        "Yyyyyyyy IiiiYyyy",
        [None, 2, None],
        id="it waits for the beat",
    ),
    pytest.param(1.5, "x....... ........", "Yyyyyyyy yyyyyyyy", [None], id="one stray note is no call"),
    pytest.param(1.5, "x....... ....x... ........", "Yyyyyyyy yyyyyyyy yyyyyyyy", [None], id="nor are two far apart"),
    pytest.param(
        1.5,
        "x....... x....... ........",
        "Yyyyyyyy yyyyIiii iiiiiiYy",
        [None, 5, None],
        id="two notes two bars apart are one, if only just",
    ),
    pytest.param(
        1.5,
        "xo------ --...... ........ ........",
        "Yyyyyyyy yyyyyyIi iiiiiiii Yyyyyyyy",
        [None, 5, None],
        id="while a key is down it is your turn",
    ),
    pytest.param(0.5, "xx...... ........", "YyyyIiii Yyyyyyyy", [None, 2, None], id="a short gap"),
    pytest.param(3, "xx...... ........", "Yyyyyyyy IiiiYyyy", [None, 2, None], id="a long gap"),
    pytest.param(
        1.5,
        "xxxxxxxx ........ ........",
        "Yyyyyyyy yyyyIiii iiiiYyyy",
        [None, 4, None],
        id="a bar is answered by a bar",
    ),
    pytest.param(
        1.5,
        "xxxxxxxx ....x... ........",
        "Yyyyyyyy yyyyIiii iiiiYyyy",
        [None, 4, None],
        id="a note on the answer's first beat takes nothing back",
    ),
    pytest.param(
        1.5,
        "xxxxxxxx ......x. ........",
        "Yyyyyyyy yyyyIiiY yyyyyyyy",
        [None, 4, None],
        id="a later one does, and is no call yet",
    ),
    pytest.param(
        1.5,
        "xxxxxxxx ......x. x....... ........",
        "Yyyyyyyy yyyyIiiY yyyyIiii Yyyyyyyy",
        [None, 4, None, 2, None],
        id="what took the turn begins the next call",
    ),
    pytest.param(1.5, "x.xh.... ........", "YyyyIiii Yyyyyyyy", [None, 2, None], id="given away before the gap"),
    pytest.param(1.5, "x.x.h... ........", "YyyyyyIi iiYyyyyy", [None, 2, None], id="on the next beat"),
    pytest.param(1.5, ".h...... ........", "YyIiiiii iiYyyyyy", [None, 4, None], id="given away with nothing said"),
    pytest.param(1.5, "xxxxxxxx .....h.. ........", "Yyyyyyyy yyyyIiYy yyyyyyyy", [None, 4, None], id="taken back"),
]


@pytest.mark.parametrize(("gap", "played", "turns", "left"), PHRASE)
def test_phrases(gap: float, played: str, turns: str, left: list[float | None]) -> None:
    check(line(turns), left, sessions(line(played), Mode.PHRASE, gap=gap))


@pytest.mark.parametrize(
    ("played", "turns"),
    [
        pytest.param(
            "........ ........ ........ ........", "Yyyyyyyy Iiiiiiii Yyyyyyyy Iiiiiiii", id="it plays by itself"
        ),
        pytest.param(
            "xx...... ........ ........", "YyyyyyIi iiYyyyyy yyyyyyyy", id="a phrase is answered, and it waits again"
        ),
        pytest.param(
            "xx...... ........ ........ ........", "YyyyyyIi iiYyyyyy yyyyyyyy Iiiiiiii", id="up to a bar line"
        ),
        pytest.param(
            "o------- -------- --...... ........ ........",
            "Yyyyyyyy yyyyyyyy yyyyyyyy Iiiiiiii Yyyyyyyy",
            id="not while a key is down",
        ),
        pytest.param(
            "......x. ........ ........", "Yyyyyyyy yyyyyyyy Iiiiiiii", id="nor beside a note that is no call yet"
        ),
    ],
)
def test_it_plays_by_itself_once_it_has_waited_for_a_phrase(played: str, turns: str) -> None:
    passed = sessions(line(played), Mode.PHRASE, wait=1)
    letters = "".join(
        "YI"[session.turn.who is Who.IMPROV]
        if session.turn.start == session.step
        else "yi"[session.turn.who is Who.IMPROV]
        for session in passed[:-1]
    )
    assert letters == line(turns)


@pytest.mark.parametrize(
    ("call", "beats"),
    [(Call(0, 6, 2), 2), (Call(0, 36, 3), 3), (Call(6, 60, 3), 5), (Call(0, 2000, 9), 48), (None, 8)],
    ids=["never shorter than two beats", "as long", "in whole beats", "never longer than a chorus", "two bars"],
)
def test_how_long_an_answer_is(call: Call | None, beats: float) -> None:
    turn = turn_after(Turn(Who.YOU, 0), 400, Rules(Mode.PHRASE, 2, 1.5), PlayerActivity(call, handed_over=True))
    assert (turn.who, turn.start, turn.beats_left(400)) == (Who.IMPROV, 400, beats)


@pytest.mark.parametrize(("mode", "letter"), [(Mode.DUET, "b"), (Mode.SOLO, "i"), (Mode.LISTEN, "y")])
def test_where_no_player_waits_the_turn_is_always_the_same(mode: Mode, letter: str) -> None:
    played = line("x.X.o--- --h.x.x. hhXX....")
    passed = sessions(played, mode, count_in=1)
    check("N" + "n" * 7 + letter.upper() + letter * 15, [4, None], passed)


def test_who_hears_and_who_plays() -> None:
    told = {who: (who.hears_you, who.plays) for who in Who}
    assert told == {
        Who.NEITHER: (False, False),
        Who.YOU: (True, False),
        Who.IMPROV: (False, True),
        Who.BOTH: (True, True),
    }


# --- whatever happens -----------------------------------------------------------------------------

RULES = st.builds(
    Rules,
    st.sampled_from(Mode),
    st.integers(1, 4),
    st.sampled_from([0.5, 1.5, 8.0]),
    st.integers(-1, 12).map(lambda beats: 2 * beats),
)
CALLS = st.none() | st.builds(
    lambda first, long, onsets: Call(first, first + long, onsets),
    st.integers(-20, 300),
    st.integers(6, 700),
    st.integers(1, 5),
)
EARS = st.just(NO_ACTIVITY) | st.builds(PlayerActivity, CALLS, st.integers(0, 3), st.booleans(), st.booleans())


@given(st.integers(-16, 40), RULES, st.lists(st.tuples(EARS, st.none() | RULES), max_size=60))
def test_turns_never_overlap_and_leave_no_hole(
    first: int, rules: Rules, steps: list[tuple[PlayerActivity, Rules | None]]
) -> None:
    turn = first_turn(first, rules)
    for step, (activity, others) in enumerate(steps, first + 1):
        before, turned = turn, others is not None and others != rules
        rules = others if turned and others else rules
        turn = first_turn(step, rules) if turned else turn_after(before, step, rules, activity)
        assert turn.start <= step
        assert turn.end is None or step < turn.end
        assert turn.who in MAY_PLAY[rules.mode] or (turn.who is Who.NEITHER and step < rules.top)
        if turned or turn == before:
            continue
        if (turn.who, turn.start) == (before.who, before.start):  # it has become known how long it will be
            assert before.end is None
            continue
        assert turn.start == step
        assert turn.who is not before.who or rules.mode is Mode.TRADE
        assert before.end is None or before.end >= step


HAPPENS = st.sampled_from(
    [*".....xxXo---hh", Stop(), Restart(), Set("count-in", 0), Set("count-in", 1), "late", "leap"]
)
TURNED = st.builds(Set, st.just("mode"), st.sampled_from(Mode).map(str)) | st.builds(
    Set, st.sampled_from(["bars", "gap"]), st.integers(1, 4)
)


@given(st.sampled_from(Mode), st.lists(HAPPENS | TURNED, max_size=80))
def test_so_it_is_in_a_session(mode: Mode, happens: list[str | Command]) -> None:
    model, transport = Echo(), Transport(0, 0.0, 120)
    session = begin(model, Settings(mode=mode, bars=1), transport, count_in_bars=1)
    for happening in happens:
        sign = happening if isinstance(happening, str) else "."
        command = HandOver() if sign == "h" else happening
        commands = () if isinstance(command, str) else (command,)
        if sign == "leap":
            session = skip_choruses(session, 1)
        heard = Heard(notes(sign, session.position.transport, session.step)[0] if len(sign) == 1 else (), commands)
        if sign == "late":
            session, _ = fallback(session, heard, model, "late")
        else:
            session, _ = advance(session, heard, model)
        if not session.position.playing:
            at_s = session.position.transport.time_of(session.step + 3)
            session, _ = advance(idled(session, Heard((), (Start(),)), at_s), Heard(), model)
        turn = session.turn
        assert turn.start <= session.step
        assert turn.end is None or session.step < turn.end
        assert (turn.who is Who.NEITHER) == (session.place < 0)
        assert turn.who is Who.NEITHER or turn.who in MAY_PLAY[session.settings.mode]
