"""Write the golden renders and exports anew, and name those that are other than before: `python -m tests.goldens`."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.goldens import RENDERS, TAKES, export, exported, kept, render

WRITES: dict[Path, Callable[[Path], None]] = {
    **{kept(name): partial(render, name) for name in RENDERS},
    **{exported(take): partial(export, take) for take in TAKES.glob("*.take")},
}

for path, write in WRITES.items():
    before = path.read_bytes() if path.exists() else b""
    path.parent.mkdir(exist_ok=True)
    write(path)
    if path.read_bytes() != before:
        sys.stdout.write(f"{path.stem} is {'other' if before else 'new'}\n")
for path in {path for folder in {path.parent for path in WRITES} for path in folder.glob("*.mid")} - WRITES.keys():
    path.unlink()
    sys.stdout.write(f"{path.stem} is gone\n")
