"""What makes people hear nothing, or stumble, looked for before it does, and how each is mended.

Drivers hang and libraries crash where something is wrong, so each check runs in a process of its
own that is given up after a while. It must never hang, never raise, and never change anything: a
file it writes to see whether it can is gone again.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from improv.config.instance import DEFAULT, Instance
from improv.config.load import config_path, load, unknown_names
from improv.control.socket_client import ControlClient
from improv.errors import ImprovError, Unavailable, UsageError
from improv.protocol.commands import ENDS
from improv.protocol.controls import OFF, SWING, TEMPO
from improv.protocol.snapshot import Rig
from improv.runtime.ipc_messages import PRIORITY, port_text
from improv.system import programs as program
from improv.system.fluidsynth import NONE, Advice, advice
from improv.system.quantiles import quantile


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is in order (None: good to know), what was found and how to mend it."""

    what: str
    ok: bool | None
    says: str
    mend: str = ""


# --- MIDI -----------------------------------------------------------------------------------------


def midi_binding(instance: Instance) -> list[Finding]:
    """Which binding to RtMidi is installed, and what it cannot do."""
    from improv.midi.rtmidi_binding import NAME, described, limits

    return [judged_binding(NAME, described(), limits())]


def judged_binding(name: str, described: str, limits: str) -> Finding:
    """What to think of the binding to RtMidi."""
    if name == "supriya-midi":
        described += f", as python-rtmidi is not installed, which has no wheel for Python {platform.python_version()}"
    if not limits:
        return Finding("MIDI binding", True, described)
    mend = "for JACK: sudo apt install libjack-jackd2-0 (or pipewire-jack), whose libjack is then used"
    return Finding("MIDI binding", None, f"{described}; {limits}", mend)


def midi_systems(instance: Instance) -> list[Finding]:
    """Which MIDI systems there are, and which one is used."""
    from improv.midi.ports import APIS, reachable_api
    from improv.midi.rtmidi_binding import bundled_libjack, rtmidi

    compiled = [name for name, number in APIS.items() if number in rtmidi.get_compiled_api()]
    reachable = []
    for name in compiled:
        with suppress(Unavailable):
            reachable.append(reachable_api(name))
    return judged_systems(compiled, reachable, own_libjack=bundled_libjack(), pipewire=_pipewire())


def judged_systems(
    compiled: Sequence[str], reachable: Sequence[str], *, own_libjack: bool, pipewire: bool
) -> list[Finding]:
    """What to think of the MIDI systems there are; the first that is reachable is used."""
    built = f"compiled in: {', '.join(compiled) or 'none'}"
    found = []
    if reachable:
        says = f"{reachable[0]} is used; {built}; answering: {', '.join(reachable)}"
        found.append(Finding("MIDI system", True, says))
    else:
        found.append(
            Finding(
                "MIDI system",
                False,
                f"none answers ({built}): improv can only play into a file",
                "plug an interface in or load snd-seq (sudo modprobe snd-seq), or start JACK",
            )
        )
    if pipewire and own_libjack:
        found.append(
            Finding(
                "PipeWire",
                None,
                "it runs, but the MIDI binding's wheel brings a libjack of its own, which cannot reach PipeWire's JACK",
                "use --api alsa, whose ports PipeWire shows as well; for JACK build it against your own: "
                "pip install --force-reinstall --no-binary :all: python-rtmidi",
            )
        )
    return found


