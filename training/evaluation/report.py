"""How near to people improv plays: `python -m training evaluate MODEL...` prints one table, and leaves its figures as
JSON and pictures in a folder.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from improv.errors import ImprovError, UsageError
from improv.models.catalog import find_model
from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.theory import STEPS_PER_BAR, Form
from improv.music.turns import Mode
from improv.protocol.controls import TEMPERATURE, Settings
from improv.session.network import has_melody
from training.corpora import groove_midi, wjazzd
from training.corpora.wjazzd_split import Split, split
from training.evaluation import answers, band, duets, expression, hearing
from training.evaluation.judgement import (
    CHORUSES,
    PEOPLE,
    TEMPERATURES,
    TURNS,
    Item,
    Row,
    Tracked,
    judge,
    names_of,
    people,
    position,
)
from training.metrics.bootstrap import Figure
from training.metrics.melody import CHORUS_BARS, melody
from training.rendering import plots as pictures
from training.rendering.playing import play_memory

ECK = "eck2002-blues"

Figures = Mapping[str, Mapping[str, Figure]]
"""By the name of a row the figures of it, by theirs."""

PlayedTo = tuple[Sequence[hearing.Row], Figures, Figures]
"""How players are heard, which is the same for all networks that are told of every tick, and so is known of the first
alone; a network's answers, and its duets."""

SHOWN_CHORUSES = 4

_MARKS = {"inside": " =", "above": " ▲", "below": " ▼", "": "  "}

_STYLES = {"inside": "green", "above": "yellow", "below": "yellow", "": ""}


def table(rows: list[Row]) -> Table:
    """Return a table with a column for each row: = inside the people's interval, ▲ above it, ▼ below it."""
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
                cells.append(f"{_number(figure.value)} ({_number(figure.low)} to {_number(figure.high)})")
            else:
                place = position(figure, own.get(name))
                text = _number(figure.value) + _MARKS[place]
                cells.append(f"[{_STYLES[place]}]{text}[/]" if place else text)
        found.add_row(name, *cells)
    return found


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def hearing_table(rows: Sequence[hearing.Row]) -> Table:
    """Return a table of how players are heard: the share of notes on their notated ticks."""
    title = "heard: share of notes on their notated ticks, and its interval of 95 %"
    found = Table("player", "as it was meant", "on the nearest tick", title=title, title_justify="left")
    for row in rows:
        found.add_row(row.name, str(row.meant), str(row.nearest))
    return found


def answers_table(rows: Mapping[str, Mapping[str, Figure]]) -> Table:
    """Return a table of answers to calls, exact and as they were played, beside what people played next.

    A column for each way to answer would be too many: there is a row for each.
    """
    own = rows[PEOPLE]
    found = Table("answers to fours", *own, title="answers at the default settings", title_justify="left")
    for name, figures in rows.items():
        cells = [str(figures[each]) for each in own]
        if name != PEOPLE:
            cells = [_number(figures[each].value) + _MARKS[position(figures[each], own[each])] for each in own]
        found.add_row(name, *cells)
    return found


def duets_table(rows: Figures) -> Table:
    """Return a table of duets with people's phrases, and of improv alone."""
    columns = list(next(iter(rows.values())))
    found = Table("duets", *columns, title="duets: two bars of a solo, and two of rest", title_justify="left")
    for name, figures in rows.items():
        found.add_row(name, *(str(figures[each]) if each in figures else "-" for each in columns))
    return found


def hearing_json(rows: Sequence[hearing.Row], answered: Figures, duetted: Figures) -> dict[str, Any]:
    """Return the figures of all three tables as JSON data, each with its interval."""
    heard = {row.name: {"meant": asdict(row.meant), "nearest": asdict(row.nearest)} for row in rows}

    def told(rows: Figures) -> dict[str, Any]:
        return {name: {what: asdict(each) for what, each in figures.items()} for name, figures in rows.items()}

    return {"heard": heard, "answers": told(answered), "duets": told(duetted)}


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return all figures with interval and position by row, as JSON data; null for unknown ones."""
    own = rows[0].figures

    def known(value: float) -> float | None:
        return None if isnan(value) else round(value, 6)

    return {
        row.name: {
            name: {
                "value": known(figure.value),
                "low": known(figure.low),
                "high": known(figure.high),
                "lies": None if row.name == PEOPLE else position(figure, own.get(name)) or None,
            }
            for name, figure in row.figures.items()
        }
        for row in rows
    }


def draw(rows: Sequence[Row], model: StepModel | None, out: Path) -> None:
    """Write pictures to a folder: choruses and histograms of each row, and a chorus of a model's memory."""
    played, most = [row for row in rows if row.lines], SHOWN_CHORUSES * CHORUS_BARS * STEPS_PER_BAR
    for row in played:
        line = min(row.lines[: row.in_choruses or None], key=lambda line: abs(len(line) - most))
        name = "".join(letter if letter.isalnum() else "-" for letter in row.name)
        pictures.line_roll(line[:most], out / f"roll-{name}.png", title=row.name)
    pictures.histograms({row.name: [melody(line) for line in row.lines] for row in played}, out / "histograms.png")
    if model:
        form = Form.parse(model.spec.form)
        pictures.memory(
            play_memory(model, form.bars, Settings(mode=Mode.SOLO)), form, out / "memory.png", title=model.spec.name
        )


