"""How often each rhythm of a beat is played: `python -m training.corpora.beat_rhythms PATH` counts it anew.

PATH is the Weimar Jazz Database. What is counted are the beats of the training side, each after what kind of beat; they
are written to `improv/session/beat_rhythm_counts.py`, by which improv hears what was meant. Rhythms that are played
fewer than four times are left out.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from improv.music.grid import TICKS_PER_BEAT
from improv.session import beat_rhythm_counts
from improv.session.beat_rhythms import AFTER, beat_of, spelled
from training.corpora.solos import Solo
from training.corpora.wjazzd import read_for
from training.corpora.wjazzd_split import split

LEAST = 8
"""A rhythm has to be played so often."""

FILE = Path(beat_rhythm_counts.__file__)

_HEADER = '''"""How often each rhythm of a beat is played after each kind of beat, counted in the training solos.

Written by `python -m training.corpora.beat_rhythms`. A row has the ticks of its onsets in hexadecimal (`-` for none),
then the counts after each of `improv.session.beat_rhythms.AFTER`.
"""

COUNTS = """\\
'''


COUNTED = {rhythm: list(map(int, counts)) for rhythm, *counts in map(str.split, beat_rhythm_counts.COUNTS.splitlines())}
"""What improv hears by, in the form of `counted`."""


def counted(solos: Iterable[Solo]) -> dict[str, list[int]]:
    """Return how often each rhythm of a beat is played after each kind of beat, by its spelling, the usual first."""
    found: Counter[tuple[str, int]] = Counter()
    for solo in solos:
        by_beat: defaultdict[int, set[int]] = defaultdict(set)
        for note in solo.notes:
            by_beat[note.onset // TICKS_PER_BEAT].add(note.onset % TICKS_PER_BEAT)
        if by_beat:
            beats = [tuple(sorted(by_beat.get(beat, ()))) for beat in range(min(by_beat), max(by_beat) + 1)]
            found.update((spelled(now), beat_of(before)) for before, now in pairwise(beats))
    rhythms = Counter({rhythm: 0 for rhythm, _ in found})
    for (rhythm, _), times in found.items():
        rhythms[rhythm] += times
    usual = sorted((rhythm for rhythm in rhythms if rhythms[rhythm] >= LEAST), key=lambda each: (-rhythms[each], each))
    return {rhythm: [found[rhythm, after] for after in range(len(AFTER))] for rhythm in usual}


def main() -> None:
    """Count the rhythms and write the table."""
    parser = argparse.ArgumentParser(description="Count the rhythms of a beat, by which improv hears what was meant.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    solos, _ = read_for(parser, parser.parse_args().path)
    rows = counted(split(solos).training)
    lines = [f"{rhythm} {' '.join(map(str, counts))}\n" for rhythm, counts in rows.items()]
    FILE.write_text(_HEADER + "".join(lines) + '"""\n')
    print(f"{len(rows)} rhythms of {sum(map(sum, rows.values())):,} beats written to {FILE}")


if __name__ == "__main__":
    main()
