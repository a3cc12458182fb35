"""How far a training is, for whoever watches it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from training.trainers.eck2002 import Progressed


@contextmanager
def shown(title: str) -> Iterator[Progressed]:
    """A progress bar."""
    columns = (TextColumn("{task.fields[title]}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns) as bar:
        task = bar.add_task("", total=1, title=title)
        yield lambda done, how: bar.update(task, completed=done, description=how)
