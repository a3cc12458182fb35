"""Train the networks of the papers and measure them beside their figures: `python -m training reproduce [ROW...]`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from shutil import copyfile

import torch
from rich.console import Console
from rich.markdown import Markdown

from improv.errors import ImprovError, UsageError
from training.reproductions import ROWS, Reproduction, Run
from training.reproductions.pictures import table
from training.trainers.progress import progress_bar

BEGINS, ENDS = "<!-- figures -->", "<!-- /figures -->"
"""The lines of a card between which its table stands."""


def main(arguments: Sequence[str]) -> None:
    """Reproduce the rows named in the arguments, or all, print and keep their tables; leave with what went wrong."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if unknown := [row for row in asked.rows if row not in ROWS]:
        parser.exit(2, f"there is no row {unknown[0]!r}; the rows are {', '.join(ROWS)}\n")
    device = torch.device(asked.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.exit(2, "there is no GPU that PyTorch can use\n")
    rows = list(dict.fromkeys(asked.rows)) or list(ROWS)
    if not asked.rows:
        print("\n".join(listed()), flush=True)
    status = 0
    for row in rows:
        try:
            done = _reproduce(row, asked, device)
            keep(row, done, asked.folder / row, asked.cards)
        except ImprovError as error:
            print(f"{row}: {error}", file=sys.stderr, flush=True)
            status = status or error.exit_status
        except KeyboardInterrupt:
            parser.exit(130, f"{row}: stopped; the same command goes on from its last checkpoint\n")
    if status:
        sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training reproduce",
        description="Train networks of the papers, measure and export them, and say how ours are beside theirs. "
        "A run that was stopped goes on from where it was.",
        epilog="\n".join(["rows:", *listed()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which; without any, all of them")
    parser.add_argument("--seed", type=int, help="the same seed, the same network [each row's own]")
    parser.add_argument("--updates", type=int, help="at most so many updates of the weights [each row's own]")
    parser.add_argument("--rate", type=float, help="the highest learning rate [each row's own]")
    parser.add_argument("--out", type=Path, default=Path("exported_models"), help="the folder of models to write to")
    parser.add_argument(
        "--folder", type=Path, default=Path("reproduced"), help="for tables, pictures, MIDI files and checkpoints"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), help="where it is computed [a GPU where there is one]")
    parser.add_argument("--cards", type=Path, help="a folder of cards, ROW.md, whose tables and pictures are renewed")
    return parser


def listed() -> list[str]:
    """Return a line for each row: its name and what it is."""
    return [f"  {name:26}{row.summary}" for name, row in ROWS.items()]


def _reproduce(row: str, asked: argparse.Namespace, device: torch.device) -> Reproduction:
    """Train and measure a row, with a progress bar."""
    module = import_module(ROWS[row].module)
    changed = {"seed": asked.seed, "updates": asked.updates, "rate": asked.rate}
    config = replace(module.CONFIG, **{name: value for name, value in changed.items() if value is not None})
    folder = asked.folder / row
    folder.mkdir(parents=True, exist_ok=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    with progress_bar(row) as progressed:
        done: Reproduction = module.reproduce(
            Run(config=config, folder=folder, out=asked.out, device=device, progressed=progressed)
        )
    return done


def keep(row: str, done: Reproduction, folder: Path, cards: Path | None) -> None:
    """Print what came of a row, and write it as `table.md` to its folder and, if any, into its card."""
    text = f"{ROWS[row].paper}\n\n{table(done, row)}"
    (folder / "table.md").write_text(text, encoding="utf-8")
    console = Console()
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        print(text)
    print(f"{row}: {folder / 'table.md'} and {', '.join(path.name for path in done.files) or 'no other files'}")
    if cards is not None:
        print(renew(cards / f"{row}.md", table(done, row), done.files))


def renew(card: Path, text: str, files: Sequence[Path]) -> str:
    """Put a table between the marker lines of a card, and the pictures that the card shows beside it; say so.

    UsageError for a card that has only one of the marker lines, or has them in the wrong order.
    """
    if not card.exists():
        return f"there is no card {card}"
    lines = card.read_text(encoding="utf-8").splitlines()
    if BEGINS not in lines and ENDS not in lines:
        return f"{card} has no place for figures: the lines {BEGINS} and {ENDS}"
    if lines.count(BEGINS) != 1 or lines.count(ENDS) != 1 or lines.index(ENDS) < lines.index(BEGINS):
        raise UsageError(f"{card} needs the line {BEGINS} once, and after it the line {ENDS} once")
    before, after = lines[: lines.index(BEGINS) + 1], lines[lines.index(ENDS) :]
    renewed = "\n".join([*before, "", *text.splitlines(), "", *after]) + "\n"
    card.write_text(renewed, encoding="utf-8")
    shown = [path for path in files if path.suffix == ".png" and f"({path.name})" in renewed]
    for path in shown:
        copyfile(path, card.parent / path.name)
    return f"renewed {card}" + (f" and {', '.join(path.name for path in shown)} beside it" if shown else "")


if __name__ == "__main__":
    main(sys.argv[1:])
