"""What the tests share: a network of a few lines, and small sessions to play with."""

import os
import re
import signal
from collections.abc import Callable, Collection, Iterable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from improv.models.contract import CONTRACT, ModelSpec, Tensor, Tensors
from improv.models.encodings import ENCODINGS
from improv.music.styles import Style
from improv.music.theory import STEPS_PER_BEAT, Chord, Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import OWN, Settings
from improv.session.lifecycle import begin
from improv.session.state import Session

os.environ.setdefault("IMPROV_AUDIO", "off")
"""No test sounds, nor waits for a synth to start, unless it is about that."""

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""For PyTorch, before it is imported: on networks as small as these a second thread only waits, and spins meanwhile."""

for _number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if (
        signal.getsignal(_number) is signal.SIG_IGN
    ):  # a job in the background, or under nohup: its children would be too
        signal.signal(_number, lambda *_: None)

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a busy machine is no failure

HERE = Path(__file__).parent
LEARNS = re.compile(r"^(from|import) (torch|training|tests\.training)\b", re.MULTILINE)
collect_ignore = (
    []
    if find_spec("torch")
    else [str(path.relative_to(HERE)) for path in HERE.rglob("test_*.py") if LEARNS.search(path.read_text())]
)
"""What is tested of learning, where torch is not installed: make test leaves it out for all Pythons but its own."""


def tiers(quick: object, full: object) -> list[object]:
    """A parameter's value every time, and in the full tier."""
    return [quick, pytest.param(full, marks=pytest.mark.full)]


def combined(*axes: Iterable[object], quick: Callable[..., bool]) -> list[object]:
    """Every combination of some parameters' values; those that are not quick are left to the full tier."""
    return [pytest.param(*row, marks=() if quick(*row) else pytest.mark.full) for row in product(*axes)]


def tried(
    quick: int, full: int, *strategies: SearchStrategy[Any], phases: Collection[Phase] = tuple(Phase)
) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """A property that is tried with so many examples every time, and so many in the full tier."""

    def in_tiers(holds: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize("examples", tiers(quick, full))
        def test(examples: int) -> None:
            settings(max_examples=examples, phases=phases)(given(*strategies)(holds))()

        test.__doc__ = holds.__doc__
        return test

    return in_tiers


WITHOUT_SHRINKING = (Phase.explicit, Phase.generate)
"""To make a failure smaller takes minutes where each try is a jam."""

CHANGES = "C7 | F7 | C7 | G7"
LOCAL_NOTES = ENCODINGS["local_notes"]


def form_chord(session: Session) -> Chord:
    """The form's chord at a session's step, in the network's key."""
    return session.tune.form.chord_at(session.place)


@pytest.fixture(autouse=True)
def takes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where jams are recorded, for tests and for the processes they start, which keep everything else there too."""
    monkeypatch.setenv("IMPROV_TAKES", str(tmp_path / "takes"))
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("IMPROV_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "takes"


class Echo:
    """A network that counts the form, and plays a semitone above the highest note it has just been fed."""

    def __init__(self, changes: str = CHANGES, melody: bool = True, primers: tuple[tuple[int, ...], ...] = ()) -> None:
        form = Form.parse(changes)
        names = ("chord", "melody") if melody else ("chord",)
        self.spec = ModelSpec(
            contract=CONTRACT,
            name="echo",
            summary="a semitone higher",
            encoding="local_notes",
            fingerprint=LOCAL_NOTES.fingerprint,
            steps_per_beat=STEPS_PER_BEAT,
            features={name: LOCAL_NOTES.features[name] for name in names},
            state={"count": (1, 1)},
            heads={f"next_{name}": LOCAL_NOTES.heads[f"next_{name}"] for name in names},
            key="C",
            form=changes,
            primers=primers,
            data={"source": "none", "licence": "none"},
            seed=0,
            figures={},
        )
        self._chords = np.array([LOCAL_NOTES.chord_units(chord) for chord in form.chords])
        self.fed: list[Tensors] = []

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self.fed.append(features)
        count = memory["count"] + 1
        chord = self._chords[int(count[0, 0]) % len(self._chords)]
        heads: dict[str, np.ndarray] = {"next_chord": (20 * chord - 10)[None].astype(np.float32)}
        if "next_melody" in self.spec.heads:
            on = np.flatnonzero(features["melody"])
            melody = np.full((1, 13), -30, np.float32)
            melody[0, (int(on[-1]) + 1) % 13 if len(on) else 0] = 30
            heads["next_melody"] = melody
        return heads, {"count": count}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        raise AssertionError("its melody is one choice a step")

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")

    def fed_pitches(self) -> list[list[int]]:
        """The pitches each step was fed, since the model was made."""
        return [[60 + int(unit) for unit in np.flatnonzero(features["melody"])] for features in self.fed]


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def begun(echo: Echo) -> Callable[..., Session]:
    """A session of the echo at 120 bpm: an eighth lasts 0.25 s and step 0 sounds at 0 s.

    Its chords are held, it waits for you, and its melody is played as it is notated.
    """

    def begun(mode: Mode = Mode.TRADE, bars: int = 1, key: str = OWN, count_in_bars: int = 0) -> Session:
        settings = Settings(mode=mode, bars=bars, key=key, seed=1, style=Style.PADS, wait=0, dynamics=0, feel=0)
        session = begin(echo, settings, Transport(0, 0.0, 120), count_in_bars=count_in_bars)
        echo.fed.clear()
        return session

    return begun
