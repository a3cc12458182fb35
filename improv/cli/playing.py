"""The commands that play in this process, without all the others: loading those is not waited for."""

from collections.abc import Sequence

from improv.cli.root import new_root
from improv.cli.root import run as run_root


def run(words: Sequence[str]) -> None:
    """Run a command line that begins with `jam` or `daemon`, and exit with its status."""
    app = new_root()
    if words[0] == "jam":
        from improv.cli.jam import jam

        app.command("jam")(jam)
    else:
        from improv.cli.daemon import app as daemon

        app.add_typer(daemon, name="daemon")
    run_root(app)
