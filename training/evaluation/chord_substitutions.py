"""Which changes are played at which temperature, counted beside those of players:
`python -m training substitutions PATH` learns them from the Weimar Jazz Database first, or takes an exported model.

Played through the session, as they are heard.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.grid import BEATS_PER_BAR
from improv.music.theory import BLUES_BARS, QUALITIES, STEPS_PER_BAR, STEPS_PER_BEAT, Chord, Form
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from training.corpora.solos import Solo
from training.corpora.wjazzd import read_for
from training.corpora.wjazzd_split import split, tune
from training.datasets.choruses import keeps_form, runs
from training.datasets.sequences import KEY, in_c
from training.networks.chord_lstm import ChordLstm
from training.rendering.playing import sessions
from training.trainers.chord_lstm import CONFIG, ChordTask
from training.trainers.export import export, specify
from training.trainers.partner import DATA, likeliest_form, probes
from training.trainers.progress import progress_bar
from training.trainers.train import train

Chorus: TypeAlias = tuple[Chord | None, ...]
"""The chord on each beat of twelve bars in C, (48,)."""

TEMPERATURES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""What is counted of the range of the control `changes`, its upper end among it; 0 is counted by itself."""

PROVEN_CHORUSES = 10_000
CHORUSES = 2_000
"""How many are counted at each temperature."""

CHORUSES_A_JAM = 50

Shares: TypeAlias = Mapping[str, float]
"""A figure for each of `FIGURES`."""


def _bar(chorus: Chorus, number: int) -> Chorus:
    return chorus[(number - 1) * BEATS_PER_BAR : number * BEATS_PER_BAR]


def _is(chord: Chord | None, root: int, *kinds: str) -> bool:
    return chord is not None and chord.root == root and (not kinds or chord.intervals in [QUALITIES[k] for k in kinds])


def quick_change(chorus: Chorus) -> bool:
    """Return whether bar 2 begins on the fourth degree."""
    return _is(_bar(chorus, 2)[0], 5)


def sharp_four_diminished(chorus: Chorus) -> bool:
    """Return whether bar 6 has the notes of the diminished seventh on the raised fourth degree."""
    wanted = Chord(6, QUALITIES["dim7"]).pitch_classes
    return any(chord is not None and chord.pitch_classes == wanted for chord in _bar(chorus, 6))


def two_five(chorus: Chorus) -> bool:
    """Return whether bar 9 begins on a minor second degree and bar 10 has the dominant of the fifth."""
    return _is(_bar(chorus, 9)[0], 2, "m7", "m7b5") and any(_is(chord, 7, "7", "7sus") for chord in _bar(chorus, 10))


def tritone(chorus: Chorus) -> bool:
    """Return whether a dominant seventh chord falls by a semitone, within the chorus or from its end to its top."""
    return any(
        _is(chord, (after.root + 1) % 12, "7")
        for chord, after in pairwise((*chorus, chorus[0]))
        if chord is not None and after is not None
    )


def turnaround(chorus: Chorus) -> bool:
    """Return whether the last two bars have a chord on another degree than the first and the fifth."""
    return any(chord is not None and chord.root not in (0, 7) for chord in chorus[-2 * BEATS_PER_BAR :])


def sixth_degree(chorus: Chorus) -> bool:
    """Return whether bar 8 has a chord on the sixth degree, which leads to the second."""
    return any(_is(chord, 9) for chord in _bar(chorus, 8))


def minor(chorus: Chorus) -> bool:
    """Return whether the chorus begins on a minor chord."""
    return _is(chorus[0], 0, "m", "m7", "m6")


SUBSTITUTIONS: Mapping[str, Callable[[Chorus], bool]] = MappingProxyType(
    {
        "quick change": quick_change,
        "#IV diminished in bar 6": sharp_four_diminished,
        "VI in bar 8": sixth_degree,
        "ii-V in bars 9-10": two_five,
        "tritone substitution": tritone,
        "turnaround in bars 11-12": turnaround,
        "in minor": minor,
    }
)
SAME, ONE_BEAT, LENGTHS = "the same as the one before", "chords of one beat, a chorus", "chords a chorus"
FIGURES = (*SUBSTITUTIONS, SAME, LENGTHS, ONE_BEAT)


