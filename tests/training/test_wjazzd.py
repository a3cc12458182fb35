"""The Weimar Jazz Database: rows from both of its files, its chords, and its notes on ticks."""

import csv
import gzip
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from improv.errors import DataError, InputNotFound
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.theory import Chord
from tests.training.corpora import folder
from training.corpora import wjazzd
from training.corpora.solos import Note, Solo
from training.corpora.wjazzd import Report, read, read_chord

Row = dict[str, Any]
Rows = Sequence[Row]

BLUES = ["C7", "F7", "C7", "C7", "F7", "F7", "C7", "C7", "G7", "F7", "C7", "G7"]

SCHEMA = """
CREATE TABLE melody(eventid INTEGER PRIMARY KEY AUTOINCREMENT, melid INTEGER, onset REAL, pitch REAL, duration REAL,
    period INTEGER, division INTEGER, bar INTEGER, beat INTEGER, tatum INTEGER, subtatum INTEGER, num INTEGER,
    denom INTEGER, beatprops TEXT, beatdur REAL, tatumprops TEXT, f0_mod TEXT, loud_max REAL, loud_med REAL,
    loud_sd REAL, loud_relpos REAL, loud_cent REAL, loud_s2b REAL, f0_range REAL, f0_freq_hz REAL, f0_med_dev REAL);
CREATE TABLE beats(beatid INTEGER PRIMARY KEY AUTOINCREMENT, melid INTEGER, onset REAL, bar INTEGER, beat INTEGER,
    signature TEXT, chord TEXT, form TEXT, bass_pitch INTEGER, chorus_id INTEGER);
CREATE TABLE sections(melid INTEGER, type TEXT, start INTEGER, end INTEGER, value TEXT);
CREATE TABLE transcription_info(melid INTEGER, filename_sv TEXT, filename_solo TEXT, solotime TEXT,
    solostart_sec FLOAT, status TEXT, trackid INTEGER);
CREATE TABLE solo_info(melid INTEGER, trackid INTEGER, compid INTEGER, recordid INTEGER, performer TEXT, title TEXT,
    titleaddon TEXT, solopart INTEGER, instrument TEXT, style TEXT, avgtempo FLOAT, tempoclass TEXT, rhythmfeel TEXT,
    key TEXT, signature TEXT, chord_changes TEXT, chorus_count INTEGER);
CREATE TABLE composition_info(compid INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, composer TEXT, form TEXT,
    template TEXT, tonalitytype TEXT, genre TEXT);
"""
"""Of the makers' tables those that are read, with all their columns."""


def head(melid: int = 1, **said: str) -> Row:
    usual = {
        "id": f"Nobody_Testing-{melid}_FINAL.sv", "title": "Testing", "composer": "Anon", "performer": "Nobody",
        "key": "C-maj", "avgtempo": "120.0", "rhythmfeel": "SWING", "tonality_type": "BLUES",
    }  # fmt: skip
    return {"melid": melid, **usual, **said}


def beats(symbols: Sequence[str] = BLUES, *, melid: int = 1, bar: int = 1, chorus: int = 1, metre: str = "4/4") -> Rows:
    """Whole bars, a symbol each, from a bar on."""
    return [
        {
            "melid": melid, "bar": bar + number, "beat": beat + 1, "signature": metre, "chord": symbol,
            "chorus_id": chorus,
        }
        for number, symbol in enumerate(symbols)
        for beat in range(int(metre.partition("/")[0]))
    ]  # fmt: skip


def sound(
    place: str,
    onset_s: float,
    duration_s: float,
    pitch: int,
    *,
    melid: int = 1,
    phrase: int = 1,
    loud: str = "60",
    idea: str = "",
) -> Row:
    """A note at a place such as `3.2 1/4`: bar, beat, and tatum of how many."""
    bar, beat, tatum, division = place.replace(".", " ").replace("/", " ").split()
    return {
        "melid": melid, "onset": onset_s, "duration": duration_s, "beat_duration": 0.5, "bar": int(bar),
        "beat": int(beat), "tatum": int(tatum), "division": int(division), "pitch": pitch, "phrase_id": phrase,
        "loud_median": loud, "idea": idea,
    }  # fmt: skip


