"""Ports and JACK servers go and come back.

Seen by others over real ports. Counts and places in the music are asserted; times are printed and never asserted.
`-m full` plays the big tiers.
"""

import time
from itertools import count
from pathlib import Path

import pytest

from improv.music.notes import NoteOn
from tests.ports.clients import Keyboard, Witness, sounding
from tests.ports.jack import Server, conclusive
from tests.ports.patience import eventually
from tests.ports.programs import children, kept_open
from tests.ports.witnessed import JAM, SOLO, YOURS, ended, hung, plays, take, tiers, told

pytestmark = [pytest.mark.ports, pytest.mark.usefixtures("programs")]


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
