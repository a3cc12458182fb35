"""The engine of a jam, started before the daemon has loaded itself: what an engine loads takes longest of all.

It waits until it is sent what to play. Nothing may be imported here that takes long.
"""

import os
from collections.abc import Sequence

from improv.ipc.launch import Launched
from improv.runtime.programs import ENGINE

_PLAYING = (("jam",), ("daemon", "run"))
"""The commands that play in their own process, by their first words."""

_NOT_PLAYING = frozenset(("--help", "--detach"))

_COMPLETING = "_IMPROV_COMPLETE"
"""Set by a shell that wants words completed."""


def plays(words: Sequence[str]) -> bool:
    """Return whether a command line begins a jam in this process, as far as its words tell before they are checked."""
    begins = any(tuple(words[: len(command)]) == command for command in _PLAYING)
    return begins and _NOT_PLAYING.isdisjoint(words) and _COMPLETING not in os.environ


class EarlyEngine:
    """The engine that was started early, until a jam takes it; a context that ends one that no jam has taken."""

    def __init__(self) -> None:
        self._launched: Launched | None = None

    def __enter__(self) -> None:
        self._launched = Launched(ENGINE)

    def __exit__(self, *_: object) -> None:
        if (launched := self.take()) is not None:
            launched.kill()

    def take(self) -> Launched | None:
        """Return the engine, once; None where none was started early."""
        launched, self._launched = self._launched, None
        return launched


EARLY_ENGINE = EarlyEngine()
"""That of this process."""