def shares(jams: Iterable[Sequence[Chorus]]) -> Shares:
    """Return the share of choruses with each substitution and the rate of chord changes, by the names of `FIGURES`.

    A jam is choruses that follow each other. ValueError where there are none.
    """
    jams = list(jams)
    choruses = [chorus for jam in jams for chorus in jam]
    if not choruses:
        raise ValueError("there are no choruses to count")
    beats = [len(list(same)) for chorus in choruses for _, same in groupby(chorus)]
    pairs = [one == other for jam in jams for one, other in pairwise(jam)]
    found = {name: sum(map(has, choruses)) / len(choruses) for name, has in SUBSTITUTIONS.items()}
    found[SAME] = sum(pairs) / len(pairs) if pairs else float("nan")
    return found | {LENGTHS: len(beats) / len(choruses), ONE_BEAT: beats.count(1) / len(choruses)}


# --- what players do ------------------------------------------------------------------------------


def of_players(solos: Iterable[Solo]) -> tuple[dict[str, list[list[Chorus]]], int]:
    """Return the choruses of the players' blues by tune and solo, and the number that do not keep the form."""
    found: defaultdict[str, list[list[Chorus]]] = defaultdict(list)
    left_out = 0
    for solo in solos:
        if not solo.is_blues or solo.tonic is None:
            continue
        chords = [frame.chord for frame in in_c(solo)]
        every = [chords[top * STEPS_PER_BAR : (top + BLUES_BARS) * STEPS_PER_BAR] for top in solo.choruses]
        kept = [tuple(chorus[::STEPS_PER_BEAT]) for chorus in every if keeps_form(chorus)]
        left_out += len(every) - len(kept)
        if kept:
            found[tune(solo)].append(kept)
    return dict(found), left_out


def tune_by_tune(players: Mapping[str, Sequence[Sequence[Chorus]]]) -> Shares:
    """Return the mean over tunes of the shares of each tune, so that all tunes weigh the same."""
    each = [shares(jams) for jams in players.values()]
    return {name: float(np.nanmean([of_tune[name] for of_tune in each])) for name in FIGURES}


# --- what improv does -----------------------------------------------------------------------------


def played(model: StepModel, temperature: float, choruses: int, seed: int) -> Iterator[tuple[Chorus, bytes]]:
    """Yield choruses of a model as a listener hears them, each with the state that the next one follows from.

    That is the network's memory of the chords and the bar that is settled, as bytes. `temperature` is what the control
    `changes` stands at. improv only listens, for the chords hear no melody.
    """
    settings = Settings(mode=Mode.LISTEN, changes=temperature, seed=seed)
    steps, length = sessions(model, settings), Form.parse(model.spec.form).steps
    for _ in range(choruses):
        *chorus, last = islice(steps, length)
        chords = tuple(session.band.frame.chord for session in (*chorus, last))
        state = [last.network.memory[name].tobytes() for name in ChordLstm.STATE]
        yield (
            chords[::STEPS_PER_BEAT],
            b"".join((*state, repr((last.network.output.chord, last.network.chord_lookahead)).encode())),
        )


def jams(model: StepModel, temperature: float, choruses: int) -> list[list[Chorus]]:
    """Return `choruses` choruses of a model at a temperature, in jams with different seeds."""
    lengths = [min(CHORUSES_A_JAM, choruses - first) for first in range(0, choruses, CHORUSES_A_JAM)]
    return [[chorus for chorus, _ in played(model, temperature, count, seed)] for seed, count in enumerate(lengths)]


def loses_form(chorus: Chorus) -> bool:
    """Return whether a chorus lacks the first degree on its first beat, or the fourth degree at bar 5."""
    return not keeps_form([chord for chord in chorus for _ in range(STEPS_PER_BEAT)])


@dataclass(frozen=True, slots=True)
class Kept:
    """How the form was kept at temperature 0."""

    choruses: int
    unlike_the_first: int
    repeats: tuple[int, int] | None
    """The first chorus that ended, bit for bit, as an earlier one did, and before it that one; None if there was none.

    The chords hear only themselves, so from there on the choruses between the two come again without end.
    """


def kept(model: StepModel, choruses: int, progressed: Callable[[int], None]) -> Kept:
    """Play choruses at temperature 0, and return how well the form was kept; `progressed` gets the number played."""
    first: Chorus | None = None
    seen: dict[bytes, int] = {}
    repeats, unlike = None, 0
    for number, (chorus, state) in enumerate(played(model, 0.0, choruses, seed=0), 1):
        first = first or chorus
        unlike += chorus != first
        if repeats is None:
            repeats = (seen[state], number) if state in seen else None
            seen[state] = number
        progressed(number)
    return Kept(choruses, unlike, repeats)


