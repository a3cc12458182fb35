"""What improv says of its ports is what JACK says: exchanged, pulled, renamed, gone and back, with others as witnesses.

Each jam is the real program on a real server; that it is connected is taken from JACK's own programs, and that it
plays or hears from a witness and a keyboard that know nothing of improv.
"""

import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.errors import ImprovError
from improv.protocol.commands import Connect
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import SystemStatus
from tests.ports.clients import Keyboard, Witness, sounding
from tests.ports.jack import IMPROV_IN, IMPROV_OUT, Server, conclusive
from tests.ports.patience import eventually
from tests.ports.programs import Program

pytestmark = [pytest.mark.ports, pytest.mark.usefixtures("programs")]

JAM = ("jam", "--model", "eck2002-blues", "--api", "jack", "--provider", "cpu", "--count-in", "0", "--tempo", "240")
SOLO = (*JAM, "--mode", "solo")
STAGE = ("--instance", "stage")
PERIOD = 1024
"""Long, so that a busy machine is late less often: no times are looked at here."""

VIRTUAL = ("--input", "virtual", "--output", "virtual")


class Stage:
    """A jam on a server, and what can be asked of it."""

    def __init__(self, server: Server, *arguments: str) -> None:
        self.server = server
        Instance("stage").picked.unlink(missing_ok=True)  # of an attempt before
        self.jam = self.start(*arguments)

    def start(self, *arguments: str) -> Program:
        """Begin to play, after another one has ended."""
        self.jam = self.server.improv(*arguments, *STAGE)
        eventually(lambda: "seed" in self.jam.out or not self.jam.running, "the jam")
        assert self.jam.running, self.jam.err
        eventually(self._answers, "its first step")
        return self.jam

    def stop(self) -> None:
        """End it in order."""
        self.jam.signal(signal.SIGTERM)
        assert self.jam.ended() == 0, self.jam.err

    def asked(self, *words: str, status: int | None = 0) -> str:
        """What a command of improv prints; where it may fail, on stdout alone."""
        done = self.server.improv(*words, *STAGE)
        ended = done.ended()
        assert status in (None, ended), f"{ended}: {done.err}"
        return done.out if status is None else done.out + done.err

    def typed(self, end: str, name: str) -> str:
        """Pick a port on the command line: what it prints."""
        return self.asked("ctl", "connect", end, name)

    def connect(self, end: str, name: str) -> None:
        """Pick a port, as the screen does."""
        with ControlClient(Instance("stage").socket) as client:
            client.submit(Connect(end, name))

    @property
    def system(self) -> SystemStatus:
        """What a client is shown of the ports."""
        with ControlClient(Instance("stage").socket) as client:
            return client.status().system

    def port(self, role: str) -> PortStatus:
        """One of its ports; nothing is known of it while they are closed."""
        return next((port for port in self.system.midi.ports if port.role == role), PortStatus(role=role, name=""))

    def _answers(self) -> bool:
        with suppress(ImprovError, OSError):
            return bool(self.system.midi.ports)
        return False

    def connected(self, role: str, *peers: str) -> None:
        """Wait until it says that a port is connected to these, and JACK says so too."""
        eventually(lambda: set(self.port(role).peers or ()) == set(peers), f"{role} connected to {peers}")
        assert self.server.cables()[IMPROV_IN if role == "input" else IMPROV_OUT] == set(peers)


def plays(witness: Witness) -> None:
    """Wait until more is played to a witness."""
    before = len(witness.onsets)
    eventually(lambda: len(witness.onsets) > before + 3, "the music")


def hears(stage: Stage, keyboard: Keyboard, pitch: int) -> None:
    """A key that is held is shown as held, and its end as its end."""
    keyboard.play([(0x90, pitch, 90)])
    eventually(lambda: stage.system.midi.keys == (pitch,), "the key")
    keyboard.play([(0x80, pitch, 0)])
    eventually(lambda: stage.system.midi.keys == (), "its end")