def write_folder(path: Path, heads: Rows, sounds: Rows, beats: Rows) -> Path:
    path.mkdir(exist_ok=True)
    for name, rows in (("solos.csv", heads), ("notes.csv.gz", sounds), ("beats.csv.gz", beats)):
        compressed = name.endswith(".gz")
        with gzip.open(path / name, "wt", newline="") if compressed else (path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def write_database(path: Path, heads: Rows, sounds: Rows, beats: Rows) -> Path:
    """The same rows as the makers' program writes them: a chord and a signature where they change, phrases apart."""
    path.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path / "wjazzd.db")) as database, database:
        database.executescript(SCHEMA)

        def insert(table: str, **columns: object) -> None:
            marks = ", ".join("?" * len(columns))
            names = ", ".join(columns)
            database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608

        for row in heads:
            melid = row["melid"]
            insert("transcription_info", melid=melid, filename_sv=row["id"])
            insert("composition_info", compid=melid, composer=row["composer"], tonalitytype=row["tonality_type"])
            said = ("performer", "title", "avgtempo", "rhythmfeel", "key")
            insert("solo_info", melid=melid, compid=melid, **{column: row[column] for column in said})
        for row in sounds:
            told = ("melid", "onset", "pitch", "duration", "division", "bar", "beat", "tatum")
            loud = {"loud_med": row["loud_median"] or None, "beatdur": row["beat_duration"]}
            insert("melody", **{column: row[column] for column in told}, **loud)
        for melid, notes in groupby(sounds, key=lambda row: row["melid"]):
            solo = list(notes)
            numbered = enumerate(solo)
            for phrase, group in groupby(numbered, key=lambda item: item[1]["phrase_id"]):
                numbers = [number for number, _ in group]
                insert("sections", melid=melid, type="PHRASE", start=numbers[0], end=numbers[-1], value=str(phrase))
                insert("sections", melid=melid, type="CHORUS", start=numbers[0], end=numbers[-1], value="1")
            for idea, of_idea in groupby(enumerate(solo), key=lambda item: item[1]["idea"]):
                numbers = [number for number, _ in of_idea]
                insert("sections", melid=melid, type="IDEA", start=numbers[0], end=numbers[-1], value=idea)
        for before, row in zip([{}, *beats], beats, strict=False):
            same = {
                column: "" if before.get(column) == row[column] and before.get("melid") == row["melid"] else row[column]
                for column in ("signature", "chord")
            }
            insert("beats", **{column: row[column] for column in ("melid", "bar", "beat", "chorus_id")}, **same)
    return path


Writer = Callable[[Path, Rows, Rows, Rows], Path]


@pytest.fixture(params=[write_folder, write_database])
def write(request: pytest.FixtureRequest) -> Writer:
    writer: Writer = request.param
    return writer


def only(path: Path) -> tuple[Solo, Report]:
    (solo,), report = read(path)
    return solo, report


def quick(*places: str) -> list[Row]:
    """Short notes, half a second apart."""
    return [sound(place, number / 2, 0.1, 60 + number) for number, place in enumerate(places)]


# --- chords -----------------------------------------------------------------------------------

KINDS = {
    "C": ("C", "C+", "C/G", "C+/Ab"),
    "C6": ("C6", "C69", "C6911#", "C6/E"),
    "C7": (
        "C7", "C79", "C79b", "C79#", "C7911#", "C7911", "C7913", "C7913b", "C79b13", "C79b13b", "C79#13", "C79#11#",
        "C7alt", "C+7", "C+79", "C+79b", "C+79#", "C+7911#", "C79b/B", "C7/Bb",
    ),
    "Cmaj7": ("Cj7", "Cj79", "Cj79#", "Cj7911#", "Cj79#11#", "C+j7", "C+j7/C", "Cj7/B"),
    "Cm": ("C-", "C-j7", "C-j7911#", "C-j7913", "C-/Eb"),
    "Cm7": ("C-7", "C-79", "C-79b", "C-7911", "C-7913", "C-7/G"),
    "Cm7b5": ("Cm7b5",),
    "Cdim7": ("Co", "Co7"),
    "Cm6": ("C-6", "C-69", "C-69/G"),
    "C7sus": ("Csus", "Csus7", "Csus79", "Csus7913", "Csus/A"),
}  # fmt: skip
"""Every kind of symbol that the corpus has, by what it is taken to be."""


