"""What is missing from a recording is marked in it, told at once, and survived by replay and export.

Files are real and time is simulated, but where a thread of its own is what is tried.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mido
import pytest

from improv.__main__ import main
from improv.errors import DataError
from improv.export.collector import performance_of
from improv.export.formats import write_file
from improv.ipc.link import Link
from improv.music.turns import Mode
from improv.protocol.snapshot import Snapshot
from improv.recording import (
    Journal,
    Recording,
    State,
    read_take,
    takes,
)
from improv.recording.replay import entry_of, replayed, restored, state_of
from improv.runtime.engine import Lead
from improv.runtime.engine_process import StepPublisher
from improv.runtime.ipc_messages import StepReport
from improv.runtime.observers import Audience
from improv.session.state import Moment, Session
from improv.session.view import snapshot
from tests.conftest import Echo
from tests.recording.performed import HEAD, NAME, PATIENT_S, step_of
from tests.recording.test_replay import CALL
from tests.recording.test_replay import head as head_of
from tests.recording.test_writer_thread import waits_for
from tests.runtime.test_engine import played, script

Begun = Callable[..., Session]


# --- between the processes ----------------------------------------------------------------------


@contextmanager
def linked(limit_bytes: int) -> Iterator[tuple[Link, Link]]:
    one, other = socket.socketpair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    ours, theirs = Link(one, limit_bytes=limit_bytes), Link(other)
    yield ours, theirs
    ours.close()
    theirs.close()


def everything(ours: Link, theirs: Link) -> list[Any]:
    arrived: list[Any] = []
    while ours.waits:
        arrived += theirs.receive()
        ours.flush()
    return arrived + theirs.receive()


def told_over(limit_bytes: int, moments: Sequence[Moment], echo: Echo, stopped: slice) -> list[Any]:
    """What a daemon is told that does not run for some of the steps."""
    player: Any = SimpleNamespace(unplayed=0, restate=False)
    model: Any = SimpleNamespace(spec=echo.spec, sha256="00ff")
    arrived: list[Any] = []
    with linked(limit_bytes) as (ours, theirs):
        reports = StepPublisher(ours, model, player, Lead(), new=False)
        for index, moment in enumerate(moments):
            player.restate = any(isinstance(told, StepReport) and told.lost for told in arrived) and not any(
                isinstance(told, State) for told in arrived
            )
            reports(moment)
            if index not in range(*stopped.indices(len(moments))):
                arrived += everything(ours, theirs)
    return arrived


def taken(arrived: Sequence[Any], directory: Path, session: Session) -> Recording:
    """The take that a daemon makes of what it is told."""
    with Journal(directory, head_of(session), patience_s=PATIENT_S) as journal:
        for told in arrived:
            match told:
                case State():
                    waits_for(journal, lambda: journal.wants_state)
                    journal.state(told)
                case StepReport():
                    if told.lost:
                        journal.lost(told.seen.step - 1, told.lost, "improv's daemon did not run for too long")
                    if told.entry is not None:
                        journal.append(told.entry)
    assert journal.path is not None
    return read_take(journal.path)


@pytest.fixture
def moments(begun: Begun, echo: Echo) -> list[Moment]:
    """Twelve bars of trading."""
    return played(begun(Mode.TRADE), echo, script(*CALL), last_step=95)[3]


def test_a_daemon_that_did_not_run_for_a_while_has_missed_nothing(
    moments: list[Moment], begun: Begun, echo: Echo, tmp_path: Path
) -> None:
    arrived = told_over(16 << 20, moments, echo, slice(10, 90))
    assert [told.entry for told in arrived] == [entry_of(moment) for moment in moments]
    assert [bool(told.session) for told in arrived[11:]] == [False] * 79 + [True] * 7
    take = taken(arrived, tmp_path, begun(Mode.TRADE))
    assert (take.lost, take.losses) == (0, ())
    assert all(again.session for again in replayed(take, lambda *_: Echo()))


def test_of_one_that_did_not_run_for_too_long_the_take_says_what_is_missing_and_is_replayed_around_it(
    moments: list[Moment], begun: Begun, echo: Echo, tmp_path: Path
) -> None:
    session = begun(Mode.TRADE)
    arrived = told_over(20_000, moments, echo, slice(10, 80))
    lost = sum(told.lost for told in arrived if isinstance(told, StepReport))
    assert lost > 20
    take = taken(arrived, tmp_path, session)
    assert take.lost == lost == len(moments) - len(take.entries)
    ((at, mark),) = take.losses
    assert mark.text == f"{lost} steps are missing here: improv's daemon did not run for too long"
    checked = list(replayed(take, lambda *_: Echo()))
    assert [again.entry for again in checked] == list(take.entries)
    unchecked = [index for index, again in enumerate(checked) if again.session is None]
    assert unchecked == [*range(at, at + len(unchecked))]
    assert 0 < len(unchecked) < 10 < len(take.entries) - at  # and from the session on it is decided again
    (listed,) = takes(tmp_path)
    assert listed.lost == lost


def test_a_change_behind_a_loss_is_found_out_all_the_same(
    moments: list[Moment], begun: Begun, echo: Echo, tmp_path: Path
) -> None:
    take = taken(told_over(20_000, moments, echo, slice(10, 80)), tmp_path, begun(Mode.TRADE))
    *entries, last, end = take.entries
    wrong = replace(take, entries=(*entries, replace(last, chord="Db7"), end))
    with pytest.raises(DataError, match="is not what was recorded: other chord"):
        list(replayed(wrong, lambda *_: Echo()))


def test_a_take_of_an_earlier_improv_that_does_not_say_what_is_missing_is_read_and_replayed(
    moments: list[Moment], begun: Begun, tmp_path: Path
) -> None:
    with Journal(tmp_path, head_of(begun(Mode.TRADE)), patience_s=PATIENT_S) as journal:
        for moment in (*moments[:20], *moments[40:]):
            journal.append(entry_of(moment))
    assert journal.path is not None
    take = read_take(journal.path)
    assert take.missing == ["step 40: 20 steps are missing here: the take does not say why"]
    assert [again.session is None for again in replayed(take, lambda *_: Echo())] == [False] * 20 + [True] * 57


def test_a_session_is_the_same_from_a_take(moments: list[Moment], echo: Echo) -> None:
    session = moments[30].session
    state = state_of(session, echo, "00ff")
    assert (state.step, state.model) == (session.step, "echo")
    assert restored(state, echo) == session  # and its memory:
    again = restored(state, echo).network.memory
    assert {name: tensor.tolist() for name, tensor in again.items()} == {
        name: tensor.tolist() for name, tensor in session.network.memory.items()
    }


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: "{}",
        lambda text: text.replace('"count":{', '"other":{'),
        lambda text: text.replace('"dtype":"<f4"', '"dtype":"O"'),
        lambda text: text.replace('"dtype":"<f4"', '"dtype":"<f8"'),
        lambda text: text.replace('"step":', '"stop":', 1),
        lambda text: text.replace('"data":"', '"data":"~'),
    ],
)
def test_a_session_that_is_none_is_refused(harm: Callable[[str], str], moments: list[Moment], echo: Echo) -> None:
    state = state_of(moments[30].session, echo, "00ff")
    broken = harm(state.session)
    assert broken != state.session
    with pytest.raises(DataError, match="the session at step"):
        restored(replace(state, session=broken), echo)


def test_a_midi_file_falls_silent_where_steps_are_missing_and_says_so(
    moments: list[Moment], begun: Begun, echo: Echo, tmp_path: Path
) -> None:
    take = taken(told_over(20_000, moments, echo, slice(10, 80)), tmp_path, begun(Mode.TRADE))
    write_file(performance_of(take), tmp_path / "take.mid")
    midi = mido.MidiFile(tmp_path / "take.mid")
    markers = [message.text for message in midi.tracks[0] if message.type == "marker"]
    assert [text for text in markers if "missing" in text] == [take.losses[0][1].text]
    for track in midi.tracks[1:]:
        sounding = 0
        for message in track:
            sounding += message.type == "note_on"
            sounding -= message.type == "note_off"
        assert sounding == 0


# --- what is shown ----------------------------------------------------------------------------


class Shown:
    """A display to which a jam is shown."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.seen: list[Snapshot] = []

    def observe(self, seen: Snapshot) -> None: ...

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def close(self) -> None: ...

    def show(self, seen: Snapshot) -> None:
        self.seen.append(seen)


