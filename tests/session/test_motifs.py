"""How much of what was played counts for a line, and how freely it is drawn for that."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from improv.models.encodings import ENCODINGS, StepInput
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import APART, TOGETHER, Settings
from improv.session.lifecycle import begin
from improv.session.motifs import counted_motifs, drawing_temperature
from tests.session.steady import drone

MODEL = drone()
SESSION = begin(MODEL, Settings(mode=Mode.SOLO), Transport(0, 0.0, 120.0))
REMEMBERS = ENCODINGS["soloist_notes"]


def counted(cells: Sequence[Cell], **settings: float) -> float:
    """How much counts after a solo of these cells, with a `motifs` of 0.4."""
    told = replace(SESSION.settings, **{"motifs": 0.4} | settings)  # type: ignore[arg-type]
    inputs = tuple(StepInput(Frame(cell, None)) for cell in cells)
    return counted_motifs(replace(SESSION, settings=told, network=replace(SESSION.network, recent_inputs=inputs)))


def struck(*pitches: int) -> list[Cell]:
    return [Cell((Onset(pitch),)) for pitch in pitches]


def test_the_colder_notes_are_drawn_the_less_is_counted_of_what_was_played() -> None:
    """From the default temperature up it is what the control says."""
    found = [counted(struck(60), temperature=each) for each in (0, 0.4, 0.8, 2)]
    assert found == pytest.approx([0, 0.025, 0.4, 0.4])


def test_nothing_is_counted_where_nothing_has_begun_for_a_bar() -> None:
    held = Cell(held=(60,))
    assert counted([*struck(60), *[held] * 7]) == 0.4
    assert counted([*struck(60), *[held] * 8]) == counted([held]) == counted([]) == 0


def test_the_more_a_line_repeats_itself_the_less_is_counted() -> None:
    """By the share of different pairs among the last 32 notes: all of it from 0.7 on, none up to 0.4."""
    rising, riff = range(50, 82), [60, 63, 65, 63] * 8
    assert counted(struck(*rising)) == 0.4
    assert counted(struck(*riff)) == 0
    half = [*range(50, 66), *[60, 63] * 8]  # 15 pairs, one between, and two that come again: 18 of 31
    assert 0 < counted(struck(*half)) < 0.4
    assert counted(struck(*riff, *rising)) == 0.4  # the latest count
    assert counted(struck(*rising, *riff)) == 0
    assert counted(struck(*[60] * 15)) == 0.4  # too few to tell
    assert counted(struck(*[60] * 16)) == 0
    rests = [SILENCE, *struck(60), SILENCE] * 16  # rests between them do not matter
    assert counted(rests) == 0


@pytest.mark.parametrize("rules", [0, 1, 2])
def test_takes_from_before_count_riffs_too(rules: int) -> None:
    assert counted(struck(*[60, 63] * 16), soloist_rules=rules) == 0.4


@pytest.mark.parametrize(
    ("motifs", "temperature", "drawn"),
    [(0, 0.8, 0.8), (0.2, 0.8, 0.889), (0.8, 0.8, 0.979), (1, 0.8, 1), (0.8, 1, 1), (0.8, 1.3, 1.3), (0.8, 0, 0)],
)
def test_the_more_counts_the_nearer_to_1_a_line_is_drawn(motifs: float, temperature: float, drawn: float) -> None:
    session = replace(SESSION, settings=Settings(mode=Mode.SOLO, motifs=motifs, temperature=temperature))
    assert drawing_temperature(session, REMEMBERS, answers=False) == pytest.approx(drawn, abs=0.001)


def test_answers_takes_from_before_and_other_networks_are_drawn_at_the_control_s_temperature() -> None:
    session = replace(SESSION, settings=Settings(mode=Mode.TRADE, temperature=0.6))
    assert drawing_temperature(session, REMEMBERS, answers=True) == 0.6
    before = replace(session, settings=replace(session.settings, soloist_rules=2))
    assert drawing_temperature(before, REMEMBERS, answers=False) == 0.6
    for name, encoding in ENCODINGS.items():
        drawn = drawing_temperature(session, encoding, answers=False)
        assert (drawn == 0.6) == ("motifs" in encoding.unsupported_controls), name


@pytest.mark.parametrize("mode", list(Mode))
def test_in_a_duet_improv_listens_and_nothing_counts(mode: Mode) -> None:
    """Where both voices are heard as one line it does."""
    inputs = tuple(StepInput(Frame(cell, None)) for cell in struck(*range(50, 82)))
    for how in (APART, TOGETHER):
        begun = begin(MODEL, Settings(mode=mode, duet=how), Transport(0, 0.0, 120.0))
        session = replace(begun, network=replace(begun.network, recent_inputs=inputs))
        listens = mode is Mode.DUET and how == APART
        assert counted_motifs(session) == (0 if listens else 0.8)
        drawn = drawing_temperature(session, REMEMBERS, answers=False)
        assert drawn == pytest.approx(0.8 if listens else 0.979, abs=0.001)
