"""What is left sounding, and what comes back, when something dies: over real ports, seen by others.

Every process of ours is killed, every way out is taken, ports and servers go and come back, and the
witnesses say whether a note hung. Counts and places in the music are asserted; times are printed
and never asserted. `-m full` plays the big tiers.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from onnx import helper, numpy_helper

from improv.music.notes import NoteOn
from improv.music.parts import Part
from improv.recording import Recording, read_take
from tests.models.onnx_models import UNITS, saved, walker
from tests.ports.jack import (
    IMPROV_IN,
    IMPROV_OUT,
    IMPROV_THRU,
    RATE_HZ,
    Event,
    Keyboard,
    Program,
    Server,
    Terminal,
    Witness,
    alive,
    children,
    conclusive,
    eventually,
    kept_open,
    missing,
    sounding,
    unended,
)
from tests.ports.test_jam import LOUD, QUIET, VOICES, changes

pytestmark = pytest.mark.ports

MOMENT = 2 * RATE_HZ // 50
"""Samples of two channels in 20 ms."""

MELODY, CHORDS, DRUMS = 1, 2, 10
OURS = {MELODY, CHORDS, DRUMS}
YOURS = 3
"""The channel of whoever plays to improv."""

JAM = ("jam", "--model", "eck2002-blues", "--api", "jack", "--provider", "cpu", "--count-in", "0", "--seed", "1")
SOLO = (*JAM, "--mode", "solo")
FAST = 300

SUSTAIN_DOWN, SUSTAIN_UP = (0xB2, 64, 127), (0xB2, 64, 0)


def tiers(small: int, full: int) -> list[object]:
    """The count of every run, and that of the full tier."""
    return [small, pytest.param(full, marks=pytest.mark.full)]


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    if lacking := missing():
        (pytest.fail if os.environ.get("IMPROV_REQUIRE_PORTS") else pytest.skip)(f"needs {', '.join(lacking)}")


def told(what: str, seconds: Iterable[float]) -> None:
    """Print what was measured: the median and the most."""
    ordered = sorted(seconds)
    middle_ms, most_ms = median(ordered) * 1e3, ordered[-1] * 1e3
    say(f"{what}: median {middle_ms:.0f} ms, most {most_ms:.0f} ms, n={len(ordered)}")


def say(text: str) -> None:
    """Print a line; pytest shows it with -s, or when the test fails."""
    sys.stdout.write(f"{text}\n")


def plays(witness: Witness, since: int = 0) -> None:
    """Wait until a melody and chords sound at once, in what the witness has heard since."""
    eventually(lambda: {MELODY, CHORDS} <= {channel for channel, _ in sounding(witness.heard()[since:])}, "the music")


def hung(events: Sequence[Event]) -> set[tuple[int, int]]:
    """What sounds on: begun, and ended neither by a message of its own nor by one for its channel."""
    notes: set[tuple[int, int]] = set()
    for event in events:
        if event.message[0] & 0xF0 == 0xB0 and event.message[1] in (120, 123):
            notes = {note for note in notes if note[0] != event.channel}
        elif event.is_onset:
            notes.add((event.channel, event.pitch))
        elif event.is_end:
            notes.discard((event.channel, event.pitch))
    return notes


def over(events: Iterable[Event]) -> set[tuple[int, int]]:
    """The (channel, pitch) pairs that are ended, by a message of their own or by one for their channel."""
    notes: set[tuple[int, int]] = set()
    for event in events:
        if event.is_end:
            notes.add((event.channel, event.pitch))
        elif event.message[0] & 0xF0 == 0xB0 and event.message[1] in (120, 123):
            notes |= {(event.channel, pitch) for pitch in range(128)}
    return notes


def pedals(events: Iterable[Event]) -> set[int]:
    """The channels whose sustain pedal is down."""
    down: set[int] = set()
    for event in events:
        if event.message[0] & 0xF0 == 0xB0 and event.message[1] == 64:
            (down.add if event.message[2] else down.discard)(event.channel)
    return down


def ended(improv: Program, status: int = 0) -> float:
    """How long it takes to end, in seconds; it leaves no process behind."""
    below, asked_s = children(improv.pid), time.monotonic()
    assert improv.ended() == status, improv.err
    took_s = time.monotonic() - asked_s
    eventually(lambda: not any(alive(pid) for pid in below.values()), "the end of its processes")
    return took_s


def take(folder: Path) -> Recording:
    """The only take that was recorded."""
    (path,) = folder.glob("*.take")
    return read_take(path)


def struck(events: Iterable[Event]) -> list[tuple[int, set[int]]]:
    """When chords were struck, in frames, and their pitches: what comes within 10 ms is one."""
    found: list[tuple[int, set[int]]] = []
    for event in events:
        if event.is_onset and event.channel == CHORDS:
            if not found or event.frame - found[-1][0] > RATE_HZ // 100:
                found.append((event.frame, set()))
            found[-1][1].add(event.pitch)
    return found


def in_place(witness: Witness, recorded: Recording) -> None:
    """In the take each chord is the form's at its place; and others have heard the chords in the form's order.

    When they came is not asked: a server that is late counts fewer frames. One that is late may be left out.
    """
    voices = changes()
    for entry in recorded.entries:
        if entry.chord:
            place = (entry.step - entry.top) % 96
            assert VOICES[entry.chord] == voices[max(begin for begin in voices if begin <= place)], f"step {entry.step}"
    form = [pitches for pitches, _ in groupby(voices[begin] for begin in sorted(voices))]
    at = 0
    for pitches, _ in groupby(pitches for _, pitches in struck(witness.heard())):  # what was silenced is struck anew
        ahead = [step for step in range(at, at + len(form)) if form[step % len(form)] == pitches]
        assert ahead, f"{pitches} is no chord of the form"
        assert ahead[0] - at < 3, f"{pitches} is out of order"
        at = ahead[0]


# --- ways out -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A way out of a jam."""

    name: str
    take: Callable[[Terminal], None]
    status: int = 0
    model: str = ""
    """A model that makes it happen."""


