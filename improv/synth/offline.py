"""A performance as samples: MIDI messages with their times in, blocks of sound out, faster than it is played."""

from collections.abc import Iterable, Iterator
from math import ceil
from pathlib import Path

import numpy as np

from improv.synth.choice import open_synth
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.synth import Synth

_BLOCK = 4800
_QUIET = 10 ** (-72 / 20)
_TAIL_S, _QUIET_S, _FADE_S = 8.0, 0.3, 0.5
"""How long sound goes on after the last message at most, how long it is quiet before it is over, and how long it is
faded where it is not."""


def rendered(
    messages: Iterable[tuple[float, bytes]],
    *,
    font: Path | None = None,
    least_s: float = 0.0,
    synth: Synth | None = None,
) -> Iterator[Samples]:
    """Yield the sound of timed messages, in blocks of at most a tenth of a second, (frames, 2) at `RATE_HZ`.

    `messages` are pairs of a time in seconds from the beginning, rising, and a MIDI message. What still sounds after
    the last one sounds out, for 8 s at most. `least_s`: it lasts so long at least, in seconds. `synth`: one that is
    ready and has rendered nothing; otherwise the best engine here is opened, with the SoundFont `font`: see
    `open_synth` for its errors, which come with the first block.
    """
    synth = synth or open_synth(font)
    ahead = ceil(synth.ahead_s * RATE_HZ)
    began, done, last_s = False, 0, 0.0
    for time_s, message in messages:
        last_s = max(last_s, time_s)
        while done + _BLOCK + ahead <= time_s * RATE_HZ:
            if not began:
                began = _begin(synth, ahead)
            yield synth.render(_BLOCK)
            done += _BLOCK
        synth.send(message, time_s + ahead / RATE_HZ)
    began = began or _begin(synth, ahead)
    end = round(max(least_s, last_s) * RATE_HZ)
    while done < end:
        frames = min(_BLOCK, end - done)
        yield synth.render(frames)
        done += frames
    yield from _tail(synth)


def _begin(synth: Synth, ahead: int) -> bool:
    """Render and drop what lies before the beginning: the synth begins sooner, to sound its first notes in time."""
    synth.render(ahead)
    return True


def _tail(synth: Synth) -> Iterator[Samples]:
    """Yield what sounds on, until it has been quiet for a while, or faded out where it never is."""
    quiet = 0
    fade_from, end = round((_TAIL_S - _FADE_S) * RATE_HZ), round(_TAIL_S * RATE_HZ)
    for at in range(0, end, _BLOCK):
        samples = synth.render(_BLOCK)
        gains = np.clip((end - at - np.arange(_BLOCK)) / (end - fade_from), 0, 1).astype(np.float32)  # (frames,)
        samples = samples * gains[:, None]
        yield samples
        quiet = quiet + _BLOCK if np.abs(samples).max() < _QUIET else 0
        if quiet >= _QUIET_S * RATE_HZ:
            return
