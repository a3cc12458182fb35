"""`improv soak`: a jam watched from outside for a long time, to see what leaks, hangs or falls behind.

A leak of a megabyte an hour, a descriptor an engine, a step missed each minute: none of it shows in a
short test and all of it ends a concert. It must never be in the way of what it watches: it runs the
jam as a user does, in processes of its own, and looks at it once a second.
"""

import json
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import field
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from improv.dataclass import dataclass
from improv.diagnostics.bench.processes import Usage, of_jam, usage
from improv.diagnostics.bench.statistics import robust_slope
from improv.errors import Unavailable, UsageError
from improv.midi.systems import reachable_api
from improv.music.turns import Mode
from improv.system import programs as program

MOST_MB_AN_HOUR = 1.0
"""More memory than this that comes from no file, each hour, is a leak."""

LONG_ENOUGH_S = 600.0
"""In a shorter time nothing is said about growing."""

WARM_UP_S = 60.0
"""What is taken before that is not growth."""

_TEMPO = 240
_CHORUS_S = 12.0
_LOOK_S = 1.0
_HUNG_S = 30.0
"""A jam that has not played a bar for so long hangs."""

_END_S = 30.0
_CALLER_S = 10.0
_FAREWELL_S = 2.0
_VISIT_EVERY_S, _VISIT_S = 60.0, 30.0
"""Seconds from one visit of a client to the next, and how many of them it stays."""

_MOST_MINUTES = 7 * 24 * 60
_TOTAL = "all of them"


@dataclass(slots=True)
class _Watched:
    """What has been seen of a jam so far."""

    began_s: float
    looks: list[tuple[float, Mapping[str, Usage]]] = field(default_factory=list)
    """Seconds since it began, and what each of its processes took."""
    wrong: list[str] = field(default_factory=list)
    """What went wrong, in words."""
    early: bool = False
    """Whether Ctrl-C or SIGTERM ended it before its time."""
    seconds: float = 0.0
    """How long it was watched."""


