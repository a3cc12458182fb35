"""Checks of files: the configuration, and the folders that improv writes to."""

import os
import tempfile
from pathlib import Path
from typing import Literal

from improv.config.instance import Instance
from improv.config.load import config_path, load, unknown_names
from improv.diagnostics.checks.finding import Finding


def configuration(instance: Instance) -> list[Finding]:
    """Check that the configuration can be read, and that the ports it names are there."""
    from improv.midi.port_names import match_port

    config = load()  # what is wrong with it is told with file and line
    wiring = config.wiring
    named: list[tuple[Literal["input", "output"], str]] = []
    named += [("input", wiring.input)] if wiring.input else []
    named += [("output", name) for name in (wiring.output, wiring.lights) if name]
    found = [Finding("configuration", True, f"{config_path()}{'' if config_path().exists() else ' (there is none)'}")]
    found += [Finding("environment", None, said, "unset it, or mend its name") for said in unknown_names(os.environ)]
    if named:
        from improv.midi.systems import PortLists, reachable_api

        with PortLists(reachable_api(wiring.api)) as lists:
            for direction, name in named:
                port = match_port(name, lists.names(direction), direction)
                found.append(Finding(f"the {direction} {name}", True, lists.names(direction)[port]))
    return found


def directories(instance: Instance) -> list[Finding]:
    """Check that each folder that improv writes to can be written to."""
    from improv.recording import takes_directory

    places = {
        "takes": (takes_directory(), "IMPROV_TAKES"),
        "config": (config_path().parent, "IMPROV_CONFIG"),
        "state": (instance.log.parent, "IMPROV_STATE"),
        "runtime": (instance.runtime, "IMPROV_RUNTIME"),
    }
    return [check_folder(what, folder, variable) for what, (folder, variable) in places.items()]


def check_folder(what: str, folder: Path, variable: str) -> Finding:
    """Check that a file can be written into a folder, or into its nearest parent that exists.

    The variable is the one of the environment that names another folder.
    """
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"improv")
    except OSError as error:
        mend = f"make it writable, or set {variable} to another"
        return Finding(f"{what} folder", False, f"{folder}: {error.strerror}", mend)
    return Finding(f"{what} folder", True, f"{folder}" if there == folder else f"{folder} (made when it is needed)")
