"""Answers to people's calls, through the engine as `improv render` runs it, beside what the people played next.

`python -m training answers` prints what people's answers are like in the training solos, for
`improv.session.answer_table`; `python -m training evaluate` has the table of improv's, with other ways to choose among
drafts beside them.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from improv.models.onnx_runtime import OnnxModel
from improv.music.grid import EIGHTHS, TICKS_PER_BEAT
from improv.music.notes import Frame
from improv.music.theory import STEPS_PER_BAR, TICKS_PER_STEP, pitch_class
from improv.music.turns import Mode
from improv.protocol.control import Value
from improv.protocol.controls import DRAFTS, HEARING, MEANT, NEAREST, SEED, TEMPO
from improv.session.answer_figures import figures, line_of, over_chords
from improv.session.answer_table import LACKING_COST, WANTED, cost
from improv.session.drafts import Cost
from training.corpora import wjazzd
from training.corpora.wjazzd_split import split
from training.evaluation.call_and_response import Call, calls, echoes, recognised
from training.evaluation.hearing import rare_onsets
from training.metrics.bootstrap import Figure, grouped_mean
from training.metrics.melody import melody
from training.rendering.jam import Struck, jam, notated

Tracked = Callable[[Sequence[Any], str], Iterable[Any]]

EXACT, PLAYED = "exact", "as played"

FOURS = 4

PEOPLE = "people"

_FEW, _CALL_OF = 3, 4
"""An answer with fewer notes is none, to a call of so many."""

_QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to answer: how many drafts are drawn, and how they are compared."""

    name: str
    drafts: int
    cost: Cost = cost
    hearing: str = MEANT


def chord_tones(found: Mapping[str, float], lacking: int) -> float:
    """Return what an answer costs that is chosen by chord tones on strong beats alone."""
    return -found.get("strong", 0.0)


def likeness(found: Mapping[str, float], lacking: int) -> float:
    """Return what an answer costs that is chosen by its likeness to the call alone."""
    return -found.get("likeness", 0.0)


def evenly(found: Mapping[str, float], lacking: int) -> float:
    """Return what an answer costs whose figures all weigh the same, without likeness, which is not people's."""
    costs = [WANTED[name].cost(value) / WANTED[name].weight for name, value in found.items() if name != "likeness"]
    return LACKING_COST * lacking + sum(costs)


def ways() -> tuple[Way, ...]:
    """Return the ways that are compared, the product's own last."""
    number = int(DRAFTS.default)
    others = (("chord tones", chord_tones), ("likeness", likeness), ("intervals, evenly", evenly))
    return (
        Way("no drafts", 0),
        *(Way(f"{number} drafts by {name}", number, compared) for name, compared in others),
        Way(f"{number} drafts, on the nearest tick", number, hearing=NEAREST),
        Way(f"{number} drafts", number),
    )


def first_bar(call: Call) -> int:
    """Return the bar at which a player's turn begins that has the call's place in the form, trading from the top."""
    return next(bar for bar in range(call.place, 2 * call.bars * 12, 12) if bar % (2 * call.bars) == 0)


def struck(call: Call, first: int, *, exact: bool) -> list[Struck]:
    """Return the notes of a call as they are played from a bar on: exactly, as from a file, or as its player did.

    What still sounds at its end is let go there.
    """
    start, end = first * STEPS_PER_BAR * TICKS_PER_STEP, call.bars * STEPS_PER_BAR * TICKS_PER_STEP
    if exact:
        return [notated(note.pitch, start + note.onset, start + min(note.end, end)) for note in call.notes]
    beat, last = start / TICKS_PER_BEAT, end / TICKS_PER_BEAT
    return [
        Struck(note.pitch, beat + onset, beat + min(over, last))
        for note, (onset, over) in zip(call.notes, call.played, strict=True)
    ]


def answer(model: OnnxModel, call: Call, seed: int, way: Way, *, exact: bool) -> tuple[Frame, ...]:
    """Return the frames of improv's answer to a call that is played to it, trading at the call's tempo."""
    first = first_bar(call)
    begins = (first + call.bars) * STEPS_PER_BAR
    controls: dict[str, Value] = {
        "bars": call.bars,
        TEMPO.name: min(TEMPO.high, max(TEMPO.low, call.bpm)),
        SEED.name: seed,
        DRAFTS.name: way.drafts,
        HEARING.name: way.hearing,
    }
    steps = begins + call.bars * STEPS_PER_BAR
    played, _ = jam(model, struck(call, first, exact=exact), steps, Mode.TRADE, controls, way.cost)
    return played[begins:]