def soak(minutes: float, model: str, api: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Play a jam and watch it for so many minutes, or until Ctrl-C. Return what was found, ready for JSON.

    `ok` is False if something hung, died, or took more memory all the time. UsageError for minutes that are
    out of range; Unavailable for a MIDI system that was named and does not answer.
    """
    if not 0 < minutes <= _MOST_MINUTES:
        raise UsageError(f"minutes {minutes:g} is out of range; give more than 0, up to {_MOST_MINUTES}")
    port = "none" if api == "none" else _reachable(api)
    mode = Mode.SOLO if port == "none" else Mode.DUET
    with tempfile.TemporaryDirectory() as name, _Asked() as asked, ExitStack() as stack:
        folder = Path(name)
        caller = None if port == "none" else stack.enter_context(_caller(port))
        say(f"playing for {minutes:g} minutes ({mode}, {'no port' if port == 'none' else port}); Ctrl-C ends it early")
        with _jam(_command(folder, model, mode, port, minutes), folder) as process:
            _await_words(process, folder, asked)  # it is watched from when it is ready
            began_s = time.monotonic()
            if caller is not None:
                _tell(caller, "go\n")
            with _Visitors(_environment(folder), began_s) as visitors:
                watched = _watch(process, folder, began_s, minutes * 60, asked, visitors)
            watched.wrong += visitors.wrong
            notes = None if caller is None else _notes_of(caller)
            _finish(process, folder, watched)
        figures = _figures(folder)
    wiring = {"api": port, "mode": str(mode), "tempo_bpm": _TEMPO, "notes_called": notes, "visits": visitors.came}
    return _found(watched, figures, wiring)


def table(found: Mapping[str, Any]) -> str:
    """Return what `soak` found as Markdown tables, with the verdict as the last line."""
    where = "no port" if found["api"] == "none" else found["api"]
    called = found["notes_called"]
    lines = [
        f"{found['seconds'] / 60:.1f} minutes of a jam ({found['mode']}, {found['tempo_bpm']} bpm, pass-through on) to "
        f"{where}; {'no notes were played to it' if not called else f'{called} notes were played to it'}; "
        f"clients attached {found['visits']} times, every other one was killed.",
        "",
        "| process | PSS after warm-up / at the end (MB) | its own after warm-up / at the end (MB) "
        "| PSS, own: slope (MB/h) | threads | descriptors |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    if not found["processes"]:
        lines.append("| this system does not tell | | | | | |")
    lines += [_row(name, process) for name, process in found["processes"].items()]
    lines += ["", "| what | counted |", "| --- | --- |"]
    lines += [f"| {what} | {'-' if count is None else count} |" for what, count in found["counts"].items()]
    late = found["lateness_us"]
    told = " / ".join("-" if late[name] is None else f"{late[name]:.0f}" for name in ("p50", "p99", "p999", "max"))
    lines += [f"| lateness of onsets, p50 / p99 / p99.9 / max (us) | {told} |", "", _verdict(found)]
    return "\n".join(lines)


# --- the jam ----------------------------------------------------------------------------------


def _reachable(api: str | None) -> str:
    try:
        return reachable_api(api)
    except Unavailable:
        if api is not None:
            raise
        return "none"


def _command(folder: Path, model: str, mode: Mode, port: str, minutes: float) -> list[str]:
    """The command of a jam that is longer than the watch, and yet ends by itself if the watch is killed."""
    choruses = int((minutes * 60 + WARM_UP_S) / _CHORUS_S) + 1
    command = program.improv("jam", "--model", model, "--mode", str(mode), "--tempo", str(_TEMPO), "--audio", "off")
    command += ["--count-in", "0", "--choruses", str(choruses), "--thru", "--api", port]
    command += ["--figures", str(folder / "figures.json")]
    return command if port != "none" else [*command, "--save", str(folder / "jam.mid")]


def _environment(folder: Path) -> dict[str, str]:
    """With places of its own for everything that a jam keeps."""
    return program.environment() | {"IMPROV_TAKES": str(folder / "takes"), "IMPROV_RUNTIME": str(folder / "run")}


class _Visitors:
    """Clients that attach to the jam, watch it, turn a knob and leave; every other one is killed. A context."""

    def __init__(self, environment: Mapping[str, str], began_s: float) -> None:
        self.came = 0
        self.wrong: list[str] = []
        self._environment = environment
        self._next_s = began_s + _VISIT_EVERY_S / 2
        self._leaves_s = inf
        self._watcher: subprocess.Popen[bytes] | None = None
        self._turner: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self._watcher, self._turner):
            if process is not None:
                process.kill()
                process.wait()

    def look(self, now_s: float) -> None:
        """Attach a client, or let one leave, if it is time. Return at once."""
        if now_s >= self._next_s:
            self._next_s, self._leaves_s = now_s + _VISIT_EVERY_S, now_s + _VISIT_S
            self.came += 1
            self._watcher = self._client("watch", "--json")
            self._turner = self._client("temperature", f"{0.8 + self.came % 5 / 10:g}")
        elif now_s >= self._leaves_s and self._watcher is not None and self._turner is not None:
            self._leaves_s = inf
            if self._watcher.poll() is not None or self._turner.poll() != 0:
                self.wrong.append(f"a client that attached after {self.came} others did not get through")
            self._watcher.send_signal(signal.SIGKILL if self.came % 2 else signal.SIGINT)
            self._watcher.wait()

    def _client(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            program.improv("ctl", *arguments),
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@contextmanager
def _jam(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The jam as it runs; in a session of its own, so that a Ctrl-C is ours to pass on."""
    with (folder / "said").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_environment(folder), start_new_session=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class _Asked:
    """Whether Ctrl-C or SIGTERM has asked for the end; a context that undoes it."""

    def __init__(self) -> None:
        self.to_end = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {name: signal.signal(name, self._ask) for name in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _ask(self, number: int, frame: object) -> None:
        self.to_end = True


def _watch(
    process: subprocess.Popen[bytes], folder: Path, began_s: float, seconds: float, asked: _Asked, visitors: _Visitors
) -> _Watched:
    """Look at it every second until the time is over, Ctrl-C ends it, or something goes wrong."""
    watched = _Watched(began_s)
    size, grew_s, look_s = 0, began_s, began_s
    while process.poll() is None and not asked.to_end:
        now_s = time.monotonic()
        if now_s >= look_s:
            look_s = max(look_s + _LOOK_S, now_s)
            visitors.look(now_s)
            found = {name: taken for name, pid in of_jam(process.pid).items() if (taken := usage(pid))}
            if found:
                watched.looks.append((now_s - began_s, found))
            if (now := (folder / "said").stat().st_size) != size:
                size, grew_s = now, now_s
            if now_s - grew_s > _HUNG_S:
                watched.wrong.append(f"it hung: not a bar was played for {_HUNG_S:g} s")
        if watched.wrong or now_s - began_s >= seconds:
            break
        time.sleep(max(0.0, min(_LOOK_S / 5, began_s + seconds - time.monotonic())))
    watched.early = asked.to_end
    watched.seconds = time.monotonic() - began_s
    return watched


def _await_words(process: subprocess.Popen[bytes], folder: Path, asked: _Asked | None = None) -> None:
    """Wait until a jam has said what it plays on, has ended or is asked to end: a busy machine takes its time."""
    deadline_s = time.monotonic() + _HUNG_S
    while process.poll() is None and not (folder / "said").stat().st_size and time.monotonic() < deadline_s:
        if asked is not None and asked.to_end:
            return
        time.sleep(_LOOK_S / 5)


def _finish(process: subprocess.Popen[bytes], folder: Path, watched: _Watched) -> None:
    """End it as Ctrl-C does; one that ended by itself, or does not end, goes wrong."""
    _await_words(process, folder)  # before, it does not know what Ctrl-C is
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            watched.wrong.append(f"it hung: it did not end within {_END_S:g} s of being told to")
            return
    elif not watched.early:
        watched.wrong.append(f"it ended by itself after {watched.seconds:.0f} s")
    if process.returncode:
        said = (folder / "said").read_text(errors="replace").strip().splitlines()
        watched.wrong.append(f"its exit status is {process.returncode}: {said[-1] if said else 'it said nothing'}")


def _figures(folder: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((folder / "figures.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


# --- the pianist ------------------------------------------------------------------------------


@contextmanager
def _caller(port: str) -> Iterator[subprocess.Popen[str]]:
    """A simulated pianist that is ready to play; it ends with the context."""
    process = subprocess.Popen(  # noqa: S603
        program.python("-m", "improv.diagnostics.bench.simulated_pianist", port),
        env=program.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        _read_line(process, _CALLER_S)
        yield process
    finally:
        _end_input(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_FAREWELL_S)  # a client of JACK that is killed holds all other clients up
        process.kill()
        process.wait()
        assert process.stdout is not None  # noqa: S101 -- asked for
        process.stdout.close()


def _end_input(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None  # noqa: S101 -- asked for
    with suppress(OSError):
        process.stdin.close()


def _tell(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None  # noqa: S101 -- asked for
    with suppress(OSError):
        process.stdin.write(text)
        process.stdin.flush()


def _notes_of(caller: subprocess.Popen[str]) -> int | None:
    """End the pianist, and return how many notes it has played; None if it does not say."""
    _end_input(caller)
    deadline_s = time.monotonic() + _CALLER_S
    while line := _read_line(caller, deadline_s - time.monotonic()):
        if line.isdigit():
            return int(line)
    return None


def _read_line(process: subprocess.Popen[str], within_s: float) -> str:
    assert process.stdout is not None  # noqa: S101 -- asked for
    if not select.select([process.stdout], (), (), max(0.0, within_s))[0]:
        return ""
    return process.stdout.readline().strip()


# --- what it says -----------------------------------------------------------------------------


def _found(watched: _Watched, figures: Mapping[str, Any], wiring: Mapping[str, Any]) -> dict[str, Any]:
    deaths = [figures.get("engine_deaths"), figures.get("player_deaths")]
    respawns = None if None in deaths else sum(deaths)  # type: ignore[arg-type]
    processes = _processes(watched)
    wrong = list(watched.wrong)
    if respawns:
        wrong.append(f"a process died, {respawns} in all")
    grows = _grows(processes, watched.seconds)
    if grows:
        wrong.append(f"it grows by {processes[_TOTAL]['own_mb_an_hour']:.1f} MB/h")
    return {
        **wiring,
        "seconds": watched.seconds,
        "early": watched.early,
        "processes": processes,
        "counts": {
            "onsets": figures.get("onsets"),
            "dropped onsets": figures.get("dropped_onsets"),
            "missed steps": figures.get("missed_steps"),
            "faults": figures.get("faults"),
            "processes that died": respawns,
        },
        "lateness_us": {name: figures.get(f"lateness_{name}_us") for name in ("p50", "p99", "p999", "max")},
        "grows": grows,
        "wrong": wrong,
        "ok": not wrong,
    }


def _processes(watched: _Watched) -> dict[str, dict[str, Any]]:
    """Each process over time, and all of them together while all were there."""
    warm = [look for look in watched.looks if look[0] >= WARM_UP_S] or watched.looks
    names = list(dict.fromkeys(name for _, found in watched.looks for name in found))
    figures = {name: _over_time([(at_s, [found[name]]) for at_s, found in warm if name in found]) for name in names}
    whole = [(at_s, list(found.values())) for at_s, found in warm if len(found) == len(names)]
    if len(names) > 1 and whole:
        figures[_TOTAL] = _over_time(whole)
    return {name: figure for name, figure in figures.items() if figure}


def _over_time(looks: Sequence[tuple[float, Sequence[Usage]]]) -> dict[str, Any]:
    if not looks:
        return {}
    hours = [at_s / 3600 for at_s, _ in looks]
    pss, own = (
        [sum(getattr(taken, name) for taken in every) / 1e6 for _, every in looks]
        for name in ("pss_bytes", "own_bytes")
    )
    threads, descriptors = (
        [sum(getattr(taken, name) for taken in every) for _, every in looks] for name in ("threads", "descriptors")
    )
    return {
        "pss_mb": [pss[0], pss[-1]],
        "own_mb": [own[0], own[-1]],
        "pss_mb_an_hour": robust_slope(hours, pss),
        "own_mb_an_hour": robust_slope(hours, own),
        "threads": [min(threads), max(threads)],
        "descriptors": [min(descriptors), max(descriptors)],
    }


def _grows(processes: Mapping[str, Mapping[str, Any]], seconds: float) -> bool | None:
    """Whether it takes more and more memory; None if that cannot be said."""
    slope = processes.get(_TOTAL, {}).get("own_mb_an_hour")
    if slope is None or seconds < LONG_ENOUGH_S:
        return None
    return bool(slope > MOST_MB_AN_HOUR)


def _row(name: str, process: Mapping[str, Any]) -> str:
    slopes = ("pss_mb_an_hour", "own_mb_an_hour")
    columns = [
        name,
        *(" / ".join(f"{value:.1f}" for value in process[key]) for key in ("pss_mb", "own_mb")),
        ", ".join("-" if process[key] is None else f"{process[key]:+.2f}" for key in slopes),
        *("-".join(str(value) for value in dict.fromkeys(process[key])) for key in ("threads", "descriptors")),
    ]
    return f"| {' | '.join(columns)} |"


def _verdict(found: Mapping[str, Any]) -> str:
    if found["wrong"]:
        return f"Not well: {'; '.join(found['wrong'])}."
    well = "Nothing hung and nothing died"
    if found["grows"] is None:
        return f"{well}; to say whether it grows it takes {LONG_ENOUGH_S / 60:g} minutes."
    return f"{well}; memory is flat: less than {MOST_MB_AN_HOUR:g} MB/h."
