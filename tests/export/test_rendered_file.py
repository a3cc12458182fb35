"""What `improv render` writes: its length, key, call and choruses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest

from improv.config.values import Tune
from improv.errors import UsageError
from improv.export.messages import TICKS_A_BEAT
from improv.music.turns import Mode
from improv.runtime.render import render
from tests.export.test_midi_file import (
    BAR,
    absolute,
    check_well_formed,
    markers,
    onsets,
    parts,
    tempos,
)
from tests.midi.test_reading_calls import midi_file, off, on
from tests.models.onnx_models import saved, walker


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[..., mido.MidiFile]:
    """A render of the walker, which draws its melody: the file it makes."""
    model = str(saved(walker(), tmp_path / "walker.onnx"))

    def rendered(
        call: Path | None = None, name: str = "out", said: list[str] | None = None, **tune: Any
    ) -> mido.MidiFile:
        values = {"model": model, "choruses": 1, "seed": 0, "count_in": 0, "bars": 1, "provider": "cpu", **tune}
        render(Tune.of(**values), tmp_path / f"{name}.mid", call, (said if said is not None else list[str]()).append)
        midi = mido.MidiFile(tmp_path / f"{name}.mid")
        check_well_formed(midi)
        return midi

    return rendered


def test_a_render_repeats_to_the_byte_and_another_seed_differs(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    call = midi_file(tmp_path / "call.mid", [on(64), off(64, 1.3)])
    takes = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        rendered(call, name, seed=seed, choruses=3, swing=0.6, tempo=93)
        takes[name] = (tmp_path / f"{name}.mid").read_bytes()
    assert takes["a"] == takes["b"]
    assert takes["a"] != takes["c"]
    melodies = [
        [m.note for _, m in parts(mido.MidiFile(tmp_path / f"{n}.mid"))["Melody"] if m.type == "note_on"] for n in "ac"
    ]
    assert melodies[0] != melodies[1]


def test_a_render_is_as_long_as_it_was_asked_to_be(rendered: Callable[..., mido.MidiFile]) -> None:
    for choruses, count_in in ((1, 0), (3, 0), (2, 1)):
        midi = rendered(choruses=choruses, count_in=count_in)
        end = (4 * choruses + count_in) * BAR
        assert end + 2 * TICKS_A_BEAT <= absolute(midi.tracks[0])[-1][0] <= end + BAR  # the ending rings
        starts = ["Chorus 1 - improv", "Chorus 2", "Chorus 3"][:choruses]
        assert [text for _, text in markers(midi)] == [*starts, "Ending"]
        pads = rendered(choruses=choruses, count_in=count_in, style="pads")
        assert absolute(pads.tracks[0])[-1][0] == end
        assert [text for _, text in markers(pads)] == starts


def test_a_key_transposes_and_the_tempo_is_written(rendered: Callable[..., mido.MidiFile]) -> None:
    own, other = rendered(style="pads"), rendered(style="pads", key="Eb", tempo=97)
    assert [[m.note for _, m in parts(midi)["Chords"] if m.type == "note_on"][:4] for midi in (own, other)] == [
        [48, 52, 55, 58],
        [49, 51, 55, 58],
    ]
    assert (tempos(own), tempos(other)) == ([(0, 120)], [(0, 97)])


def test_a_call_that_fits_is_played_in_each_of_your_turns(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    fits = midi_file(tmp_path / "fits.mid", [on(60, 1), off(60, 1), on(64, 1), off(64, 1)])
    longer = midi_file(tmp_path / "longer.mid", [on(60, 1), off(60, 1), on(64, 3), off(64, 1)])
    turns = [chorus * 4 * BAR + bar * BAR for chorus in range(2) for bar in (0, 2)]
    assert onsets(rendered(fits, choruses=2), "You") == [start + b * TICKS_A_BEAT for start in turns for b in (1, 3)]
    assert onsets(rendered(longer, choruses=2), "You") == [TICKS_A_BEAT, 5 * TICKS_A_BEAT]
    held = midi_file(tmp_path / "held.mid", [on(60, 1), off(60, 1), on(64, 1), off(64, 2)])
    drone = midi_file(tmp_path / "drone.mid", [on(60, 1), off(60, 1), on(64, 1), off(64, 9)])
    assert onsets(rendered(held, choruses=2), "You") == [start + b * TICKS_A_BEAT for start in turns for b in (1, 3)]
    assert onsets(rendered(drone, choruses=2), "You") == [TICKS_A_BEAT, 3 * TICKS_A_BEAT]
    assert onsets(rendered(fits, choruses=2, mode=Mode.DUET), "You") == [TICKS_A_BEAT, 3 * TICKS_A_BEAT]


def test_a_render_with_a_call_trades_and_without_one_is_solo(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    call = midi_file(tmp_path / "call.mid", [on(60), off(60, 1)])
    assert [text for _, text in markers(rendered(call))] == ["Chorus 1 - you", "improv", "you", "improv", "Ending"]
    assert [text for _, text in markers(rendered())] == ["Chorus 1 - improv", "Ending"]
    with pytest.raises(UsageError, match="solo hears no player; leave --call out, or choose --mode trade or duet"):
        rendered(call, mode=Mode.SOLO)


def test_a_call_is_played_whole_or_it_is_said_what_is_not(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    late = midi_file(
        tmp_path / "late.mid", [on(60, 40), off(60, 1), on(64, 1), off(64, 1)]
    )  # bar 11, of four in a form
    said: list[str] = []
    midi = rendered(late, said=said, choruses=None)
    assert onsets(midi, "You") == [40 * TICKS_A_BEAT, 42 * TICKS_A_BEAT]
    assert said == ["3 choruses, for the call goes on to bar 11"]
    assert markers(midi)[-1] == (12 * BAR, "Ending")  # and the answer
    said.clear()
    assert "You" not in parts(rendered(late, said=said, choruses=2))
    assert said == [
        "bar 11 of the call comes after the last chorus: 2 of its 2 notes are not played; "
        "leave --choruses out, or give 3"
    ]
    said.clear()
    short = midi_file(tmp_path / "short.mid", [on(60, 1), off(60, 1)])
    assert markers(rendered(short, said=said, choruses=None))[-1] == (4 * BAR, "Ending")
    assert said == []
    far = midi_file(tmp_path / "far.mid", [on(60, 4 * 4 * 65), off(60, 1)])
    with pytest.raises(UsageError, match="the call goes on to bar 261, 66 choruses; say how many"):
        rendered(far, choruses=None)


def test_a_render_needs_an_end(rendered: Callable[..., mido.MidiFile]) -> None:
    with pytest.raises(UsageError, match="a render needs an end; give --choruses"):
        rendered(choruses=None)
