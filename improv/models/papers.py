"""The networks of the papers, by name: those that are too large to be shipped, and so are built by a command.

It must never look for a file: `improv.models.catalog` knows which there are.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

BUILT_BY_COMMAND: Mapping[str, str] = MappingProxyType(
    {
        "docevski2018-lstm3": "Docevski et al. 2018: three LSTM layers of 1024 cells on a piano roll.",
        "docevski2018-lstm3-dense": (
            "Docevski et al. 2018: three LSTM layers of 1024 cells and two dense ones on a piano roll."
        ),
    }
)
"""What each is, in one sentence."""


def command_for(name: str) -> str:
    """Return the command that builds a network of a paper, in a checkout whose training tools are installed."""
    return f"python -m training reproduce {name}"


def not_built(built: Collection[str]) -> dict[str, str]:
    """Return those that are not among the networks there are: what each is, and the command that builds it."""
    return {
        name: f"{summary} Not built yet; in a checkout of improv: {command_for(name)}"
        for name, summary in BUILT_BY_COMMAND.items()
        if name not in built
    }
