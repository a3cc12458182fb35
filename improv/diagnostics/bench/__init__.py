"""`improv bench`: the figures of this machine beside those of others, in one run.

Senders of the grid start from inside this package, so its front must load nothing: what is imported
here, every measured process carries.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from improv.diagnostics.bench.senders import Sender


def own_senders() -> Mapping[str, "Sender"]:
    """Return improv's own senders of the grid by name in the table; the others are compared with the first."""
    from improv.diagnostics.bench.player_sender import Ours  # noqa: PLC0415 -- see above

    return {"ours": Ours()}


def measure(model: str, seconds: float, api: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Return all figures by name, ready for JSON. The fastest provider is remembered for later jams.

    `seconds` is the length of each cell of the comparison of senders, and about that of the jam.
    """
    from improv.diagnostics.bench import report as figures  # noqa: PLC0415 -- see above

    return figures.measure(model, seconds, api, say, own_senders())


def table(results: Mapping[str, Any]) -> str:
    """Return the figures as Markdown tables."""
    from improv.diagnostics.bench import report as figures  # noqa: PLC0415 -- see above

    return figures.table(results)