@pytest.mark.parametrize(("symbol", "name"), [(symbol, name) for name, symbols in KINDS.items() for symbol in symbols])
def test_a_symbol_is_a_chord_of_its_kind(symbol: str, name: str) -> None:
    chord = read_chord(symbol)
    assert chord is not None
    assert chord.symbol == name


@pytest.mark.parametrize(
    ("symbol", "name"), [("Cb7", "B7"), ("Fb-7", "Em7"), ("A#79b", "Bb7"), ("G#o7", "Abdim7"), ("Bbj7", "Bbmaj7")]
)
def test_a_root_may_be_spelled_in_any_way(symbol: str, name: str) -> None:
    assert read_chord(symbol) == Chord.parse(name)


def test_no_chord_is_none() -> None:
    assert read_chord("NC") is None


@pytest.mark.parametrize("symbol", ["", "H7", "C8", "7", "Cmaj7", "C7/", "C7 ", "nc", "C-7b5"])
def test_what_is_no_symbol_is_refused(symbol: str) -> None:
    with pytest.raises(ValueError, match="no chord symbol"):
        read_chord(symbol)


# --- notes and bars ---------------------------------------------------------------------------


def test_a_chorus_with_a_pickup(tmp_path: Path, write: Writer) -> None:
    """Swung: the eighth on the beat lasts 0.3 s of half a second, the one after it 0.2 s."""
    sounds = [
        sound("0.4 2/2", 0.8, 0.2, 67, phrase=4),
        sound("1.1 1/2", 1.0, 0.3, 70, phrase=4),
        sound("1.1 2/2", 1.3, 0.1, 67, phrase=4),
        sound("1.3 1/3", 2.0, 0.1, 64, phrase=5, loud="80"),
        sound("1.3 2/3", 2.2, 0.1, 63, phrase=5, loud="50"),
        sound("1.3 3/3", 2.3, 0.2, 60, phrase=5, loud=""),
        sound("12.4 3/4", 24.8, 1.0, 60, phrase=6),
    ]
    pickup = [row | {"chord": "NC", "chorus_id": 0} for row in beats(["NC"], bar=0)[2:]]
    ending = beats(["C7"], bar=13, chorus=2)[:1]
    solo, report = only(write(tmp_path / "db", [head()], sounds, [*pickup, *beats(), *ending]))
    assert solo.notes == (
        Note(42, 48, 67, 0, 88),
        Note(48, 54, 70, 0, 88),
        Note(54, 57, 67, 0, 88),
        Note(72, 74, 64, 1, 127),
        Note(76, 80, 63, 1, 49),
        Note(80, 85, 60, 1, None),
        Note(618, 642, 60, 2, 88),
    )
    assert (solo.bars, solo.choruses, solo.phrases) == (14, (1,), (42, 72, 618))
    assert solo.chords[:5] == (None, None, None, None, Chord.parse("C7"))
    assert [chord and chord.symbol for chord in solo.chords[4:52:4]] == BLUES
    assert solo.chords[52:] == (Chord.parse("C7"), None, None, None)
    assert (solo.name, solo.title, solo.composer, solo.performer) == ("Nobody_Testing-1", "Testing", "Anon", "Nobody")
    assert (solo.tonic, solo.mode, solo.is_blues, solo.feel, solo.tempo_bpm) == (0, "maj", True, "SWING", 120)
    assert (report.solos, report.blues, report.notes, report.choruses, report.other_choruses) == (1, 1, 7, 1, 1)
    assert (report.bars, report.notes_collided, report.notes_left_out) == (14, 0, 0)


def test_a_note_between_ticks_is_on_the_nearest_and_the_later_of_two_stays(tmp_path: Path) -> None:
    places = ("1.1 1/36", "1.1 2/36", "1.2 2/5", "1.2 5/5", "1.3 2/8", "1.3 4/8", "1.4 36/36")
    solo, report = only(write_folder(tmp_path, [head()], quick(*places), beats()))
    assert [(note.onset, note.pitch) for note in solo.notes] == [
        (0, 61), (14, 62), (22, 63), (26, 64), (29, 65), (48, 66),
    ]  # fmt: skip
    assert (report.notes, report.notes_collided) == (6, 1)
    assert str(report.on_grid["at any tempo"]) == "14.3% of 7"
    assert str(report.on_grid["0 to 100 bpm"]) == "none"
    assert str(report.returned) == "100.0% of 6"


