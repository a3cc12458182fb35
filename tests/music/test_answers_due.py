"""The notes that an answer owes, and a turn that is taken.

The signs are explained in tests/music/turn_lines.py.
"""

import pytest

from improv.music.turns import (
    NOTHING_YET,
    Answer,
    Mode,
    Turn,
    Who,
    owes_a_note,
    taken_text,
)
from improv.session.view import snapshot
from tests.music.turn_lines import line, sessions

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
    for other in (Turn(Who.YOU, 0, 32), Turn(Who.IMPROV, 0), Turn(Who.BOTH, 0), Turn(Who.NEITHER, 0, 32)):
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
    assert taken_text(Turn(Who.YOU, 10, 64)) == "you took its turn: 27 beats"
    assert taken_text(Turn(Who.YOU, 10, 12)) == "you took its turn: 1 beat"
    assert taken_text(Turn(Who.YOU, 10)) == "you took its turn"