def answer_figures(made: Sequence[Call], answers: Sequence[Sequence[Frame]]) -> dict[str, Figure]:
    """Return the figures of answers to calls, with intervals of resampling whole solos."""
    solos = [call.solo for call in made]
    lines = [melody(frames) for frames in answers]
    shared, cut, few, more = [], [], [], []
    of_notes: dict[str, tuple[list[bool], list[str]]] = {
        name: ([], []) for name in ("avoid notes, of long ones", "chord tones on one and three", "phrases end right")
    }
    for call, frames, line in zip(made, answers, lines, strict=True):
        called, ours = set(call.line.onsets.tolist()), line.onsets.tolist()
        shared.append(len(called.intersection(ours)) / len(called))
        cut.append(bool(ours) and line.ends[-1] >= call.bars * STEPS_PER_BAR * TICKS_PER_STEP)
        few.append(len(ours) < _FEW and len(called) >= _CALL_OF)
        chords = [frame.chord for frame in frames]
        judged = over_chords(line_of([frame.melody for frame in frames], EIGHTHS), chords, pitch_class("C"), EIGHTHS, 0)
        for (values, groups), found in zip(of_notes.values(), judged, strict=True):
            values += found
            groups += [call.solo] * len(found)
        more.append(len(ours) / len(called))

    def mean(values: Sequence[float | bool], groups: Sequence[str]) -> Figure:
        return grouped_mean(np.array(values, np.float64), list(groups))

    return {
        "call known among sixteen": recognised(made, lines, made),
        "onsets shared": mean(shared, solos),
        "verbatim echo": echoes(made, lines),
        **{name: mean(values, groups) for name, (values, groups) in of_notes.items()},
        "cut by the bar line": mean(cut, solos),
        "fewer than three notes": mean(few, solos),
        "onsets on rare ticks": rare_onsets(lines, solos),
        "notes for one of the call": mean(more, solos),
    }


def sparsely(found: Sequence[Call], most: int | None) -> list[Call]:
    """Return the calls of which it is known how they were played; evenly chosen, where there are more than `most`."""
    known = [call for call in found if call.played]
    return known[:: -(-len(known) // most)] if most and known else known


def rows(
    model: OnnxModel, made: Sequence[Call], tracked: Tracked, compared: Sequence[Way]
) -> dict[str, dict[str, Figure]]:
    """Return the figures of people's own next bars, and of improv's answers each way, to exact calls and as played."""
    made = [call for call in made if call.played]
    if not made:
        return {}
    found = {PEOPLE: answer_figures(made, [call.next_frames for call in made])}
    for exact, name in ((True, EXACT), (False, PLAYED)):
        for way in compared:
            if exact and way.hearing != MEANT:
                continue
            told = tracked(made, f"answers, {way.name}")
            answers = [answer(model, call, seed, way, exact=exact) for seed, call in enumerate(told)]
            found[f"{name}, {way.name}"] = answer_figures(made, answers)
    return found


def people(made: Sequence[Call]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the values of each figure of people's own next bars, by its name."""
    found: dict[str, list[float]] = {}
    for call in made:
        cells = [frame.melody for frame in call.frames]
        for name, value in figures(cells, call.next_frames, pitch_class("C"), EIGHTHS).items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def main() -> None:
    """Print quantiles of people's figures in the blues of the training side."""
    parser = argparse.ArgumentParser(
        description="What the next four bars of people are like, for the choice of drafts."
    )
    parser.add_argument("path", type=Path, nargs="?", default=wjazzd.FOLDER, help="the Weimar Jazz Database")
    solos = split(wjazzd.read_for(parser, parser.parse_args().path)[0]).training
    made = [call for solo in solos if solo.is_blues and solo.tonic is not None for call in calls(solo, FOURS)]
    print(f"{len(made)} calls of four bars; quantiles {', '.join(map(str, _QUANTILES))}; mean")
    for name, values in people(made).items():
        of = "  ".join(f"{value:6.2f}" for value in np.quantile(values, _QUANTILES))
        print(f"{name:10} {of}   {values.mean():6.3f}")


if __name__ == "__main__":
    main()
