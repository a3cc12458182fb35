"""A gallery of networks: the call that all of them answer, and pictures of a network alone and answering it."""

from pathlib import Path

from PIL import Image

from improv.midi.call_file import read_call
from improv.music.grid import BEATS_PER_BAR
from tests.models.line_models import line_model
from tests.models.onnx_models import saved
from training.rendering.gallery import CALL, CALL_BARS, call_file, draw, melodic


def test_the_call_fills_its_bars_and_is_read_as_it_is_written(tmp_path: Path) -> None:
    notes, remarks = read_call(call_file(tmp_path / "call.mid"))
    assert not remarks
    assert len(notes) == len(CALL)
    assert (CALL_BARS - 1) * 48 < max(onset + long for _, onset, long in CALL) <= CALL_BARS * BEATS_PER_BAR * 12


def test_a_network_is_drawn_alone_and_answering(tmp_path: Path) -> None:
    model = saved(line_model("events"), tmp_path / "small.onnx")
    alone, answers = draw(str(model), tmp_path / "pictures")
    assert (alone.name, answers.name) == ("small.png", "small-answers.png")
    for picture in (alone, answers):
        with Image.open(picture) as found:
            assert found.width > 1000
            assert len(found.convert("RGB").getcolors(1 << 20) or ()) > 10


def test_networks_without_a_melody_are_left_out() -> None:
    assert "partner" in melodic()
    assert "eck2002-chords" not in melodic()
