"""`improv monitor`: what it makes of each message, and when it ends."""

import json
from collections.abc import Sequence

import pytest
import typer
from typer.testing import CliRunner

from improv.cli.monitor import describe, lines_of, monitor
from improv.midi import ports, systems
from improv.midi.parser import Gone, Incoming
from improv.midi.sources import Arrival

MESSAGES = [
    ("90 3c 40", "note on        ch 1   C4  64", {"kind": "note on", "channel": 1, "note": "C4", "velocity": 64}),
    ("9f 00 01", "note on        ch 16  C-1  1", {"kind": "note on", "channel": 16, "note": "C-1", "velocity": 1}),
    ("90 3c 00", "note off       ch 1   C4  0", {"kind": "note off", "channel": 1, "note": "C4", "velocity": 0}),
    ("81 46 40", "note off       ch 2   Bb4  64", {"kind": "note off", "channel": 2, "note": "Bb4", "velocity": 64}),
    ("a0 3c 05", "poly pressure  ch 1   C4  5", {"kind": "poly pressure", "channel": 1, "note": "C4", "value": 5}),
    (
        "b0 40 7f",
        "controller     ch 1   64  sustain pedal  127",
        {"kind": "controller", "channel": 1, "controller": 64, "name": "sustain pedal", "value": 127},
    ),
    (
        "b0 14 01",
        "controller     ch 1   20    1",
        {"kind": "controller", "channel": 1, "controller": 20, "name": "", "value": 1},
    ),
    ("c9 07", "program        ch 10  7", {"kind": "program", "channel": 10, "program": 7}),
    ("d0 20", "pressure       ch 1   32", {"kind": "pressure", "channel": 1, "value": 32}),
    ("e0 00 40", "bend           ch 1   0", {"kind": "bend", "channel": 1, "value": 0}),
    ("e0 00 00", "bend           ch 1   -8192", {"kind": "bend", "channel": 1, "value": -8192}),
    ("e0 7f 7f", "bend           ch 1   8191", {"kind": "bend", "channel": 1, "value": 8191}),
    ("f0 7d 01 02 f7", "sysex          5", {"kind": "sysex", "length": 5}),
    ("fa", "start          fa", {"kind": "start", "bytes": "fa"}),
    ("f2 10 00", "song position  f2 10 00", {"kind": "song position", "bytes": "f2 10 00"}),
    ("fd", "unknown        fd", {"kind": "unknown", "bytes": "fd"}),
]


class Keyboard:
    """An input with what is to arrive at each poll, in a time that only sleeping moves; then Ctrl-C."""

    name = "Key\x1b[2Jboard"
    connected = True

    def __init__(self, arrivals: Sequence[Sequence[str]], remarks: Sequence[str] = ()) -> None:
        self.now_s = 100.0
        self._arrivals = list(arrivals)
        self._remarks = list(remarks)

    def __enter__(self) -> "Keyboard":
        return self

    def __exit__(self, *_: object) -> None:
        self.connected = False

    def now(self) -> float:
        return self.now_s

    def sleep(self, for_s: float) -> None:
        self.now_s += for_s

    def poll(self, now_s: float) -> list[Arrival]:
        if not self._arrivals and not self._remarks:
            raise KeyboardInterrupt
        messages = self._arrivals.pop(0) if self._arrivals else []
        return [Incoming(now_s, bytes.fromhex(message)) if message else Gone(now_s) for message in messages]

    def follow(self) -> str:
        return self._remarks.pop(0) if self._remarks else ""


@pytest.mark.parametrize(("message", "line", "said"), MESSAGES)
def test_a_message(message: str, line: str, said: dict[str, int | str]) -> None:
    assert describe(bytes.fromhex(message)) == said
    keyboard = Keyboard([[message]])
    assert list(lines_of(keyboard, keyboard.now, keyboard.sleep, 1)) == [f"     0.000  {line}"]


def test_every_channel_message_is_known() -> None:
    for status in range(0x80, 0xF0):
        message = bytes((status, 1)) if 0xC0 <= status < 0xE0 else bytes((status, 1, 2))
        assert describe(message)["channel"] == (status & 0x0F) + 1


def test_time_is_since_the_start_and_it_ends_at_the_count() -> None:
    keyboard = Keyboard([["90 3c 40"], [], ["80 3c 00", "90 40 40", "80 40 00"]])
    lines = [json.loads(line) for line in lines_of(keyboard, keyboard.now, keyboard.sleep, 3, as_json=True)]
    assert [(line["time_s"], line["kind"], line["note"]) for line in lines] == [
        (0.0, "note on", "C4"),
        (0.002, "note off", "C4"),
        (0.002, "note on", "E4"),
    ]


@pytest.mark.parametrize(
    ("as_json", "says"),
    [(False, "input Key [2Jboard is gone"), (True, '{"remark": "input Key\\u001b[2Jboard is gone"}')],
)
def test_an_input_that_goes_is_told(as_json: bool, says: str) -> None:
    keyboard = Keyboard([[""]], ["input Key\x1b[2Jboard is gone"])
    assert next(lines_of(keyboard, keyboard.now, keyboard.sleep, as_json=as_json)) == says


@pytest.mark.parametrize(("options", "lines"), [([], 3), (["--count", "2"], 2), (["--json", "-i", "Keys"], 3)])
def test_the_command_shows_until_it_is_stopped(options: list[str], lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, opened = Keyboard([["90 3c 40", "80 3c 00"], ["b0 01 40"]]), list[tuple[str | None, str]]()

    def input_port(wanted: str | None, api: str) -> Keyboard:
        opened.append((wanted, api))
        return keyboard

    monkeypatch.setattr(ports, "InputPort", input_port)
    monkeypatch.setattr(systems, "reachable_api", lambda wanted: wanted or "alsa")
    app = typer.Typer()
    app.command()(monitor)
    ended = CliRunner().invoke(app, options)
    assert ended.exit_code == 0
    assert len(ended.stdout.splitlines()) == lines
    assert ended.stderr == "Key [2Jboard, until Ctrl-C\n"
    assert opened == [("Keys" if "-i" in options else None, "alsa")]
    assert not keyboard.connected