def crash(improv: Program) -> None:
    """The engine dies, and nobody waits for the next one."""
    os.kill(children(improv.pid)["engine"], signal.SIGKILL)
    improv.signal(signal.SIGTERM)


def die_for_good(improv: Program) -> None:
    """One engine after the other dies."""
    killed: set[int] = set()
    while len(killed) < 5:
        eventually(lambda: set(children(improv.pid).values()) - killed, "another engine")
        engine = children(improv.pid).get("engine")
        if engine is not None and engine not in killed:
            killed.add(engine)
            os.kill(engine, signal.SIGKILL)


def panic_and_stop(improv: Program) -> None:
    improv.signal(signal.SIGUSR1)
    improv.signal(signal.SIGTERM)


def fail(improv: Program) -> None:
    """The network goes on failing, until somebody has had enough."""
    eventually(lambda: "fault 1" in improv.out, "a fault")
    improv.signal(signal.SIGTERM)


def finish(improv: Program) -> None:
    """The last chorus comes to its end."""
    eventually(lambda: "recorded as" in improv.out, "the end")


WAYS = (
    Way("the q key", lambda improv: improv.strike(b"q")),
    Way("Ctrl-C", lambda improv: improv.strike(b"\x03")),
    Way("the terminal closes", lambda improv: improv.hang_up()),
    Way("SIGTERM", lambda improv: improv.signal(signal.SIGTERM)),
    Way("SIGHUP", lambda improv: improv.signal(signal.SIGHUP)),
    Way("SIGUSR1, then SIGTERM", panic_and_stop),
    Way("a jump of the tempo, then q", lambda improv: improv.strike(b"++++++++++q")),
    Way("the end of the choruses", finish, model="short"),
    Way("a network that fails", fail, model="failing"),
    Way("a crash of the engine", crash),
    Way("engine after engine dies", die_for_good, status=1),
)
TOGETHER = 3
"""So many jams at once, each with a witness of its own; in every run it is one."""


def failing(path: Path) -> Path:
    """A network whose logits are no numbers once it is fed another note than those of its primer."""
    model = walker()
    strange = np.array([[float(unit not in (0, 4))] for unit in range(UNITS)], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(strange, "strange"))
    (last,) = (node for node in model.graph.node if list(node.output) == ["next_melody"])
    last.output[0] = "sound"
    model.graph.node.append(helper.make_node("MatMul", ["melody", "strange"], ["wrong"]))
    model.graph.node.append(helper.make_node("Sub", ["one", "wrong"], ["right"]))
    model.graph.node.append(helper.make_node("Div", ["sound", "right"], ["next_melody"]))
    return saved(model, path)