def export_alone(network: ChordLstm, path: Path, seed: int) -> OnnxModel:
    """Export a chord network without a melody to `path`, and return it as a model that plays."""
    spec = specify(
        network, name="changes", summary="The changes of a blues, and no melody.", encoding="cells", key=KEY,
        form=likeliest_form(network).text, primers=(), data=DATA, seed=seed, figures={},
    )  # fmt: skip
    export(network, spec, path, probes(likeliest_form(network), seed))
    return OnnxModel(path)


def table(columns: Mapping[str, Shares]) -> list[str]:
    """Return a Markdown table, a column of shares for each name."""
    lines = [f"| share of choruses | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    for name in FIGURES:
        cells = [
            f"{found[name]:.2f}" if name in (LENGTHS, ONE_BEAT) else f"{found[name]:.1%}" for found in columns.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Train a chord network, or take a model, and print the chord substitutions it plays."""
    parser = argparse.ArgumentParser(description="Which changes are played at which temperature, beside players'.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database, to compare with and to learn from")
    parser.add_argument(
        "--model", type=Path, help="an exported model with changes of its own, instead of learning them"
    )
    parser.add_argument("--seed", type=int, default=CONFIG.seed, help=f"of what is learned [{CONFIG.seed}]")
    parser.add_argument("--proven", type=int, default=PROVEN_CHORUSES, help=f"choruses at 0 [{PROVEN_CHORUSES}]")
    parser.add_argument("--choruses", type=int, default=CHORUSES, help=f"at each other temperature [{CHORUSES}]")
    arguments = parser.parse_args()
    sides = split(read_for(parser, arguments.path)[0])
    with TemporaryDirectory() as folder, progress_bar("changes") as progressed:
        if arguments.model is None:
            task = ChordTask(runs(sides.training), runs(sides.validation))
            network, _ = train(replace(CONFIG, seed=arguments.seed), task, progressed=progressed)
            model = export_alone(network, Path(folder) / "changes.onnx", arguments.seed)
        else:
            model = OnnxModel(arguments.model)
        in_all = arguments.proven + arguments.choruses * len(TEMPERATURES)
        found = kept(model, arguments.proven, lambda done: progressed(done / in_all, f"{done} choruses at 0"))
        counted, done = {}, arguments.proven
        for temperature in TEMPERATURES:
            progressed(done / in_all, f"{arguments.choruses} choruses at {temperature:g}")
            counted[temperature] = jams(model, temperature, arguments.choruses)
            done += arguments.choruses
    _tell(model, found, counted, sides.training, sides.test)


def _tell(
    model: StepModel,
    found: Kept,
    counted: Mapping[float, list[list[Chorus]]],
    training: Iterable[Solo],
    test: Iterable[Solo],
) -> None:
    first = next(chorus for chorus, _ in played(model, 0.0, 1, seed=0))
    print(f"form: {model.spec.form}")
    again = "nothing came again bit for bit"
    if found.repeats:
        again = "chorus {1} ends bit for bit as chorus {0}, so it goes on like this without end".format(*found.repeats)
    print(f"at 0: {found.choruses} choruses, {found.unlike_the_first} unlike the first; {again}")
    for temperature, of_jams in counted.items():
        lost = sum(loses_form(chorus) for jam in of_jams for chorus in jam)
        print(f"at {temperature:g}: {sum(map(len, of_jams))} choruses, {lost} that lose the form")
    columns: dict[str, Shares] = {}
    for name, solos in (("training", training), ("test", test)):
        tunes, left_out = of_players(solos)
        choruses = sum(len(jam) for of_tune in tunes.values() for jam in of_tune)
        print(f"{name}: {choruses} choruses of {len(tunes)} tunes; {left_out} that do not keep the form left out")
        columns[f"players, {name}"] = tune_by_tune(tunes)
    columns |= {"0": shares([[first, first]])}
    columns |= {f"{temperature:g}": shares(of_jams) for temperature, of_jams in counted.items()}
    print("\n".join(table(columns)))


if __name__ == "__main__":
    main()
