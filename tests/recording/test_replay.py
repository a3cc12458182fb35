"""A take decided again comes out the same, bit for bit, however it came about; and what does not is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from improv.config.values import Tune
from improv.errors import DataError
from improv.midi.sources import Script
from improv.models.contract import Tensors
from improv.music.clock import SimulatedClock
from improv.music.turns import Mode
from improv.protocol.commands import Panic, Set, Stop
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording import Entry, Head, Journal, Recording, read_take
from improv.recording.replay import check, entry_of, replayed
from improv.runtime.engine import Lead, perform
from improv.runtime.engine_process import _wait_for_commands
from improv.runtime.opening import begin_tune, head_of, open_network
from improv.runtime.remote_player import RemotePlayer
from improv.session.state import Moment, Session
from tests.conftest import Echo
from tests.runtime.test_engine import Apart, Commands, Failing, Slow, played, script

Begun = Callable[..., Session]
CALL = ((0.1, 0.4, 64), (0.6, 0.9, 67), (1.2, 2.9, 70), (4.1, 4.4, 72), (4.3, 5.9, 75))


def head(session: Session) -> Head:
    return Head(
        improv="test", began="2002-01-01T00:00:00+00:00", model="echo", model_sha256="",
        settings=session.settings, transport=session.position.transport, count_in_bars=0,
        form="C7 | F7 | C7 | G7", key="C",
    )  # fmt: skip


def recording(session: Session, moments: list[Moment]) -> Recording:
    entries = tuple(entry_of(moment) for moment in moments)
    return Recording(head=head(session), entries=entries, remarks=(), ended="stopped", damage="")


def again(take: Recording) -> list[int]:
    """The steps that were found to be the same; the network has no faults of its own this time."""
    return [step.entry.step for step in replayed(take, lambda *_: Echo())]


@pytest.mark.parametrize("mode", list(Mode))
def test_what_was_heard_and_asked_for_makes_the_same_music_again(mode: Mode, echo: Echo, begun: Begun) -> None:
    session = begun(mode)
    asked = Commands((1.3, Set("tempo", 200)), (2.2, Set("temperature", 0.3)), (3.0, Panic()), (3.1, Set("tempo", 90)))
    _, _, _, moments = played(session, echo, asked, script(*CALL), last_step=47)
    assert again(recording(session, moments)) == [*range(48), 47]


def test_faults_are_repeated_as_they_were_although_the_network_is_well(begun: Begun) -> None:
    session = begun(Mode.DUET)
    _, _, _, moments = played(session, Failing(5, 40), script(*CALL), last_step=63)
    assert {How.NETWORK, How.FALLBACK} == {moment.how for moment in moments}
    assert again(recording(session, moments)) == [*range(64), 63]


@pytest.mark.parametrize("late_s", [0.4, 1.3, 5.0, 100.0])
def test_so_are_waiting_missing_and_leaping(begun: Begun, late_s: float) -> None:
    session, clock, moments = begun(Mode.SOLO), SimulatedClock(-1), list[Moment]()
    perform(session, Slow(clock, {9: late_s}), Apart(clock), moments.append, lead=Lead(), last_step=447)
    assert (late_s > 5) == any(moment.skipped_choruses for moment in moments)
    assert again(recording(session, moments))[-1] == 447


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda entry: replace(entry, events=entry.events[:-1]), "other notes", id="a note is gone"),
        pytest.param(lambda entry: replace(entry, chord="Db7"), "other chord", id="another chord"),
        pytest.param(
            lambda entry: replace(entry, transport=entry.transport.with_bpm(99, entry.step)), "other tempo", id="slower"
        ),
        pytest.param(lambda entry: replace(entry, how=How.FALLBACK, fault="no"), "other notes", id="another way"),
        pytest.param(lambda entry: replace(entry, step=entry.step + 1), "other step", id="another step"),
    ],
)
def test_the_first_step_that_differs_is_named(change: Callable[[Entry], Entry], says: str, begun: Begun) -> None:
    session = begun(Mode.SOLO)
    _, _, _, moments = played(session, Echo(), Script([]), last_step=31)
    take = recording(session, moments)
    entries = [*take.entries[:17], change(take.entries[17]), *take.entries[18:]]
    with pytest.raises(DataError, match=rf"^step 1[78] is not what was recorded: .*{says}"):
        again(replace(take, entries=tuple(entries)))


class Wanderer(Echo):
    """Another network."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        outputs, memory = super().step(features, memory)
        return {name: np.roll(units, 1) for name, units in outputs.items()}, memory


def test_another_network_is_found_out(begun: Begun) -> None:
    session = begun(Mode.SOLO)
    _, _, _, moments = played(session, Echo(), Script([]), last_step=7)
    with pytest.raises(DataError, match="step 0 is not what was recorded"):
        list(replayed(recording(session, moments), lambda *_: Wanderer()))


def test_a_real_network_says_the_same_again_from_its_file(tmp_path: Path) -> None:
    """Four choruses of trading, through the journal on disk and onnxruntime."""
    tune = Tune.of(model="eck2002-blues", mode=Mode.TRADE, tempo=160)
    model = open_network(tune)
    session = begin_tune(tune, model, Mode.TRADE, 7)
    _, _, _, moments = played(session, model, script(*CALL), last_step=4 * 96 - 1, clock=SimulatedClock(-9))  # type: ignore[arg-type]
    with Journal(tmp_path, head_of(tune, model, session), patience_s=60) as journal:
        for moment in moments:
            journal.append(entry_of(moment))
    assert journal.path is not None
    assert len(check(journal.path).recording.entries) == len(moments) == 4 * 96 + 8 + 1
    assert read_take(journal.path).recovered  # it was not ended in order, and is whole all the same


def test_who_waits_long_says_so_again_and_again() -> None:
    clock = SimulatedClock(0.0)

    class Player:
        def __init__(self) -> None:
            self.clock = clock

        def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard:
            clock.wait_until(deadline_s, exactly=False)
            return Heard(commands=(Stop(),) if clock.now() == 3.0 else ())

    told: list[float] = []
    asked = _wait_for_commands(cast(RemotePlayer, Player()), 9.5, lambda: told.append(clock.now()))
    assert asked == [Stop()]
    assert told == [float(second) for second in range(1, 10)]
    assert clock.now() == 9.5