@pytest.mark.parametrize("exits", tiers(1, 21))
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_nothing_sounds_after_any_way_out(way: Way, exits: int, tmp_path: Path) -> None:
    """Every onset has an end of its own."""
    models = {"": "eck2002-blues", "short": str(saved(walker(), tmp_path / "short.onnx"))}
    models["failing"] = str(failing(tmp_path / "failing.onnx"))

    def left(server: Server) -> None:
        witnesses = [server.witness(f"w{one}") for one in range(min(TOGETHER, exits))]
        took_s: list[float] = []
        for _ in range(exits // len(witnesses)):
            heard = [len(witness.heard()) for witness in witnesses]
            jams = [leaving(server, way, models[way.model], witness) for witness in witnesses]
            for improv, witness, since in zip(jams, witnesses, heard, strict=True):
                if not way.model:
                    plays(witness, since)
                way.take(improv)
                took_s.append(ended(improv, way.status))
                assert any(event.is_onset for event in witness.heard()[since:])
            eventually(lambda: not any(unended(witness.heard()) for witness in witnesses), "an end for each onset")
        told(f"{way.name}: shutdown", took_s)

    conclusive(left, tmp_path)


def leaving(server: Server, way: Way, model: str, witness: Witness) -> Terminal:
    port = witness.port.removesuffix(":input")
    options = ("--choruses", "1") if way.model == "short" else ()
    return server.improv_in_terminal(*SOLO, "--tempo", str(FAST), "--model", model, "--output", port, *options)


# --- processes that die -------------------------------------------------------------------------


def as_it_was(recorded: Recording, bpm: float, kills: int) -> Recording:
    """The same take: engines have died in it, and neither model, seed nor tempo is another."""
    assert (recorded.head.model, recorded.head.settings.seed) == ("eck2002-blues", 1)
    assert recorded.entries[-1].transport.bpm == bpm
    remarks = [remark.text for remark in recorded.remarks]
    assert remarks.count("the engine has died; another takes its place") == kills
    return recorded


@pytest.mark.parametrize("kills", tiers(2, 50))
@pytest.mark.parametrize("named", [True, False], ids=["named output", "virtual output"])
def test_an_engine_that_is_killed_leaves_nothing_hanging_and_is_back_in_its_place(
    named: bool, kills: int, tmp_path: Path, takes: Path
) -> None:
    """A note and a pedal held through `--thru` stay held; tempo, seed and model are as they were.

    While nobody can start another engine, the bar that the player has in its hands sounds to its end.
    """
    tempo = 160

    def killed(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness, keyboard = server.witness(), server.keyboard()
        port = ("--output", "witness" if named else "virtual")
        improv = server.improv_in_terminal(*SOLO, "--tempo", str(tempo), "--thru", *port)
        eventually(lambda: "plays to" in improv.out, "the ports")
        if not named:
            server.connect(IMPROV_OUT, witness.port)
            server.connect(IMPROV_THRU, witness.port)
        server.connect(keyboard.port, IMPROV_IN)
        plays(witness)
        improv.strike(b"+")
        eventually(lambda: f"{tempo + 4} bpm" in improv.out, "the tempo")
        outlived, back_s = [], []

        def kill() -> None:
            plays(witness)
            keyboard.play([(0x92, 60, 90), SUSTAIN_DOWN])
            eventually(lambda: pedals(witness.heard()) == {YOURS}, "the pedal")
            below = children(improv.pid)
            improv.signal(signal.SIGSTOP)
            os.kill(below["engine"], signal.SIGKILL)
            since = len(witness.heard())
            eventually(lambda: not sounding(witness.heard()) - {(YOURS, 60)}, "silence")
            outlived.append(sum(event.is_onset for event in witness.heard()[since:]))
            since = len(witness.heard())
            assert sounding(witness.heard()) == {(YOURS, 60)}  # a crash of ours leaves the player's own hands alone
            assert pedals(witness.heard()) == {YOURS}
            keyboard.play([(0x82, 60, 0), SUSTAIN_UP])
            improv.signal(signal.SIGCONT)
            on_s = time.time()
            plays(witness, since)
            back_s.append(time.time() - on_s)
            assert children(improv.pid)["engine"] != below["engine"]
            assert children(improv.pid)["player"] == below["player"]

        for _ in range(kills):
            kill()
        heard = len(struck(witness.heard()))
        eventually(lambda: len(struck(witness.heard())) > heard + 2, "more chords")
        improv.strike(b"q")
        took_s = ended(improv)
        eventually(lambda: not unended(witness.heard()), "an end for each onset")
        say(f"engine killed: notes that were still played {outlived}")
        assert max(outlived) > 0
        told("engine killed: playing again", back_s)
        told("shutdown", [took_s])
        recorded = as_it_was(take(takes), tempo + 4, kills)
        if named:  # else the top of the form may have passed before anybody was connected
            in_place(witness, recorded)

    conclusive(killed, tmp_path)


def down(events: Iterable[Event]) -> set[tuple[str, int, int]]:
    """The notes, pedals and bends that are not over: what it is, its channel, and its number."""
    found: set[tuple[str, int, int]] = set()
    for event in events:
        found = after(found, event)
    return found


def after(held: set[tuple[str, int, int]], event: Event) -> set[tuple[str, int, int]]:
    """What is down once this has been heard as well."""
    kind, channel, first = event.message[0] & 0xF0, event.channel, event.pitch
    if event.is_onset:
        return held | {("note", channel, first)}
    if event.is_end:
        return held - {("note", channel, first)}
    if kind == 0xB0 and first in (64, 66, 67):
        pedal = {("pedal", channel, first)}
        return held | pedal if event.message[2] else held - pedal
    if kind == 0xB0 and first in (120, 123):
        return {each for each in held if each[:2] != ("note", channel)}
    if kind == 0xB0 and first == 121:
        return {each for each in held if each[0] == "note" or each[1] != channel}
    if kind == 0xE0:
        bend = {("bend", channel, 0)}
        return held - bend if event.message[1:] == (0, 64) else held | bend
    return held


def left_over(events: Sequence[Event], since: int) -> set[tuple[str, int, int]]:
    """What was down then and has not been ended: it sounds on, or its note was struck anew."""
    left = down(events[:since])
    anew = set[tuple[str, int, int]]()
    for event in events[since:]:
        if event.is_onset:
            anew |= left & {("note", event.channel, event.pitch)}
        left &= after(left, event)
    return left | anew


def killing(victim: str, *, named: bool, synchronous: bool, quickly: int, full: int) -> list[object]:
    """How often a process is killed in every run, if at all, and in the full tier."""
    name = f"{victim}, {'named' if named else 'virtual'} ports, {'-S' if synchronous else 'as most run it'}"
    quick = [pytest.param(victim, named, synchronous, quickly, id=name)] if quickly else []
    return [*quick, pytest.param(victim, named, synchronous, full, id=f"{name}, {full}", marks=pytest.mark.full)]


@pytest.mark.parametrize(
    ("victim", "named", "synchronous", "kills"),
    [
        *killing("player", named=True, synchronous=False, quickly=2, full=30),
        *killing("player", named=False, synchronous=False, quickly=2, full=30),
        *killing("player", named=True, synchronous=True, quickly=0, full=30),
        *killing("player", named=False, synchronous=True, quickly=2, full=30),
        *killing("host", named=True, synchronous=False, quickly=0, full=10),
        *killing("host", named=False, synchronous=False, quickly=1, full=10),
        *killing("host", named=False, synchronous=True, quickly=0, full=2),
    ],
)
def test_a_process_that_is_killed_leaves_nothing_down_and_music_goes_on(
    victim: str, named: bool, synchronous: bool, kills: int, tmp_path: Path
) -> None:
    """Notes, pedal and bend, its own and what it passes on, in the middle of dense playing; nobody plugs anything in.

    A server in synchronous mode stands still for five seconds for each client whose process is killed: the player has
    none, its clients are the port host's.
    """

    def killed(server: Server) -> None:
        witness, keyboard = server.witness(), server.keyboard()
        ends = ("witness", "keyboard") if named else ("virtual", "virtual")
        improv = server.improv_in_terminal(*SOLO, "--tempo", "240", "--thru", "--output", ends[0], "--input", ends[1])
        eventually(lambda: "plays to" in improv.out, "the ports")
        if not named:
            server.connect(IMPROV_OUT, witness.port)
            server.connect(IMPROV_THRU, witness.port)
            server.connect(keyboard.port, IMPROV_IN)
        back_s, count_down = [], []

        def kill(begun: int) -> int:
            eventually(lambda: {MELODY, CHORDS} <= channels(down(witness.heard()[begun:])), "the music", 90)
            keyboard.play([SUSTAIN_DOWN, (0xE2, 0, 20)])
            runs = [note for pitch in range(36, 84) for note in ((0x92, pitch, 90), (0xE2, pitch, 30))]
            keyboard.tell(runs, per_s=400)
            eventually(lambda: len(down(witness.heard()[begun:])) > 12, "many notes")
            below, killed_s = children(improv.pid), time.time()
            os.kill(below[victim], signal.SIGKILL)
            eventually(lambda: not alive(below[victim]), "its end")
            since = len(witness.heard())
            count_down.append(len(down(witness.heard())))
            eventually(lambda: {MELODY, CHORDS} <= channels(down(witness.heard()[since:])), "the music", 90)
            back_s.append(time.time() - killed_s)
            assert left_over(witness.heard(), since) == set()
            now = children(improv.pid)
            assert now["engine"] == below["engine"]
            assert now["player"] != below["player"]
            assert (now["host"] == below["host"]) == (victim == "player")
            keyboard.play([*((0x82, pitch, 0) for pitch in range(36, 84)), SUSTAIN_UP, (0xE2, 0, 64)], per_s=1000)
            return since

        begun = 0
        for _ in range(kills):
            begun = kill(begun)
        improv.strike(b"q")
        took_s = ended(improv)
        eventually(lambda: not down(witness.heard()), "silence")
        say(f"{victim} killed: {count_down} notes, pedals and bends were down")
        told(f"{victim} killed: playing again", back_s)
        told("shutdown", [took_s])

    conclusive(killed, tmp_path, synchronous=synchronous)


def channels(held: Iterable[tuple[str, int, int]]) -> set[int]:
    return {channel for kind, channel, _ in held if kind == "note"}


@pytest.mark.parametrize("kills", tiers(2, 50))
def test_a_daemon_that_is_killed_leaves_nothing_sounding_and_no_process(kills: int, tmp_path: Path) -> None:
    def killed(server: Server) -> None:
        witness, keyboard = server.witness(), server.keyboard()
        silent_s = []

        def kill() -> None:
            since = len(witness.heard())
            improv = server.improv(*SOLO, "--tempo", "160", "--output", "witness", "--thru")
            plays(witness, since)
            server.connect(keyboard.port, IMPROV_IN)
            keyboard.play([(0x92, 60, 90), SUSTAIN_DOWN])
            eventually(lambda: pedals(witness.heard()) == {YOURS}, "the pedal")
            below, killed_s = children(improv.pid), time.time()
            assert set(below) == {"player", "host", "engine"}
            improv.kill()
            eventually(lambda: not (unended(witness.heard()) or pedals(witness.heard())), "silence")
            silent_s.append(witness.latest_s - killed_s)
            eventually(lambda: not any(alive(pid) for pid in below.values()), "the end of all")

        for _ in range(kills):
            kill()
        told("daemon killed: last end", silent_s)

    conclusive(killed, tmp_path)


# --- ports and servers that go and come back ------------------------------------------------------


@pytest.mark.parametrize("cycles", tiers(4, 200))
def test_ports_that_go_and_come_back_are_taken_up_again(cycles: int, tmp_path: Path, takes: Path) -> None:
    """Now under their names, now as a second client of that name; a key that was held is released."""

    def replugged(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness, keyboard = server.witness(), server.keyboard()
        improv = server.improv_in_terminal(
            *JAM, "--mode", "duet", "--tempo", "240", "--input", "keyboard", "--output", "witness", "--thru"
        )
        plays(witness)
        back_s, kept = [], []

        def replug(cycle: int, witness: Witness, keyboard: Keyboard) -> tuple[Witness, Keyboard]:
            pitch = 40 + cycle % 40

            velocities = count(1)  # the same message again and again would be taken for a loop

            def held() -> bool:
                keyboard.play([(0x92, pitch, next(velocities))], per_s=5)
                return (YOURS, pitch) in sounding(witness.heard())

            eventually(held, "a key that is passed on")
            keyboard.program.kill()
            eventually(lambda: (YOURS, pitch) not in sounding(witness.heard()), "its release")
            witness.program.kill()
            eventually(lambda: improv.out.count(" is gone") == 2 * cycle + 2, "both to be missed")
            suffix = "" if cycle % 2 else "-01"
            witness, keyboard = server.witness(f"witness{suffix}"), server.keyboard(f"keyboard{suffix}")
            came_s = time.time()
            eventually(lambda: witness.onsets, "the music")
            back_s.append(time.time() - came_s)
            eventually(lambda: improv.out.count(" is back") == 2 * cycle + 2, "both to be back")
            kept.append(kept_open(children(improv.pid)["player"]))
            return witness, keyboard

        for cycle in range(cycles):
            witness, keyboard = replug(cycle, witness, keyboard)
        improv.strike(b"q")
        took_s = ended(improv)
        eventually(lambda: not hung(witness.heard()), "silence")
        told("ports are back: music again", back_s)
        told("shutdown", [took_s])
        assert len(set(kept[1:])) == 1, kept
        notes = [note.event for entry in take(takes).entries for note in entry.heard.notes]
        assert [isinstance(note, NoteOn) for note in notes] == [True, False] * (len(notes) // 2)
        assert len({note.pitch for note in notes}) == min(cycles, 40)

    conclusive(replugged, tmp_path, synchronous=False)


@pytest.mark.parametrize("cycles", tiers(2, 20))
def test_a_server_that_is_killed_and_comes_back_is_played_on_again(cycles: int, tmp_path: Path) -> None:
    """Meanwhile the music goes on; at the end it dies for good, and improv can still be left."""

    def restarted(server: Server) -> None:
        witness = server.witness()
        improv = server.improv_in_terminal(*SOLO, "--tempo", "240", "--output", "witness")
        plays(witness)
        back_s = []

        def restart(witness: Witness) -> Witness:
            begun = improv.out.count("chorus")
            eventually(lambda: improv.out.count("chorus") > begun + 3, "three bars, for a standby player to be ready")
            server.kill()
            bars = improv.out.count("chorus")
            eventually(lambda: improv.out.count("chorus") > bars + 1, "the music to go on")
            witness.program.kill()
            server.begin()
            begun_s = time.time()
            witness = server.witness()
            plays(witness)
            back_s.append(time.time() - begun_s)
            return witness

        for _ in range(cycles):
            witness = restart(witness)
        assert improv.out.count("the ports are open again") == cycles
        server.kill()
        improv.strike(b"q")
        took_s = ended(improv)
        told("server is back: music again", back_s)
        told("shutdown without a server", [took_s])

    conclusive(restarted, tmp_path)


@pytest.mark.parametrize("scans", tiers(500, 10_000))
def test_looking_at_the_ports_again_and_again_keeps_nothing_open(scans: int, tmp_path: Path) -> None:
    code = f"""
import os, sys
from improv.midi.systems import PortLists
with PortLists("jack") as lists:
    for scan in range({scans}):
        names = lists.names("input"), lists.names("output")
        if scan in (10, {scans} - 1):
            print(len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), *names, flush=True)
    sys.stdin.read()
"""

    def scanned(server: Server) -> None:
        server.witness()
        scanner = server.python(code)
        eventually(lambda: scanner.out.count("\n") == 2, "the scans")
        first, last = scanner.out.splitlines()
        assert first == last
        assert "witness:input" in last
        with_scanner = server.clients
        scanner.close()
        assert scanner.ended() == 0, scanner.err
        assert with_scanner - server.clients <= 2

    conclusive(scanned, tmp_path)


# --- loops and floods -----------------------------------------------------------------------------


@pytest.mark.parametrize("thru", [True, False], ids=["thru", "no thru"])
def test_our_own_output_in_our_own_input_is_told_and_no_storm(thru: bool, tmp_path: Path, takes: Path) -> None:
    def looped(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness = server.witness()
        improv = server.improv_in_terminal(
            *JAM, "--mode", "duet", "--tempo", str(FAST), "--output", "witness", *(["--thru"] if thru else [])
        )
        plays(witness)
        server.connect(IMPROV_OUT, IMPROV_IN)
        eventually(lambda: "comes back" in improv.out, "the loop to be told")
        heard = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > heard + 40, "more music")
        improv.strike(b"q")
        took_s = ended(improv)
        eventually(lambda: not hung(witness.heard()), "silence")
        entries = take(takes).entries
        planned = sum(isinstance(placed.event, NoteOn) for entry in entries for placed in entry.events)
        taken_for_yours = sum(isinstance(note.event, NoteOn) for entry in entries for note in entry.heard.notes)
        say(f"stray notes: {len(witness.onsets) - planned} sent, {taken_for_yours} heard")
        told("shutdown", [took_s])
        assert len(witness.onsets) - planned <= 32
        assert taken_for_yours <= 32

    conclusive(looped, tmp_path)


def test_what_is_passed_on_is_the_same_bytes_in_the_same_order(tmp_path: Path) -> None:
    messages = mixed(3000)

    def passed(server: Server) -> None:
        witness, keyboard = server.witness(), server.keyboard()
        improv = server.improv_in_terminal(*JAM, "--mode", "trade", "--thru", "--output", "virtual")
        eventually(lambda: "passes on to" in improv.out, "the ports")
        server.connect(IMPROV_THRU, witness.port)
        server.connect(keyboard.port, IMPROV_IN)
        keyboard.play(messages, per_s=2000)
        eventually(lambda: len(witness.heard()) >= len(messages), "all of it")
        assert [event.message for event in witness.heard()] == messages
        improv.strike(b"q")
        told("shutdown", [ended(improv)])

    conclusive(passed, tmp_path)


def mixed(count: int) -> list[tuple[int, ...]]:
    """Messages of every kind a player sends: 14-bit and numbered controllers, programs, MPE, exclusive."""
    rng = np.random.default_rng(1)
    messages: list[tuple[int, ...]] = []
    while len(messages) < count:
        channel, (first, second) = int(rng.integers(16)), (int(value) for value in rng.integers(128, size=2))
        kinds: list[list[tuple[int, ...]]] = [
            [(0x90 | channel, first, second), (0x80 | channel, first, 64)],
            [(0xB0 | channel, first % 32, second), (0xB0 | channel, first % 32 + 32, first)],
            [(0xB0 | channel, 99, first), (0xB0 | channel, 98, second), (0xB0 | channel, 6, first)],
            [(0xB0 | channel, 0, first), (0xB0 | channel, 32, second), (0xC0 | channel, first)],
            [(0xE0 | channel, first, second)],
            [(0xA0 | channel, first, second), (0xD0 | channel, second)],
            [(0xB0 | channel, 74, first), (0x90 | channel, second, 100), (0xE0 | channel, 0, 64)],
            [(0xF0, 0x7D, *(int(value) for value in rng.integers(128, size=first % 90)), 0xF7)],
        ]
        messages += kinds[int(rng.integers(8))]
    return messages


def test_a_flood_is_survived_and_notes_after_it_are_heard(tmp_path: Path, takes: Path) -> None:
    """10,000 messages a second, exclusive messages as long as JACK takes them, clock and active sensing."""
    flood = [(0x90 if number % 2 else 0x80, number // 2 % 128, 80) for number in range(10_000)]
    exclusive = [(0xF0, *(0,) * 700, 0xF7)] * 200  # as much as a port of this period holds
    storm = [(0xF8,), (0xFE,)] * 2000
    notes = [(status, pitch, 80) for pitch in range(50, 70) for status in (0x90, 0x80)]

    def flooded(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness, keyboard = server.witness(), server.keyboard()
        improv = server.improv_in_terminal(*JAM, "--mode", "duet", "--tempo", str(FAST), "--output", "witness")
        plays(witness)
        server.connect(keyboard.port, IMPROV_IN)
        keyboard.play(flood, per_s=10_000)
        keyboard.play(exclusive, per_s=150)
        keyboard.play(storm, per_s=4000)
        keyboard.play([(0x80, pitch, 0) for pitch in range(128)], per_s=200)
        before = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > before + 8, "the music to go on")
        keyboard.play(notes, per_s=100)
        before = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > before + 8, "the music to go on")
        improv.strike(b"q")
        told("shutdown", [ended(improv)])
        eventually(lambda: not unended(witness.heard()), "an end for each onset")
        recorded = take(takes)
        heard = [note.event for entry in recorded.entries for note in entry.heard.notes]
        assert [(isinstance(note, NoteOn), note.pitch) for note in heard[-len(notes) :]] == [
            (status == 0x90, pitch) for status, pitch, _ in notes
        ]
        assert all(note.part is Part.YOU for note in heard)
        assert not [remark.text for remark in recorded.remarks if "stuck" in remark.text or "died" in remark.text]

    conclusive(flooded, tmp_path)


# --- panic, and being stopped ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["SIGUSR1", "the p key"])
def test_panic_ends_all_that_is_held_and_what_a_synthesiser_sounds(how: str, tmp_path: Path) -> None:
    """128 keys and the sustain pedal, held through `--thru`, and the chord of a slow bar."""

    def panicked(server: Server) -> None:
        witness, synth, keyboard = server.witness(), server.synth(), server.keyboard()
        improv = server.improv_in_terminal(*JAM, "--mode", "trade", "--tempo", "30", "--output", "witness", "--thru")
        eventually(lambda: sounding(witness.heard()), "the first chord")
        server.connect(IMPROV_OUT, synth.port)
        server.connect(keyboard.port, IMPROV_IN)
        keyboard.play([(0xB0, 64, 127), *((0x90, pitch, 60) for pitch in range(128))], per_s=1000)
        eventually(lambda: len(sounding(witness.heard())) > 128, "all keys")
        begun = synth.frames
        eventually(lambda: synth.frames > begun + RATE_HZ // 2, "the sound of it")
        asked, asked_s = synth.frames, time.time()
        improv.signal(signal.SIGUSR1) if how == "SIGUSR1" else improv.strike(b"p")
        eventually(lambda: not (sounding(witness.heard()) or pedals(witness.heard())), "silence")
        silent_s = witness.latest_s - asked_s
        assert not unended(witness.heard())
        eventually(lambda: synth.frames > asked + RATE_HZ * 3 // 2, "the silence of it")
        samples = np.fromfile(synth.path, "<i2").astype(np.float64)[: 2 * (asked + RATE_HZ * 3 // 2)] / 2**15
        before, after = samples[2 * (asked - RATE_HZ // 4) : 2 * asked], samples[2 * asked :]
        assert float(np.sqrt(np.mean(before**2))) > LOUD
        moments = after[: after.size // MOMENT * MOMENT].reshape(-1, MOMENT)  # until the jam goes on
        assert float(np.sqrt(np.mean(moments**2, axis=1)).min()) < QUIET
        eventually(lambda: sounding(witness.heard()), "the next chord")
        improv.strike(b"q")
        took_s = ended(improv)
        told(f"{how}: last end", [silent_s])
        told("shutdown", [took_s])

    conclusive(panicked, tmp_path)


def test_after_being_stopped_for_seconds_nothing_is_caught_up(tmp_path: Path, takes: Path) -> None:
    """As when a lid is closed: no burst, and the music is where it would have been."""
    stopped_s = 3

    def resumed(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness = server.witness()
        improv = server.improv_in_terminal(*SOLO, "--tempo", "160", "--output", "witness")
        plays(witness)
        chords = len(struck(witness.heard()))
        eventually(lambda: len(struck(witness.heard())) > chords, "another chord")
        improv.signal_all(signal.SIGSTOP)
        since, stopped_at_s = len(witness.heard()), time.monotonic()
        eventually(lambda: time.monotonic() > stopped_at_s + stopped_s, "three seconds")
        improv.signal_all(signal.SIGCONT)
        eventually(lambda: len(struck(witness.heard()[since:])) > 2, "three chords")
        improv.strike(b"q")
        told("shutdown", [ended(improv)])
        eventually(lambda: not hung(witness.heard()), "silence")
        after = [event for event in witness.heard()[since:] if event.is_onset]
        first = [event for event in after if event.frame < after[0].frame + RATE_HZ // 20]
        assert sum(event.channel == MELODY for event in first) <= 1
        assert len(struck(first)) <= 1
        in_place(witness, take(takes))

    conclusive(resumed, tmp_path, synchronous=False)
