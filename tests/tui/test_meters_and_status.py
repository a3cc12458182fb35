"""The meters and the status line."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from improv.music.parts import Part
from improv.music.turns import Who
from improv.protocol.mixer import MUTES
from improv.protocol.snapshot import Loudness, MidiStatus
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.views.base import width_of
from improv.tui.views.history import MeterLevel
from improv.tui.views.meters import Meters, meter_rows
from improv.tui.views.status import status_rows
from tests.tui.rows import text
from tests.tui.snapshots import bare, faulty, of_turn


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
        return text(view.picture(seen, 17, len(Part)))[0]

    for keys, level in (((60,), 0), ((60,), 0), ((), 0), ((62,), 5), ((), 5)):  # joined with a key down
        view.take(replace(seen, system=replace(seen.system, midi=replace(seen.system.midi, keys=keys))))
        assert yours() == "you    " + "█" * level + "·" * (10 - level)
    view.take(replace(seen, step=1, loudness=Loudness.of({Part.YOU: 127})))
    assert yours() == "you    ██████████"


def test_meters_say_what_is_muted() -> None:
    seen = replace(bare(), settings=bare().settings.with_value(MUTES[Part.CHORDS], "on"))
    levels = dict.fromkeys(Part, 0.0) | {Part.YOU: 127.0, Part.MELODY: 63.5, Part.CHORDS: 50.0}
    assert text(meter_rows(levels, seen, UNICODE, 17, len(Part)))[:4] == [
        "you    ██████████",
        "melody ▒▒▒▒▒·····",
        "comp   muted",
        "bass   ··········",
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
