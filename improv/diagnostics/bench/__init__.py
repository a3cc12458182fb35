"""`improv bench`: the figures of this machine beside those of others, in one run.

Senders of the grid start from inside this package, so its front must load nothing: what is imported
here, every measured process carries.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from improv.diagnostics.bench.senders import Sender


def own_senders() -> Mapping[str, "Sender"]:
    """Our senders of the grid by the name they have in the table; the first is what others are compared with."""
    from improv.diagnostics.bench.player_sender import Ours  # noqa: PLC0415 -- see above

    return {"ours": Ours()}


def measure(model: str, seconds: float, api: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Return every figure, by name, ready for JSON; the provider with the fastest step is remembered.

    `seconds` is the length of each cell of the comparison of senders, and about that of the jam.
    """
    from improv.diagnostics.bench import report as figures  # noqa: PLC0415 -- see above

    return figures.measure(model, seconds, api, say, own_senders())


def table(results: Mapping[str, Any]) -> str:
    """Return the figures as Markdown tables."""
    from improv.diagnostics.bench import report as figures  # noqa: PLC0415 -- see above

    return figures.table(results)