def test_a_note_lasts_a_tick_and_never_into_the_next(tmp_path: Path) -> None:
    sounds = [sound("1.1 1/4", 0.5, 0.001, 60), sound("1.1 2/4", 0.6, 9.0, 62), sound("1.1 3/4", 0.7, 0.001, 64)]
    solo, _ = only(write_folder(tmp_path, [head()], sounds, beats()))
    assert [(note.onset, note.end) for note in solo.notes] == [(0, 1), (3, 6), (6, 7)]


def test_bars_go_on_for_as_long_as_the_last_note_sounds(tmp_path: Path) -> None:
    solo, _ = only(write_folder(tmp_path, [head()], [sound("12.4 1/1", 24, 0.6, 60)], beats()))
    assert (solo.bars, solo.notes[-1].end, solo.chords[48:]) == (13, 578, (None,) * 4)


# --- what is left out -------------------------------------------------------------------------


def test_another_metre_is_left_out(tmp_path: Path, write: Writer) -> None:
    waltz = beats(["C7"] * 12, melid=2, metre="3/4")
    sounds = [sound("1.1 1/1", 0.5, 0.4, 60), sound("1.1 1/1", 0.5, 0.4, 60, melid=2)]
    solo, report = only(write(tmp_path / "db", [head(), head(2)], sounds, [*beats(), *waltz]))
    assert solo.name == "Nobody_Testing-1"
    assert report.other_metre == ("Nobody_Testing-2",)
    assert (report.notes, report.notes_left_out, report.choruses, report.other_choruses) == (1, 1, 1, 1)
    assert "1 solos in another metre: Nobody_Testing-2" in str(report)


def test_of_a_solo_in_two_metres_the_longest_stretch_is_read(tmp_path: Path, write: Writer) -> None:
    rows = [*beats(["C7"] * 2), *beats(["C7"], bar=3, metre="5/4"), *beats(bar=4, chorus=2)]
    sounds = quick("1.1 1/1", "3.5 1/1", "4.2 1/1")
    solo, report = only(write(tmp_path / "db", [head()], sounds, rows))
    assert [(note.onset, note.pitch) for note in solo.notes] == [(12, 62)]
    assert (solo.bars, solo.choruses) == (12, (0,))
    assert (report.cut, report.notes_left_out, report.other_choruses) == (("Nobody_Testing-1",), 2, 1)


def test_bars_that_are_not_counted_on_are_a_stretch_of_their_own(tmp_path: Path) -> None:
    solo, report = only(write_folder(tmp_path, [head()], quick("3.1 1/1"), [*beats(["C7"]), *beats(["C7"] * 2, bar=3)]))
    assert (solo.bars, solo.notes[0].onset, len(report.cut)) == (2, 0, 1)


@pytest.mark.parametrize(
    ("rows", "choruses"),
    [
        ([*beats(), *beats(bar=13, chorus=2)], (0, 12)),
        ([*beats(BLUES[:11]), *beats(bar=12, chorus=2)], (11,)),
        ([*beats([*BLUES, "C7"])], ()),
        ([*beats(chorus=0)], ()),
        ([*beats(["C7"], metre="3/4"), *beats(bar=2)], ()),  # fifteen beats more with the same number
    ],
)
def test_a_chorus_has_exactly_twelve_bars(tmp_path: Path, rows: Rows, choruses: tuple[int, ...]) -> None:
    solo, _ = only(write_folder(tmp_path, [head()], quick("3.1 1/1"), rows))
    assert solo.choruses == choruses


def test_only_a_blues_has_choruses_of_twelve_bars(tmp_path: Path) -> None:
    solo, report = only(write_folder(tmp_path, [head(tonality_type="MODAL")], quick("3.1 1/1"), beats()))
    assert (solo.is_blues, solo.choruses, report.other_choruses) == (False, (), 0)


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind", "tonic", "mode"),
    [
        ("Bb-maj", "FUNCTIONAL", 10, "maj"),
        ("F#-min", "BLUES", 6, "min"),
        ("Ab", "COLOR", 8, ""),
        ("D-dor", "MODAL", 2, "dor"),
        ("", "FREE", None, ""),
        ("", "BLUES", 7, ""),
    ],
)
def test_keys(tmp_path: Path, key: str, kind: str, tonic: int | None, mode: str) -> None:
    rows = [row | {"chorus_id": 0} for row in beats(["D7"], bar=0)] + list(beats(["NC", "G7", "C7"]))
    solo, report = only(write_folder(tmp_path, [head(key=key, tonality_type=kind)], quick("1.1 1/1"), rows))
    assert (solo.tonic, solo.mode) == (tonic, mode)
    assert bool(report.keys_inferred) == (not key and kind == "BLUES")
    assert bool(report.without_key) == (tonic is None)


