"""The tables of the Weimar Jazz Database, from either of the files its makers give away.

A folder with `solos.csv`, `notes.csv.gz` and `beats.csv.gz` has the same rows as their SQLite file `wjazzd.db`
(https://jazzomat.hfm-weimar.de/dbformat/dbformat.html), which spreads the first over three tables, keeps the phrases
of the second apart, and names chord and signature only where they change. Nothing here judges what it reads.
"""

import csv
import gzip
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from improv.errors import DataError, InputNotFound

DATABASE = "wjazzd.db"
NO_CHORD = "NC"

_SUFFIX = "_FINAL.sv"
"""Every solo is named for the file it was written into."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is said of a whole solo, in the makers' words."""

    melid: int
    name: str
    title: str
    composer: str
    performer: str
    key: str
    tonality: str
    feel: str
    tempo_bpm: float
    instrument: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Head":
        """Return the solo described in a row of `solos.csv`; KeyError or ValueError if the row is invalid."""
        return cls(
            melid=int(row["melid"]),
            name=str(row["id"]).removesuffix(_SUFFIX),
            title=str(row["title"]),
            composer=str(row["composer"] or ""),
            performer=str(row["performer"]),
            key=str(row["key"] or ""),
            tonality=str(row["tonality_type"] or ""),
            feel=str(row["rhythmfeel"] or ""),
            tempo_bpm=float(row["avgtempo"]),
            instrument=str(row.get("instrument") or ""),  # older tables have none
        )


@dataclass(frozen=True, slots=True)
class Sound:
    """A note as it was transcribed: heard at a second, it belongs to a tatum of a beat of a bar, counted from one."""

    melid: int
    onset_s: float
    duration_s: float
    beat_s: float
    """How long its beat lasts."""
    bar: int
    beat: int
    tatum: int
    division: int
    """How many tatums its beat has."""
    pitch: int
    phrase: int
    loudness_db: float | None
    idea: str = ""
    """The label of the idea it belongs to (Frieler et al. 2016); empty where it has none."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Sound":
        """Return the note in a row of `notes.csv`; KeyError or ValueError if the row is invalid."""
        loudness = row["loud_median"]
        return cls(
            melid=int(row["melid"]),
            onset_s=float(row["onset"]),
            duration_s=float(row["duration"]),
            beat_s=float(row["beat_duration"]),
            bar=int(row["bar"]),
            beat=int(row["beat"]),
            tatum=int(row["tatum"]),
            division=int(row["division"]),
            pitch=int(row["pitch"]),
            phrase=int(row["phrase_id"]),
            loudness_db=None if loudness in (None, "") else float(loudness),
            idea=str(row.get("idea") or ""),  # older tables have none
        )


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat: the signature and the chord that hold on it, and the chorus it is in; 0 is before the first."""

    melid: int
    bar: int
    beat: int
    signature: str
    symbol: str
    chorus: int
    bass: int | None = None
    """The bass's MIDI pitch, estimated by the makers; None where it is not known."""
    onset_s: float | None = None
    """When the band played it, in seconds of the recording; None where it is not known."""

    @classmethod
    def all_of(cls, rows: Iterable[Mapping[str, Any]]) -> Iterator["Beat"]:
        """Yield the beats in the rows of `beats.csv`; an empty signature or chord is that of the beat before."""
        melid, signature, symbol = None, "", NO_CHORD
        for row in rows:
            if row["melid"] != melid:
                melid, signature, symbol = row["melid"], "", NO_CHORD
            signature, symbol = row["signature"] or signature, row["chord"] or symbol
            place = (int(row["bar"]), int(row["beat"]))
            bass, onset_s = row.get("bass"), row.get("onset")  # older files have none
            yield cls(
                int(row["melid"]), *place, signature, symbol, int(row["chorus_id"] or 0),
                None if bass in (None, "") else round(float(bass)), None if onset_s in (None, "") else float(onset_s),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that is there, in the makers' order."""

    heads: tuple[Head, ...]
    sounds: tuple[Sound, ...]
    beats: tuple[Beat, ...]


def read_tables(path: Path) -> Tables:
    """Return the tables in a folder or an SQLite file; InputNotFound or DataError if they cannot be read."""
    database = path if path.is_file() else path / DATABASE
    try:
        return _of_database(database) if database.is_file() else _of_folder(path)
    except (KeyError, TypeError, ValueError, EOFError, zlib.error, csv.Error, gzip.BadGzipFile, sqlite3.Error) as error:
        raise DataError(f"{path}: it is not the Weimar Jazz Database ({error}); give the makers' own files") from error
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; give a folder with solos.csv, or {DATABASE}") from error


def _of_folder(folder: Path) -> Tables:
    with (
        (folder / "solos.csv").open(encoding="utf-8-sig", newline="") as solos,
        gzip.open(folder / "notes.csv.gz", "rt", encoding="utf-8-sig", newline="") as notes,
        gzip.open(folder / "beats.csv.gz", "rt", encoding="utf-8-sig", newline="") as beats,
    ):
        return Tables(
            tuple(map(Head.of, csv.DictReader(solos))),
            tuple(map(Sound.of, csv.DictReader(notes))),
            tuple(Beat.all_of(csv.DictReader(beats))),
        )


_HEADS = """
SELECT solo_info.melid, filename_sv AS id, solo_info.title, composer, performer, key, avgtempo, rhythmfeel, instrument,
       tonalitytype AS tonality_type
FROM solo_info JOIN transcription_info USING (melid) LEFT JOIN composition_info USING (compid)
ORDER BY solo_info.melid
"""
# A phrase is written down as the numbers, within its solo, of its first note and its last; so is an idea.
_SOUNDS = """
WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY melid ORDER BY eventid) - 1 AS number FROM melody),
     phrases AS MATERIALIZED (SELECT melid, start, end FROM sections WHERE type = 'PHRASE'),
     ideas AS MATERIALIZED (SELECT melid, start, end, value FROM sections WHERE type = 'IDEA')
SELECT numbered.melid, onset, duration, beatdur AS beat_duration, bar, beat, tatum, division, pitch,
       loud_med AS loud_median, coalesce(phrases.start, -1) AS phrase_id, ideas.value AS idea
FROM numbered LEFT JOIN phrases ON phrases.melid = numbered.melid AND number BETWEEN phrases.start AND phrases.end
LEFT JOIN ideas ON ideas.melid = numbered.melid AND number BETWEEN ideas.start AND ideas.end
ORDER BY numbered.melid, number
"""
_BEATS = "SELECT * FROM beats ORDER BY melid, beatid"


def _of_database(path: Path) -> Tables:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row

        def rows(query: str) -> Iterator[Mapping[str, Any]]:
            return (dict(row) for row in database.execute(query))

        return Tables(
            tuple(map(Head.of, rows(_HEADS))),
            tuple(map(Sound.of, rows(_SOUNDS))),
            tuple(Beat.all_of({"bass": row.get("bass_pitch"), **row} for row in rows(_BEATS))),
        )