@pytest.mark.parametrize("synchronous", [True, False], ids=["-S", "as most run it"])
def test_an_output_goes_every_way_and_sounds_there_and_nowhere_else(synchronous: bool, tmp_path: Path) -> None:
    def moved(server: Server) -> None:
        oboe, bassoon = server.witness("oboe"), server.witness("bassoon")
        stage = Stage(server, *SOLO)
        assert "virtual port 'improv out' (nothing is connected to it)" in stage.system.description
        assert stage.port("output").virtual
        assert stage.typed("output", "oboe") == "output: oboe:input\n"  # virtual to named
        stage.connected("output", oboe.port)
        plays(oboe)
        assert not bassoon.onsets
        stage.connect("output", "bassoon")  # named to named
        stage.connected("output", bassoon.port)
        plays(bassoon)
        assert not sounding(oboe.heard())
        heard = len(oboe.onsets)
        assert "nothing is connected" in stage.typed("output", "virtual")  # named to virtual
        stage.connected("output")
        assert not sounding(bassoon.heard())
        server.connect(IMPROV_OUT, bassoon.port)
        stage.connected("output", bassoon.port)
        plays(bassoon)
        assert "bassoon:input" in stage.asked("daemon", "status")
        stage.connect("output", "oboe")  # a virtual port that a program is connected to
        stage.connected("output", oboe.port)
        assert not sounding(bassoon.heard())
        assert len(oboe.onsets) >= heard
        oboe.program.end()  # gone and back
        eventually(lambda: stage.port("output").peers == (), "that it is gone")
        assert "oboe:input (not connected)" in stage.asked("daemon", "status")
        oboe = server.witness("oboe")
        stage.connected("output", oboe.port)
        plays(oboe)
        assert stage.jam.running

    conclusive(moved, tmp_path, synchronous=synchronous, period=PERIOD)


def test_an_input_goes_every_way_and_is_heard_there_and_nowhere_else(tmp_path: Path) -> None:
    def moved(server: Server) -> None:
        upper, lower = server.keyboard("upper"), server.keyboard("lower")
        stage = Stage(server, *JAM, "--mode", "listen")
        assert stage.port("input").peers == ()
        assert stage.typed("input", "upper") == "input: upper:out\n"
        stage.connected("input", upper.port)
        hears(stage, upper, 60)
        stage.connect("input", "lower")
        stage.connected("input", lower.port)
        upper.play([(0x90, 72, 90), (0x80, 72, 0)])
        hears(stage, lower, 62)
        lower.play([(0x90, 64, 90)])
        eventually(lambda: stage.system.midi.keys == (64,), "the key")
        stage.connect("input", "virtual")
        stage.connected("input")
        eventually(lambda: stage.system.midi.keys == (), "an end of what was held")
        server.connect(upper.port, IMPROV_IN)
        stage.connected("input", upper.port)
        hears(stage, upper, 65)
        stage.connect("input", "lower")
        stage.connected("input", lower.port)
        hears(stage, lower, 66)
        lower.program.close()  # gone and back
        assert lower.program.ended() == 0
        eventually(lambda: stage.port("input").peers == (), "that it is gone")
        lower = server.keyboard("lower")
        stage.connected("input", lower.port)
        hears(stage, lower, 67)

    conclusive(moved, tmp_path, period=PERIOD)


AGAIN = """
import sys, time, jack
def opened():
    client = jack.Client("lute")
    client.midi_inports.register("in")
    client.set_process_callback(lambda frames: None)  # without one the server waits for it
    client.activate()
    return client
client = opened()
for line in sys.stdin:
    if line.strip() == "again":
        client.deactivate(); client.close()
        client = opened()
    elif line.strip() == "rename":
        client.midi_inports[0].shortname = "strings"
    print(line.strip(), client.midi_inports[0].connections, flush=True)
client.close()
"""


