"""The loop that every network is trained by: seeded, stopped and resumed, judged, and sent back."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from improv.errors import UsageError
from tests.training.solos import solo
from training.datasets.cuts import Mix
from training.datasets.sequences import sequences
from training.trainers import melody_lstm
from training.trainers.checkpoints import Log
from training.trainers.melody_lstm import MelodyTask, surprise
from training.trainers.progress import portion
from training.trainers.train import Config, Task, is_over, rate_at, train

LINES = replace(melody_lstm.CONFIG, updates=6, batch=2, steps=24, check_every=2, patience=9)
TRAINING, VALIDATION = sequences([solo(1), solo(2, blues=False)]), sequences([solo(3)])
OF_LINES = MelodyTask(TRAINING, VALIDATION, hidden=8)


@dataclass(frozen=True, slots=True)
class Slope(Task[nn.Linear, tuple[Tensor, Tensor]]):
    """A straight line through random points, dropped out now and then: all that a run draws from."""

    score: ClassVar[str] = "off"

    target: float = 2.0
    scores: list[float] = field(default_factory=list)
    """What validation says, one after another, instead of how far off the slope is."""

    def settings(self) -> Mapping[str, object]:
        return {"target": self.target}

    def network(self) -> nn.Linear:
        return nn.Linear(1, 1)

    def batch(self, config: Config, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        given = torch.from_numpy(rng.normal(size=(config.batch, 1)).astype(np.float32))
        return given, nn.functional.dropout(self.target * given, 0.1)

    def losses(self, network: nn.Linear, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        given, wanted = batch
        return {"squares": ((network(given) - wanted) ** 2).mean()}

    def validate(self, network: nn.Linear) -> dict[str, float]:
        return {"off": self.scores.pop(0) if self.scores else abs(float(network.weight) - self.target)}


SLOPE = Config(updates=60, batch=8, rate=0.2, check_every=10)


def weights(network: nn.Module) -> list[Any]:
    return [value.tolist() for value in network.state_dict().values()]


class Stopped(Exception):
    pass


def stop_after(share: float) -> Any:
    """Return a progress that stops the run at the first check after a share of it."""

    def stop(done: float, how: str) -> None:
        if "validation" in how and done > share:
            raise Stopped

    return stop


# --- seeds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeding", ["run", "update"])
def test_the_same_seed_gives_the_same_network_and_another_another(seeding: Any) -> None:
    config = replace(SLOPE, seeding=seeding)
    first, again, other = (train(each, Slope())[0] for each in (config, config, replace(config, seed=2)))
    assert weights(first) == weights(again) != weights(other)
    assert not first.training


def test_what_is_trained_falls_towards_the_target() -> None:
    _, log = train(SLOPE, Slope())
    assert log.checks[-1]["off"] < 0.3  # a new network's slope is from -1 to 1, so at least 1 off
    assert len(log.losses["squares"]) == 60


# --- stopped and resumed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "task"),
    [(LINES, OF_LINES), (SLOPE, Slope()), (replace(SLOPE, seeding="run", averaged_over=9), Slope())],
    ids=["lines", "each update by itself", "one stream"],
)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(config: Config, task: Any, tmp_path: Path) -> None:
    whole, log = train(config, task, checkpoint=tmp_path / "whole")
    with pytest.raises(Stopped):
        train(config, task, checkpoint=tmp_path / "stopped", progressed=stop_after(0.6))
    begun: list[float] = []
    resumed, resumed_log = train(
        config, task, checkpoint=tmp_path / "stopped", progressed=lambda done, _how: begun.append(done)
    )
    assert min(begun) > 0.6
    assert weights(whole) == weights(resumed)
    assert (log.losses, log.checks) == (resumed_log.losses, resumed_log.checks)
    assert [check["update"] for check in log.checks] == [
        *range(config.check_every, config.updates + 1, config.check_every)
    ]


@pytest.mark.parametrize(
    ("config", "task", "what"),
    [
        (replace(LINES, seed=2), OF_LINES, "seed"),
        (LINES, replace(OF_LINES, training=sequences([solo(1), solo(4, blues=False)])), "learned_from"),
        (LINES, replace(OF_LINES, answers=sequences([solo(5)])), "learned_from"),
        (replace(LINES, rate=1.0), replace(OF_LINES, mix=Mix(silence=0.1)), "rate, silence"),
    ],
)
def test_a_checkpoint_of_another_config_or_of_other_data_is_not_gone_on_from(
    config: Config, task: MelodyTask, what: str, tmp_path: Path
) -> None:
    said: list[str] = []

    def trained(config: Config, task: MelodyTask, file: str) -> list[Any]:
        return weights(
            train(config, task, checkpoint=tmp_path / file, progressed=lambda _done, how: said.append(how))[0]
        )

    trained(LINES, OF_LINES, "kept")
    assert trained(config, task, "kept") == trained(config, task, "new")
    assert f"{tmp_path / 'kept'} follows from another {what}: beginning anew" in said
    trained(config, task, "new")
    assert said[-1] == f"{tmp_path / 'new'} has learned 6 updates before"


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"something else"):
        (tmp_path / "kept").write_bytes(content)
        with pytest.raises(UsageError, match="is no checkpoint of this trainer"):
            train(SLOPE, Slope(), checkpoint=tmp_path / "kept")
    torch.save({"update": 3}, tmp_path / "kept")
    with pytest.raises(UsageError, match="remove it to begin anew"):
        train(SLOPE, Slope(), checkpoint=tmp_path / "kept")


def test_a_checkpoint_of_other_layers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(SLOPE, Slope(), checkpoint=tmp_path / "kept")
    monkeypatch.setattr(Slope, "network", lambda self: nn.Linear(1, 2))
    with pytest.raises(UsageError, match="is of this network as it was before; remove it"):
        train(SLOPE, Slope(), checkpoint=tmp_path / "kept")


def test_a_checkpoint_of_the_first_version_is_begun_anew(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(LINES, OF_LINES, checkpoint=tmp_path / "kept", progressed=stop_after(0.6))
    found = torch.load(tmp_path / "kept", weights_only=True)
    torch.save({"recipe": found["follows_from"], "network": found["network"]}, tmp_path / "kept")
    said: list[str] = []
    train(LINES, OF_LINES, checkpoint=tmp_path / "kept", progressed=lambda _, how: said.append(how))
    assert "beginning anew" in said[0]


# --- judged -----------------------------------------------------------------------------------


def test_it_stops_when_it_no_longer_learns_and_leaves_with_its_best() -> None:
    config = replace(LINES, updates=60, check_every=1, patience=1, rate=0.5, averaged_over=1)
    network, log = train(config, OF_LINES)
    found = [check["step"] for check in log.checks]
    assert len(found) < 60
    assert surprise(network, VALIDATION)["step"] == pytest.approx(min(found))


def test_it_ends_with_the_best_or_the_latest_weights() -> None:
    scores = [5.0, 1.0, 3.0, 4.0]
    config = replace(SLOPE, updates=40)
    best, latest = (train(replace(config, keeps=keeps), Slope(scores=list(scores)))[0] for keeps in ("best", "latest"))
    assert weights(best) == weights(train(config, Slope(scores=[4.0, 3.0, 5.0, 5.0]))[0])
    assert weights(latest) == weights(train(config, Slope(scores=[4.0, 3.0, 2.0, 1.0]))[0])


def test_a_score_that_is_good_enough_ends_it() -> None:
    _, log = train(replace(SLOPE, enough=1.0), Slope(scores=[5.0, 1.0, 0.5, 0.1]))
    assert [check["update"] for check in log.checks] == [10, 20, 30]


def test_in_its_second_half_it_goes_back_from_what_is_not_tolerated() -> None:
    config = replace(SLOPE, updates=40, keeps="latest", tolerated=2.0)
    spoilt, log = train(config, Slope(scores=[1.0, 3.0, 1.0, float("nan")]))
    assert log.returns == 2
    kept, log = train(config, Slope(scores=[1.0, 3.0, 1.0, 3.0]))
    assert weights(spoilt) == weights(kept)
    never, log = train(config, Slope(scores=[3.0, 3.0, 3.0, 3.0]))
    torch.manual_seed(config.seed)
    assert weights(never) == weights(Slope().network())
    assert log.returns == 3


@pytest.mark.parametrize(
    ("found", "over"),
    [([], False), ([3.0], False), ([3.0, 1.0, 2.0], False), ([3.0, 1.0, 2.0, 1.0], True), ([0.4], True)],
)
def test_a_run_is_over(found: list[float], over: bool) -> None:
    log = Log(checks=[{"off": score} for score in found])
    assert is_over(replace(SLOPE, patience=2, enough=0.5), "off", log) is over


# --- the rate ---------------------------------------------------------------------------------


def test_the_rate_goes_up_and_down_twice() -> None:
    config = replace(melody_lstm.CONFIG, rate=2.0, updates=3_000, cycle=2_000)
    rates = [rate_at(config, update) for update in range(1, 3_001)]
    assert max(rates[:2_000]) == pytest.approx(rates[199]) == pytest.approx(1.95, abs=0.01)
    assert rates[1_999] == pytest.approx(0) == rates[-1]
    assert 0.8 < max(rates[2_000:]) < 1
    once = replace(config, updates=1_000)
    assert rate_at(once, 1_000) == pytest.approx(0) != rate_at(once, 500)


def test_the_rate_falls_along_a_line() -> None:
    config = replace(SLOPE, schedule="linear", rate=1.0, updates=9)
    assert [rate_at(config, update) for update in (1, 5, 9)] == pytest.approx([0.9, 0.5, 0.1])


# --- how far it is -----------------------------------------------------------------------------


def test_a_part_of_the_work_is_shown_as_a_part_of_the_whole() -> None:
    said: list[tuple[float, str]] = []
    of_part = portion(lambda done, how: said.append((done, how)), 0.5, 1.0, "melody")
    of_part(0.0, "begins")
    portion(of_part, 0.0, 0.5)(1.0, "half of it")
    assert said == [(0.5, "melody: begins"), (0.75, "melody: half of it")]


# --- what a run follows from ------------------------------------------------------------------


def test_a_config_cannot_be_changed_and_is_its_values() -> None:
    assert copy.deepcopy(SLOPE) == SLOPE
    assert Config(**asdict(SLOPE)) == SLOPE
    with pytest.raises(AttributeError):
        SLOPE.rate = 1.0  # type: ignore[misc]
