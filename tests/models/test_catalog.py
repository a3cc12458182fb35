"""Networks are found by name, and those of takes by their bytes."""

import hashlib
import shutil
from pathlib import Path

import pytest

from improv.errors import UsageError
from improv.models.catalog import find_model, find_network


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_network_that_was_replaced_is_found_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path))
    old, new = tmp_path / "mine-1.onnx", tmp_path / "mine.onnx"
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    assert find_network("mine", sha256(old)) == old
    assert find_network("mine", sha256(new)) == new
    assert find_network("mine", "0" * 64) == new
    shutil.move(old, tmp_path / "other.onnx")
    assert find_network("mine", hashlib.sha256(b"old").hexdigest()) == new  # another name is another network
    with pytest.raises(UsageError, match="no model 'nothing'"):
        find_network("nothing", sha256(new))


def test_the_partner_of_improv_0_1_is_there() -> None:
    before = find_model("partner-1")
    assert find_network("partner", sha256(before)) == before != find_model("partner")
    assert find_network("bass", sha256(find_network("bass", ""))).name == "bass.onnx"


def test_a_network_that_is_built_by_a_command_is_named_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"docevski2018-lstm3 is not built yet; .*: python -m training reproduce doc"):
        find_model("docevski2018-lstm3")
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path))
    (tmp_path / "docevski2018-lstm3.onnx").write_bytes(b"built")
    assert find_model("docevski2018-lstm3") == tmp_path / "docevski2018-lstm3.onnx"
