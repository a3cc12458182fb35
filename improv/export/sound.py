"""A performance as sound, WAV or FLAC, by the same synth that plays it live; as loud as it is live, too.

Sound begins with the performance, at its first beat, and ends when its last note has died away. The same performance
gives the same samples on the same machine. It must never open an audio device.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, TypeVar

import numpy as np

from improv.errors import Unavailable, UsageError
from improv.export.formats import Options, Progress, Write
from improv.export.messages import TICKS_A_BEAT, messages_of
from improv.export.performance import Performance
from improv.synth.choice import open_synth
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.offline import rendered
from improv.synth.synth import Synth

try:
    import soundfile
except (ImportError, OSError):  # the library under it is the system's where there is no wheel
    soundfile = None

Result = TypeVar("Result")

BITS = (16, 24)
"""Of a sample."""

MOST_S = 4 * 3600
"""A file of sound lasts no longer, in seconds: WAV holds no more than 4 GiB."""

_TAIL_S = 3.0
"""About how long the last notes die away, for the progress."""


def wav_writer(options: Options) -> Write:
    """Return what writes WAV files, with a synth that is ready; Unavailable where there is none."""
    return _writer("WAV", options)


def flac_writer(options: Options) -> Write:
    """Return what writes FLAC files, with a synth that is ready; Unavailable where there is none."""
    return _writer("FLAC", options)


def _writer(kind: str, options: Options) -> Write:
    if options.bits not in BITS:
        raise UsageError(f"--bits {options.bits}: a sample has 16 or 24 bits; choose one")
    if soundfile is None:
        raise Unavailable("files of sound need the library libsndfile; install it, or give a name that ends in .mid")
    return partial(_write, kind, options.bits, open_synth(options.soundfont))


def _write(kind: str, bits: int, synth: Synth, performance: Performance, out: BinaryIO, progress: Progress) -> str:
    performance = performance.without_skips()
    if performance.seconds > MOST_S:
        hours = performance.seconds / 3600
        raise UsageError(f"it lasts {hours:.1f} hours, a file of sound 4 at most; give a name that ends in .mid")
    frames, expected = 0, (performance.seconds + _TAIL_S) * RATE_HZ
    guarded = _Guarded(out)
    with soundfile.SoundFile(guarded, "w", RATE_HZ, 2, subtype=f"PCM_{bits}", format=kind) as file:
        for name, text in (("title", performance.title), ("comment", performance.made_with)):
            if text:  # libsndfile takes no empty one
                setattr(file, name, text)
        sound = rendered(timed_messages(performance), least_s=performance.seconds, synth=synth)
        for samples in sound if bits > 16 else _dithered(sound):
            file.write(samples)
            guarded.check()
            frames += len(samples)
            progress(frames / expected)
    guarded.check()
    minutes, seconds = divmod(round(frames / RATE_HZ), 60)
    return f"{minutes}:{seconds:02} of sound by {synth.description}"


class _Guarded:
    """A file as libsndfile calls it: what is raised in it is kept, for a library of C passes no exception on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: BaseException | None = None

    def check(self) -> None:
        """Raise what was raised."""
        if self._error is not None:
            raise self._error

    def write(self, data: bytes) -> int:
        return self._call(lambda: self._file.write(data), len(data))

    def read(self, size: int = -1) -> bytes:
        return self._call(lambda: self._file.read(size), b"")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._call(lambda: self._file.seek(offset, whence), 0)

    def tell(self) -> int:
        return self._call(self._file.tell, 0)

    def _call(self, call: Callable[[], Result], otherwise: Result) -> Result:
        if self._error is not None:
            return otherwise
        try:
            return call()
        except BaseException as error:  # Ctrl-C too
            self._error = error
            return otherwise


def timed_messages(performance: Performance) -> list[tuple[float, bytes]]:
    """Return what the synth is sent, in order: when, in seconds from the start, and a MIDI message.

    At the same ticks as in a MIDI file: at one of them in the order of the parts, programs first.
    """
    ordered = sorted(
        (item for messages in messages_of(performance).values() for item in messages), key=lambda item: item[0]
    )
    return [(performance.seconds_at(tick / TICKS_A_BEAT), message) for tick, message in ordered]


def _dithered(sound: Iterator[Samples]) -> Iterator[Samples]:
    """Yield samples with the noise of two dice of 16 bits, so that quiet sounds are not distorted by rounding."""
    random = np.random.default_rng(0)
    for samples in sound:
        noise = random.random(samples.shape, np.float32) - random.random(samples.shape, np.float32)
        yield samples + noise * np.float32(2**-15)
