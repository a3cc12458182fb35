"""The blind listening test: its page, its order, whose clips are heard, and the command."""

import argparse
import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from improv.errors import DataError, UsageError
from improv.export.formats import write_file
from improv.music.notes import Cell, Frame, Onset
from improv.music.theory import Form
from improv.synth.engine import RATE_HZ as RATE
from tests.conftest import Echo
from tests.training.clips import BAR, FORM, STAGE, line
from tests.training.test_ratings import file_of
from tests.training.test_solos import solo
from training.corpora import wjazzd
from training.corpora.solos import Note, Solo
from training.corpora.wjazzd_split import Side, sides
from training.datasets.sequences import CELLS
from training.listening_test import page as listen
from training.listening_test.page import (
    MARKOV,
    PEOPLE,
    Clip,
    all_notes,
    centre,
    choose_clips,
    chord_likeness,
    of_markov,
    of_model,
    of_people,
    page,
)
from training.metrics.melody import CHORUS_BARS, Melody
from training.rendering import audio as sound
from training.rendering.audio import Stage


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    sources = (PEOPLE, "some-model", MARKOV)
    return [Clip(line(6 * (1 + n), 60 + n), source, f"{source} no. {n}") for source in sources for n in range(3)]


@pytest.fixture(scope="module")
def html(clips: list[Clip]) -> str:
    return page(clips, STAGE, {"sound": "ours"}, 7)


def content_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', html, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def truth_of(html: str) -> dict[str, Any]:
    veiled = base64.b64decode(content_of(html)["truth"])
    text = bytes(one ^ other for one, other in zip(veiled, cycle(listen.VEIL), strict=False))
    return dict(json.loads(text))


# --- the page ---


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_loads_nothing(html: str) -> None:
    assert "http://" not in html
    assert "https://" not in html
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|@import|url\(|\bimport\b", html)
    tags = Page(html).tags
    loads = [(tag, name, value) for tag, attrs in tags for name, value in attrs.items() if name in ("src", "href")]
    assert loads == [("link", "href", "data:,")]
    policies = [attrs["content"] for tag, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policies
    assert str(policies[0]).startswith("default-src 'none'")
    assert "connect-src" not in str(policies[0])


def test_everything_that_is_asked_has_a_label(html: str) -> None:
    tags = Page(html).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'\$\("([\w-]+)"\)', html)) <= set(ids)
    assert {attrs["for"] for tag, attrs in tags if tag == "label" and "for" in attrs} <= set(ids)
    assert [attrs.get("lang") for tag, attrs in tags if tag == "html"] == ["en-GB"]
    assert sum(tag == "fieldset" for tag, _ in tags) == 3
    assert sum(tag == "legend" for tag, _ in tags) == 2


def test_nothing_in_the_page_tells_whose_clip_is_whose(html: str, clips: list[Clip]) -> None:
    for clip in clips:
        assert clip.source not in html
        assert clip.origin not in html
    shown = content_of(html)
    assert set(shown) == {"format", "id", "seconds", "type", "truth", "clips"}
    sizes = [len(clip) for clip in shown["clips"]]
    assert max(sizes) < 1.3 * min(sizes)


def test_the_order_is_the_seeds_and_every_clip_is_there_once(
    clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "clip", lambda line, stage: np.full(100, len(line.onsets) / 1_000))
    monkeypatch.setattr(sound, "encode_audio", lambda made: ("audio/wav", made.tobytes()))

    def order(seed: int) -> list[str]:
        html = page(clips, STAGE, {}, seed)
        played = [np.frombuffer(base64.b64decode(clip))[0] * 1_000 for clip in content_of(html)["clips"]]
        told = truth_of(html)["clips"]
        of = {clip.origin: len(clip.line.onsets) for clip in clips}
        assert np.allclose(played, [of[each["origin"]] for each in told])
        return [each["origin"] for each in told]

    orders = [order(seed) for seed in range(20)]
    assert orders[3] == order(3)
    assert all(sorted(each) == sorted(clip.origin for clip in clips) for each in orders)
    assert len({tuple(each) for each in orders}) == 20
    assert len({each[0].partition(" no.")[0] for each in orders}) == 3  # any source may be first


# --- the sound ---


