"""`improv doctor`: prints what `improv.doctor` finds."""

import json
from dataclasses import asdict

import typer

from improv.cli.options import Json, Name
from improv.instance import DEFAULT, Instance
from improv.plain import printable


def doctor(instance: Name = DEFAULT, as_json: Json = False) -> None:
    """Look for what makes people hear nothing, or stumble, and say how to mend it.

    The exit status is 1 if something is not ok.
    """
    from improv.doctor import Finding, checks

    marks = {True: "ok", False: "not ok", None: "note"}
    found: list[Finding] = []
    for finding in checks(Instance(instance)):
        found.append(finding)
        if not as_json:  # as it is found
            typer.echo(printable(f"{marks[finding.ok]:<7} {finding.what}: {finding.says}"))
            if finding.mend and not finding.ok:
                typer.echo(printable(f"        {finding.mend}"))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=1))
    if any(finding.ok is False for finding in found):
        raise typer.Exit(1)