def test_unknown_symbols_are_no_chord_and_are_named(tmp_path: Path) -> None:
    solo, report = only(write_folder(tmp_path, [head()], quick("1.1 1/1"), beats(["C7", "Hm7", "C8"])))
    assert solo.chords == (Chord.parse("C7"),) * 4 + (None,) * 8
    assert report.unread_chords == ("C8", "Hm7")


# --- what is no database ----------------------------------------------------------------------


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"nowhere: No such file or directory; give a folder with solos.csv"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["solos.csv", "notes.csv.gz", "beats.csv.gz"])
@pytest.mark.parametrize(
    "content", [b"melid,id\n1,\xff\n", b"melid\nx\n", b"\x1f\x8b\x08\0\0\0\0\0\0\xffjunk", b"a\n1\n"]
)
def test_tables_that_are_none(tmp_path: Path, name: str, content: bytes) -> None:
    path = write_folder(tmp_path, [head()], quick("1.1 1/1"), beats())
    (path / name).write_bytes(content)
    with pytest.raises(DataError, match="not the Weimar Jazz Database"):
        read(path)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "wjazzd.db"
    path.write_bytes(b"SQLite format 3\0 or so")
    with pytest.raises(DataError, match="not the Weimar Jazz Database"):
        read(path)
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE melody(melid INTEGER)")
    with pytest.raises(DataError, match="no such table: solo_info"):
        read(path)


def test_the_report_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_folder(tmp_path, [head()], quick("1.1 1/1"), beats())
    monkeypatch.setattr("sys.argv", ["wjazzd", str(path)])
    wjazzd.main()
    assert "1 solos, 1 of them blues" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["wjazzd", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as ended:
        wjazzd.main()
    assert ended.value.code == InputNotFound.exit_status


# --- the database itself, where it is there ---------------------------------------------------


@pytest.fixture(scope="module")
def database() -> tuple[tuple[Solo, ...], Report]:
    return read(folder("wjazzd"))


def test_everything_is_read_or_accounted_for(database: tuple[tuple[Solo, ...], Report]) -> None:
    solos, report = database
    assert len(solos) == report.solos == 427
    assert report.solos + len(report.other_metre) == 446
    assert (report.blues, report.choruses, len(report.cut)) == (85, 330, 6)
    assert report.notes + report.notes_left_out + report.notes_collided == 196_393
    assert report.notes_collided < 300
    assert report.unread_chords == ()
    assert report.keys_inferred == ("HerbieHancock_GingerbreadBoy",)
    assert {solo.tonic for solo in solos if solo.name in report.keys_inferred} == {10}


def test_ticks_are_as_exact_as_twelve_a_beat_can_be(database: tuple[tuple[Solo, ...], Report]) -> None:
    _, report = database
    shares = {tempo: share.part / share.whole for tempo, share in report.on_grid.items()}
    assert shares["at any tempo"] == pytest.approx(0.93, abs=0.005)
    assert shares["swing, 100 bpm and above"] == pytest.approx(0.97, abs=0.005)
    assert shares["0 to 100 bpm"] == pytest.approx(0.70, abs=0.02)
    assert report.returned.part == report.returned.whole == report.notes


def test_every_solo_is_one_line_within_its_bars(database: tuple[tuple[Solo, ...], Report]) -> None:
    solos, _ = database
    for solo in solos:
        assert len(solo.chords) % BEATS_PER_BAR == 0
        assert all(note.onset < note.end <= later.onset for note, later in pairwise(solo.notes))
        assert 0 <= solo.notes[0].onset < solo.notes[-1].end <= len(solo.chords) * TICKS_PER_BEAT
        assert all(0 <= note.pitch <= 127 and 1 <= (note.velocity or 1) <= 127 for note in solo.notes)
        assert all(bar + 12 <= solo.bars for bar in solo.choruses)