def test_every_clip_is_as_long_and_as_loud_and_none_is_silent_or_clipped(html: str) -> None:
    shown = content_of(html)
    for packed in shown["clips"]:
        made = soundfile.read(io.BytesIO(base64.b64decode(packed)))[0]
        assert len(made) == round(shown["seconds"] * RATE)
        assert sound.loudness(made) == pytest.approx(sound.LOUDNESS, abs=0.3)
        assert 0.1 < np.abs(made).max() < 1
        seconds = [made[at : at + RATE] for at in range(0, len(made) - 2 * RATE, RATE)]
        assert min(float(np.sqrt(np.mean(second**2))) for second in seconds) > 0.02


# --- whose lines ---


def test_a_chorus_is_centred_by_octaves_alone_and_ends_with_itself() -> None:
    high = line(12, 90, ends=12)
    found = centre(high)
    assert {int(up) for up in found.pitches - high.pitches} == {-24}
    assert abs(np.median(found.pitches) - listen.MIDDLE) <= 6
    assert centre(line(12, 60, ends=30)).ends.max() == CHORUS_BARS * BAR


def test_choruses_with_too_few_notes_are_passed_over() -> None:
    silent = Clip(line().cut(0, 4), PEOPLE, "silent")
    full = [Clip(line(), PEOPLE, f"full {n}") for n in range(3)]
    assert [clip.origin for clip in choose_clips(iter([silent, *full]), 2, "")] == ["full 0", "full 1"]
    with pytest.raises(DataError, match="2 choruses can be heard, not 3"):
        choose_clips(iter([silent, silent, *full[:2]]), 3, "some")


def test_likeness_of_chords() -> None:
    assert chord_likeness(line(), FORM) == 1
    other = Form.parse(" | ".join(["F#7"] * 12))  # a tritone away: C7 shares two of six, F7 and G7 none or one
    assert chord_likeness(line(), other) < 0.4
    unknown = line()
    assert (
        chord_likeness(Melody(unknown.onsets, unknown.ends, unknown.pitches, np.zeros((96, 12), np.bool_)), FORM) == 1
    )


def played(name: str, bpm: float, choruses: int = 2) -> Solo:
    notes = [Note(at, at + 10, 60 + at // 12 % 5) for at in range(0, choruses * CHORUS_BARS * BAR, 12)]
    chords = tuple(FORM.chord_at(2 * beat) for beat in range(choruses * CHORUS_BARS * 4))
    tops = tuple(range(0, choruses * CHORUS_BARS, CHORUS_BARS))
    return replace(solo(*notes, chords=chords), name=name, tempo_bpm=bpm, choruses=tops)


def test_people_are_heard_in_turn_and_those_of_another_tempo_last() -> None:
    solos = [played("slow", 60), played("one", 150), played("other", 180)]
    for seed in range(4):
        found = list(of_people(solos, FORM, 160, np.random.default_rng(seed)))
        names = [clip.origin.partition(",")[0] for clip in found]
        assert sorted(names[:2]) == sorted(names[2:4]) == ["one", "other"]
        assert names[4:] == ["slow"] * 2
        assert {clip.line.bars for clip in found} == {CHORUS_BARS}


def test_a_model_plays_through_the_session_by_its_seed() -> None:
    changes = FORM.text
    one, other = (list(of_model(Echo(changes), "echo", 1.0, 160, range(2))) for _ in range(2))
    assert [clip.line.pitches.tolist() for clip in one] == [clip.line.pitches.tolist() for clip in other]
    assert {clip.line.bars for clip in one} == {CHORUS_BARS}
    assert all(chord_likeness(clip.line, FORM) == 1 for clip in one)


def test_of_a_model_that_plays_chords_all_notes_are_heard() -> None:
    chord = FORM.chord_at(0)
    cells = [Cell((Onset(60), Onset(64))), Cell(held=(60, 64)), Cell((Onset(67, 3),), held=(60,)), Cell(held=(67,))]
    found = all_notes([Frame(cell, chord) for cell in cells])
    notes = list(zip(found.onsets.tolist(), found.ends.tolist(), found.pitches.tolist(), strict=True))
    assert notes == [(0, 18, 60), (0, 12, 64), (15, 24, 67)]
    assert len(found.chords) == 4
    assert [(hit.onset, hit.end, hit.pitch) for hit in sound.hits(found)] == notes
    voice = [Frame(Cell((Onset(60),)), chord), Frame(Cell((Onset(62),)), chord)]
    assert all_notes(voice).pitches.tolist() == [60, 62]


def test_a_chain_plays_what_it_has_learned() -> None:
    (clip,) = of_markov([played("one", 150), played("other", 150)], FORM, [3])
    assert set(clip.line.pitches.tolist()) <= set(CELLS.melody_pitches())
    assert clip.line.bars == CHORUS_BARS
    assert clip.source == MARKOV
    with pytest.raises(DataError, match="no solo"):
        list(of_markov([], FORM, [1]))


# --- the command ---


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    listen.add_arguments(parser)
    return parser.parse_args(arguments)


def test_answers_of_several_listeners_are_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        str(file_of(tmp_path / f"{name}.json", answer={"rating": rating})) for name, rating in (("a", 4), ("b", 1))
    ]
    listen.run(parsed("--results", *files))
    printed = capsys.readouterr().out
    assert "2 listeners, 2 answers" in printed
    assert "2.50" in printed
    assert "100% (16% to 100%)" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "at least one MODEL"),
        (["m.onnx", "--clips", "0"], "--clips 0 is out of range"),
        (["m.onnx", "--swing", "0.9"], "--swing 0.9 is out of range"),
        (["exported_models/eck2002-chords.onnx"], "the changes alone"),
        (["exported_models/eck2002-blues.onnx", "--form", "C7 | F7"], "2 bars"),
        (["exported_models/eck2002-blues.onnx", "--form", "H7"], "--form"),
    ],
)
def test_what_cannot_be_is_told(arguments: list[str], message: str) -> None:
    root = Path(__file__).parents[2]
    with pytest.raises(UsageError, match=message):
        listen.run(parsed(*(str(root / each) if each.startswith("exported") else each for each in arguments)))


