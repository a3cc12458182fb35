"""Which models there are, by name and by file, and the bytes of one: light enough for a shell that completes a name.

It must never look into one.
"""

import errno
import hashlib
import os
from pathlib import Path
from reprlib import repr as shortly

from improv.errors import ContractError, InputNotFound, UsageError
from improv.models.papers import BUILT_BY_COMMAND, command_for
from improv.system.safe_files import read_file

MAX_FILE_BYTES = 64 * 2**20


def model_folders() -> list[Path]:
    """Return where models are looked for: $IMPROV_MODELS, the checkout's exported_models, the installed ones."""
    here = Path(__file__).resolve().parents[1]
    named = [part for part in os.environ.get("IMPROV_MODELS", "").split(os.pathsep) if part]
    folders: list[str | Path] = [*named, here.parent / "exported_models", here / "exported_models"]
    return [Path(folder) for folder in folders if os.path.isdir(folder)]  # noqa: PTH112 Path raises where the name is too long


BAND_NETWORKS = ("expression", "bass", "drums")
"""The names of the networks that play beside the melody's: none of them decides a melody."""


def model_paths() -> dict[str, Path]:
    """Return the path of every model of a melody by name; of two with the same name, the one in the first folder."""
    return {name: path for name, path in _all_paths().items() if name not in BAND_NETWORKS}


def band_model_paths() -> dict[str, Path]:
    """Return the paths of the networks of the band, as far as there are any, by name."""
    paths = _all_paths()
    return {name: paths[name] for name in BAND_NETWORKS if name in paths}


def _all_paths() -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.onnx")):
            paths.setdefault(path.stem, path)
    return paths


def find_model(name: str) -> Path:
    """Return the file of a model, given its name or path; UsageError lists the names there are."""
    if name.endswith(".onnx"):
        return Path(name)
    paths = model_paths()
    if name in BAND_NETWORKS:
        raise UsageError(f"{name} plays in the band and knows no melody; there are: {', '.join(paths) or 'none'}")
    if name in BUILT_BY_COMMAND and name not in paths:
        raise UsageError(f"{name} is not built yet; in a checkout of improv: {command_for(name)}")
    if name not in paths:
        raise UsageError(f"no model {shortly(name)}; there are: {', '.join(paths) or 'none'}; a path ends in .onnx")
    return paths[name]


def find_network(name: str, sha256: str) -> Path:
    """Return the file of a network of the melody or the band, given its name and the hash of its bytes.

    Where that file is another one by now, one with these bytes is looked for under the names that begin with its: a
    network that was replaced is kept, as `partner-1`. Without one it is the file of that name; UsageError for no such.
    """
    paths = _all_paths()
    named = paths[name] if name in BAND_NETWORKS and name in paths else find_model(name)
    others = (path for path in paths.values() if path != named and path.stem.startswith(name))
    return next((path for path in (named, *others) if _sha256(path) == sha256), named)


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_model(path)).hexdigest()


def read_model(path: Path) -> bytes:
    """Return the content of a model file; InputNotFound if it is missing, ContractError if it is too large."""
    try:
        return read_file(path, MAX_FILE_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise ContractError(f"{path}: {error.strerror}; no step model is") from error
        raise InputNotFound(f"{path}: {error.strerror}; `improv models` lists the models there are") from error
