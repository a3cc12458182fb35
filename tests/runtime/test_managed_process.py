"""A process as the supervisor sees it, on a clock of the test's."""

import time
from math import inf
from typing import Any

import pytest

from improv.errors import ImprovError
from improv.ipc.launch import Program
from improv.runtime.managed_process import DeathLimit, ManagedProcess, ProcessRow

ROW = ProcessRow("organist", Program("pass"), silent_s=1.0, starting_s=10.0, again_s=0.0, retry_s=0.5)


class Fake:
    """A process of which the test decides what it says and when it is gone."""

    def __init__(self, *said: object) -> None:
        self.link = self
        self.gone = self.closed = self.killed = False
        self.dropped, self.said = 0, list(said)
        self.told: list[object] = []

    def receive(self) -> list[object]:
        said, self.said = self.said, []
        return said

    def send(self, message: object) -> bool:
        self.told.append(message)
        return True

    def kill(self) -> None:
        self.killed = True


class Place:
    """A place in a table of processes, and all that has had it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, row: ProcessRow = ROW, **other: Any) -> None:
        self.now_s = 100.0
        self.gives_up = False
        self.started: list[Fake] = []
        self.heard: list[object] = []
        self.lost: list[bool] = []
        self.process = ManagedProcess(
            row,
            said=self._hear,
            lost=self._lose,
            make=self._make,  # type: ignore[arg-type]
            brief=self._brief,
            **other,
        )
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)

    def _brief(self) -> None:
        self.process.send("begin")

    def _make(self) -> Fake:
        self.started.append(Fake())
        return self.started[-1]

    def _hear(self, message: object) -> None:
        self.heard.append(message)
        if self.gives_up:
            self.process.release()

    def _lose(self, stuck: bool) -> None:
        self.lost.append(stuck)
        self.process.end()

    def after(self, seconds: float) -> None:
        self.now_s += seconds
        self.process.check()


def test_one_that_says_nothing_for_too_long_is_stuck_and_another_follows_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place(monkeypatch)
    place.process.start()
    assert place.started[0].told == ["begin"]
    place.after(10.0)  # it is starting
    place.process.mark_working()
    place.started[0].said = ["I live"]
    place.process.receive()
    place.after(1.0)
    assert (place.heard, place.lost) == (["I live"], [])
    place.after(0.1)
    assert (place.lost, place.started[0].killed, len(place.started)) == ([True], True, 2)
    assert place.started[1].told == ["begin"]


def test_one_that_never_came_to_work_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch)
    place.process.start()
    place.started[0].gone = True
    place.after(0.0)
    assert (place.lost, len(place.started)) == ([False], 1)
    place.after(0.4)
    assert len(place.started) == 1
    place.after(0.1)
    assert len(place.started) == 2


def test_one_that_is_started_only_when_asked_for_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch, ProcessRow("page turner", Program("pass")))
    place.process.start()
    place.started[0].gone = True
    place.after(1e9)
    assert (place.process.child, place.process.due_s, len(place.started)) == (None, inf, 1)


def test_one_that_asks_a_server_through_another_may_be_silent_as_long_as_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = Place(monkeypatch)
    place = Place(monkeypatch, through=through.process)
    for each in (through, place):
        each.process.start()
        each.process.mark_working()
    through.process.waits_for_server = True
    place.after(9.0)
    assert place.lost == []
    through.process.waits_for_server = False
    place.after(0.0)
    assert place.lost == [True]


def test_what_one_said_after_its_place_was_given_to_another_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch)
    place.process.adopt(Fake("one", "two"))  # type: ignore[arg-type]
    place.gives_up = True
    place.process.receive()
    assert place.heard == ["one"]


def test_a_jam_ends_when_one_dies_before_it_works_or_too_many_die_within_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, limit = Place(monkeypatch).process, DeathLimit()
    for now_s in range(0, 300, 2):
        limit.count(place, float(now_s))
        place.mark_working()
    for _ in range(4):
        limit.count(place, 1000.0)
    with pytest.raises(ImprovError, match="the organist has died 5 times in a row"):
        limit.count(place, 1000.0)
    limit = DeathLimit()
    for _ in range(19):
        place.mark_working()
        limit.count(place, 2000.0)
    place.mark_working()
    with pytest.raises(ImprovError, match="20 processes have died within 30 s"):
        limit.count(place, 2000.0)
