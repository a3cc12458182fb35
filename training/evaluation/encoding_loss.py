"""What of a corpus survives the encoding: `python -m training round-trip PATH` prints it by tempo.

A note is lost in two places. The reader puts it on one of twelve ticks of its beat, from where its transcriber says
it lies in the beat; the encoding tells its onset on that tick, and its end on the beat's half or where the next begins.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings import Cells
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import SILENCE, Frame
from improv.music.rhythm import cell_of, rhythm_of, top_line
from training.corpora.solos import Note, Solo, frames, notes_in
from training.corpora.wjazzd import read_for

CELLS = Cells()


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """How many notes came back from the encoding, and how."""

    notes: int
    onsets: int
    """Those whose onset came back on its tick."""
    pitches: int
    """Those that came back with their pitch, too."""
    ends: NDArray[np.int64]
    """How many ticks later the end of each of these is than it was."""

    def report(self) -> Iterable[str]:
        """Yield lines of text with the shares of notes that came back."""
        moved = self.ends[self.ends != 0]
        kept, by = 1 - len(moved) / max(1, len(self.ends)), float(np.abs(moved).mean()) if len(moved) else 0.0
        yield f"onsets {self.onsets / self.notes:.2%} of {self.notes:,}, pitches {self.pitches / self.notes:.2%}"
        yield f"ends {kept:.1%}, the others moved by {by:.2f} ticks on average"


def decoded(solo: Solo) -> tuple[Note, ...]:
    """Return the notes that a network would play if it made the soloist's choices."""
    line: list[Frame] = []
    before = SILENCE
    for frame in frames(solo):
        pitches = tuple(CELLS.pitch_low + CELLS.unit(pitch) for pitch in top_line(frame.melody))
        before = cell_of(rhythm_of(frame.melody), pitches, max(before.sounding_after, default=None))
        line.append(Frame(before, frame.chord))
    return notes_in(line)


def round_trip(solos: Sequence[Solo]) -> RoundTrip:
    """Encode and decode solos, and return how many notes came back the same."""
    onsets = pitches = 0
    ends: list[int] = []
    for solo in solos:
        back = {note.onset: note for note in decoded(solo)}
        for note in solo.notes:
            found = back.get(note.onset)
            onsets += found is not None
            if found is not None and found.pitch == note.pitch:
                pitches += 1
                ends.append(found.end - note.end)
    return RoundTrip(sum(len(solo.notes) for solo in solos), onsets, pitches, np.array(ends, np.int64))


def main() -> None:
    """Print how many notes of the Weimar Jazz Database survive encoding."""
    parser = argparse.ArgumentParser(description="What of the Weimar Jazz Database survives the encoding.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    solos, report = read_for(parser, parser.parse_args().path)
    print(f"onsets that lie exactly on one of {TICKS_PER_BEAT} places in the beat")
    for what, share in report.on_grid.items():
        print(f"{what:>24}: {share}")
    for what, low, high in (("below 100 bpm", 0, 100), ("100 bpm and above", 100, np.inf)):
        print(f"of these places, {what}, come back from the encoding")
        for line in round_trip([solo for solo in solos if low <= solo.tempo_bpm < high]).report():
            print(f"    {line}")


if __name__ == "__main__":
    main()
