"""Which models there are, by name and by file: light enough for a shell that completes a name.

It must never read one.
"""

import os
from pathlib import Path

from improv.errors import UsageError


def model_folders() -> list[Path]:
    """Where models are looked for: $IMPROV_MODELS, the checkout's exported_models, the installed ones."""
    here = Path(__file__).resolve().parent
    named = [Path(part) for part in os.environ.get("IMPROV_MODELS", "").split(os.pathsep) if part]
    return [folder for folder in (*named, here.parent / "exported_models", here / "exported_models") if folder.is_dir()]


def model_paths() -> dict[str, Path]:
    """Every model there is, by name; the first folder that has a name wins."""
    paths: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.onnx")):
            paths.setdefault(path.stem, path)
    return paths


def find_model(name: str) -> Path:
    """The file of a model given by name or by path; UsageError lists the names there are."""
    if name.endswith(".onnx"):
        if Path(name).exists() and not Path(name).is_file():
            raise UsageError(f"{name} is no file; give a model's name or an .onnx file")
        return Path(name)
    paths = model_paths()
    if name not in paths:
        raise UsageError(f"no model {name!r}; there are: {', '.join(paths) or 'none'}; a path ends in .onnx")
    return paths[name]
