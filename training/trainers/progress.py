"""Progress of a training, shown while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Progressed = Callable[[float, str], None]
"""Called with how much of the work is done, 0 to 1, and how it goes."""


def silently(_done: float, _how: str) -> None:
    """Ignore the progress: show nothing."""


def portion(progressed: Progressed, first: float, last: float, what: str = "") -> Progressed:
    """Return a progress function for a part of the work, from share `first` to `last` of the whole."""
    return lambda done, how: progressed(first + (last - first) * done, f"{what}: {how}" if what else how)


@contextmanager
def progress_bar(title: str) -> Iterator[Progressed]:
    """Show a progress bar in the terminal within the context."""
    columns = (TextColumn("{task.fields[title]}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns) as bar:
        task = bar.add_task("", total=1, title=title)
        yield lambda done, how: bar.update(task, completed=done, description=how)
