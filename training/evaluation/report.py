"""How near to people improv plays: `python -m training evaluate MODEL...` prints one table, and leaves its figures as
JSON and pictures in a folder.

The blues that judge are the test solos, and each row plays their choruses over, some times, in performances as long as
theirs; trades with them; and is asked, where it can be, how surprised it is by what they played. Nothing here judges by
itself: a figure that lies in the interval of other people's is one by which nobody could be told apart.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from improv.errors import ImprovError, UsageError
from improv.models.catalog import find_model
from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import Frame
from improv.music.theory import STEPS_PER_BAR, Form
from improv.music.turns import Mode
from improv.protocol.controls import TEMPO, Settings
from improv.session.network import has_melody
from training.baselines import logistic_regression as regression
from training.baselines import markov
from training.baselines.markov import Choices, Chooser
from training.corpora import blues_bars, wjazzd
from training.corpora.solos import Solo
from training.corpora.wjazzd_split import Split, split
from training.datasets.sequences import in_c, sequences
from training.evaluation import call_and_response as trading
from training.evaluation.call_and_response import Call, calls
from training.metrics.report import CHORUS_BARS, Compared, Figure, Melody, Reals, drawn_again, measured, melody, windows
from training.metrics.two_sample_test import told_apart
from training.rendering import plots as pictures
from training.rendering.playing import Surprise, alone, answer, remembered, surprise, waiting

Item = TypeVar("Item")

ECK = "eck2002-blues"

TEMPERATURES = (0.6, 0.8, 1.0)
PEOPLE = "people"
TURNS = {"fours": 4, "twos": 2}
CHORUSES = 250
"""About so many a row are played, whole times what people have: more say more of who plays by chance."""

SHOWN_CHORUSES = 4


class Tracked(Protocol):
    """Hands on one thing after another, and shows how far it is."""

    def __call__(self, things: Sequence[Item], what: str) -> Iterable[Item]:
        """The things in their order; `what` is done with each."""


def silently(things: Sequence[Item], what: str) -> Iterable[Item]:
    """The things, nothing shown."""
    return things


# --- who plays --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Player:
    """Someone who can be judged."""

    name: str
    alone: Callable[[int, float, int], Sequence[Frame]]
    """What is played in so many bars from the top of a form on, at a tempo in bpm, by a seed."""
    surprise: Surprise | None = None
    """How well the people were foreseen; None for whom cannot be asked."""
    answer: Callable[[Call, bool, int], Melody] | None = None
    """What is played after a call, or after silence if it is not heard, by a seed; None for who hears nobody."""


def networks(model: StepModel, name: str, temperatures: Sequence[float], solos: Sequence[Solo]) -> list[Player]:
    """A model at some temperatures."""
    found = surprise(model, solos, temperatures)
    begun = cache(lambda bars, place: waiting(model, bars, place))

    def player(temperature: float) -> Player:
        def answered(call: Call, hears: bool, seed: int) -> Melody:
            notes = call.notes if hears else ()
            return melody(answer(model, begun(call.bars, call.place), notes, temperature, seed))

        return Player(
            f"{name} at {temperature:g}",
            lambda bars, bpm, seed: alone(
                model, bars, Settings(mode=Mode.SOLO, temperature=temperature, seed=seed), bpm
            ),
            found[temperature] if found else None,
            answered,
        )

    return [player(temperature) for temperature in temperatures]


def chooser(name: str, rhythm: Chooser, pitch: Chooser, form: Form, solos: Sequence[Solo]) -> Player:
    """Whoever chooses a rhythm and then pitches by what was chosen before, over a form that is not heard."""
    return Player(
        name,
        lambda bars, _bpm, seed: markov.drawn(rhythm, pitch, form, -(-bars // form.bars), seed)[: bars * STEPS_PER_BAR],
        foreseen(rhythm, pitch, solos),
    )


def foreseen(rhythm: Chooser, pitch: Chooser, solos: Sequence[Solo]) -> Surprise:
    """How well two choosers foresaw some solos."""
    told = sequences(solos)
    of_rhythm, of_pitch = (markov.judged(choices, told) for choices in (markov.rhythms, markov.pitches))
    hits = _likeliest(pitch, of_pitch) == of_pitch.chosen

    def sums(choices: Choices, values: Any) -> Any:
        return np.bincount(choices.solo, values, len(told))

    return Surprise(
        sums(of_rhythm, markov.nats(rhythm, of_rhythm)),
        sums(of_pitch, markov.nats(pitch, of_pitch)),
        sums(of_rhythm, None),
        sums(of_pitch, None),
        sums(of_pitch, hits),
    )


def _likeliest(chooser: Chooser, choices: Choices) -> Any:
    likely = [
        chooser.probability(np.full(len(choices.chosen), kind), choices.past, choices.place)
        for kind in range(choices.kinds)
    ]
    return np.argmax(likely, axis=0)


# --- what they are judged by ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class People:
    """The solos that judge, and what is known of them; everything in C."""

    solos: Sequence[Solo]
    lines: Sequence[Melody]
    others: Sequence[Melody]
    """Other people's, that no network has learned from either."""
    compared: Compared
    calls: Mapping[str, Sequence[Call]]
    """By the length of a turn."""
    most_calls: int | None = None
    """How many of each length are played at most."""

    def asked(self, turn: str) -> Sequence[Call]:
        """The calls of a length that are played, evenly chosen."""
        every = -(-len(self.calls[turn]) // self.most_calls) if self.most_calls else 1
        return self.calls[turn][::every]

    @property
    def choruses(self) -> list[int]:
        """How many each solo has."""
        return [len(windows(line)) for line in self.lines]


def people(sides: Split, most_calls: int | None = None) -> People:
    """The blues of the test side, in the light of the others."""
    blues = {side: [solo for solo in getattr(sides, side) if _judges(solo)] for side in ("validation", "test")}
    training = [(solo.is_blues, in_melody(solo)) for solo in sides.training if solo.tonic is not None]
    known = [line for _, line in training]
    made = {name: [call for solo in blues["test"] for call in calls(solo, bars)] for name, bars in TURNS.items()}
    return People(
        blues["test"],
        [in_melody(solo) for solo in blues["test"]],
        [in_melody(solo) for solo in blues["validation"]],
        Compared([line for is_blues, line in training if is_blues], known),
        made,
        most_calls,
    )


def _judges(solo: Solo) -> bool:
    return solo.is_blues and solo.tonic is not None


def in_melody(solo: Solo) -> Melody:
    """A solo in C as a melody."""
    return melody(in_c(solo), solo.choruses)


@dataclass(frozen=True, slots=True)
class Row:
    """Someone's figures by name, and what they are of."""

    name: str
    figures: Mapping[str, Figure]
    lines: Sequence[Sequence[Frame]]
    """Those that begin with a chorus first."""
    in_choruses: int = 0
    """How many do; 0 for all."""


def row_of_people(those: People) -> Row:
    """The people's own: an answer is what the soloist played next, and they are told apart from other people."""
    figures = measured(those.lines, those.compared)
    for turn, those_calls in those.calls.items():
        figures |= traded(turn, those_calls, [call.next_line for call in those_calls], those)
    figures["told from people"] = told_apart(those.others, those.lines)
    known = [in_c(solo)[solo.choruses[0] * STEPS_PER_BAR :] for solo in those.solos if solo.choruses]
    return Row(PEOPLE, figures, known + [in_c(solo) for solo in those.solos if not solo.choruses], len(known))


def row_of(player: Player, those: People, beside: Mapping[str, Surprise], rounds: int, tracked: Tracked) -> Row:
    """A player's, who plays the people's choruses so many times, and is weighed beside others by their names."""
    lengths = [CHORUS_BARS * choruses for choruses in those.choruses * rounds]
    tempi = [_bpm_of(solo) for solo in those.solos] * rounds
    asked_for = enumerate(zip(tracked(lengths, "plays alone"), tempi, strict=True))
    played = [player.alone(bars, bpm, seed) for seed, (bars, bpm) in asked_for]
    lines = [melody(line, tuple(range(0, bars, CHORUS_BARS))) for line, bars in zip(played, lengths, strict=True)]
    figures = understanding(player.surprise, beside) if player.surprise else {}
    figures |= measured(lines, those.compared)
    for turn in those.calls:
        asked = those.asked(turn)
        if player.answer is None:
            figures |= traded(turn, asked, [_there(call, played, seed) for seed, call in enumerate(asked)], those)
            continue
        heard = [player.answer(call, True, seed) for seed, call in enumerate(tracked(asked, f"trades {turn}"))]
        figures |= traded(turn, asked, heard, those)
        told = tracked(asked, f"trades {turn}, hearing nothing")
        unheard = [player.answer(call, False, seed) for seed, call in enumerate(told)]
        figures[f"call known though withheld, {turn}"] = trading.known(asked, unheard, those.calls[turn])
    figures["told from people"] = told_apart(lines, those.lines)
    return Row(player.name, figures, played)


def _bpm_of(solo: Solo) -> float:
    """The solo's tempo, if improv can play at it; else the nearest at which it can."""
    return min(TEMPO.high, max(TEMPO.low, solo.tempo_bpm))


def traded(turn: str, made: Sequence[Call], answers: Sequence[Melody], those: People) -> dict[str, Figure]:
    """How often a call is known by its answer, and how often that is the call again."""
    return {
        f"call known among sixteen, {turn}": trading.known(made, answers, those.calls[turn]),
        f"verbatim echo, {turn}": trading.echoes(made, answers),
    }


def _there(call: Call, played: Sequence[Sequence[Frame]], number: int) -> Melody:
    """What is played where an answer would be, by who hears no call: in another chorus for each."""
    line = [frame for performance in played for frame in performance]
    first = (number * CHORUS_BARS + call.place + call.bars) * STEPS_PER_BAR
    return melody([line[(first + step) % len(line)] for step in range(call.bars * STEPS_PER_BAR)])


def understanding(found: Surprise, beside: Mapping[str, Surprise], samples: int = 1_000) -> dict[str, Figure]:
    """Nats and pitches foreseen over all solos, and how many times others' that is; whole solos are drawn again."""

    draws = drawn_again(len(found.steps), samples, 0)

    def drawn(sums: Reals, counts: Reals) -> list[float]:
        return [float(sums[draw].sum() / counts[draw].sum()) for draw in draws]

    nats: dict[str, Callable[[Surprise], list[float]]] = {
        "nats an eighth": lambda of: drawn(of.rhythms + of.pitches, of.steps),
        "nats a note": lambda of: drawn(of.pitches, of.notes),
    }
    told = {}
    for what, of in nats.items():
        told[what] = Figure.of(of(found))
        for name, other in beside.items():
            times = [ours / theirs for ours, theirs in zip(of(found), of(other), strict=True)]
            told[f"{what}, times that of the {name}"] = Figure.of(times)
    return told | {"next note foreseen": Figure.of(drawn(found.foreseen, found.notes))}


# --- the judgement ----------------------------------------------------------------------------


def judged(
    models: Mapping[str, StepModel], eck: StepModel, sides: Split, *, choruses: int = CHORUSES,
    most_calls: int | None = None, tracked: Tracked = silently,
) -> list[Row]:  # fmt: skip
    """People's row, then each model's, then those of what models have to be better than."""
    those = people(sides, most_calls)
    rounds = max(1, round(choruses / sum(those.choruses)))
    form = Form.parse(next(iter(models.values())).spec.form) if models else blues_bars.FORM
    *chains, regressed, of_order = _chosen(sides, those.solos, form)
    beside = {chain.name: chain.surprise for chain in chains if chain.surprise}
    players = [player for name, model in models.items() for player in networks(model, name, TEMPERATURES, those.solos)]
    if eck.spec.name not in models:
        players += networks(eck, eck.spec.name, (1.0,), those.solos)
    players += [regressed, of_order]
    players.append(
        Player("pentatonic walk", lambda bars, _bpm, seed: markov.pentatonic(form, -(-bars // form.bars), seed))
    )
    rows = [row_of_people(those)]
    rows += [row_of(player, those, beside, rounds, tracked) for player in tracked(players, "judging")]
    return [*rows, *(Row(name, understanding(found, beside), ()) for name, found in beside.items())]


def _chosen(sides: Split, solos: Sequence[Solo], form: Form) -> list[Player]:
    """What counts and weighs: the best chain, the best blend of chains, regression, the best chain of order 3.

    The best by validation.
    """
    training = sequences(sides.training)
    blues = sequences(solo for solo in sides.validation if _judges(solo))
    names = ("best chain", "blend of chains", "logistic regression", "Markov, order 3")
    learned: dict[str, list[Chooser]] = {name: [] for name in names}
    for of in (markov.rhythms, markov.pitches):
        choices, judges = of(training), markov.judged(of, blues)
        chains = {recipe: markov.learn(recipe, choices) for recipe in markov.candidates()}
        nats = {recipe: markov.nats(chain, judges).mean() for recipe, chain in chains.items()}
        learned["best chain"].append(chains[min(nats, key=lambda recipe: nats[recipe])])
        learned["blend of chains"].append(markov.blended([chains[recipe] for recipe in markov.to_blend()], judges))
        learned["logistic regression"].append(regression.learn(choices))
        of_three = [recipe for recipe in nats if recipe.order == 3]
        learned["Markov, order 3"].append(chains[min(of_three, key=lambda recipe: nats[recipe])])
    return [chooser(name, rhythm, pitch, form, solos) for name, (rhythm, pitch) in learned.items()]


def lies(figure: Figure, own: Figure | None) -> str:
    """Where a figure lies: `inside` the people's interval, `above` or `below` it; empty where there is none."""
    if own is None or isnan(own.low) or isnan(figure.value):
        return ""
    return "inside" if own.low <= figure.value <= own.high else "above" if figure.value > own.high else "below"


def names_of(rows: list[Row]) -> list[str]:
    """Every figure that a row has, those of what was foreseen first."""
    found: dict[str, None] = {}
    for row in rows[1:] + rows[:1]:
        found |= dict.fromkeys(row.figures)
    return list(found)


_MARKS = {"inside": " =", "above": " ▲", "below": " ▼", "": "  "}
_STYLES = {"inside": "green", "above": "yellow", "below": "yellow", "": ""}


def table(rows: list[Row]) -> Table:
    """A column for each row of the judgement; = lies in the people's interval, ▲ above and ▼ below it."""
    own = rows[0].figures
    found = Table(title="beside people: = inside their interval of 95 %, ▲ above, ▼ below", title_justify="left")
    found.add_column("", no_wrap=True)
    for row in rows:
        found.add_column(row.name, justify="right", no_wrap=row.name == PEOPLE)
    for name in names_of(rows):
        cells = []
        for row in rows:
            figure, place = row.figures.get(name), ""
            if figure is None or isnan(figure.value):
                cells.append("-")
            elif row.name == PEOPLE:
                cells.append(f"{_told(figure.value)} ({_told(figure.low)} to {_told(figure.high)})")
            else:
                place = lies(figure, own.get(name))
                text = _told(figure.value) + _MARKS[place]
                cells.append(f"[{_STYLES[place]}]{text}[/]" if place else text)
        found.add_row(name, *cells)
    return found


def _told(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def told(rows: Sequence[Row]) -> dict[str, Any]:
    """Every figure with its interval and where it lies, as JSON can tell it; null for what is not known."""
    own = rows[0].figures

    def known(value: float) -> float | None:
        return None if isnan(value) else round(value, 6)

    return {
        row.name: {
            name: {
                "value": known(figure.value),
                "low": known(figure.low),
                "high": known(figure.high),
                "lies": None if row.name == PEOPLE else lies(figure, own.get(name)) or None,
            }
            for name, figure in row.figures.items()
        }
        for row in rows
    }


def drawn(rows: Sequence[Row], model: StepModel | None, out: Path) -> None:
    """The pictures: some choruses of each row, histograms of all of them, and a chorus of a model's memory."""
    played, most = [row for row in rows if row.lines], SHOWN_CHORUSES * CHORUS_BARS * STEPS_PER_BAR
    for row in played:
        line = min(row.lines[: row.in_choruses or None], key=lambda line: abs(len(line) - most))
        name = "".join(letter if letter.isalnum() else "-" for letter in row.name)
        pictures.line_roll(line[:most], out / f"roll-{name}.png", title=row.name)
    pictures.histograms({row.name: [melody(line) for line in row.lines] for row in played}, out / "histograms.png")
    if model:
        form = Form.parse(model.spec.form)
        pictures.memory(
            remembered(model, form.bars, Settings(mode=Mode.SOLO)), form, out / "memory.png", title=model.spec.name
        )


def main() -> None:
    """Judge, print, and leave figures and pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m training evaluate", description="Judge models beside people and beside simpler things."
    )
    parser.add_argument("models", metavar="MODEL", nargs="*", help="names or files of models; none: the others alone")
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")
    parser.add_argument("--out", type=Path, default=Path("evaluation"), help="the folder to write to [evaluation]")
    parser.add_argument("--choruses", type=int, default=CHORUSES, help=f"about so many a row [{CHORUSES}]")
    parser.add_argument("--calls", type=int, help="at most so many calls of each length [all]")
    arguments = parser.parse_args()
    try:
        paths = [find_model(name) for name in arguments.models]
        stems = [path.stem for path in paths]
        models = {path.stem if stems.count(path.stem) == 1 else str(path): OnnxModel(path) for path in paths}
        eck = OnnxModel(find_model(ECK))
        for name, model in models.items():
            if not has_melody(model.spec):
                raise UsageError(f"{name}: it knows the changes alone and plays no melody; name another")
        arguments.out.mkdir(parents=True, exist_ok=True)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")
    except OSError as error:
        parser.exit(UsageError.exit_status, f"{arguments.out}: {error.strerror}\n")
    sides = split(wjazzd.read_for(parser, arguments.data)[0])
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def tracked(things: Sequence[Item], what: str) -> Iterable[Item]:
            task = bar.add_task(what, total=len(things))
            for thing in things:
                yield thing
                bar.advance(task)
            bar.remove_task(task)

        rows = judged(models, eck, sides, choruses=arguments.choruses, most_calls=arguments.calls, tracked=tracked)
    (arguments.out / "evaluation.json").write_text(json.dumps(told(rows), indent=1) + "\n")
    drawn(rows, next(iter(models.values()), None), arguments.out)
    console = Console(width=max(Console().width, 76 + 12 * len(rows)), record=True)
    console.print(table(rows))
    console.save_text(str(arguments.out / "evaluation.txt"))
    print(f"wrote figures and pictures to {arguments.out}")


if __name__ == "__main__":
    main()
