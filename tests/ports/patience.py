"""Waiting for what other processes do, and attempts that show nothing where JACK was late."""

import time
from collections.abc import Callable
from typing import Protocol

PATIENT_S = 180.0
"""How long is waited for what has to happen: a limit for what never does, not for a machine that is busy."""

ATTEMPTS = 5
"""An attempt that fails where JACK was late, and may have dropped MIDI, shows nothing and is made again."""

_RISING_S = (20.0, 20.0, 40.0, 80.0)
"""How long such an attempt waits for what may be lost; the last one waits as long as any other."""


class MayBeLate(Protocol):
    """A server that may drop MIDI."""

    @property
    def disturbed(self) -> bool:
        """True if it was late or has died."""
        ...


def eventually(condition: Callable[[], object], what: str, within_s: float | None = None) -> None:
    """Return as soon as a condition holds: another process gives no other sign than what can be seen of it."""
    begun_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - begun_s
        if waited_s > min(_RISING_S):  # what is asked here takes a moment
            assert waited_s < (_patience_s() if within_s is None else within_s), f"waited {waited_s:.0f} s for {what}"
        time.sleep(0.01)


attempted: list[tuple[MayBeLate, int]] = []
"""The server that an attempt is made on, and the attempt's number."""


def _patience_s() -> float:
    """How long is waited: not so long where the server was late, and what is waited for may be lost; ever longer."""
    for server, number in attempted:
        if number < ATTEMPTS and server.disturbed:
            return _RISING_S[number - 1]
    return PATIENT_S


class Inconclusive(AssertionError):
    """Another's program has failed, as it may: the attempt shows nothing of ours."""
