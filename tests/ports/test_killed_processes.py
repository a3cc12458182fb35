"""A process of a jam is killed: nothing hangs, and what comes back is in its place.

Seen by others over real ports. Counts and places in the music are asserted; times are printed and never asserted.
`-m full` plays the big tiers.
"""

import os
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from improv.recording import Recording
from tests.ports.clients import Event, sounding, unended
from tests.ports.jack import IMPROV_IN, IMPROV_OUT, IMPROV_THRU, Server, conclusive
from tests.ports.patience import eventually
from tests.ports.programs import alive, children
from tests.ports.witnessed import (
    CHORDS,
    MELODY,
    SOLO,
    SUSTAIN_DOWN,
    SUSTAIN_UP,
    YOURS,
    ended,
    in_place,
    pedals,
    plays,
    say,
    struck,
    take,
    tiers,
    told,
)

pytestmark = [pytest.mark.ports, pytest.mark.usefixtures("programs")]


def as_it_was(recorded: Recording, bpm: float, kills: int) -> Recording:
    """The same take: engines have died in it, and neither model, seed nor tempo is another."""
    assert (recorded.head.model, recorded.head.settings.seed) == ("eck2002-blues", 1)
    assert recorded.entries[-1].transport.bpm == bpm
    remarks = [remark.text for remark in recorded.remarks]
    assert remarks.count("the engine has died; another takes its place") == kills
    return recorded


TEMPO = 160
"""Of the jam whose engine is killed."""


@pytest.mark.parametrize("kills", tiers(2, 50))
@pytest.mark.parametrize("named", [True, False], ids=["named output", "virtual output"])
def test_an_engine_that_is_killed_leaves_nothing_hanging_and_is_back_in_its_place(
    named: bool, kills: int, tmp_path: Path, takes: Path
) -> None:
    """A note and a pedal held through `--thru` stay held; tempo, seed and model are as they were.

    While no daemon can start another engine, the bar that the player has in its hands sounds to its end.
    """

    def killed(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness, keyboard = server.witness(), server.keyboard()
        port = ("--output", "witness" if named else "virtual")
        improv = server.improv_in_terminal(*SOLO, "--tempo", str(TEMPO), "--thru", *port)
        eventually(lambda: "plays to" in improv.out, "the ports")
        for ours in () if named else (IMPROV_OUT, IMPROV_THRU):
            server.connect(ours, witness.port)
        server.connect(keyboard.port, IMPROV_IN)
        plays(witness)
        improv.strike(b"+")
        eventually(lambda: f"{TEMPO + 4} bpm" in improv.out, "the tempo")
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
        recorded = as_it_was(take(takes), TEMPO + 4, kills)
        if named:  # else the top of the form may have passed before a witness was connected
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
    """Notes, pedal and bend, its own and what it passes on, in the middle of dense playing; no port is plugged in.

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