def test_who_is_gone_for_a_moment_is_taken_up_again_and_who_is_renamed_keeps_its_cable(tmp_path: Path) -> None:
    def again(server: Server) -> None:
        lute = server.python(AGAIN)
        eventually(lambda: "lute:in" in server.ports(), "the lute")
        stage = Stage(server, *SOLO, "--output", "lute")
        stage.connected("output", "lute:in")
        for _ in range(3):
            lute.tell("again")
            eventually(lambda: IMPROV_OUT in server.cables().get("lute:in", ()), "the cable again")
            stage.connected("output", "lute:in")
        lute.tell("rename")
        eventually(lambda: stage.port("output").name == "lute:strings", "its other name")
        assert "output lute:in is called lute:strings now" in stage.jam.out
        stage.connected("output", "lute:strings")
        lute.close()
        assert lute.ended() == 0

    conclusive(again, tmp_path, period=PERIOD)


def test_a_cable_that_is_pulled_stays_out_and_is_silenced_when_it_is_plugged_again(tmp_path: Path) -> None:
    def pulled(server: Server) -> None:
        oboe, keyboard = server.witness("oboe"), server.keyboard()
        stage = Stage(server, *JAM, "--mode", "listen", "--thru", "--input", "keyboard", "--output", "oboe")
        keyboard.play([(0x90, 60, 90), (0xB0, 64, 127)])
        eventually(lambda: (1, 60) in sounding(oboe.heard()), "the note")
        server.disconnect(IMPROV_OUT, oboe.port)
        eventually(lambda: stage.port("output").peers == (), "that it is out")
        assert "was unplugged by hand" in stage.system.remark
        keyboard.play([(0x80, 60, 0), (0xB0, 64, 0)])  # which is lost
        since = len(oboe.heard())
        server.connect(IMPROV_OUT, oboe.port)
        eventually(lambda: (0xB0, 123, 0) in [event.message for event in oboe.heard()[since:]], "silence")
        assert (0xB0, 64, 0) in [event.message for event in oboe.heard()[since:]]
        stage.connected("output", oboe.port)
        server.disconnect(IMPROV_OUT, oboe.port)
        eventually(lambda: stage.port("output").peers == (), "that it is out")
        assert stage.typed("output", "oboe") == "output: oboe:input\n"  # though the name was its own all the time
        stage.connected("output", oboe.port)
        keyboard.play([(0x90, 62, 90)])
        eventually(lambda: (1, 62) in sounding(oboe.heard()), "the next note")

    conclusive(pulled, tmp_path, period=PERIOD)


GAPS = """
import sys, time, jack
client = jack.Client("gaps")
longest, last = 0.0, time.monotonic()
def process(frames):
    global longest, last
    now = time.monotonic()
    longest, last = max(longest, now - last), now
client.set_process_callback(process)
client.activate()
for line in sys.stdin:
    print(max(longest, time.monotonic() - last), flush=True)
client.deactivate()
client.close()
"""


def test_other_programs_play_on_while_a_port_is_exchanged(tmp_path: Path) -> None:
    """In its synchronous mode a JACK server waits five seconds for a client that is killed."""

    def exchanged(server: Server) -> None:
        oboe, bassoon = server.witness("oboe"), server.witness("bassoon")
        gaps = server.python(GAPS)
        stage = Stage(server, *SOLO, "--output", "oboe")
        eventually(lambda: any("improv-standby" in port for port in server.ports()), "a player that stands by")
        for witness in (bassoon, oboe):
            stage.connect("output", witness.port)
            stage.connected("output", witness.port)
            plays(witness)
        gaps.tell("")
        eventually(lambda: gaps.out, "the longest gap")
        longest_s = float(gaps.out)
        assert longest_s < 4.0, f"no client was served for {longest_s:.1f} s"
        gaps.close()
        gaps.ended()

    conclusive(exchanged, tmp_path, period=PERIOD)


