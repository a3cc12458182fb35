"""Piano pieces made up for tests, as values and as a corpus of MIDI files."""

from collections.abc import Iterable
from pathlib import Path

import mido

from training.corpora.piano_midi import Note, Piece

Struck = tuple[int, float, float]
"""Pitch, onset and end in quarter notes."""


def piece(*hands: Iterable[Struck], name: str = "made_up", composer: str = "Nobody") -> Piece:
    """Return a piece at 120 quarter notes a minute; one hand after the other."""
    notes = [
        Note(pitch=pitch, velocity=70, onset=onset, end=end, onset_s=onset / 2, end_s=end / 2, hand=hand)
        for hand, struck in enumerate(hands)
        for pitch, onset, end in struck
    ]
    in_order = sorted(notes, key=lambda note: (note.onset, note.pitch))
    return Piece(name=name, composer=composer, title="Made Up", notes=tuple(in_order))


def write(folder: Path, name: str, *hands: Iterable[Struck], tempos: Iterable[tuple[float, int]] = ()) -> Path:
    """Write a piece of a corpus whose composer is the first part of its name; one track a hand."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(
        _in_order((at, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))) for at, bpm in tempos)
    )  # fmt: skip
    for hand in hands:
        file.tracks.append(
            _in_order(
                (at, mido.Message(kind, note=pitch, velocity=70))
                for pitch, onset, end in hand
                for at, kind in ((onset, "note_on"), (end, "note_off"))
            )
        )
    (folder / "midis").mkdir(exist_ok=True)
    file.save(folder / "midis" / f"{name.lower()}.mid")
    listed = folder / "metadata.csv"
    known = listed.read_text() if listed.exists() else "composer,title,year,midi,duration\n"
    listed.write_text(f"{known}{name.partition('_')[0]},A_Title,1800,midis/{name}.mid,1.0\n")
    return folder


def write_scales(folder: Path, pieces: int, notes: int, composers: Iterable[str] = ("Beethoven", "Mozart")) -> Path:
    """Write a corpus of scales with a chord under each fourth note: pieces of each composer, of so many notes."""
    for composer in composers:
        for number in range(pieces):
            steps = (0, 2, 4, 5, 7, 9, 11)
            line = [60 + number % 5 + steps[place % 7] for place in range(notes)]
            right = [(pitch, place / 2, place / 2 + 0.5) for place, pitch in enumerate(line)]
            left = [(pitch - low, onset, onset + 1) for pitch, onset, _ in right[::4] for low in (12, 16)]
            write(folder, f"{composer}_{number}", right, left)
    return folder


def _in_order(messages: Iterable[tuple[float, mido.Message | mido.MetaMessage]]) -> mido.MidiTrack:
    track, last = mido.MidiTrack(), 0
    for at, message in sorted(messages, key=lambda each: (each[0], each[1].type == "note_on")):
        tick = round(at * 480)
        track.append(message.copy(time=tick - last))
        last = tick
    return track
