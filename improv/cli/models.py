"""`improv models`: which networks there are, in one line each: what one is, what it hears, and what it cannot obey."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from improv.cli.output import say, say_json
from improv.errors import ImprovError
from improv.models.contract import ModelSpec
from improv.protocol.controls import MODEL


def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the networks that --model can name, what each is, hears and obeys; then those of the band.

    Some networks of the papers are too large to be shipped: they are listed with the command that builds them.
    """
    from improv.models.catalog import band_model_paths, model_paths
    from improv.models.papers import not_built

    paths = dict(sorted(model_paths().items(), key=lambda item: item[0] != MODEL.default))
    found = _about(paths) | not_built(paths)
    if as_json:
        say_json(found)
        return
    found |= _about(band_model_paths())
    width = max(20, *map(len, found)) if found else 20
    for name, about in found.items():
        say(f"{name:<{width}} {about}")


def _about(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return a line of each network by its name: what it is, or why it cannot play."""
    from improv.models.catalog import read_model
    from improv.models.onnx_file import ModelFile

    found = {}
    for name, path in paths.items():
        try:
            found[name] = about(ModelFile(read_model(path)).spec)
        except ImprovError as error:
            found[name] = f"unusable: {error}"
    return found


def about(spec: ModelSpec) -> str:
    """Return a line of a network: what it is, what it hears, and which controls it cannot obey."""
    from improv.models.encodings import BAND_ENCODINGS, encoding_of
    from improv.session.network import has_melody, unsupported_controls

    summary = f"{spec.summary.rstrip('.')}."
    if spec.line is None and spec.encoding in BAND_ENCODINGS:
        return summary
    try:
        encoding = encoding_of(spec)
    except (KeyError, ValueError):
        return f"{summary} Unusable: its encoding is {spec.encoding}, which this improv has not."
    if not has_melody(spec):
        return f"{summary} Hears the changes alone."
    refused = ", ".join(unsupported_controls(spec))
    return f"{summary} Hears {encoding.hears}. {f'Obeys all but {refused}' if refused else 'Obeys every control'}."
