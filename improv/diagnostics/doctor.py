"""The doctor: it looks for what makes improv silent or late, and says how to mend it.

Drivers hang and libraries crash where something is wrong, so each check runs in a process of its
own that is given up after a while. It must never hang, never raise, and never change anything: a
file it writes to see whether it can is gone again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from improv.config.instance import DEFAULT, Instance
from improv.diagnostics.checks.files import configuration, directories
from improv.diagnostics.checks.finding import Finding
from improv.diagnostics.checks.jam import daemon
from improv.diagnostics.checks.midi import midi_binding, midi_systems, ports, sound_devices
from improv.diagnostics.checks.networks import models
from improv.diagnostics.checks.round_trip import round_trip
from improv.diagnostics.checks.sound import sound
from improv.diagnostics.checks.timing import realtime, timer
from improv.errors import ImprovError, UsageError
from improv.system import programs as program

Check = Callable[[Instance], list[Finding]]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            configuration, midi_binding, midi_systems, ports, sound_devices, round_trip, realtime, timer, models,
            directories, daemon, sound,
        )
    }
)  # fmt: skip
"""The checks by name, in the order in which they run."""

_WITHIN_S: Mapping[str, float] = MappingProxyType({"models": 60.0})
_WITHIN_OTHERWISE_S = 10.0

Run = Callable[[str, Instance, float], list[Finding]]


def checks(instance: Instance, run: Run | None = None) -> Iterator[Finding]:
    """Run all checks, and yield each finding as soon as it is there.

    `run` runs one check with a time limit in seconds.
    """
    for name in CHECKS:
        yield from (run or run_apart)(name, instance, _WITHIN_S.get(name, _WITHIN_OTHERWISE_S))


def run_apart(name: str, instance: Instance, within_s: float) -> list[Finding]:
    """Run one check in a process of its own, and return its findings; a hang or a crash is a finding too."""
    what = name.replace("_", " ")
    command = program.python("-m", "improv.diagnostics.doctor", name, instance.name)
    try:
        done = subprocess.run(  # noqa: S603 our own program
            command,
            env=program.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        mend = "restart what it waits for: the MIDI system, or improv"
        return [Finding(what, False, f"no answer within {within_s:g} s", mend)]
    except OSError as error:
        return [Finding(what, False, f"it could not be looked at: {error}", "try again")]
    try:
        return [Finding(**found) for found in json.loads(done.stdout.splitlines()[-1])]
    except (ValueError, TypeError, IndexError):
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        died = said or f"exit status {done.returncode}"
        return [Finding(what, False, f"it could not be looked at: {died}", "report this with improv doctor --json")]


def run_here(name: str, instance: Instance) -> list[Finding]:
    """Run one check in this process, and return its findings. An error of the check is a finding too."""
    try:
        return CHECKS[name](instance)
    except Exception as error:
        kind = "" if isinstance(error, ImprovError) else f"{type(error).__name__}: "
        return [Finding(name.replace("_", " "), False, f"{kind}{' '.join(str(error).split())}")]


def main(arguments: Sequence[str]) -> None:
    """Run the check that the first argument names, and print its findings as JSON; UsageError for an unknown name."""
    name, instance = (*arguments, DEFAULT)[:2]
    if name not in CHECKS:
        raise UsageError(f"no check {name!r}; choose from {', '.join(CHECKS)}")
    json.dump([asdict(finding) for finding in run_here(name, Instance(instance))], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
