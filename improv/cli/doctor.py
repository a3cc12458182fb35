"""`improv doctor`: prints what `improv.diagnostics.doctor` finds."""

from dataclasses import asdict

import typer

from improv.cli.options import Json, Name
from improv.cli.output import say, say_json
from improv.config.instance import DEFAULT, Instance


def doctor(instance: Name = DEFAULT, as_json: Json = False) -> None:
    """Look for what makes improv silent or late, and say how to mend it.

    The exit status is 1 if something is not ok.
    """
    from improv.diagnostics.checks.finding import Finding
    from improv.diagnostics.doctor import checks

    marks = {True: "ok", False: "not ok", None: "note"}
    found: list[Finding] = []
    for finding in checks(Instance(instance)):
        found.append(finding)
        if not as_json:  # as it is found
            say(f"{marks[finding.ok]:<7} {finding.what}: {finding.says}")
            if finding.mend and not finding.ok:
                say(f"        {finding.mend}")
    if as_json:
        say_json([asdict(finding) for finding in found])
    if any(finding.ok is False for finding in found):
        raise typer.Exit(1)