def test_a_display_shows_what_has_become_of_the_recording(
    moments: list[Moment], begun: Begun, takes: Path, tmp_path: Path
) -> None:
    shown, said = Shown(), list[str]()
    audience = Audience(shown, said.append)
    audience.save = tmp_path / "jam.mid"
    audience.watched_by = [shown]
    with audience:
        audience.begun(head_of(begun(Mode.TRADE)))
        for moment in moments[:20]:
            seen = snapshot(moment.session, moment.planned)
            audience.step_reported(StepReport(seen, entry_of(moment), b""))
        journal = audience._journal
        assert journal is not None
        assert journal.path is not None
        waits_for(journal, lambda: journal.acknowledged == 20)
        audience.changed()
        assert shown.seen[-1].system.recording.fault == ""
        assert shown.seen[-1].system.recording.saves_to == str(tmp_path / "jam.mid")
        before = journal.path
        before.unlink()
        waits_for(journal, lambda: bool(journal.fault))
        audience.tend()
        why = f"20 steps are missing from the recording: the take {before.stem} was deleted while it was recorded"
        assert (shown.seen[-1].system.recording.fault, shown.remarks) == (why, [why])
        assert audience.wants_state
        audience.tend()
        assert shown.remarks == [why]
        audience.lost(0, "3 of your notes were not heard")
        waits_for(journal, lambda: journal.path is not None)
    assert shown.remarks[1:2] == ["3 of your notes were not heard"]
    assert any(text.startswith("recorded as ") for text in said)


def improv(line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Run a command: its exit status, and what it said to stdout and stderr."""
    monkeypatch.setattr("sys.argv", ["improv", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_list_says_what_is_missing(
    takes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(takes, HEAD, patience_s=PATIENT_S) as journal:
        journal.append(step_of(-8))
        journal.lost(-8, 3, "improv's daemon did not run for too long")
        journal.append(step_of(-4))
        journal.end("stopped")
    _, out, _ = improv("takes", capsys, monkeypatch)
    assert out == f"{NAME:<36}   0:01    0 choruses  stopped, 3 steps missing\n"
    _, out, err = improv(f"export last {takes / 'take.mid'}", capsys, monkeypatch)
    assert err == "step -7: 3 steps are missing here: improv's daemon did not run for too long\n"
