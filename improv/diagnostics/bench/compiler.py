"""Small C programs, compiled once for each version of their source into the cache folder.

They are what a measurement is compared with where Python would itself be what is measured. A machine
without a C compiler does without them.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

_TIMEOUT_S = 60


def compiled(source: Path, *libraries: str) -> Path:
    """Return the path of the program, compiled if needed; OSError or SubprocessError if it cannot be compiled."""
    if sys.platform != "linux":
        raise OSError(f"{source.stem} needs Linux")
    key = hashlib.sha256(source.read_bytes() + platform.machine().encode()).hexdigest()[:16]
    program = user_cache_path("improv", appauthor=False) / f"{source.stem}-{key}"
    if program.exists():
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        raise OSError(f"{source.stem} needs a C compiler, cc")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        built = Path(folder) / program.name
        subprocess.run(  # noqa: S603
            [compiler, "-O2", "-pthread", source, "-o", built, *(f"-l:{library}" for library in libraries)],
            check=True,
            capture_output=True,
            timeout=_TIMEOUT_S,
        )
        os.replace(built, program)  # noqa: PTH105 -- at once, so that no process runs half a program
    return program
