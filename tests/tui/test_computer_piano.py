"""The computer keyboard as a piano: what letters mean, and how long notes last without a key ever coming up."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.protocol.commands import Command, Press
from improv.tui.input.computer_piano import GATE_S, HELD_S, Piano
from improv.tui.input.key_bindings import LAYOUTS, TABLE, BoundAction, KeyContext, Layout, Letters, PianoKey, interpret
from improv.tui.input.note_timers import NoteTimers

QWERTY = LAYOUTS["qwerty"]


def key(character: str, layout: Layout = QWERTY) -> PianoKey:
    struck = layout.piano_key(character)
    assert struck is not None
    return struck


def played(*strokes: tuple[float, str], until_s: float | None = None) -> list[tuple[float, int, int]]:
    """What is sent, when: (seconds, pitch, velocity), each end at the moment it is due."""
    sent: list[tuple[float, int, int]] = []
    piano = Piano(lowest=60, velocity=80)

    def pass_until(now_s: float) -> None:
        nonlocal piano
        while piano.next_end_s is not None and piano.next_end_s <= now_s:
            end_s = piano.next_end_s
            piano, ends = piano.at_time(end_s)
            sent.extend((round(end_s, 3), press.pitch, press.velocity) for press in ends)

    for now_s, character in strokes:
        pass_until(now_s)
        piano, presses = piano.pressed(key(character), now_s)
        sent.extend((now_s, press.pitch, press.velocity) for press in presses)
    pass_until(1e9 if until_s is None else until_s)
    return sent


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_both_rows_go_upwards_from_c_an_octave_apart_without_a_gap(layout: Layout) -> None:
    assert layout.semitones[layout.lower[0]] == 0
    assert layout.semitones[layout.upper[0]] == 12
    assert set(range(29)) <= set(layout.semitones.values())


def test_letters_are_the_keys_that_trackers_have() -> None:
    assert [key(letter).semitone for letter in "zsxdcvgbhnjm,"] == list(range(13))
    assert [key(letter).semitone for letter in "q2w3er5t6y7ui9o0p"] == list(range(12, 29))


@pytest.mark.parametrize(
    ("name", "shifted", "plain"),
    [("qwerty", "Z", "z"), ("qwerty", "@", "2"), ("qwerty", "<", ","), ("qwertz", "Ö", "ö"), ("azerty", "2", "é")],
)
def test_shift_is_an_accent(name: str, shifted: str, plain: str) -> None:
    layout = LAYOUTS[name]
    assert key(shifted, layout) == PianoKey(plain, key(plain, layout).semitone, accent=True)
    _piano, presses = Piano(velocity=80).pressed(key(shifted, layout), 0)
    assert presses[0].velocity > 80


def test_a_note_lasts_until_the_next_one() -> None:
    assert played((0, "z"), (0.25, "x")) == [(0, 60, 80), (0.25, 60, 0), (0.25, 62, 80), (0.25 + GATE_S, 62, 0)]


def test_a_note_that_nothing_ends_lasts_as_long_as_its_gate() -> None:
    assert played((0, "z")) == [(0, 60, 80), (GATE_S, 60, 0)]


def test_keys_at_nearly_the_same_moment_are_a_chord_and_end_together_with_the_next_key() -> None:
    chord = [(0, 60, 80), (0.02, 64, 80), (0.035, 67, 80)]
    ends = [(0.5, 60, 0), (0.5, 64, 0), (0.5, 67, 0), (0.5, 62, 80)]
    assert played((0, "z"), (0.02, "c"), (0.035, "b"), (0.5, "x"))[:7] == chord + ends


def test_a_key_that_the_terminal_repeats_is_held_until_it_stops() -> None:
    repeats = [(0.5 + n * 0.03, "z") for n in range(40)]
    sent = played((0, "z"), *repeats)
    assert [event for event in sent if event[0] < 0.5] == [(0, 60, 80)]
    assert sent[1:3] == [(0.5, 60, 0), (0.5, 60, 80)]  # as far as can be known, it was struck again
    assert sent[3:] == [(round(repeats[-1][0] + HELD_S, 3), 60, 0)]


def test_the_same_key_later_is_struck_again_with_an_end_between() -> None:
    assert played((0, "z"), (0.25, "z"))[:3] == [(0, 60, 80), (0.25, 60, 0), (0.25, 60, 80)]


@given(
    st.lists(
        st.tuples(st.floats(0.001, 1.5), st.sampled_from("zsxdcvgbhnjm,l.;/q2w3er5t6y7ui9o0pZSQ@")),
        max_size=60,
    )
)
def test_every_note_has_just_one_end_and_none_begins_while_it_sounds(strokes: list[tuple[float, str]]) -> None:
    now_s, timed = 0.0, []
    for wait_s, character in strokes:
        now_s += wait_s
        timed.append((now_s, character))
    down: set[int] = set()
    for _time_s, pitch, velocity in played(*timed):
        assert (velocity == 0) == (pitch in down)
        down ^= {pitch}
    assert not down


def test_the_octave_stays_where_there_are_pitches_and_what_sounds_ends_where_it_began() -> None:
    piano, _presses = Piano(lowest=60).pressed(key("z"), 0)
    piano, ends = piano.transposed(1).at_time(1)
    assert ends == (Press(60, 0),)
    for _ in range(20):
        piano = piano.transposed(1)
    assert piano.pressed(key("p"), 2)[1][-1].pitch <= 127
    assert Piano(lowest=96).pressed(PianoKey("p", 40, accent=False), 0) == (Piano(lowest=96), ())


def test_velocity_stays_in_range_and_panic_lets_everything_go() -> None:
    piano = Piano()
    for _ in range(40):
        piano = piano.louder(1)
    piano, presses = piano.pressed(key("Z"), 0)
    assert presses == (Press(piano.lowest, 127),)
    assert piano.released() == (Piano(piano.lowest, piano.velocity), (Press(piano.lowest, 0),))


def test_labels_are_one_for_each_pitch_letters_first() -> None:
    labels = Piano(lowest=48).labels(QWERTY)
    assert labels[48] == "z"
    assert labels[60] == "q"
    assert labels[61] == "l"
    assert sorted(labels) == list(range(48, 77))


# --- the timers of its notes ----------------------------------------------------------------------


def test_the_timers_wait_for_one_end_at_a_time_until_every_key_is_up() -> None:
    now_s, asked, waits = [100.0], list[Command](), list[tuple[float, Callable[[], None]]]()
    timers = NoteTimers(asked.append, lambda in_s, call: waits.append((now_s[0] + in_s, call)), lambda: now_s[0])
    timers.strike(key("z"))
    now_s[0] += 0.03
    timers.strike(key("c"))
    assert asked == [Press(60, 80), Press(64, 80)]
    while waits:
        ((now_s[0], end),) = waits
        waits.clear()
        end()
    assert asked[2:] == [Press(60, 0), Press(64, 0)]
    assert now_s[0] == pytest.approx(100.03 + GATE_S)


def test_keys_that_are_let_go_are_ended_and_those_that_are_forgotten_are_not() -> None:
    asked: list[Command] = []
    timers = NoteTimers(asked.append, lambda in_s, call: None, lambda: 0.0)
    timers.strike(key("z"))
    timers.lift_all()
    assert asked == [Press(60, 80), Press(60, 0)]
    timers.strike(key("z"))
    timers.forget()
    timers.lift_all()
    assert asked[2:] == [Press(60, 80)]
    assert timers.piano == Piano(lowest=60)


# --- what a key means -----------------------------------------------------------------------------


def action(
    key: str, key_context: KeyContext = KeyContext.JAM, letters: Letters = Letters.COMMANDS, **given: bool
) -> str | None:
    character = key if len(key) == 1 else None
    match interpret(key, character, key_context, letters, QWERTY, **given):
        case BoundAction(row):
            return row.action
        case PianoKey(character):
            return f"note {character}"
    return None


def test_a_letter_is_a_note_or_a_command() -> None:
    assert action("h") == "hand_over"
    assert action("h", letters=Letters.PIANO) == "note h"
    assert action("3") == "recall"
    assert action("3", letters=Letters.PIANO) == "note 3"


@pytest.mark.parametrize("letters", Letters)
@pytest.mark.parametrize("key_context", [KeyContext.JAM, KeyContext.LIST])
def test_panic_is_one_unshifted_key_wherever_no_text_is_typed(key_context: KeyContext, letters: Letters) -> None:
    assert action("backspace", key_context, letters) == "panic"


@pytest.mark.parametrize("key_context", KeyContext)
def test_f12_panics_and_ctrl_q_leaves_even_while_text_is_typed(key_context: KeyContext) -> None:
    assert action("f12", key_context) == "panic"
    assert action("ctrl+q", key_context) == "quit"


def test_a_list_has_the_arrows_and_the_digits() -> None:
    assert action("up", KeyContext.LIST) is None
    assert action("enter", KeyContext.LIST) is None
    assert action("2", KeyContext.LIST, Letters.PIANO) == "pick"
    assert action("escape", KeyContext.LIST) == "close"


def test_while_text_is_typed_letters_are_text() -> None:
    assert all(action(letter, KeyContext.TEXT, letters) is None for letter in "shq 1" for letters in Letters)


def test_s_starts_what_has_gone_whatever_letters_are() -> None:
    assert action("s", letters=Letters.PIANO, gone=True) == "start_again"
    assert action("s") == "save_preset"


def test_no_key_has_two_meanings() -> None:
    for key_context in KeyContext:
        for letters in Letters:
            found: dict[str, str] = {}
            for row in TABLE:
                keys = set(row.everywhere)
                if key_context is not KeyContext.TEXT:
                    keys |= set() if key_context is KeyContext.LIST and row.not_in_lists else set(row.keys)
                    keys |= set(row.letters) if letters is Letters.COMMANDS else set()
                for key in keys:
                    assert found.setdefault(key, row.action) == row.action


def test_a_key_that_is_held_no_longer_ends_when_it_ends_and_not_when_it_was_first_thought_to() -> None:
    asked, now_s, waits = list[Command](), [0.0], list[tuple[float, Callable[[], None]]]()
    timers = NoteTimers(asked.append, lambda in_s, call: waits.append((now_s[0] + in_s, call)), lambda: now_s[0])
    for now_s[0] in (0.0, 0.03, 0.06, 0.09):  # a terminal repeats it, then no more
        timers.strike(key("z"))
    last_s = now_s[0]
    while timers.piano.next_end_s is not None:
        now_s[0], call = waits.pop(min(range(len(waits)), key=lambda which: waits[which][0]))
        call()
    assert now_s[0] - last_s <= HELD_S + 0.01
    assert asked[-1] == Press(60, 0)