def _pipewire() -> bool:
    runtime = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR") or ""
    return bool(runtime) and Path(runtime, os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0").exists()


def ports(instance: Instance) -> list[Finding]:
    """Which ports of others there are."""
    from improv.midi.ports import PortLists, reachable_api

    try:
        with PortLists(reachable_api()) as lists:
            return judged_ports(lists.names("input"), lists.names("output"))
    except Unavailable:
        return [Finding("ports", None, "there is no MIDI system to have any", "see MIDI system")]


def judged_ports(inputs: Sequence[str], outputs: Sequence[str]) -> list[Finding]:
    """What to think of the ports there are; ALSA's Midi Through leads nowhere."""
    heard, played = ([name for name in names if "Midi Through" not in name] for names in (inputs, outputs))
    return [
        Finding("inputs", True, ", ".join(heard))
        if heard
        else Finding("inputs", None, "none to play on", "plug a keyboard in, or have improv play alone (--mode solo)"),
        Finding("outputs", True, ", ".join(played))
        if played
        else Finding(
            "outputs",
            False,
            "none to be heard on",
            "start a synth or a DAW, or plug one in; see improv ports",
        ),
    ]


def sound_devices(instance: Instance, folder: Path = Path("/dev/snd")) -> list[Finding]:
    """Whether ALSA's devices are there, and may be opened; nothing but on Linux."""
    if sys.platform != "linux":
        return []
    sequencer = folder / "seq"
    if not sequencer.exists():
        return [
            Finding(
                "ALSA",
                None,
                f"there is no {sequencer}, so no ALSA ports",
                "sudo modprobe snd-seq; in a container, pass /dev/snd on; or use JACK",
            )
        ]
    shut = [device.name for device in sorted(folder.iterdir()) if device.is_char_device() and not _openable(device)]
    if not shut:
        return [Finding("ALSA", True, f"{folder} may be opened")]
    mend = "sudo usermod -aG audio $USER, then log in again"
    return [Finding("ALSA", False, f"{', '.join(shut)} in {folder} may not be opened: group audio", mend)]


def _openable(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)


ROUND_TRIP_NOTES = 20
_LOOP = "improv-doctor"
_BACK_S, _LOOK_S = 0.1, 0.0005


def round_trip(instance: Instance) -> list[Finding]:
    """Whether notes that are sent come back by a port of our own that loops."""
    from improv.midi.ports import APIS, quiet, reachable_api
    from improv.midi.rtmidi_binding import ports_of, rtmidi

    try:
        api = APIS[reachable_api()]
    except Unavailable:
        return [Finding("round trip", None, "there is no MIDI system to try it on", "see MIDI system")]
    with ExitStack() as stack, quiet():
        into = stack.enter_context(_given_back(rtmidi.MidiIn(api, name=f"{_LOOP}-in")))
        out = stack.enter_context(_given_back(rtmidi.MidiOut(api, name=f"{_LOOP}-out")))
        try:
            into.open_virtual_port(_LOOP)
        except (rtmidi.UnsupportedOperationError, NotImplementedError):
            return [Finding("round trip", None, "this system has no virtual ports to try it on")]
        names = ports_of(out)
        loops = [index for index, name in enumerate(names) if _LOOP in name]
        if not loops:
            return [judged_trip(0, ())]
        out.open_port(loops[0])
        return [judged_trip(*looped(out.send_message, into.get_message, time.monotonic, time.sleep))]


@contextmanager
def _given_back(client: Any) -> Iterator[Any]:
    try:
        yield client
    finally:
        client.close_port()
        client.delete()


def looped(
    send: Callable[[bytes], Any],
    receive: Callable[[], Any],
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[int, Sequence[float]]:
    """Send notes one by one: how many were sent, and how long each that came back took, in seconds."""
    took_s = []
    for pitch in range(60, 60 + ROUND_TRIP_NOTES):
        sent_s = now()
        send(bytes((0x90, pitch, 64)))
        while now() < sent_s + _BACK_S:
            got = receive()
            if got is not None and list(got[0])[:2] == [0x90, pitch]:
                took_s.append(now() - sent_s)
                break
            sleep(_LOOK_S)
    return ROUND_TRIP_NOTES, took_s


def judged_trip(sent: int, took_s: Sequence[float]) -> Finding:
    """What to think of the notes that came back."""
    if sent and len(took_s) == sent:
        typical_ms = quantile(sorted(took_s), 0.5) * 1e3
        return Finding("round trip", True, f"{sent} of {sent} notes came back, half of them within {typical_ms:.1f} ms")
    said = f"{len(took_s)} of {sent} notes came back" if sent else "a port that was opened is not in the list of ports"
    return Finding("round trip", False, said, "restart the MIDI system (JACK, PipeWire), or name another --api")


# --- time -----------------------------------------------------------------------------------------


def realtime(instance: Instance) -> list[Finding]:
    """Whether the system lets the player have its turn before others."""
    if not hasattr(os, "sched_setscheduler"):
        return [Finding("real-time rights", None, "this system is not asked for any")]
    import resource

    number = getattr(resource, "RLIMIT_RTPRIO", None)
    limit = resource.getrlimit(number)[0] if number is not None else 0
    granted = True
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        os.sched_setscheduler(0, *before)
    except OSError:
        granted = False
    return [judged_rights(granted, limit)]


def judged_rights(granted: bool, limit: int) -> Finding:
    """What to think of real-time scheduling being granted or not, and of the limit of priorities (-1: none)."""
    allowed = "no limit" if limit < 0 else f"limit {limit}"
    if granted:
        return Finding("real-time rights", True, f"granted, priority {PRIORITY} ({allowed})")
    return Finding(
        "real-time rights",
        False,
        f"refused ({allowed}, {PRIORITY} is wanted): notes come late when the machine is busy",
        "put '@audio - rtprio 95' into /etc/security/limits.d/audio.conf, sudo usermod -aG audio $USER, log in again",
    )


_JITTER_S, _EVERY_S, _LATE_US = 0.5, 0.005, 2000.0


def timer(instance: Instance) -> list[Finding]:
    """How late the machine wakes up who sleeps to a deadline, as the player does."""
    from improv.runtime.system_clock import SystemClock

    clock = SystemClock()
    late_us = []
    due_s = clock.now()
    for _ in range(round(_JITTER_S / _EVERY_S)):
        due_s += _EVERY_S
        clock.wait_until(due_s, exactly=False)
        late_us.append((clock.now() - due_s) * 1e6)
    return [judged_timer(late_us)]


def judged_timer(late_us: Sequence[float]) -> Finding:
    """What to think of wake-ups that were late by so many microseconds."""
    p99_us = quantile(sorted(late_us), 0.99)
    says = f"of {len(late_us)} wake-ups the 99th percentile is {p99_us:.0f} us late"
    if p99_us < _LATE_US:
        return Finding("timer", True, says)
    mend = "close what keeps the machine busy, choose the performance governor, and see real-time rights"
    return Finding("timer", False, says, mend)


# --- models ---------------------------------------------------------------------------------------

FASTEST_EIGHTH_S = 60 / TEMPO.high * (1 - SWING.high)
"""The shortest step there can be: the second eighth of a beat at the highest tempo, swung as far as it goes."""

_STEPS, _WARM_UP_STEPS, _PACE_S = 60, 10, 0.005


def models(instance: Instance) -> list[Finding]:
    """Whether each network keeps its contract, and steps in time."""
    from improv.models.catalog import model_folders, model_paths

    found = [_model(name, path) for name, path in model_paths().items()]
    where = ", ".join(map(str, model_folders())) or "no folder"
    return found or [Finding("models", False, f"none in {where}", "install improv again, or set IMPROV_MODELS")]


def _model(name: str, path: Path) -> Finding:
    from improv.models.onnx_runtime import OnnxModel, remembered_provider

    what = f"model {name}"
    try:
        model = OnnxModel(path, remembered_provider())
        sha256, took_s = model.sha256, _step_times_s(model)
    except ImprovError as error:
        return Finding(what, False, str(error), "leave it out, or export it again")
    return judged_model(what, sha256, took_s)


def _step_times_s(model: Any) -> list[float]:
    from improv.models.contract import no_memory
    from improv.session.network import silence

    features, memory = silence(model), no_memory(model.spec)
    took_s = []
    for _ in range(_WARM_UP_STEPS + _STEPS):
        time.sleep(_PACE_S)  # from cold caches, as music is
        began_s = time.perf_counter()
        _, memory = model.step(features, memory)
        took_s.append(time.perf_counter() - began_s)
    return took_s[_WARM_UP_STEPS:]


def judged_model(what: str, sha256: str, took_s: Sequence[float]) -> Finding:
    """What to think of a network that keeps its contract and took so long for its steps, in seconds."""
    p99_s = quantile(sorted(took_s), 0.99)
    says = f"sha256 {sha256[:12]}, contract kept, 99th percentile of a step {p99_s * 1e3:.2f} ms"
    room = f"the fastest eighth lasts {FASTEST_EIGHTH_S * 1e3:.1f} ms"
    if p99_s < FASTEST_EIGHTH_S / 2:  # the rest is for everything else that a step is made of
        return Finding(what, True, f"{says}; {room}")
    bpm = max(TEMPO.low, TEMPO.high * FASTEST_EIGHTH_S / 2 // p99_s)
    mend = f"play it at up to {bpm:g} bpm, have improv bench find a faster provider, or choose another model"
    return Finding(what, False, f"{says}, which is slow: {room}", mend)


# --- the rest -------------------------------------------------------------------------------------


def configuration(instance: Instance) -> list[Finding]:
    """Whether what a jam begins with can be read, and names ports that are there."""
    from improv.midi.port_names import match_port

    config = load()  # what is wrong with it is told with file and line
    wiring = config.wiring
    named: list[tuple[Literal["input", "output"], str]] = []
    named += [("input", wiring.input)] if wiring.input else []
    named += [("output", name) for name in (wiring.output, wiring.lights) if name]
    found = [Finding("configuration", True, f"{config_path()}{'' if config_path().exists() else ' (there is none)'}")]
    found += [Finding("environment", None, said, "unset it, or mend its name") for said in unknown_names(os.environ)]
    if named:
        from improv.midi.ports import PortLists, reachable_api

        with PortLists(reachable_api(wiring.api)) as lists:
            for direction, name in named:
                port = match_port(name, lists.names(direction), direction)
                found.append(Finding(f"the {direction} {name}", True, lists.names(direction)[port]))
    return found


def directories(instance: Instance) -> list[Finding]:
    """Whether everything that is written has a place to be written to."""
    from improv.recording import takes_directory

    places = {
        "takes": (takes_directory(), "IMPROV_TAKES"),
        "config": (config_path().parent, "IMPROV_CONFIG"),
        "state": (instance.log.parent, "IMPROV_STATE"),
        "runtime": (instance.runtime, "IMPROV_RUNTIME"),
    }
    return [writable(what, folder, variable) for what, (folder, variable) in places.items()]


def writable(what: str, folder: Path, variable: str) -> Finding:
    """Whether a file can be written into a folder, or into the one it would be made in."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"improv")
    except OSError as error:
        mend = f"make it writable, or set {variable} to another"
        return Finding(f"{what} folder", False, f"{folder}: {error.strerror}", mend)
    return Finding(f"{what} folder", True, f"{folder}" if there == folder else f"{folder} (made when it is needed)")


def daemon(instance: Instance) -> list[Finding]:
    """Whether the improv that plays answers."""
    try:
        pid = instance.running()
        if pid is None:
            return [Finding("daemon", None, f"none is playing as {instance.name}", instance.command("daemon start"))]
        with ControlClient(instance.socket) as client:
            rig = client.status().rig
    except (ImprovError, OSError) as error:
        return [Finding("daemon", False, str(error), instance.command("daemon restart"))]
    return [Finding("daemon", True, f"PID {pid} answers"), *judged_connections(rig, instance)]


def judged_connections(rig: Rig, instance: Instance) -> list[Finding]:
    """What to think of what the ports of the improv that plays are connected to, as the MIDI system tells."""
    found = []
    for port in rig.ports:
        if port.role == "thru" and rig.thru == OFF:
            continue
        vain = False if port.role == "output" else None  # what improv plays is heard nowhere
        ok = False if port.fault else True if port.connected else None if port.connected is None else vain
        mend = instance.command(f"ctl connect {port.role} NAME") if port.role in ENDS else ""
        found.append(Finding(f"its {port.role}", ok, port_text(port), mend and f"{mend} (improv ports lists them)"))
    return found


def synth(instance: Instance) -> list[Finding]:
    """Whether there is something to make MIDI sound: improv has no sound of its own."""
    from improv.midi.ports import reachable_api

    try:
        api = reachable_api()
    except Unavailable:
        api = NONE
    return [judged_synth(advice(api))]


def judged_synth(found: Advice) -> Finding:
    """What to think of what there is to hear improv with: ready where a command starts it."""
    none = "improv has no sound of its own"
    if found.is_synth:
        return Finding("synth", True, f"{none}; FluidSynth can be it: {found.command}")
    return Finding("synth", None, none, found.text)


# --- all of them ----------------------------------------------------------------------------------

Check = Callable[[Instance], list[Finding]]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            configuration, midi_binding, midi_systems, ports, sound_devices, round_trip, realtime, timer, models,
            directories, daemon, synth,
        )
    }
)  # fmt: skip
"""By name, in the order in which they are told."""

_WITHIN_S: Mapping[str, float] = MappingProxyType({"models": 60.0})
_WITHIN_OTHERWISE_S = 10.0

Run = Callable[[str, Instance, float], list[Finding]]


def checks(instance: Instance, run: Run | None = None) -> Iterator[Finding]:
    """Everything that is found, one by one as it is."""
    for name in CHECKS:
        yield from (run or apart)(name, instance, _WITHIN_S.get(name, _WITHIN_OTHERWISE_S))


def apart(name: str, instance: Instance, within_s: float) -> list[Finding]:
    """What a check finds in a process of its own; a finding too if that hangs or crashes."""
    what = name.replace("_", " ")
    command = program.python("-m", "improv.diagnostics.doctor", name, instance.name)
    try:
        done = subprocess.run(  # noqa: S603 our own program
            command,
            env=program.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        mend = "restart what it waits for: the MIDI system, or improv"
        return [Finding(what, False, f"no answer within {within_s:g} s", mend)]
    except OSError as error:
        return [Finding(what, False, f"it could not be looked at: {error}", "try again")]
    try:
        return [Finding(**found) for found in json.loads(done.stdout.splitlines()[-1])]
    except (ValueError, TypeError, IndexError):
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        died = said or f"exit status {done.returncode}"
        return [Finding(what, False, f"it could not be looked at: {died}", "report this with improv doctor --json")]


def told(name: str, instance: Instance) -> list[Finding]:
    """What a check finds, here; a failure of the check itself is a finding too."""
    try:
        return CHECKS[name](instance)
    except Exception as error:
        kind = "" if isinstance(error, ImprovError) else f"{type(error).__name__}: "
        return [Finding(name.replace("_", " "), False, f"{kind}{' '.join(str(error).split())}")]


def main(arguments: Sequence[str]) -> None:
    """Print as JSON what one check finds."""
    name, instance = (*arguments, DEFAULT)[:2]
    if name not in CHECKS:
        raise UsageError(f"no check {name!r}; choose from {', '.join(CHECKS)}")
    json.dump([asdict(finding) for finding in told(name, Instance(instance))], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
