"""The picture of a performance: what is drawn of it where, as shapes, as SVG and as PNG."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from improv.errors import UsageError
from improv.export.bar_rows import bar_rows, bars_in_a_row
from improv.export.collector import performance_of
from improv.export.drum_lanes import LANES, lane_of, lanes_for
from improv.export.formats import write_file
from improv.export.performance import Chorus, Gap, Key, Performance, Tempo
from improv.export.piano_roll import piano_roll
from improv.export.shapes import Drawing, Rect, Text, tinted
from improv.export.svg import svg_lines
from improv.music.notes import NoteOn, Volume
from improv.music.parts import Part
from improv.music.turns import Who
from improv.recording import read_take
from tests.export.performances import BLUES, SCALE, Notes, events_of, performance, scale

YOU, IMPROV = "#d1495b", "#00798c"
TAKES = Path(__file__).parents[1] / "goldens" / "takes"


def texts(drawing: Drawing) -> list[str]:
    return [shape.text for shape in drawing.shapes if isinstance(shape, Text)]


def boxes(drawing: Drawing, colour: str) -> list[Rect]:
    """The boxes of a colour, however dark it is, as wide as notes are: below the head."""
    shades = {tinted(colour, share / 1000) for share in range(400, 1001)}
    return [shape for shape in drawing.shapes if isinstance(shape, Rect) and shape.fill in shades and shape.y > 100]


def notes(drawing: Drawing, colour: str = IMPROV) -> list[Rect]:
    """The notes of a part: not the strip of turns, which is as high as no note."""
    return [box for box in boxes(drawing, colour) if box.radius]


def test_a_note_is_where_it_sounds_and_as_dark_as_it_is_loud() -> None:
    one = ((Part.MELODY, 0.0, 1.0, 60, 110), (Part.MELODY, 4.0, 6.0, 67, 30), (Part.MELODY, 47.0, 48.0, 60, 75))
    low, high, last = notes(piano_roll(performance(one)))
    assert (low.fill, high.fill) == (IMPROV, tinted(IMPROV, 0.4))
    assert low.y - high.y == pytest.approx(7 * (low.height + 0.5))
    bar = high.x - low.x
    assert high.width == pytest.approx(2 * bar / 4 - 0.8)
    assert last.x - low.x == pytest.approx(47 * bar / 4)


def test_names_of_chords_stand_where_they_change_and_bars_are_counted() -> None:
    drawing = piano_roll(performance(scale(2), choruses=2))
    at = {shape.text: shape for shape in drawing.shapes if isinstance(shape, Text)}
    for number in range(1, 25):
        assert str(number) in at
    named = [shape for shape in drawing.shapes if isinstance(shape, Text) and shape.text in BLUES]
    assert [shape.text for shape in named] == [*BLUES, *BLUES]
    assert [round(shape.x - at[str(bar)].x) for bar, shape in enumerate(named[:12], 1)] == [1] * 12
    assert {"chorus 1", "chorus 2"} <= at.keys()


def test_a_chord_that_lasts_is_named_again_at_the_beginning_of_a_row() -> None:
    drawing = piano_roll(performance(scale(2), choruses=2, chords=((0.0, "C7"),)))
    assert texts(drawing).count("C7") == 2


def test_the_head_says_what_was_played_and_how() -> None:
    drawing = piano_roll(performance(scale(2), choruses=2))
    assert {"improv · echo", "seed 3 · 120 bpm · style swing · swing 0.6 · in C · solo · 2 choruses · 0:48"} <= set(
        texts(drawing)
    )
    turned = performance(SCALE, marks=((0.0, Key("Eb")), (0.0, Tempo(120)), (24.0, Tempo(92.5)), (30.0, Key("F"))))
    assert "seed 3 · 92.5 to 120 bpm · style swing · swing 0.6 · in Eb · solo · 1 chorus · 0:28" in texts(
        piano_roll(turned)
    )
    assert {"92.5 bpm", "in F"} <= set(texts(piano_roll(turned)))


def test_the_legend_has_the_parts_and_turns_that_there_are() -> None:
    traded = performance(
        ((Part.YOU, 0.0, 1.0, 60, 80), (Part.MELODY, 24.0, 25.0, 70, 80), (Part.DRUMS, 1.0, 1.1, 51, 80)),
        turns=((0.0, Who.YOU), (24.0, Who.IMPROV)),
    )
    assert {"you", "melody", "drums", "your turn", "improv's turn", "soft to loud"} <= set(texts(piano_roll(traded)))
    assert not {"chords", "both"} & set(texts(piano_roll(traded)))
    alone = set(texts(piano_roll(performance(SCALE))))
    assert not {"you", "drums", "your turn"} & alone


def test_turns_are_strips_of_their_colours() -> None:
    drawing = piano_roll(performance(SCALE, turns=((0.0, Who.YOU), (16.0, Who.IMPROV), (32.0, Who.YOU))))
    strips = [
        shape
        for shape in drawing.shapes
        if isinstance(shape, Rect) and shape.height == 6 and shape.y > 100 and not shape.radius
    ]
    assert [strip.fill for strip in strips] == [tinted(colour, 0.85) for colour in (YOU, IMPROV, YOU)]
    assert [round(strip.width) for strip in strips] == [480, 480, 480]


def test_a_melody_without_chords_and_turns_is_drawn_under_any_heading() -> None:
    drawing = piano_roll(performance(SCALE, chords=(), turns=()), "a melody", "")
    assert len(notes(drawing)) == len(SCALE)
    assert texts(drawing)[0] == "a melody"
    assert not [text for text in texts(drawing) if "seed" in text or "turn" in text]


def test_your_notes_have_an_edge() -> None:
    drawing = piano_roll(performance(((Part.YOU, 0.0, 1.0, 60, 80), (Part.MELODY, 1.0, 2.0, 60, 80))))
    assert [note.outline for note in notes(drawing, YOU)] == [YOU]
    assert [note.outline for note in notes(drawing)] == [""]


def test_a_part_that_is_silent_is_not_drawn() -> None:
    on = {pitch: NoteOn(Part.MELODY, pitch, 80) for pitch in (60, 62, 64)}
    off, back = Volume(Part.MELODY, 0), Volume(Part.MELODY, 90)
    events = {Part.MELODY: ((0.0, on[60]), (2.0, off), (3.0, on[62]), (5.0, back), (6.0, on[64]))}
    heard = performance(events=events).notes(Part.MELODY)
    assert [(note.start, note.end, note.pitch) for note in heard] == [(0.0, 48.0, 60), (6.0, 48.0, 64)]
    assert len(notes(piano_roll(performance(events=events)))) == 2


def test_a_note_struck_again_ends_where_it_is_struck() -> None:
    events = {Part.MELODY: ((0.0, NoteOn(Part.MELODY, 60, 80)), (1.5, NoteOn(Part.MELODY, 60, 90)))}
    assert [(note.start, note.end) for note in performance(events=events).notes(Part.MELODY)] == [(0, 1.5), (1.5, 48)]


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bars", "row"), [(12, 12), (8, 8), (16, 16), (32, 16), (24, 12), (14, 14), (36, 12), (1, 4), (31, 12), (64, 16)]
)
def test_a_row_is_a_chorus_or_an_even_share_of_one(bars: int, row: int) -> None:
    assert bars_in_a_row(4 * bars) == row


def spans(given: Performance) -> list[tuple[float, float, int, int]]:
    return [(row.start, row.end, row.bar, row.chorus) for row in bar_rows(given)]


def test_choruses_begin_rows_and_a_count_in_has_one_of_its_own() -> None:
    counted = performance(beats=104.0, turns=((0.0, Who.NEITHER), (8.0, Who.IMPROV)))
    counted = replace(counted, choruses=(Chorus(8.0, 1), Chorus(56.0, 2)))
    assert spans(counted) == [(0, 8, -1, 0), (8, 56, 1, 1), (56, 104, 13, 2)]


def test_a_restart_in_the_middle_begins_a_row() -> None:
    again = replace(performance(), choruses=(Chorus(0.0, 1), Chorus(21.5, 1)), beats=30.0)
    again = replace(again, turns=((0.0, Who.IMPROV), (17.5, Who.NEITHER), (21.5, Who.IMPROV)))
    assert spans(again) == [(0, 17.5, 1, 1), (17.5, 21.5, 0, 0), (21.5, 30, 1, 1)]


def test_what_begins_within_a_chorus_stands_where_it_belongs_in_it() -> None:
    later = replace(performance(), choruses=(Chorus(-20.0, 3), Chorus(28.0, 4)), beats=40.0)
    assert spans(later) == [(-20, 28, 25, 3), (28, 40, 37, 4)]


def test_the_last_notes_ends_begin_no_row() -> None:
    assert len(bar_rows(replace(performance(), beats=48.2))) == 1


def test_rows_without_a_note_are_one_line() -> None:
    sparse: Notes = ((Part.MELODY, 0.0, 1.0, 60, 80), (Part.MELODY, 200.0, 201.0, 60, 80))
    drawing = piano_roll(performance(sparse, choruses=5))
    assert "bars 13 to 48: nothing sounds" in texts(drawing)
    assert drawing.height < piano_roll(performance(scale(3), choruses=3)).height * 1.3


def test_skipped_choruses_take_no_place_and_keep_their_numbers() -> None:
    """Ten thousand choruses pass while the machine sleeps."""
    gap = 48.0 * 10_000
    slept = performance(
        ((Part.MELODY, 0.0, 1.0, 60, 80), (Part.MELODY, gap + 48.0, gap + 49.0, 62, 80)),
        beats=gap + 96, skips=((48.0, gap),),
    )  # fmt: skip
    slept = replace(slept, choruses=(Chorus(0.0, 1), Chorus(gap + 48, 10_002)))
    short = slept.without_skips()
    assert (short.beats, short.seconds) == (96, 48)
    assert [note.start for note in short.notes(Part.MELODY)] == [0, 48]
    assert spans(short) == [(0, 48, 1, 1), (48, 96, 120_013, 10_002)]
    assert "chorus 10002" in texts(piano_roll(slept))


def test_a_picture_that_nobody_could_look_at_is_refused(tmp_path: Path) -> None:
    endless = performance([(Part.MELODY, beat, beat + 1, 60, 80) for beat in range(48 * 1100)], choruses=1100)
    with pytest.raises(UsageError, match="1100 rows of bars are too many for a picture"):
        piano_roll(endless)
    long = performance([(Part.MELODY, beat, beat + 1, 60, 80) for beat in range(48 * 300)], choruses=300)
    with pytest.raises(UsageError, match=r"too long for a picture of dots; give a name that ends in \.svg"):
        write_file(long, tmp_path / "long.png")
    write_file(long, tmp_path / "long.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["long.svg"]


# --- the drum grid --------------------------------------------------------------------------------


def test_drums_have_a_lane_for_each_sound_that_there_is() -> None:
    drums: Notes = [(Part.DRUMS, beat, beat + 0.1, pitch, 80) for beat, pitch in enumerate((36, 51, 38, 42, 99))]
    drawing = piano_roll(performance(drums))
    lanes = {shape.text: shape.y for shape in drawing.shapes if isinstance(shape, Text) and shape.size == 8.5}
    assert list(lanes) == ["ride", "hi-hat", "snare", "kick", "key 99"]
    hits = notes(drawing, "#333a44")
    assert [lanes["kick"] - hit.y for hit in hits[:1]] == [6.5]
    assert len(hits) == 5


def test_lanes_are_of_general_midi() -> None:
    pitches = [pitch for pitches in LANES.values() for pitch in pitches]
    assert len(pitches) == len(set(pitches))
    assert (lane_of(35), lane_of(44), lane_of(127)) == ("kick", "foot hat", "key 127")
    assert lanes_for([36, 35, 49]) == ["crash", "kick"]


def test_a_click_has_its_lane_in_the_count_in_alone() -> None:
    clicks: Notes = [(Part.DRUMS, beat, beat + 0.2, 37, 80) for beat in range(4)]
    counted = replace(performance([*clicks, *((part, 4 + a, 4 + b, p, v) for part, a, b, p, v in SCALE)]), beats=52.0,
                      choruses=(Chorus(4.0, 1),), turns=((0.0, Who.NEITHER), (4.0, Who.IMPROV)))  # fmt: skip
    assert texts(piano_roll(counted)).count("side stick") == 1
    assert "drums" not in texts(piano_roll(counted))


# --- files ----------------------------------------------------------------------------------------


def test_what_is_missing_is_said_where_it_is() -> None:
    text = "8 steps are missing here: the disk was full"
    for beats in (12.0, 47.0):
        drawing = piano_roll(performance(SCALE, marks=((0.0, Key("C")), (0.0, Tempo(120)), (beats, Gap(text)))))
        (said,) = [shape for shape in drawing.shapes if isinstance(shape, Text) and shape.text == text]
        assert 60 < said.x < drawing.width - 200


def test_svg_is_well_formed_whatever_a_name_holds(tmp_path: Path) -> None:
    odd = performance(SCALE[:4], title='<a> & "b"\x1b[31m', model="</svg>\u202e\x00&amp;", beats=4.0)
    write_file(odd, tmp_path / "odd.svg")
    root = ElementTree.parse(tmp_path / "odd.svg").getroot()  # noqa: S314 our own
    name = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{name}title").text == '<a> & "b"[31m'  # type: ignore[union-attr]
    assert next(each.text for each in root.iter(f"{name}text")) == "improv · </svg>&amp;"
    write_file(odd, tmp_path / "odd.png")


def test_a_picture_of_dots_is_that_of_lines(tmp_path: Path) -> None:
    """Each note that SVG has is found in PNG by its colour, at twice the size."""
    given = performance(SCALE)
    write_file(given, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        drawing = piano_roll(given)
        assert image.size == (2 * drawing.width, 2 * drawing.height)
        assert image.info["Title"] == given.title
        assert "sha256 00ff" in image.info["Description"]
        for note in notes(drawing):
            middle = (round(2 * note.x + note.width), round(2 * note.y + note.height))
            assert "#{:02x}{:02x}{:02x}".format(*image.convert("RGB").getpixel(middle)) == note.fill  # type: ignore[misc]


@pytest.mark.parametrize("choruses", [1, 10, 40, 90])
def test_a_picture_of_dots_has_no_more_than_can_be_opened(choruses: int, tmp_path: Path) -> None:
    write_file(
        performance([(Part.MELODY, 48.0 * n, 48.0 * n + 1, 60, 80) for n in range(choruses)], choruses=choruses),
        tmp_path / "out.png",
    )
    with Image.open(tmp_path / "out.png") as image:
        assert image.size[0] * image.size[1] <= 60_000_000


@pytest.mark.parametrize("take", sorted(TAKES.glob("*.take")), ids=lambda take: take.stem)
def test_every_take_of_earlier_versions_has_a_picture(take: Path) -> None:
    given = performance_of(read_take(take))
    drawing = piano_roll(given)
    drawn = sum(len(notes(drawing, colour)) for colour in (YOU, IMPROV))
    assert drawn >= sum(len(given.notes(part)) for part in (Part.YOU, Part.MELODY))
    assert all(
        shape.x >= 0 and shape.x + shape.width <= drawing.width for shape in drawing.shapes if isinstance(shape, Rect)
    )
    assert "\n".join(svg_lines(drawing)).count("<rect") > drawn


def test_events_made_by_hand_are_in_order() -> None:
    """What the tests play: an end comes before a beginning."""
    events = events_of(((Part.MELODY, 0.0, 1.0, 60, 80), (Part.MELODY, 1.0, 2.0, 60, 80)))[Part.MELODY]
    assert [type(event).__name__ for _, event in events] == ["NoteOn", "NoteOff", "NoteOn", "NoteOff"]