def test_what_was_picked_is_remembered_said_and_undone(tmp_path: Path) -> None:
    def picked(server: Server) -> None:
        oboe, bassoon = server.witness("oboe"), server.witness("bassoon")
        stage = Stage(server, *SOLO)
        stage.connect("output", "bassoon")
        stage.connected("output", bassoon.port)
        kept = tmp_path / "state" / "stage.ports"
        assert json.loads(kept.read_text()) == {"api": "jack", "output": "bassoon:input"}
        assert kept.stat().st_mode & 0o777 == 0o600
        stage.stop()
        stage.start(*SOLO)
        stage.connected("output", bassoon.port)
        assert "the output picked last time" in stage.jam.out
        stage.stop()
        bassoon.program.end()
        stage.start(*SOLO)  # it is not there: it is waited for
        assert "bassoon:input (not connected)" in stage.asked("daemon", "status")
        bassoon = server.witness("bassoon")
        stage.connected("output", bassoon.port)
        stage.stop()
        stage.start(*SOLO, "--output", "oboe")
        stage.connected("output", oboe.port)
        stage.stop()
        stage.start(*SOLO)  # what was picked is forgotten
        assert stage.port("output").virtual
        stage.connect("output", "oboe")
        stage.connected("output", oboe.port)
        stage.connect("output", "virtual")
        eventually(lambda: stage.port("output").virtual, "a virtual port")
        stage.stop()
        stage.start(*SOLO)
        assert stage.port("output").virtual

    conclusive(picked, tmp_path, period=PERIOD)


def test_one_keyboard_and_one_synth_are_connected_by_themselves_and_nothing_else_is(tmp_path: Path) -> None:
    def alone(server: Server) -> None:
        oboe, keyboard = server.witness("oboe"), server.keyboard()
        stage = Stage(server, *JAM, "--mode", "duet")
        assert "the only keyboard and the only synth here" in stage.jam.out
        stage.connected("input", keyboard.port)
        stage.connected("output", oboe.port)
        plays(oboe)
        hears(stage, keyboard, 60)
        other = server.improv(*SOLO)  # another improv is neither
        eventually(lambda: "plays to oboe:input" in other.out, "another one")
        other.signal(signal.SIGTERM)
        other.ended()
        stage.stop()
        stage.start(*SOLO, *VIRTUAL)
        assert {port.virtual for port in stage.system.midi.ports} == {True}
        stage.stop()
        server.witness("bassoon")
        stage.start(*SOLO)
        assert {port.virtual for port in stage.system.midi.ports} == {True}

    conclusive(alone, tmp_path, period=PERIOD)


def test_another_programs_synth_may_be_called_as_we_are(tmp_path: Path) -> None:
    def called(server: Server) -> None:
        for name in ("improv-synth", "improv-out"):
            server.witness(name)
        stage = Stage(server, *SOLO, "--output", "improv-synth")
        eventually(lambda: stage.port("output").peers == ("improv-synth:input",), "the synth")
        listed = json.loads(server_said(server, "ports", "--api", "jack", "--json"))
        assert sorted(listed["outputs"]) == ["improv-out:input", "improv-synth:input"]
        assert listed["inputs"] == []

    conclusive(called, tmp_path, period=PERIOD)


def server_said(server: Server, *words: str) -> str:
    """What a command prints."""
    done = server.improv(*words)
    assert done.ended() == 0, done.err
    return done.out


def test_doctor_says_what_the_ports_are_connected_to(tmp_path: Path) -> None:
    def looked(server: Server) -> None:
        oboe = server.witness("oboe")
        stage = Stage(server, *SOLO)

        def found() -> dict[str, dict[str, Any]]:
            findings = json.loads(stage.asked("doctor", "--json", status=None))
            return {finding["what"]: finding for finding in findings}

        output = found()["its output"]
        assert (output["ok"], output["says"]) == (False, "virtual port 'improv out' (nothing is connected to it)")
        server.connect(IMPROV_OUT, oboe.port)
        stage.connected("output", oboe.port)
        output = found()["its output"]
        assert (output["ok"], output["says"]) == (True, "virtual port 'improv out' (connected to oboe:input)")

    conclusive(looked, tmp_path, period=PERIOD)
