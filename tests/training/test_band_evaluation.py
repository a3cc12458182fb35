"""The band beside people: what is read of a performance, and the tables that show it."""

from math import nan
from pathlib import Path

import pytest

from improv.errors import InputNotFound
from improv.models.encodings.drum_grids import Sound
from improv.music.notes import NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.session.band.learned import NO_NETWORKS
from tests.session.band.networks import both
from tests.session.steady import drone
from training.corpora.wjazzd_split import Split
from training.evaluation.band import Performance, Row, drummed, judge, perform, tables, to_json

MODEL = drone("C7 | F7 | C7 | G7")


@pytest.fixture(scope="module")
def swing() -> Performance:
    return perform(MODEL, NO_NETWORKS, Style.SWING, 120, 0.5, choruses=2)


def test_a_performance_is_read_part_by_part(swing: Performance) -> None:
    assert len(swing.bass.chords) == 4 * 4 * 2
    assert len(swing.bass.changes) == 8
    assert len(swing.drums.steps) == len(swing.sessions) == 8 * 4 * 2
    assert swing.comp.bars == 8
    assert swing.comp.line  # the drone's quarters
    assert all(len(pitches) > 1 for _, pitches in swing.comp.strikes)
    assert any(stroke.sound is Sound.RIDE for strokes in swing.drums.steps for stroke in strokes)


def test_a_stroke_that_is_early_belongs_to_the_place_it_is_nearest_to(swing: Performance) -> None:
    early = Placed(3 - 0.12, NoteOn(Part.DRUMS, 38, 90))
    (stroke,) = Performance(swing.sessions, [early], 120).drums.steps[0]
    assert stroke.substep == 1
    assert stroke.late_ms == pytest.approx(-5, abs=0.1)


def test_what_a_stroke_is_late_is_read_in_milliseconds(swing: Performance) -> None:
    late = Placed(6 + 3 + 0.24, NoteOn(Part.DRUMS, 38, 90))  # a tick lasts 41.7 ms at 120 bpm
    (stroke,) = Performance(swing.sessions, [late], 120).drums.steps[1]
    assert (stroke.sound, stroke.substep, stroke.velocity) == (Sound.SNARE, 1, 90)
    assert stroke.late_ms == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("style", [Style.FUNK, Style.SHUFFLE])
def test_the_network_drums_in_every_style_to_be_judged(swing: Performance, style: Style) -> None:
    by_rule = perform(MODEL, NO_NETWORKS, style, 100, 0.5, choruses=1)
    networks = both()
    played = drummed(by_rule, networks[Part.DRUMS]).drums
    assert networks[Part.DRUMS].asked == len(by_rule.sessions)
    assert played != by_rule.drums
    if style is Style.FUNK:  # as it does in a jam
        live = perform(MODEL, both(), style, 100, 0.5, choruses=1).drums
        assert [set(strokes) for strokes in played.steps] == [set(strokes) for strokes in live.steps]


def test_a_table_has_a_column_for_each_player_and_json_no_nan() -> None:
    rows = [
        Row("bass", "swing", "people", {"steps": 0.25, "range": nan}),
        Row("bass", "swing", "rule", {"steps": 0.5, "range": 12.0}),
        Row("drums", "funk", "network", {"strokes a bar": 17.0}),
    ]
    bass, drums = tables(rows)
    assert [column.header for column in bass.columns] == ["", "swing\npeople", "swing\nrule"]
    assert drums.title == "drums"
    assert to_json(rows) == {
        "bass": {"swing": {"people": {"steps": 0.25, "range": None}, "rule": {"steps": 0.5, "range": 12.0}}},
        "drums": {"funk": {"network": {"strokes a bar": 17.0}}},
    }


def test_drum_takes_that_are_not_there_are_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"info\.csv"):
        judge(Split((), (), (), {}), tmp_path)
