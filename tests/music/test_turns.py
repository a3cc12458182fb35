"""Turn policies as tables that read like music, a character an eighth note.

What you play:  . nothing   x a short note   X two at once   o a note held as long as - follows   h the turn handed over
Whose turn:     n nobody's (count-in)   y yours   i improv's   b both's, in capitals where it begins
"""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.theory import STEPS_PER_BAR
from improv.music.transport import Transport
from improv.music.turns import (
    NO_ACTIVITY,
    NOTHING_YET,
    Answer,
    Call,
    Mode,
    PlayerActivity,
    Rules,
    Turn,
    Who,
    first_turn,
    owes_a_note,
    taken_says,
    turn_after,
)
from improv.protocol.commands import Command, HandOver, Restart, Set, Start, Stop
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, idled, skip_choruses
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import Echo, form_chord

LETTERS = {Who.NOBODY: "n", Who.YOU: "y", Who.IMPROV: "i", Who.BOTH: "b"}
MAY_PLAY = {
    Mode.TRADE: {Who.YOU, Who.IMPROV},
    Mode.PHRASE: {Who.YOU, Who.IMPROV},
    Mode.DUET: {Who.BOTH},
    Mode.SOLO: {Who.IMPROV},
    Mode.LISTEN: {Who.YOU},
}


def notes(played: str, transport: Transport, first: int) -> list[tuple[Timed, ...]]:
    """What arrives in each step of a line."""
    arriving, held = [], False
    for step, sign in enumerate(played, first):
        at_s, soon_s = transport.time_of(step), transport.time_of(step) + 0.1 * transport.step_s
        struck = {"x": (60,), "X": (60, 64), "o": (67,)}.get(sign, ())
        heard = [Timed(at_s, NoteOff(Part.YOU, 67))] if held and sign != "-" else []
        heard += [Timed(at_s, NoteOn(Part.YOU, pitch, 80)) for pitch in struck]
        heard += [Timed(soon_s, NoteOff(Part.YOU, pitch)) for pitch in struck if sign != "o"]
        held = sign == "o" or (held and sign == "-")
        arriving.append(tuple(heard))
    return arriving


def sessions(
    played: str,
    mode: Mode,
    *,
    bars: int = 1,
    gap: float = 1.5,
    count_in: int = 0,
    asked: dict[int, tuple[Command, ...]] | None = None,
) -> list[Session]:
    """The session at each step of a line, and at the one after it."""
    model, transport = Echo(), Transport(0, 0.0, 120)
    chosen = Settings(mode=mode, bars=bars, gap=gap, count_in=1)
    session, _ = advance(begin(model, chosen, transport, count_in_bars=count_in), Heard(), model)
    passed = [session]
    for sign, arrived in zip(played, notes(played, transport, session.step), strict=True):
        commands = (HandOver(),) if sign == "h" else (asked or {}).get(session.step, ())
        session, _ = advance(session, Heard(arrived, commands), model)
        passed.append(session)
    return passed


def check(turns: str, left: Sequence[float | None], passed: list[Session]) -> None:
    """Whose turn it is at each step, and for how many beats when a turn begins."""
    began = [session for session in passed if session.turn.start == session.step][: len(left)]
    letters = [(LETTERS[session.turn.who], session.turn.start == session.step) for session in passed]
    assert "".join(letter.upper() if begins else letter for letter, begins in letters[:-1]) == turns
    assert [snapshot(session, session).beats_left for session in began] == list(left)


def line(text: str) -> str:
    return text.replace(" ", "")


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
    ("call", "beats"),
    [(Call(0, 6, 2), 2), (Call(0, 36, 3), 3), (Call(6, 60, 3), 5), (Call(0, 2000, 9), 48), (None, 8)],
    ids=["never shorter than two beats", "as long", "in whole beats", "never longer than a chorus", "two bars"],
)
def test_how_long_an_answer_is(call: Call | None, beats: float) -> None:
    turn = turn_after(Turn(Who.YOU, 0), 400, Rules(Mode.PHRASE, 2, 1.5), PlayerActivity(call, handed_over=True))
    assert (turn.who, turn.start, turn.beats_left(400)) == (Who.IMPROV, 400, beats)


@pytest.mark.parametrize(("mode", "letter"), [(Mode.DUET, "b"), (Mode.SOLO, "i"), (Mode.LISTEN, "y")])
def test_where_nobody_waits_the_turn_is_always_the_same(mode: Mode, letter: str) -> None:
    played = line("x.X.o--- --h.x.x. hhXX....")
    passed = sessions(played, mode, count_in=1)
    check("N" + "n" * 7 + letter.upper() + letter * 15, [4, None], passed)


