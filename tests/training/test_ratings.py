"""The answers to a listening test: read, counted, and with the intervals that published tables have."""

import json
import re
import shutil
import subprocess
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from improv.errors import DataError, InputNotFound
from training.listening_test import page as listen
from training.listening_test import ratings
from training.listening_test.ratings import Answer, mean_interval, rows, share_interval, t_quantile


def said(source: str, clip: int, rating: int, human: bool, listener: str = "a", known: bool = False) -> Answer:
    return Answer("t", listener, clip, source, rating, human, known)


@pytest.mark.parametrize(("degrees", "wanted"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (30, 2.0423), (200, 1.9719)])
def test_quantiles_of_student(degrees: int, wanted: float) -> None:
    assert t_quantile(degrees) == pytest.approx(wanted, abs=2e-4)


@pytest.mark.parametrize(
    ("yes", "asked", "low", "high"),
    [
        (0, 10, 0, 0.3085),
        (10, 10, 0.6915, 1),
        (5, 10, 0.1871, 0.8129),
        (1, 20, 0.0013, 0.2487),
        (65, 100, 0.5482, 0.7427),
    ],
)
def test_exact_intervals_of_shares(yes: int, asked: int, low: float, high: float) -> None:
    """Against the published tables of Clopper & Pearson."""
    assert share_interval(yes, asked) == pytest.approx((yes / asked, low, high), abs=1e-4)


def test_the_interval_of_a_mean() -> None:
    assert mean_interval([2, 3, 3, 4]) == pytest.approx((3, 3 - 1.2992, 3 + 1.2992), abs=1e-4)
    assert mean_interval([2, 3, 4]) == (3, 1, 5)  # no farther than the scale
    assert mean_interval([4, 4, 4]) == (4, 4, 4)
    mean, low, high = mean_interval([2])
    assert mean == 2
    assert isnan(low)
    assert isnan(high)


def known_answers() -> list[Answer]:
    return [
        said("people", 1, 5, True),
        said("people", 2, 4, True),
        said("people", 2, 2, False, listener="b"),
        said("machine", 3, 1, True),
        said("machine", 3, 2, False),  # the last one counts
        said("machine", 4, 5, True, known=True),
        said("machine", 5, 3, True, listener="b"),
    ]


def test_rows_of_known_answers() -> None:
    people, machine = rows(known_answers())
    assert (people.source, people.answers, people.clips) == ("people", 3, 2)
    assert people.rating[0] == 4  # of clips: 5, and the mean of 4 and 2
    assert people.human[0] == pytest.approx(2 / 3)
    assert (machine.source, machine.answers, machine.clips) == ("machine", 2, 2)
    assert machine.rating[0] == 2.5
    assert machine.human == share_interval(1, 2)


def test_earlier_ratings_stand_beside_those_of_the_same_networks() -> None:
    """The report of 2018, section VI.ii, and the ends of both scales."""
    told = [(each.heard, each.rating) for each in ratings.EARLIER]
    assert told == [("logistic regression", 2.93), ("LSTM", 5.86), ("attention LSTM", 5.31), ("Mozart", 10.0)]
    assert [ratings.on_our_scale(rating) for rating in (1, 10, 5.5)] == [1, 5, 3]
    lines = list(ratings.report([said("stanford2018-lstm", 1, 4, True), said("People", 2, 5, True)]))
    (lstm,) = (line for line in lines if line.startswith("LSTM"))
    (mozart,) = (line for line in lines if line.startswith("Mozart"))
    assert lstm.split() == ["LSTM", "5.86", "3.16", "4.00"]
    assert mozart.split() == ["Mozart", "10.00", "5.00", "not", "heard"]


def file_of(path: Path, **changes: Any) -> Path:
    answer = {"clip": 1, "source": "people", "rating": 4, "human": True, "known": False, **changes.pop("answer", {})}
    path.write_text(
        json.dumps({"format": ratings.FORMAT, "test": "t", "listener": path.stem, "answers": [answer], **changes})
    )
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"answers": 3},
        {"answer": {"rating": 6}},
        {"answer": {"human": 1}},
        {"answer": {"clip": "1"}},
    ],
)
def test_a_file_that_the_page_never_saved_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="not saved by the page"):
        ratings.read(file_of(tmp_path / "a.json", **changes))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound):
        ratings.read(tmp_path / "none.json")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_counts_as_we_do(tmp_path: Path) -> None:
    found = re.search(r'<script id="counting">(.*?)</script>', listen.TEMPLATE.read_text(), re.DOTALL)
    assert found
    asked = [
        {"test": each.test, "listener": each.listener, "clip": each.clip, "source": each.source}
        | {"rating": each.rating, "human": each.human, "known": each.known}
        for each in known_answers()
    ]
    script = tmp_path / "counting.js"
    script.write_text(
        f"{found[1]}\nconsole.log(JSON.stringify({{rows: rows({json.dumps(asked)}), t: tQuantile(17), "
        "share: shareInterval(7, 23), csv: csvOf([{test: 't', listener: '=1', clip: 1, source: 'a \"b\"', rating: 2, "
        "human: false, known: true}]), earlier: earlier([{source: 'stanford2018-lstm', rating: [3.5, 1, 5]}])}))"
    )
    done = subprocess.run(["node", script], capture_output=True, text=True, check=True)
    page_says = json.loads(done.stdout)
    assert page_says["t"] == pytest.approx(t_quantile(17))
    assert page_says["share"] == pytest.approx(share_interval(7, 23))
    for theirs, ours in zip(page_says["rows"], rows(known_answers()), strict=True):
        assert (theirs["source"], theirs["answers"], theirs["clips"]) == (ours.source, ours.answers, ours.clips)
        assert theirs["rating"] == pytest.approx(ours.rating)
        assert theirs["human"] == pytest.approx(ours.human)
    assert page_says["earlier"] == [
        [each.heard, f"{each.rating:.2f}", f"{ratings.on_our_scale(each.rating):.2f}", here]
        for each, here in zip(ratings.EARLIER, ("not heard", "3.50", "not heard", "not heard"), strict=True)
    ]
    assert page_says["csv"].splitlines()[1] == '"t","\'=1",1,"a ""b""",2,machine,yes'