def _judge_parts(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Judge the band or how the melody is played, with the data and the folder that the arguments name."""
    sides = split(wjazzd.read_for(parser, arguments.data)[0])
    try:
        if arguments.band:
            band.report(sides, arguments.grooves, arguments.out)
        if arguments.expression:
            expression.report(sides, arguments.out)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")
    except OSError as error:
        parser.exit(UsageError.exit_status, f"{arguments.out}: {error.strerror}\n")


def main() -> None:
    """Judge the models, print the table, and write figures and pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m training evaluate", description="Judge models beside people and beside simpler things."
    )
    parser.add_argument("models", metavar="MODEL", nargs="*", help="names or files of models; none: the others alone")
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")
    parser.add_argument("--out", type=Path, default=Path("evaluation"), help="the folder to write to [evaluation]")
    parser.add_argument("--choruses", type=int, default=CHORUSES, help=f"about so many a row [{CHORUSES}]")
    parser.add_argument("--calls", type=int, help="at most so many calls of each length [all]")
    parser.add_argument(
        "--temperatures",
        type=float,
        nargs="+",
        default=TEMPERATURES,
        metavar="T",
        help=f"a row at each [{' '.join(map(str, TEMPERATURES))}]",
    )
    parser.add_argument("--band", action="store_true", help="judge bass, drums and comping of the band instead")
    parser.add_argument("--expression", action="store_true", help="judge how the melody is played instead")
    parser.add_argument(
        "--grooves", type=Path, default=groove_midi.FOLDER, help=f"drum takes, for --band [{groove_midi.FOLDER}]"
    )
    arguments = parser.parse_args()
    if arguments.band or arguments.expression:
        _judge_parts(parser, arguments)
        return
    try:
        paths = [find_model(name) for name in arguments.models]
        stems = [path.stem for path in paths]
        models = {path.stem if stems.count(path.stem) == 1 else str(path): OnnxModel(path) for path in paths}
        eck = OnnxModel(find_model(ECK))
        for temperature in arguments.temperatures:
            TEMPERATURE.checked(temperature)
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

        rows = judge(
            models, eck, sides, choruses=arguments.choruses, most_calls=arguments.calls, tracked=tracked,
            temperatures=arguments.temperatures,
        )  # fmt: skip
        (arguments.out / "evaluation.json").write_text(json.dumps(to_json(rows), indent=1) + "\n")
        heard = _heard(models, sides, arguments.calls, tracked)
    draw(rows, next(iter(models.values()), None), arguments.out)
    _write(rows, heard, arguments.out)
    print(f"wrote figures and pictures to {arguments.out}")


def _heard(
    models: Mapping[str, OnnxModel], sides: Split, most_calls: int | None, tracked: Tracked
) -> dict[str, PlayedTo]:
    """Return what comes of playing to each network that is told of every tick, by its name.

    The first one answers in other ways too. `most_calls` are the most of each length; None for all.
    """
    those, found = people(sides, most_calls), dict[str, PlayedTo]()
    fours, twos = (answers.sparsely(those.calls[turn], most_calls) for turn in ("fours", "twos"))
    for name, model in models.items():
        if hearing.is_told_ticks(model):
            ways = answers.ways()[-1:] if found else answers.ways()
            found[name] = (
                () if found else hearing.rows(model, sides.test, tracked),
                answers.rows(model, fours, tracked, ways),
                duets.rows(model, twos, tracked, TURNS["twos"]),
            )
    return found


def _write(rows: list[Row], heard: Mapping[str, PlayedTo], out: Path) -> None:
    """Print the tables, and leave them and their figures in a folder."""
    hearings = {name: hearing_json(*each) for name, each in heard.items()}
    (out / "hearing.json").write_text(json.dumps(hearings, indent=1) + "\n")
    console = Console(width=max(Console().width, 76 + 12 * len(rows)), record=True)
    console.print(table(rows))
    for name, (of_players, of_answers, of_duets) in heard.items():
        console.print(name, hearing_table(of_players) if of_players else "")
        console.print(answers_table(of_answers) if of_answers else "")
        console.print(duets_table(of_duets) if of_duets else "")
    console.save_text(str(out / "evaluation.txt"))


if __name__ == "__main__":
    main()
