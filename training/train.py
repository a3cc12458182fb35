"""Train a network, measure it and export it: `python -m training.train eck2002-blues`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from training.learn import Progressed, learn
from training.report import SUMMARIES, write_model

SEED = 9
"""What the committed models were trained from."""


@contextmanager
def shown(title: str) -> Iterator[Progressed]:
    """A progress bar."""
    columns = (TextColumn("{task.fields[title]}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns) as bar:
        task = bar.add_task("", total=1, title=title)
        yield lambda done, how: bar.update(task, completed=done, description=how)


def main() -> None:
    """Train, report and export."""
    parser = argparse.ArgumentParser(description="Train a network of Eck & Schmidhuber 2002 and export it to ONNX.")
    parser.add_argument("name", choices=tuple(SUMMARIES))
    parser.add_argument("--seed", type=int, default=SEED, help=f"the same seed gives the same network [{SEED}]")
    parser.add_argument("--out", type=Path, default=Path("exported_models"), help="the folder to write to")
    arguments = parser.parse_args()
    with shown(arguments.name) as progressed:
        network, log = learn(arguments.name, arguments.seed, progressed)
        write_model(network, arguments.name, arguments.seed, log, arguments.out, progressed)
    print((arguments.out / f"{arguments.name}.md").read_text())


if __name__ == "__main__":
    main()
