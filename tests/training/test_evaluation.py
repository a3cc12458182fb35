"""The judgement: known answers for small players, and all of it once on solos that were made up."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from math import log, nan
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from improv.models.catalog import find_model
from improv.models.contract import CONTRACT, ModelSpec, Tensor, Tensors
from improv.models.encodings import ENCODINGS
from improv.models.onnx_runtime import OnnxModel
from improv.music.rhythm import RHYTHMS
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT, Chord, Form
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from tests.conftest import Echo
from tests.training.test_markov import line as choices
from tests.training.test_metrics import eighths, line, moved
from tests.training.test_solos import solo
from training.baselines import logistic_regression as regression
from training.baselines.markov import nats
from training.corpora.solos import Note, Solo
from training.corpora.wjazzd_split import Split
from training.datasets.sequences import CELLS
from training.evaluation import call_and_response as trading
from training.evaluation import judgement
from training.evaluation import report as evaluate
from training.evaluation.call_and_response import Call, calls, is_echo
from training.evaluation.judgement import PEOPLE, Row, judge, position, surprise_figures
from training.evaluation.report import table, to_json
from training.metrics import report, two_sample_test
from training.metrics.bootstrap import Figure, resamples
from training.metrics.melody import Melody, melody
from training.metrics.two_sample_test import two_sample_accuracy
from training.rendering.playing import Surprise, play_alone, play_answer, play_memory, session_before_turn, surprise

BAR = 48
BLUES = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | C7 | G7 | F7 | C7 | G7")
ALONE = Settings(mode=Mode.SOLO, seed=0)
C, D, E, F, G, A = 60, 62, 64, 65, 67, 69


class Even:
    """A network of lines that never prefers anything: what it says of a head is the same number for each unit."""

    def __init__(self, likes: int | None = None) -> None:
        cells = ENCODINGS["cells"]
        self.likes = likes
        self.spec = ModelSpec(
            contract=CONTRACT,
            name="even",
            summary="anything",
            encoding="cells",
            fingerprint=cells.fingerprint,
            steps_per_beat=STEPS_PER_BEAT,
            features={"rhythm": cells.features["rhythm"]},
            state={"count": (1, 1)},
            heads=cells.heads,
            key="C",
            form=BLUES.text,
            primers=(),
            data={"source": "none", "licence": "none"},
            seed=0,
            figures={},
        )

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        heads = {name: np.zeros(head.shape, np.float32) for name, head in self.spec.heads.items()}
        if self.likes is not None:
            heads["next_pitch"][0, CELLS.unit(self.likes)] = 2
        return heads, {"count": memory["count"] + 1}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        return self.step(features, memory)[0][head]

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")


def blues(name: str, seed: int, choruses: int = 2) -> Solo:
    """A walk of eighths and rests over some choruses."""
    rng = np.random.default_rng(seed)
    pitches = 60 + np.abs(np.cumsum(rng.integers(-3, 4, choruses * 96))) % 24
    notes = [Note(6 * at, 6 * at + 6, int(pitch)) for at, pitch in enumerate(pitches) if rng.random() < 0.7]
    chords = [BLUES.chord_at(step) for step in range(0, 96, 2)] * choruses
    made = solo(*notes, chords=tuple(chords))
    return replace(made, name=name, title=name, choruses=tuple(range(0, 12 * choruses, 12)))


# --- playing --------------------------------------------------------------------------------------


def test_alone_a_model_plays_through_the_session_from_the_top() -> None:
    line = play_alone(Echo(), 2, ALONE)
    assert [set(frame.melody.pitches) for frame in line[:4]] == [{60}, {61}, {62}, {63}]
    assert [frame.chord for frame in line] == [Chord.parse("C7")] * STEPS_PER_BAR + [Chord.parse("F7")] * STEPS_PER_BAR


def test_a_memory_is_all_its_numbers_step_by_step() -> None:
    counted = play_memory(Echo(), 1, ALONE)
    assert counted.shape == (STEPS_PER_BAR, 1)
    assert np.diff(counted[:, 0]).tolist() == [1] * (STEPS_PER_BAR - 1)


def test_an_answer_follows_what_was_heard_and_only_that() -> None:
    model = Echo()
    session = session_before_turn(model, bars=1, place=0)
    heard = play_answer(model, session, [Note(42, 48, 64)], temperature=1.0, seed=0)
    assert [set(frame.melody.pitches) for frame in heard] == [{65 + at} for at in range(8)]
    again = play_answer(model, session, [Note(42, 60, 70)], temperature=1.0, seed=0)
    assert set(again[0].melody.pitches) == {71}
    silent = play_answer(model, session, [], temperature=1.0, seed=0)
    assert set(silent[0].melody.pitches) == {60}


@pytest.mark.parametrize(("bars", "place", "step"), [(4, 0, 0), (4, 8, 64), (4, 4, 128), (2, 4, 32)])
def test_a_turn_comes_at_the_place_of_the_call(bars: int, place: int, step: int) -> None:
    model = Echo(BLUES.text)
    session = session_before_turn(model, bars, place)
    assert session.step + 1 == step
    found = play_answer(model, session, [], temperature=1.0, seed=0)
    assert [frame.chord for frame in found] == [
        BLUES.chord_at((place + bars) * STEPS_PER_BAR + at) for at in range(bars * STEPS_PER_BAR)
    ]


def test_a_turn_that_never_comes_is_told() -> None:
    with pytest.raises(ValueError, match="never begins at bar 3"):
        session_before_turn(Even(), bars=2, place=2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eck2002-chords"], "it knows the changes alone and plays no melody"),
        (["nothing-of-the-kind"], "nothing-of-the-kind"),
        (["--out", "taken/evaluation"], "taken/evaluation: Not a directory"),
        (["--data", "nowhere"], "nowhere: No such file"),
    ],
)
def test_what_cannot_be_judged_is_told_at_once(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    monkeypatch.setattr("sys.argv", ["evaluate", *arguments])
    with pytest.raises(SystemExit) as ended:
        evaluate.main()
    assert ended.value.code
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


# --- understanding --------------------------------------------------------------------------------


def test_who_prefers_nothing_is_as_surprised_as_there_are_choices() -> None:
    notes = (Note(0, 6, C), Note(6, 12, D), Note(12, 18, E), Note(15, 18, F))
    found = surprise(Even(), [solo(*notes), solo(Note(6, 12, G))], (1.0, 2.0))
    assert found is not None
    of = found[2.0]
    assert of.steps.tolist() == [7, 7]
    assert of.notes.tolist() == [3, 1]
    assert of.rhythms.tolist() == pytest.approx([7 * log(len(RHYTHMS))] * 2)
    assert of.pitches.tolist() == pytest.approx([3 * log(72), log(72)])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_and_what_is_foreseen_by_hand(temperature: float) -> None:
    found = surprise(Even(likes=E), [solo(Note(0, 6, C), Note(6, 12, E), Note(12, 18, F))], (temperature,))
    assert found is not None
    more = np.exp(2 / temperature)
    whole = 71 + more
    assert found[temperature].pitches.tolist() == pytest.approx([log(whole / more) + log(whole)])
    assert found[temperature].foreseen.tolist() == [1]


def test_who_cannot_be_told_of_solos_is_not_asked() -> None:
    assert surprise(Echo(), [solo(Note(0, 6, C))], (1.0,)) is None


def test_nats_are_of_all_solos_and_beside_anothers_solo_by_solo() -> None:
    ones = np.ones(2)
    one = Surprise(np.array([10.0, 30.0]), np.array([10.0, 10.0]), 10 * ones, 5 * ones, np.array([1.0, 2.0]))
    other = Surprise(np.array([20.0, 40.0]), np.array([10.0, 10.0]), 10 * ones, 5 * ones, 0 * ones)
    found = surprise_figures(one, {"other": other})
    assert found["nats an eighth"].value == pytest.approx(60 / 20)
    times = found["nats an eighth, times that of the other"]
    assert times.value == pytest.approx(60 / 80)
    assert (times.low, times.high) == pytest.approx((20 / 30, 40 / 50))  # of each solo its own
    assert found["nats a note"].value == pytest.approx(2)
    assert found["next note foreseen"].value == pytest.approx(0.3)


def test_regression_learns_what_follows_and_forgets_no_kind() -> None:
    said = choices(*[0, 1] * 30, kinds=3)
    wide = replace(said, past=np.pad(said.past, ((0, 0), (0, 5)), constant_values=3))
    found = regression.learn(wide, strength=10)
    past = np.full((3, 10), 3)
    past[:, :5] = [0, 1, 0, 1, 0]
    likely = found.probability(np.arange(3), past, np.zeros(3, np.int64))
    assert likely.sum() == pytest.approx(1)
    assert likely[1] > 0.9
    assert likely[2] > 0
    assert nats(found, wide).mean() < 0.2


# --- trading --------------------------------------------------------------------------------------


def test_calls_are_cut_where_a_player_has_the_turn() -> None:
    one = blues("one", 1)
    fours, twos = calls(one, 4), calls(one, 2)
    assert [(call.place, call.bars) for call in fours] == [(0, 4), (4, 4), (8, 4), (0, 4), (4, 4)]
    assert [call.place for call in twos] == [0, 4, 8] * 2
    first = fours[1]
    assert [note.onset + 4 * BAR for note in first.notes] == [n.onset for n in one.notes if 4 <= n.onset // BAR < 8]
    assert first.line.onsets.tolist() == [note.onset for note in first.notes]
    assert first.next_line.onsets.tolist() == fours[2].line.onsets.tolist()


def test_what_is_too_short_is_no_call() -> None:
    notes = (Note(0, 6, C), Note(6, 12, D), *(Note(4 * BAR + 6 * at, 4 * BAR + 6 * at + 6, E) for at in range(3)))
    sparse = replace(solo(*notes, chords=(Chord.parse("C7"),) * 48), choruses=(0,))
    assert [call.place for call in calls(sparse, 4)] == [4]


def test_an_echo_is_the_call_at_its_place_in_any_octave_and_nothing_else() -> None:
    call = eighths(C, D, E, F)
    assert is_echo(call, call)
    assert is_echo(call, moved(call, 12))
    assert is_echo(call, eighths(C, D, E, F, G, A))
    assert not is_echo(call, eighths(C, D, E, G))  # three in four are not more than three in four
    assert not is_echo(call, moved(call, 2))
    assert not is_echo(call, moved(call, 0, bars=1))
    assert not is_echo(call, eighths())


def call_of(name: str, played: Melody) -> Call:
    return Call(name, 1, 0, (), played, played)


def test_calls_are_known_by_echoes_and_not_by_silence() -> None:
    rng = np.random.default_rng(0)
    made = [call_of(f"solo {at}", eighths(*rng.integers(55, 80, 8).tolist())) for at in range(17)]
    assert trading.recognised(made, [call.line for call in made], made).value == 1
    assert trading.recognised(made, [eighths()] * 17, made).value == 0
    assert trading.recognised(made[:2], [made[1].line, made[0].line], made).value < 1
    assert np.isnan(trading.recognised(made, [call.line for call in made], made[:10]).value)
    half = [call.line if at % 2 else eighths() for at, call in enumerate(made)]
    assert trading.echoes(made, half).value == pytest.approx(8 / 17)


# --- two_sample_test --------------------------------------------------------------------------------------


@pytest.fixture
def small_forest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_sample_test, "TREES", 15)
    monkeypatch.setattr(two_sample_test, "ROUNDS", 1)


def made_up(seeds: Sequence[int], up: int = 1) -> list[Melody]:
    """Lines that go up or down by a step in eighths, a chorus each."""
    found = []
    for seed in seeds:
        steps = np.random.default_rng(seed).choice((-up, up), 96)
        found.append(eighths(*(66 + np.cumsum(steps) % 12).tolist()))
    return found


@pytest.mark.usefixtures("small_forest")
def test_what_differs_is_told_apart_and_what_does_not_is_not() -> None:
    assert two_sample_accuracy(made_up(range(6), up=5), made_up(range(6, 12))).value > 0.95
    same = two_sample_accuracy(made_up(range(8)), made_up(range(8, 16)))
    assert same.low < 0.5 < same.high or same.value < 0.5
    assert np.isnan(two_sample_accuracy(made_up([1]), made_up([2, 3])).value)
    nothing = np.zeros(0, np.int64)
    silent = Melody(nothing, nothing, nothing, np.zeros((96, 12), bool))
    assert np.isnan(two_sample_accuracy([silent] * 3, made_up([2, 3])).value)


def test_a_machine_never_judges_a_melody_it_has_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[set[float], set[float]]] = []

    class Forest:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def fit(self, known: np.ndarray, wanted: np.ndarray) -> None:
            self.learned = {float(row[0]) for row in known}

        def predict(self, known: np.ndarray) -> np.ndarray:
            seen.append((self.learned, {float(row[0]) for row in known}))
            return np.ones(len(known), np.bool_)

    monkeypatch.setattr(two_sample_test, "ExtraTreesClassifier", Forest)
    monkeypatch.setattr(two_sample_test, "features", lambda chorus: np.array([float(chorus.pitches[0])]))
    lines = [line((0, 6, pitch), (12 * BAR, 12 * BAR + 6, pitch), bars=24) for pitch in range(50, 58)]
    assert two_sample_accuracy(lines[:4], lines[4:]).value == 0.5  # saying `people` each time is right in one half
    assert all(not learned & judged for learned, judged in seen)
    assert {pitch for _, those in seen for pitch in those} == set(map(float, range(50, 58)))
    seen.clear()
    two_sample_accuracy(lines[:6], lines[6:])
    assert {pitch for _, those in seen for pitch in those} == set(map(float, range(50, 58)))
    assert all(len(learned) == len(judged) == 2 for learned, judged in seen)  # of each set one, though one is larger


# --- the judgement --------------------------------------------------------------------------------


def test_a_figure_lies_inside_the_peoples_interval_or_beside_it() -> None:
    own = Figure(1.0, 0.5, 1.5)
    assert [position(Figure(value, nan, nan), own) for value in (0.4, 0.5, 1.5, 1.6, nan)] == [
        "below", "inside", "inside", "above", "",
    ]  # fmt: skip
    assert position(own, None) == position(own, Figure(nan, nan, nan)) == ""


def test_the_table_has_a_dash_where_there_is_no_figure() -> None:
    rows = [
        Row(PEOPLE, {"a": Figure(1.0, 0.5, 1.5), "b": Figure(20.0, 10.0, 30.0)}, ()),
        Row("one", {"n": Figure(3.0, 2.0, 4.0), "a": Figure(1.2, 1.0, 1.4), "b": Figure(40.0, 35.0, 45.0)}, ()),
        Row("two", {"a": Figure(nan, nan, nan)}, ()),
    ]
    out = StringIO()
    Console(width=100, file=out).print(table(rows))
    lines = [[cell.strip() for cell in text.split("│")[1:-1]] for text in out.getvalue().splitlines() if "│" in text]
    assert lines == [
        ["n", "-", "3.000", "-"],
        ["a", "1.000 (0.500 to 1.500)", "1.200 =", "-"],
        ["b", "20.0 (10.0 to 30.0)", "40.0 ▲", "-"],
    ]
    assert json.loads(json.dumps(to_json(rows)))["one"]["b"] == {
        "value": 40.0,
        "low": 35.0,
        "high": 45.0,
        "lies": "above",
    }
    assert to_json(rows)["two"]["a"] == {"value": None, "low": None, "high": None, "lies": None}


def test_who_hears_no_call_answers_with_what_is_played_there() -> None:
    numbered = play_alone(Echo("C7 | " * 11 + "C7"), 24, ALONE)
    there = judgement._there(Call("a", 4, 8, (), eighths(C), eighths(C)), [numbered], 0)
    assert there.pitches.tolist() == melody(numbered[96:128]).pitches.tolist()
    there = judgement._there(Call("a", 4, 8, (), eighths(C), eighths(C)), [numbered], 1)
    assert there.pitches.tolist() == melody(numbered[:32]).pitches.tolist()


@pytest.mark.usefixtures("small_forest")
def test_all_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(report, "resamples", lambda count, samples, seed: resamples(count, 100, seed))
    sides = Split(
        tuple(blues(f"training {at}", at) for at in range(3)),
        tuple(blues(f"validation {at}", 10 + at) for at in range(2)),
        tuple(blues(f"test {at}", 20 + at) for at in range(4)),
        {},
    )
    shown: list[str] = []

    def tracked(things: Sequence[object], what: str) -> Sequence[object]:
        shown.append(what)
        return things

    model, eck = Even(likes=E), OnnxModel(find_model(evaluate.ECK))
    rows = judge({"mine": model}, eck, sides, choruses=1, most_calls=4, tracked=tracked, temperatures=(1.0,))  # type: ignore[arg-type]
    by_name = {row.name: row for row in rows}
    assert list(by_name) == [
        PEOPLE, "mine at 1", "eck2002-blues at 1", "logistic regression", "Markov, order 3", "pentatonic walk",
        "best chain", "blend of chains",
    ]  # fmt: skip
    assert {"judging", "plays alone", "trades fours", "trades twos, hearing nothing"} <= set(shown)
    played = {name: [len(line) for line in row.lines] for name, row in by_name.items()}
    assert played[PEOPLE] == played["mine at 1"] == played["pentatonic walk"] == [192] * 4
    assert by_name["best chain"].figures["nats an eighth, times that of the best chain"].value == 1
    assert "nats an eighth" not in by_name["eck2002-blues at 1"].figures
    assert "call known though withheld, fours" in by_name["mine at 1"].figures
    assert "call known though withheld, fours" not in by_name["Markov, order 3"].figures
    assert not np.isnan(by_name["mine at 1"].figures["call known among sixteen, twos"].value)
    evaluate.draw(rows[:2], model, tmp_path)
    pictures = {path.name for path in tmp_path.iterdir()}
    assert {"histograms.png", "memory.png", "roll-people.png", "roll-mine-at-1.png"} <= pictures
    json.dumps(to_json(rows), allow_nan=False)


def front(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "training", *arguments], capture_output=True, text=True, check=False)


def test_the_front_names_its_commands_and_hands_on_the_rest() -> None:
    helped, wrong = front("--help"), front("judge")
    assert helped.returncode == 0
    assert all(name in helped.stdout for name in ("evaluate", "partner", "train"))
    assert wrong.returncode == 1
    assert "no command 'judge'" in wrong.stderr
    handed = front("obedience", "nothing-of-the-kind")
    assert handed.returncode == 2
    assert "no model 'nothing-of-the-kind'" in handed.stderr
