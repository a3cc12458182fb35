"""A take is read as far as it is whole: torn, damaged, strange, or no take at all."""

import itertools
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from improv.errors import DataError, InputNotFound
from improv.music.turns import Turn, Who
from improv.recording import (
    Journal,
    Recording,
    Remark,
    read_take,
)
from tests.conftest import tiers
from tests.recording.performed import EVEN, HEAD, NAME, PATIENT_S, SOLO, recorded, step_of, steps


def test_a_take_is_read_as_it_was_told(tmp_path: Path) -> None:
    entries = steps(300)
    with Journal(tmp_path / "takes", HEAD, patience_s=PATIENT_S) as journal:
        journal.remark(-8, "the port\nis gone")
        for entry in entries:
            journal.append(entry)
        journal.remark(200, "and back")
        journal.end("stopped")
    assert journal.path == tmp_path / "takes" / f"{NAME}.take"
    read = read_take(journal.path)
    remarks = (Remark(-8, "the port\nis gone"), Remark(200, "and back"))
    assert read == Recording(head=HEAD, entries=entries, remarks=remarks, ended="stopped", damage="")
    assert not read.recovered
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700


def test_every_line_carries_its_checksum_and_states_what_is_new(tmp_path: Path) -> None:
    faster = EVEN.with_bpm(200, from_step=2)
    changes: list[dict[str, Any]] = [
        {},
        {},
        {"transport": faster},
        {"transport": faster},
        {"transport": faster, "settings": replace(SOLO, bars=2)},
    ]
    entries = [step_of(step, **change) for step, change in enumerate(changes)]
    changes[-1]["turn"] = Turn(Who.YOU, 127)
    entries += [step_of(step, **changes[-1]) for step in range(127, 130)]
    lines = recorded(tmp_path, *entries).read_bytes().splitlines()
    for line in lines:
        assert int(line[:8], 16) == zlib.crc32(line[9:])
    everything = {"transport", "settings", "turn"}
    said = [json.loads(line[9:]).keys() & everything for line in lines[1:-1]]
    # step 0 and every 128th state everything, for who reads from the end
    assert said == [everything, set(), {"transport"}, set(), {"settings"}, {"turn"}, everything, set()]


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    head = replace(HEAD, model="../my models/blues no. 1.onnx", began="2026-11-21T07:45:12+01:00")
    paths = [recorded(tmp_path, head=head) for _ in range(3)]
    name = "20261121-064512-my-models-blues-no.-1.onnx"
    assert [path.name for path in paths] == [f"{name}.take", f"{name}-2.take", f"{name}-3.take"]
    assert len({path.read_bytes() for path in paths}) == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Recording]:
    """The bytes of a small take, and what they say."""
    directory = tmp_path_factory.mktemp("small")
    with Journal(directory, HEAD, patience_s=PATIENT_S) as journal:
        for entry in steps(9):
            journal.append(entry)
        journal.remark(3, "a remark")
        journal.end("stopped")
    assert journal.path is not None
    return journal.path.read_bytes(), read_take(journal.path)


def test_wherever_a_file_is_cut_its_whole_lines_are_read(small: tuple[bytes, Recording], tmp_path: Path) -> None:
    content, complete = small
    path = tmp_path / "cut.take"
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        whole = content[:cut].count(b"\n")
        if not whole:
            with pytest.raises(DataError, match="it has no whole line"):
                read_take(path)
            continue
        read = read_take(path)
        assert (read.head, read.entries) == (complete.head, complete.entries[: whole - 1])
        assert read.recovered
        torn = content[cut - 1 : cut] != b"\n"
        assert read.damage == (f"line {whole + 1} is torn: a crash; everything before it is here" if torn else "")
    path.write_bytes(content)
    assert read_take(path) == complete


@pytest.mark.parametrize("every", tiers(4, 1))
def test_a_flipped_byte_is_noticed_wherever_it_is(every: int, small: tuple[bytes, Recording], tmp_path: Path) -> None:
    content, complete = small
    path = tmp_path / "flipped.take"
    for place, bits in itertools.islice(itertools.product(range(len(content)), (0x01, 0x20, 0xFF)), 0, None, every):
        path.write_bytes(content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :])
        line = content[:place].count(b"\n")
        if not line:
            with pytest.raises(DataError, match="it is no take, or a damaged one"):
                read_take(path)
            continue
        read = read_take(path)
        assert read.damage.startswith(f"line {line + 1} is ")
        assert read.entries == complete.entries[: line - 1]
        assert read.recovered


def test_what_is_left_out_is_counted(small: tuple[bytes, Recording], tmp_path: Path) -> None:
    content, _ = small
    path = tmp_path / "damaged.take"
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b"la la la\n", *lines[5:]]))
    damaged = "line 5 is damaged: its checksum is wrong; it and the 7 lines after it are left out"
    assert read_take(path).damage == damaged
    path.write_bytes(content + lines[3])
    read = read_take(path)
    assert (read.ended, len(read.entries)) == ("stopped", 9)
    assert read.damage == "line 13 is damaged: it follows the end; it and the 0 lines after it are left out"
    path.write_bytes(content[:-40] + bytes(4096))  # after a power cut
    assert "is torn" in read_take(path).damage


def test_a_line_that_is_whole_and_says_nothing_we_know_is_damage(
    small: tuple[bytes, Recording], tmp_path: Path
) -> None:
    lines = small[0].splitlines(keepends=True)
    path = tmp_path / "strange.take"
    for strange in (b'{"verse":1}', b"[]", b"\xff", b'{"remark":1,"step":2}', b'{"end":null}'):
        path.write_bytes(b"".join([*lines[:3], b"%08x %s\n" % (zlib.crc32(strange), strange), *lines[3:]]))
        read = read_take(path)
        assert read.damage.startswith("line 4 is damaged: a line is not what it should be")
        assert len(read.entries) == 2


def test_what_is_no_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.take"
    with pytest.raises(InputNotFound, match=r"some\.take: No such file or directory; give a take"):
        read_take(path)
    with pytest.raises(InputNotFound, match="Is a directory"):
        read_take(tmp_path)
    for content in (b"MThd\n", b"\n\n", bytes(100) + b"\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="it is no take, or a damaged one"):
            read_take(path)
