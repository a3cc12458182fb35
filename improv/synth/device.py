"""The audio device, by miniaudio: it asks for samples in a thread of its own, and is watched for whether it still does.

Nothing above this module knows miniaudio. It must never block who sends: only opening and closing may take a while.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from improv.dataclass import dataclass
from improv.errors import InputNotFound, Unavailable
from improv.protocol.snapshot import AUDIO_AUTO, AUDIO_JACK, AUDIO_NULL, SILENT_DEVICE
from improv.synth.engine import RATE_HZ, Samples

try:
    import miniaudio
except (ImportError, OSError):  # no wheel for this machine, and none was built
    miniaudio = None

PERIOD_S = 0.010
"""How much sound a device asks for at a time, in seconds; a JACK server has its own."""

_PERIODS = 3
_SILENT_S = 1.0
"""A device that asks for nothing for so long is gone: most systems do not say so."""

_WINDOW_S = 0.2
"""The time in which the soonest of the calls says how the device's clock runs against ours: the others were late."""

_JUMP_S, _STEP_S = 0.004, 1e-4
"""A device that is off by so much has lost sound, and is followed at once; otherwise by so little a call that nothing
that sounds is torn."""

_APP = "improv synth"


@dataclass(frozen=True, slots=True)
class DeviceName:
    """A device of a system: its name, and the system it belongs to."""

    name: str
    system: str


def missing() -> str:
    """Return in one line what to install where there is no device layer; empty if there is."""
    return "" if miniaudio is not None else "no audio here: pip install miniaudio (it needs a C compiler)"


def systems(audio: str) -> list[Any]:
    """Return the backends of miniaudio that serve a wish, the first choice first."""
    backend = miniaudio.Backend
    if audio == AUDIO_NULL:
        return [backend.NULL]
    if audio == AUDIO_JACK:
        return [backend.JACK]
    order = {
        "win32": [backend.WASAPI, backend.DSOUND, backend.WINMM],
        "darwin": [backend.COREAUDIO],
    }.get(sys.platform, [backend.PULSEAUDIO, backend.ALSA, backend.JACK])
    return [one for one in order if miniaudio.is_backend_enabled(one)]


def devices() -> list[DeviceName]:
    """Return the devices that may be named, of all systems that answer."""
    return [DeviceName(name, system) for name, system, _id in _found(AUDIO_AUTO)] if miniaudio is not None else []


def _found(audio: str) -> Iterator[tuple[str, str, Any]]:
    for backend in systems(audio):
        with suppress(miniaudio.MiniaudioError):
            listed = miniaudio.Devices([backend])
            for device in listed.get_playbacks():
                if not device["name"].startswith("Discard all samples"):  # ALSA's own null device
                    yield device["name"], listed.backend, device["id"]


def matching(wanted: str, names: list[str]) -> int:
    """Return which of the names is meant: the same, or the only one that holds it; InputNotFound otherwise."""
    same = [at for at, name in enumerate(names) if name == wanted]
    like = same or [at for at, name in enumerate(names) if wanted.casefold() in name.casefold()]
    if len(like) == 1 or same:
        return like[0]
    if like:
        raise InputNotFound(f"{wanted} may be any of {', '.join(names[at] for at in like)}; give more of its name")
    known = ", ".join(names) or "no audio device at all"
    raise InputNotFound(f"no audio device {wanted!r} here; there is {known}")


class ClockLine:
    """When each frame is asked for at the soonest: the device's clock on ours, from calls that may be late."""

    def __init__(self) -> None:
        self.began_s = 0.0
        """When the first frame was asked for."""
        self.base_s = 0.0
        """When frame 0 would have been asked for, had the device always asked for frames as it plays them."""
        self.ahead_s = 0.0
        """How much was asked for before any was played: what a device keeps in hand, in seconds."""
        self._lately: deque[tuple[float, float]] = deque()

    def called(self, now_s: float, frame: int) -> None:
        """Take in that from this frame on samples are asked for now, in seconds of the clock."""
        if not self._lately:
            self.began_s = now_s
        line_s = now_s - frame / RATE_HZ
        self._lately.append((now_s, line_s))
        while self._lately[0][0] < now_s - _WINDOW_S:
            self._lately.popleft()
        soonest_s = min(line for _, line in self._lately)
        off_s = soonest_s - self.base_s
        settling = now_s < self.began_s + _WINDOW_S
        self.base_s += off_s if settling or abs(off_s) > _JUMP_S else max(-_STEP_S, min(_STEP_S, off_s))
        if settling:
            self.ahead_s = max(0.0, self.began_s - self.base_s)


