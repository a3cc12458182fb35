"""Which changes are played: what counts as a substitution, and a network that has learned some, counted."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from improv.models.contract import ModelSpec, Tensor, Tensors
from improv.music.grid import BEATS_PER_BAR
from improv.music.theory import STEPS_PER_BEAT, Form
from improv.protocol.controls import CHANGES
from tests.conftest import tiers
from tests.training.solos import solo
from training.corpora.solos import Solo
from training.datasets.choruses import CELLS, runs
from training.evaluation.chord_substitutions import (
    FIGURES,
    LENGTHS,
    ONE_BEAT,
    SAME,
    SUBSTITUTIONS,
    TEMPERATURES,
    Chorus,
    jams,
    kept,
    loses_form,
    of_players,
    played,
    shares,
    table,
    tune_by_tune,
)
from training.networks.chord_lstm import ChordLstm
from training.trainers.chord_lstm import CONFIG, ChordTask
from training.trainers.export import specify
from training.trainers.partner import likeliest_form
from training.trainers.train import train

PLAIN = "C7 | C7 | C7 | C7 | F7 | F7 | C7 | C7 | G7 | F7 | C7 | C7"


def chorus(text: str) -> Chorus:
    """A chorus as `Form.parse` reads it."""
    return Form.parse(text).chords[::STEPS_PER_BEAT]


def with_bar(number: int, chords: str) -> Chorus:
    """The plain blues with another bar."""
    bars = PLAIN.split(" | ")
    return chorus(" | ".join([*bars[: number - 1], chords, *bars[number:]]))


@pytest.mark.parametrize(
    ("found", "has"),
    [
        (chorus(PLAIN), ""),
        (with_bar(2, "F7"), "quick change"),
        (with_bar(2, "F7 F#dim7"), "quick change"),
        (with_bar(2, "C7 F7"), ""),
        (with_bar(6, "F#dim7"), "#IV diminished in bar 6"),
        (with_bar(6, "F7 Adim7"), "#IV diminished in bar 6"),
        (with_bar(7, "F#dim7"), ""),
        (with_bar(8, "Em7 A7"), "VI in bar 8"),
        (with_bar(9, "Dm7"), ""),
        (chorus(PLAIN.replace("G7 | F7", "Dm7 | G7")), "ii-V in bars 9-10"),
        (chorus(PLAIN.replace("G7 | F7", "Dm7b5 | Dm7 G7")), "ii-V in bars 9-10"),
        (chorus(PLAIN.replace("G7 | F7", "D7 | G7")), ""),
        (with_bar(10, "Db7"), "tritone substitution"),
        (with_bar(4, "C7 Gb7"), "tritone substitution"),
        (with_bar(4, "C7 Gbm7"), ""),
        (with_bar(12, "Db7"), "tritone substitution, turnaround in bars 11-12"),
        (with_bar(12, "G7"), ""),
        (with_bar(11, "C7 A7"), "turnaround in bars 11-12"),
        (with_bar(1, "Cm7"), "in minor"),
    ],
)
def test_a_substitution_is_known(found: Chorus, has: str) -> None:
    assert ", ".join(name for name, known in SUBSTITUTIONS.items() if known(found)) == has


def test_a_form_is_lost_with_its_first_beat_or_its_fifth_bar() -> None:
    assert not loses_form(chorus(PLAIN))
    assert not loses_form(with_bar(5, "Fm7 C7"))
    assert not loses_form(with_bar(1, "Cmaj7 G7"))
    assert loses_form(with_bar(5, "C7"))
    assert loses_form(with_bar(1, "G7 C7"))
    assert loses_form((None,) * 48)


def test_shares_are_of_all_choruses_and_what_comes_again_is_within_a_jam() -> None:
    plain, quick, short = chorus(PLAIN), with_bar(2, "F7"), with_bar(12, "C7 C7 Dm7 G7")
    found = shares([[plain, plain, quick], [quick, short]])
    assert found["quick change"] == 2 / 5
    assert found[SAME] == 1 / 3
    assert found[ONE_BEAT] == 2 / 5
    assert found[LENGTHS] == (6 + 6 + 8 + 8 + 8) / 5
    assert math.isnan(shares([[plain]])[SAME])
    with pytest.raises(ValueError, match="no choruses"):
        shares([[]])
    assert tuple(found) == FIGURES
    lines = table({"one": found, "other": found})
    assert {line.count("|") for line in lines} == {4}
    assert lines[2] == "| quick change | 40.0% | 40.0% |"


# --- a network that has learned some ----------------------------------------------------------------

TUNES = {
    "plain": PLAIN,
    "plain too": PLAIN,
    "plain as well": PLAIN,
    "sharp": PLAIN.replace("F7 | F7 |", "F7 | F#dim7 |"),
    "lost": PLAIN.replace("F7 | F7 |", "C7 | C7 |"),
}
"""Three in five are the plain blues, one in five has the fourth degree raised, and one loses the form."""


def tune(name: str) -> Solo:
    """Three choruses over a tune, in G."""
    form = Form.parse(TUNES[name]).transposed(7)
    chords = tuple(form.chord_at(step) for step in range(0, 3 * form.steps, STEPS_PER_BEAT))
    return replace(solo(1, bars=36), title=name, name=name, chords=chords, choruses=(0, 12, 24))


SOLOS = [tune(name) for name in TUNES]


class InTorch:
    """A network of the changes as the session asks it, without a file."""

    def __init__(self, network: ChordLstm) -> None:
        self._network = network.eval()
        self.spec: ModelSpec = specify(
            network, name="changes", summary="changes", encoding="cells", key="C", form=likeliest_form(network).text,
            primers=(), data={"source": "none", "licence": "none"}, seed=0, figures={},
        )  # fmt: skip

    @torch.no_grad()
    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        told = [features[name] for name in self.spec.features] + [memory[name] for name in self.spec.state]
        chord, *state = (found.numpy() for found in self._network(*(torch.from_numpy(np.array(x)) for x in told)))
        return {"next_chord": chord}, dict(zip(self.spec.state, state, strict=True))

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        raise AssertionError("it has no melody")

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")


@pytest.fixture(scope="module")
def learned() -> InTorch:
    """What the tunes teach, the same in little time."""
    network, _ = train(replace(CONFIG, updates=200), ChordTask(runs(SOLOS), runs(SOLOS)))
    assert not network.training
    return InTorch(network)


def untaught(seed: int) -> InTorch:
    """A network that has learned nothing, and says one thing or another with some certainty."""
    torch.manual_seed(seed)
    network = ChordLstm()
    with torch.no_grad():
        network.follows.weight.mul_(8)
        network.stays.bias.sub_(2)
    return InTorch(network)


def test_players_are_counted_tune_by_tune_without_those_that_lose_the_form() -> None:
    tunes, left_out = of_players(SOLOS)
    assert (len(tunes), left_out) == (4, 3)
    assert tune_by_tune(tunes)["#IV diminished in bar 6"] == 1 / 4
    assert tune_by_tune(tunes)[SAME] == 1
    assert [run.choruses for run in runs(SOLOS)] == [3] * 4
    assert of_players([solo(1, blues=False), solo(1, tonic=None)]) == ({}, 0)


@pytest.mark.parametrize("choruses", tiers(16, 400))
def test_at_0_it_goes_on_for_ever_with_the_same_twelve_bars(choruses: int, learned: InTorch) -> None:
    found = kept(learned, choruses, lambda done: None)
    assert (found.choruses, found.unlike_the_first) == (choruses, 0)
    assert found.repeats is not None  # bit for bit: there is no more to count
    ((first, _),) = played(learned, 0.0, 1, 0)
    assert first == chorus(PLAIN)


@pytest.mark.parametrize("jams_played", tiers(16, 60))
def test_turned_up_it_plays_what_players_do(jams_played: int, learned: InTorch) -> None:
    name = "#IV diminished in bar 6"
    found = {at: shares(jams(learned, at, jams_played)) for at in (0.25, 1.0, CHANGES.high)}
    assert found[0.25][name] < found[1.0][name] + 0.01
    assert 0.05 < found[1.0][name] < 0.6
    assert found[CHANGES.high][name] > 0.1
    assert all(of[ONE_BEAT] < 0.1 for of in found.values())


@pytest.mark.full
@pytest.mark.parametrize("choruses", [1, 4])
def test_the_form_is_kept_at_every_temperature_by_whatever_network(choruses: int, learned: InTorch) -> None:
    assert max(TEMPERATURES) == CHANGES.high
    for model in (learned, untaught(1), untaught(2)):
        for temperature in (0.0, *TEMPERATURES):
            found = [chorus for jam in jams(model, temperature, choruses) for chorus in jam]
            assert not any(map(loses_form, found))
    wild = [chorus for jam in jams(untaught(1), CHANGES.high, 4) for chorus in jam]
    assert len(set(wild)) == 4  # there was something to lose


@pytest.mark.full
def test_the_form_is_kept_over_thousands_of_choruses(learned: InTorch) -> None:
    assert kept(learned, 10_000, lambda done: None).unlike_the_first == 0
    for model in (learned, untaught(1)):
        for temperature in TEMPERATURES:
            assert not any(loses_form(chorus) for jam in jams(model, temperature, 2_000) for chorus in jam)


def test_a_chord_that_was_never_learned_stays_as_any_other(learned: InTorch) -> None:
    """Once it is drawn, a chord lasts as long as chords do, though no player has played it here."""
    network = learned._network
    place = torch.zeros(1, 20)
    place[0, 3] = place[0, 8 + 2] = 1
    for symbol in ("Bbm7", "F#maj7", "C7"):
        unit = int(np.argmax(CELLS.chord_units(Form.parse(symbol).chords[0])))
        state = [torch.zeros(1, width) for width in network.STATE.values()]
        with torch.no_grad():
            for _ in range(BEATS_PER_BAR):
                logits, *state = network(network.chords[unit][None], place, *state)
        assert torch.softmax(logits[0], 0)[unit] > 0.9
        assert int(logits[0].argmax()) == unit