def test_who_is_heard_was_never_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solos = [replace(played(name, 150), is_blues=True) for name in sides()]
    solos[0] = replace(solos[0], name="not listed")
    monkeypatch.setattr(wjazzd, "read", lambda path: (tuple(solos), None))
    (tmp_path / "solos.csv").touch()
    found = listen.corpus(tmp_path)
    side = sides()
    assert {side[each.name] for each in found.learned} == {Side.TRAINING}
    assert {side[each.name] for each in found.heard} == {Side.TEST, Side.VALIDATION}
    assert len(found.heard) + len(found.learned) == len(solos) - 1


def test_of_midi_files_one_in_five_is_heard_and_the_others_are_learned_from(tmp_path: Path) -> None:
    for number in range(7):
        played = sound.performance(sound.hits(line(12, 60 + number)), Stage(FORM, 120, 0.5, None))
        write_file(played, tmp_path / f"{number}.mid")
    found = listen.corpus(tmp_path)
    heard, learned = ({each.name for each in those} for those in (found.heard, found.learned))
    assert (len(heard), len(learned), len(heard | learned)) == (2, 5, 7)
    (tmp_path / "one more.mid").write_bytes((tmp_path / "0.mid").read_bytes())
    assert learned.isdisjoint({each.name for each in listen.corpus(tmp_path).heard} - {"one more"})


def test_a_page_from_the_users_own_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From MIDI files to the page, with a model that is shipped, twice the same."""
    data = tmp_path / "midi"
    data.mkdir()
    for number in range(2):
        stage = Stage(FORM, 120, 0.5, None)
        write_file(sound.performance(sound.hits(line(12 - 6 * number, 60)), stage), data / f"solo {number}.mid")
    model = str(Path(__file__).parents[2] / "exported_models" / "eck2002-blues.onnx")
    pages = []
    for name in ("one.html", "other.html"):
        out = str(tmp_path / name)
        listen.run(parsed(model, "--data", str(data), "--out", out, "--clips", "1", "--tempo", "400"))
        pages.append(Path(out).read_bytes())
    assert pages[0] == pages[1]
    assert {each["source"] for each in truth_of(pages[0].decode())["clips"]} == {PEOPLE, "eck2002-blues", MARKOV}
    assert "Keep it to yourself" in capsys.readouterr().out
