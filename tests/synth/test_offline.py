"""A performance as samples, without a device: the same each time, whole to the end of its tails."""

from pathlib import Path

import numpy as np
import pytest

from improv.errors import DataError, InputNotFound, UsageError
from improv.synth.choice import ENGINE_VARIABLE, ENGINES, SONARE, open_synth
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.limiter import BLOCK, Limiter
from improv.synth.offline import rendered
from improv.synth.soundfonts import FOLDERS_VARIABLE, best_soundfont, checked_soundfont, soundfonts
from tests.synth.listening import BASS, MELODY, note, onset_s, opened, part_of, peak_db, phrase


def all_of(messages: list[tuple[float, bytes]], engine: str, least_s: float = 0.0) -> Samples:
    return np.concatenate(list(rendered(messages, synth=opened(engine), least_s=least_s)))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_messages_are_the_same_samples(engine: str) -> None:
    messages = sorted([*phrase(MELODY, 2), *phrase(BASS, 2)])
    first, second = all_of(messages, engine), all_of(messages, engine)
    assert first.dtype == np.float32
    assert first.shape == second.shape
    assert np.array_equal(first, second)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_note_sounds_at_its_time_the_first_too(engine: str) -> None:
    for channel, pitch in ((BASS, 28), (BASS, 50), (MELODY, 79)):
        due_s = [0.0, 1.5, 3.013, 4.6, 6.2001]
        messages = [message for time_s in due_s for message in note(channel, pitch, time_s, 0.1)]
        heard = all_of(messages, engine)
        for time_s in due_s:
            before, after = part_of(heard, max(0, time_s - 0.1), time_s - 0.01), part_of(heard, time_s, time_s + 0.3)
            assert onset_s(after, over=peak_db(before)) < 0.010


@pytest.mark.parametrize("engine", ENGINES)
def test_what_sounds_at_the_end_sounds_out(engine: str) -> None:
    heard = all_of(note(MELODY, 72, 0.0, 0.5), engine)
    assert len(heard) > 0.8 * RATE_HZ
    assert peak_db(heard[-4800:]) < -70


@pytest.mark.parametrize("engine", ENGINES)
def test_what_never_ends_is_faded_out(engine: str) -> None:
    heard = all_of([(0.0, bytes((0xC0 | MELODY, 66))), *note(MELODY, 60, 0.0, 60.0)[:1]], engine)
    assert len(heard) <= 8.1 * RATE_HZ
    assert peak_db(heard[-400:]) < -20
    assert abs(float(heard[-1].max())) < 1e-3


def test_it_lasts_as_long_as_is_asked_for() -> None:
    heard = all_of(note(MELODY, 72, 0.0, 0.1), SONARE, least_s=3.0)
    assert 3.0 * RATE_HZ <= len(heard) < 4.0 * RATE_HZ
    assert peak_db(part_of(heard, 2.0, 3.0)) < -70


def test_a_soundfont_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"nowhere\.sf2: No such file"):
        open_synth(tmp_path / "nowhere.sf2")
    text = tmp_path / "text.sf2"
    text.write_text("not a SoundFont")
    with pytest.raises(InputNotFound, match="not a SoundFont"):
        open_synth(text)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broken_soundfont_is_refused(engine: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    opened(engine)
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"RIFF\x10\0\0\0sfbkLIST" + bytes(40))
    with pytest.raises(DataError, match=r"broken\.sf2"):
        open_synth(broken, only=engine)
    assert capfd.readouterr() == ("", "")  # of libraries


def test_without_a_soundfont_the_wheel_sounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened(SONARE)
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    assert soundfonts() == []
    assert "libsonare" in open_synth().description


def test_the_environment_names_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(SONARE)
    monkeypatch.setenv(ENGINE_VARIABLE, SONARE)
    assert "libsonare" in open_synth().description
    monkeypatch.setenv(ENGINE_VARIABLE, "theremin")
    with pytest.raises(UsageError, match="theremin"):
        open_synth()


def test_a_soundfont_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, here = tmp_path / "fonts", tmp_path / "here"
    for made in (folder, here):
        made.mkdir()
    monkeypatch.setenv(FOLDERS_VARIABLE, str(folder))
    monkeypatch.chdir(here)
    font = folder / "FluidR3_GM.sf2"
    font.write_bytes(b"RIFF\x10\0\0\0sfbk")
    for name in ("FluidR3_GM.sf2", "fluidr3_gm", "FLUIDR3_GM.SF2"):
        assert checked_soundfont(Path(name)) == font
    with pytest.raises(InputNotFound, match=r"no SoundFont x\.sf2 .* have FluidR3_GM\.sf2; give a file"):
        checked_soundfont(Path("x.sf2"))
    with pytest.raises(InputNotFound, match="No such file"):
        checked_soundfont(here / font.name)
    (here / font.name).write_bytes(font.read_bytes())
    assert checked_soundfont(Path(font.name)) == Path(font.name)  # the file in the current folder is meant


def test_the_best_soundfont_is_known_by_its_name() -> None:
    names = ["/a/TimGM6mb.sf2", "/a/FluidR3_GM.sf2", "/b/default-GM.sf2"]
    assert best_soundfont([Path(name) for name in names]) == Path("/a/FluidR3_GM.sf2")
    assert best_soundfont([]) is None


def test_the_limiter_leaves_alone_what_is_not_too_loud_and_bends_nothing() -> None:
    quiet = np.random.default_rng(1).uniform(-0.8, 0.8, (BLOCK * 20, 2)).astype(np.float32)
    limiter = Limiter()
    out = np.concatenate([limiter.process(quiet[: BLOCK * 7]), limiter.process(quiet[BLOCK * 7 :])])
    assert np.array_equal(out[BLOCK:], quiet[:-BLOCK])


def test_the_limiter_keeps_peaks_under_its_ceiling() -> None:
    draws = np.random.default_rng(2)
    loud = (draws.uniform(-1, 1, (BLOCK * 200, 2)) * draws.uniform(0, 5, (200, 1)).repeat(BLOCK, axis=0)).astype(
        np.float32
    )
    limiter = Limiter()
    out = np.concatenate([limiter.process(loud[at : at + BLOCK * 5]) for at in range(0, len(loud), BLOCK * 5)])
    assert np.abs(out).max() <= 0.8901