def test_who_hears_and_who_plays() -> None:
    told = {who: (who.hears_you, who.plays) for who in Who}
    assert told == {
        Who.NOBODY: (False, False),
        Who.YOU: (True, False),
        Who.IMPROV: (False, True),
        Who.BOTH: (True, True),
    }


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
            assert session.turn == Turn(Who.NOBODY, first, top)
        if at == top:
            assert session.turn == first_turn(top, Rules(mode, 4, 1.5, top))
        if at >= top:
            assert session.turn.who in MAY_PLAY[mode]


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
        assert turn.who in MAY_PLAY[rules.mode] or (turn.who is Who.NOBODY and step < rules.top)
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
        assert (turn.who is Who.NOBODY) == (session.place < 0)
        assert turn.who is Who.NOBODY or turn.who in MAY_PLAY[session.settings.mode]


# --- an answer has three notes ----------------------------------------------------------------------


def due(length: int, *, start: int = 40) -> list[int]:
    """The steps of a turn in which a note has to begin where none comes by itself."""
    turn, answer, begun = Turn(Who.IMPROV, start, start + length), NOTHING_YET, []
    for step in range(start, start + length):
        if owes_a_note(turn, step, answer):
            answer = Answer(answer.notes + 1, step)
            begun.append(step - start)
    return begun


@pytest.mark.parametrize(
    ("length", "wanted"),
    [
        (1, []),
        (2, [0]),
        (3, [0, 1]),
        (4, [0, 1, 2]),
        (6, [2, 3, 4]),
        (8, [4, 5, 6]),
        (16, [8, 10, 12]),
        (32, [16, 20, 24]),
        (64, [16, 24, 32]),
        (768, [16, 24, 32]),
    ],
)
def test_a_turn_without_notes_is_given_three_of_them_in_time(length: int, wanted: list[int]) -> None:
    assert due(length) == wanted


def test_what_comes_by_itself_is_left_alone() -> None:
    turn = Turn(Who.IMPROV, 0, 32)
    assert not owes_a_note(turn, 31, NOTHING_YET)  # the last step: what sounds may end
    assert not owes_a_note(turn, 24, Answer(3, 2))
    assert not owes_a_note(turn, 9, Answer(2, 2))
    assert owes_a_note(turn, 10, Answer(2, 2))  # a bar after two notes
    assert not owes_a_note(turn, 15, NOTHING_YET)
    for other in (Turn(Who.YOU, 0, 32), Turn(Who.IMPROV, 0), Turn(Who.BOTH, 0), Turn(Who.NOBODY, 0, 32)):
        assert not any(owes_a_note(other, step, NOTHING_YET) for step in range(32))


# --- a turn that is taken ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("played", "mode", "taken"),
    [
        pytest.param(
            "........ ..x..... ........ ........", Mode.TRADE, ".......... .TTTTT TTTTTTTT ........", id="taken"
        ),
        pytest.param(
            "........ xx...... ........ ........", Mode.TRADE, "..........TTTTTT TTTTTTTT ........", id="kept"
        ),
        pytest.param(
            "........ ...h.... ........ ........", Mode.TRADE, "............TTTT TTTTTTTT ........", id="asked for"
        ),
        pytest.param("........ x....... ........ ........", Mode.TRADE, "." * 32, id="the note that ends a phrase"),
        pytest.param("........ .......x ........ ........", Mode.TRADE, "." * 32, id="yours anyway"),
        pytest.param("...h.... ........ ........ ........", Mode.TRADE, "." * 32, id="given away"),
        pytest.param("xxxxxxxx ........ x....... ........", Mode.PHRASE, None, id="a phrase that is not over"),
    ],
)
def test_a_turn_that_is_taken_says_so(played: str, mode: Mode, taken: str | None) -> None:
    passed = sessions(line(played), mode)[:-1]
    shown = "".join("T" if snapshot(session, session).took_turn else "." for session in passed)
    if taken is None:
        assert "T" in shown
        assert all(session.turn.who is Who.YOU for session in passed if session.listener.took_turn)
    else:
        assert shown == line(taken)


def test_a_taken_turn_is_told_in_beats() -> None:
    assert taken_says(Turn(Who.YOU, 10, 64)) == "you took its turn: 27 beats"
    assert taken_says(Turn(Who.YOU, 10, 12)) == "you took its turn: 1 beat"
    assert taken_says(Turn(Who.YOU, 10)) == "you took its turn"
