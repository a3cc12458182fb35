"""Where corpora lie that are read at training time and never committed: `IMPROV_DATA`, or `shared/data` beside us."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("IMPROV_DATA", Path(__file__).parents[3] / "shared" / "data"))


def folder(name: str) -> Path:
    """A corpus by the name of its folder; the test is skipped where it is not there."""
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"there is no {path}")
    return path