class Device:
    """An open device. A context: when it is left the device is closed.

    `render` is called in the device's thread with a number of frames and returns as many samples, `in_thread` once
    before. `audio` is one of `AUDIO_WORDS` but `AUDIO_OFF`, or a part of a device's name. Unavailable where there is no
    device, InputNotFound for a name.
    """

    def __init__(
        self, audio: str, render: Callable[[int], Samples], *, in_thread: Callable[[], None] = lambda: None
    ) -> None:
        if problem := missing():
            raise Unavailable(problem)
        self.clock = ClockLine()
        self.frame = 0
        """How many frames have been asked for."""
        self.period = 0
        """How many frames the device asks for at a time, at most."""
        self.late = 0
        """How often it was asked later than it has sound in hand: a gap was heard."""
        self._render, self._in_thread = render, in_thread
        self._called_s = time.monotonic()
        self.name, self._device = self._opened(audio)
        calls = self._calls()
        next(calls)
        try:
            self._device.start(calls)
        except miniaudio.MiniaudioError as error:
            self._device.close()
            raise Unavailable(f"the audio device {self.name} does not start: {error}") from error

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def silent(self) -> bool:
        """True if the device has asked for nothing for a second: it is gone, or stands still."""
        return time.monotonic() - self._called_s > _SILENT_S

    @property
    def latency_s(self) -> float:
        """How long a sample takes from being asked for to being heard, as far as the calls tell, in seconds.

        A JACK server's own latency is left out: other synths on it, which MIDI goes to, have the same.
        """
        return self.clock.ahead_s + (0.0 if self.name == _DEFAULTS["JACK"] else self.period / RATE_HZ)

    def close(self) -> None:
        """Close the device."""
        self._device.close()

    def _opened(self, audio: str) -> tuple[str, Any]:
        if audio in (AUDIO_AUTO, AUDIO_NULL, AUDIO_JACK):
            trials = [([backend], None, "") for backend in systems(audio)]
        else:
            found = list(_found(AUDIO_AUTO))
            name, system, id_ = found[matching(audio, [name for name, _, _ in found])]
            backend = next(one for one in systems(AUDIO_AUTO) if _system_of(one) == system)
            trials = [([backend], id_, name)]
        problem = ""
        for backends, device_id, name in trials:
            try:
                device = miniaudio.PlaybackDevice(
                    output_format=miniaudio.SampleFormat.FLOAT32,
                    nchannels=2,
                    sample_rate=RATE_HZ,
                    buffersize_msec=round(PERIOD_S * 1000),
                    callback_periods=_PERIODS,
                    backends=backends,
                    device_id=device_id,
                    app_name=_APP,
                )
            except miniaudio.MiniaudioError as error:
                problem = str(error)
                continue
            return name or _DEFAULTS.get(device.backend, f"the default device ({device.backend})"), device
        raise Unavailable(_none(audio, problem))

    def _calls(self) -> Generator[Samples | bytes, int, None]:
        """Answer the device: it sends a number of frames and is given as many samples."""
        frames = yield b""
        self._in_thread()
        while True:
            now_s = time.monotonic()
            if self.frame and now_s - self._called_s > (_PERIODS + 1) * max(self.period / RATE_HZ, PERIOD_S):
                self.late += 1
            self._called_s = now_s
            self.period = max(self.period, frames)
            self.clock.called(now_s, self.frame)
            self.frame += frames
            frames = yield np.ascontiguousarray(self._render(frames))


_DEFAULTS = {"Null": SILENT_DEVICE, "JACK": "JACK"}


def _system_of(backend: Any) -> str:
    """Return what miniaudio calls a backend; empty if it does not answer."""
    try:
        return str(miniaudio.Devices([backend]).backend)
    except miniaudio.MiniaudioError:
        return ""


def _none(audio: str, problem: str) -> str:
    if audio == AUDIO_JACK:
        return "no JACK server answers; start one, or choose another --audio"
    if audio == AUDIO_AUTO:
        return "no audio device here"
    return f"the audio device {audio} cannot be opened{f': {problem}' if problem else ''}"
