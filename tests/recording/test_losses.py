"""What is missing from a recording is marked in it, told at once, and survived by replay and export.

Files are real and time is simulated, but where a thread of its own is what is tried.
"""

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mido
import pytest

from improv.__main__ import main
from improv.config.values import RecordingSettings
from improv.errors import DataError
from improv.ipc.link import Link
from improv.music.turns import Mode
from improv.protocol.snapshot import Snapshot
from improv.recording import (
    Disk,
    Entry,
    Journal,
    Lost,
    Recording,
    Remark,
    State,
    Writer,
    clear,
    find_take,
    is_written,
    joined,
    over_limit,
    read_take,
    take_files,
    takes,
)
from improv.recording.midi_file import export
from improv.recording.replay import entry_of, replayed, restored, state_of
from improv.runtime.engine import Lead
from improv.runtime.engine_process import StepPublisher
from improv.runtime.ipc_messages import StepReport
from improv.runtime.observers import Audience
from improv.session.state import Moment, Session
from improv.session.view import snapshot
from tests.conftest import Echo
from tests.ports.jack import eventually
from tests.recording.test_recording import HEAD, NAME, PATIENT_S, step_of, steps
from tests.recording.test_replay import CALL
from tests.recording.test_replay import head as head_of
from tests.runtime.test_engine import played, script

Begun = Callable[..., Session]
STATE = State(7, "{}", "echo", "00ff")


class Tape:
    """A writer whose time is told to it, half a second at a time."""

    def __init__(self, directory: Path, **given: Any) -> None:
        self.writer = Writer(directory, HEAD, Disk(), **given)
        self.now_s = 0.0

    def put(self, *told: Any) -> "Tape":
        for each in told:
            self.writer.put(each)
        return self.work()

    def work(self) -> "Tape":
        """A second, in two halves."""
        for _ in range(2):
            self.now_s += 0.5
            self.writer.work(self.now_s)
        return self

    @property
    def path(self) -> Path:
        assert self.writer.path is not None
        return self.writer.path


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "takes")


# --- the file is taken away ---------------------------------------------------------------------


def deleted(path: Path) -> None:
    path.unlink()


def folder_deleted(path: Path) -> None:
    shutil.rmtree(path.parent)


def moved(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere.take")


def renamed(path: Path) -> None:
    path.rename(path.with_name("mine.take"))


def replaced(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def truncated(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5)


def written_into(path: Path) -> None:
    with path.open("a") as file:
        file.write("la la la\n")


@pytest.mark.parametrize(
    ("harm", "lost", "says"),
    [
        (deleted, 8, "was deleted"),
        (folder_deleted, 8, "was deleted"),
        (replaced, 8, "was deleted"),
        (moved, 0, "was moved"),
        (renamed, 0, "was moved"),
        (truncated, 8, "was cut short"),
        (cut, 8, "was cut short"),
        (written_into, 0, "was written into by another program"),
    ],
)
def test_within_a_second_it_is_told_and_another_take_goes_on(
    harm: Callable[[Path], None], lost: int, says: str, tape: Tape
) -> None:
    entries = steps(20)
    tape.put(*entries[:8])
    before = tape.path
    harm(before)
    tape.work()  # nothing is to be written: it is looked at all the same
    why = f"the take {NAME} {says} while it was recorded"
    assert tape.writer.loss == (f"8 steps are missing from the recording: {why}" if lost else why)
    assert tape.path != before or says == "was deleted"
    assert tape.writer.wants_state
    tape.put(*entries[8:])
    assert tape.writer.acknowledged == 20
    read = read_take(tape.path)
    assert (read.entries, read.damage) == (entries[8:], "")
    assert read.losses == ((0, Lost(-1, lost, why)),)
    assert (read.head.continues, read.head.first_step) == (NAME, 0)
    assert (read.head.settings, read.head.transport) == (entries[7].settings, entries[7].transport)
    assert find_take("last", before.parent) == tape.path


def test_a_take_that_is_deleted_before_its_first_step_is_begun_again(tape: Tape) -> None:
    tape.work().path.unlink()
    tape.put(*steps(3))
    read = read_take(tape.path)
    assert (read.head, read.entries, read.lost) == (HEAD, steps(3), 0)


def test_it_is_taken_away_again_and_again(tape: Tape) -> None:
    entries = steps(40)
    for begin in range(0, 40, 10):
        tape.put(*entries[begin : begin + 10])
        tape.path.unlink()
        tape.work()
    tape.put()
    assert tape.writer.loss.startswith("40 steps are missing")
    assert read_take(tape.path).lost == 10  # of this file


def test_a_take_past_its_size_ends_where_the_next_can_begin_with_a_session(tmp_path: Path) -> None:
    tape, entries = Tape(tmp_path, limit_bytes=5000), steps(60)
    tape.put(*entries[:40])
    assert tape.path.stat().st_size > 5000
    assert (tape.writer.wants_state, len(tape.writer.paths)) == (True, 1)  # it goes on until there is one
    state = replace(STATE, step=entries[39].step)
    tape.put(state, *entries[40:45])
    first, second = map(read_take, tape.writer.paths)
    assert (first.entries, first.ended) == (entries[:40], "it has reached its size, and goes on in another take")
    assert (second.entries, second.states, second.losses) == (entries[40:45], ((0, state),), ())
    assert (second.head.continues, second.head.first_step) == (tape.writer.paths[0].stem, entries[40].step)
    whole = joined([first, second])
    assert (whole.entries, whole.states, whole.head) == (entries[:45], ((40, state),), HEAD)
    assert not tape.writer.wants_state
    assert tape.writer.loss == ""


def test_a_session_that_nobody_wants_is_not_kept(tape: Tape) -> None:
    tape.put(*steps(3), STATE)
    assert read_take(tape.path).states == ()


# --- the disk -----------------------------------------------------------------------------------


def test_a_take_in_which_nothing_more_could_be_written_says_so_in_the_list(tmp_path: Path) -> None:
    entries = steps(20)
    full = [False]

    def write(file: int, content: bytes) -> int:
        if full[0] and len(content) > 200:  # there is room for a short line
            raise OSError(28, os.strerror(28))
        return os.write(file, content)

    writer = Writer(tmp_path, HEAD, replace(Disk(), write=write))
    writer.put(entries[0])
    writer.work(0.0)
    full[0] = True
    for entry in entries[1:]:
        writer.put(entry)
    writer.work(1.0)
    writer.work(2.0)
    (listed,) = takes(tmp_path)
    assert (listed.ended, listed.stopped) == (None, "recording has stopped here: No space left on device")
    assert read_take(writer.paths[0]).lost == 0


@pytest.mark.parametrize("spare", [0, 1, 37, 80, 150])
def test_a_take_on_a_full_disk_has_its_mark_however_little_room_there_is(spare: int, tmp_path: Path) -> None:
    entries = steps(40)
    limit = [1 << 20]

    def write(file: int, content: bytes) -> int:
        room = max(0, limit[0] - os.fstat(file).st_size)
        if not room:
            raise OSError(28, os.strerror(28))
        return os.write(file, content[:room])

    writer = Writer(tmp_path, HEAD, replace(Disk(), write=write))
    for entry in entries[:20]:
        writer.put(entry)
    writer.work(0.0)
    limit[0] = writer.paths[0].stat().st_size + spare
    for entry in entries[20:30]:
        writer.put(entry)
    writer.work(1.0)
    writer.work(2.0)
    (listed,) = takes(tmp_path)
    assert (listed.ended, listed.stopped) == (None, "recording has stopped here: No space left on device")
    read = read_take(writer.paths[0])
    assert read.entries == entries[: len(read.entries)]
    assert writer.acknowledged == len(read.entries) >= 15
    limit[0] = 1 << 20
    for entry in entries[30:]:
        writer.put(entry)
    writer.work(3.0)
    assert read_take(writer.paths[0]).entries == entries
    assert (writer.paths, writer.acknowledged, writer.loss) == (writer.paths[:1], 40, "")


def test_what_is_missing_is_told_in_the_list_from_the_end_of_the_file(tape: Tape, tmp_path: Path) -> None:
    entries = [step_of(step) for step in range(-8, 300)]
    tape.put(*entries[:10], Lost(1, 5, "nobody read"), *entries[15:])
    (listed,) = takes(tmp_path / "takes")
    assert (listed.lost, listed.ended) == (5, None)  # told again every 128 steps
    os.truncate(tape.path, tape.path.stat().st_size - 3)
    (listed,) = takes(tmp_path / "takes")
    assert listed.lost == 5


# --- the thread ---------------------------------------------------------------------------------


class Watch:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def waits_for(journal: Journal, what: Callable[[], bool]) -> None:
    """Let the thread run until something is so."""
    for _ in range(60_000):
        if what():
            return
        journal._thread.join(0.001)
    raise AssertionError(journal.fault)


def test_a_thread_that_dies_is_told_and_another_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, entries = Watch(), steps(30)
    dying: list[int] = []
    put = Writer.put

    def puts(writer: Writer, told: Any) -> None:
        if isinstance(told, Entry) and told.step == entries[10].step and not dying:
            dying.append(told.step)
            raise MemoryError("no room")
        put(writer, told)

    monkeypatch.setattr(Writer, "put", puts)
    with Journal(tmp_path, HEAD, clock=watch, patience_s=PATIENT_S) as journal:
        for entry in entries[:20]:
            journal.append(entry)
        waits_for(journal, lambda: not journal._thread.is_alive())
        assert journal.fault == "recording has stopped: MemoryError: no room; it is begun again"
        journal.tend()
        assert not journal._thread.is_alive()  # not more than once a second
        watch.now_s += 1.0
        journal.tend()
        assert journal._thread.is_alive()
        for entry in entries[20:]:
            journal.append(entry)
        waits_for(journal, lambda: journal.acknowledged == 29)
        assert "1 step is missing from the recording: the recorder failed (MemoryError: no room)" in journal.fault
        assert journal.wants_state
    assert journal.path is not None
    read = read_take(journal.path)
    assert read.entries == (*entries[:10], *entries[11:])
    assert [lost.count for _, lost in read.losses if lost.count] == [1]
    assert any("the recorder had failed" in remark.text for remark in read.remarks)


def test_a_disk_that_hangs_is_told(tmp_path: Path) -> None:
    watch, hangs = Watch(), SimpleNamespace(on=False, let_go=False)
    import threading

    hanging, go_on = threading.Event(), threading.Event()

    def write(file: int, content: bytes) -> int:
        if hangs.on:
            hanging.set()
            go_on.wait(PATIENT_S)
        return os.write(file, content)

    with Journal(tmp_path, HEAD, disk=replace(Disk(), write=write), clock=watch, patience_s=PATIENT_S) as journal:
        hangs.on = True
        journal.append(steps(1)[0])
        assert hanging.wait(PATIENT_S)
        assert journal.fault == ""
        watch.now_s += 3.0
        assert journal.fault == "recording has stopped: the disk has not answered for 3 s"
        hangs.on = False
        go_on.set()
    assert journal.acknowledged == 1


def test_leaving_waits_for_as_long_as_something_is_written(tmp_path: Path) -> None:
    """A disk that takes one thing more each time that patience has an end."""
    import threading

    gate, slow, waited = threading.Semaphore(0), SimpleNamespace(on=False), []

    def write(file: int, content: bytes) -> int:
        if slow.on:
            gate.acquire()
        return os.write(file, content)

    with Journal(tmp_path, HEAD, disk=replace(Disk(), write=write), patience_s=PATIENT_S) as journal:
        slow.on = True
        for entry in steps(3000):
            journal.append(entry)
        journal.end("stopped")
        thread = journal._thread

        def join(timeout: float) -> None:
            before = journal.acknowledged
            waited.append(timeout)
            gate.release()
            eventually(lambda: journal.acknowledged > before or not thread.is_alive(), "something that is written")

        thread.join = join  # type: ignore[method-assign,assignment]
    assert (journal.acknowledged, journal.unwritten) == (3000, 0)
    assert waited == [PATIENT_S] * len(waited)
    assert len(waited) > 1


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
    export(take, tmp_path / "take.mid")
    midi = mido.MidiFile(tmp_path / "take.mid")
    markers = [message.text for message in midi.tracks[0] if message.type == "marker"]
    assert [text for text in markers if "missing" in text] == [take.losses[0][1].text]
    for track in midi.tracks[1:]:
        sounding = 0
        for message in track:
            sounding += message.type == "note_on"
            sounding -= message.type == "note_off"
        assert sounding == 0


# --- whoever watches ----------------------------------------------------------------------------


class Shown:
    """Somebody to whom a jam is shown."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.seen: list[Snapshot] = []

    def observe(self, seen: Snapshot) -> None: ...

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def close(self) -> None: ...

    def show(self, seen: Snapshot) -> None:
        self.seen.append(seen)


def test_whoever_watches_is_told_what_has_become_of_the_recording(
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


@pytest.mark.parametrize(("keep_mb", "left"), [(None, 4), (1, 1), (3, 3)])
def test_only_a_limit_that_is_set_has_old_takes_deleted_at_a_start(
    keep_mb: int | None, left: int, begun: Begun, takes: Path
) -> None:
    takes.mkdir()
    for number in range(4):
        (takes / f"2026112{number}-000000-echo.take").write_bytes(bytes(900_000))
    said = list[str]()
    with Audience(Shown(), said.append, RecordingSettings(keep_mb=keep_mb)) as audience:
        audience.begun(head_of(begun(Mode.TRADE)))
    kept = sorted(path.name for path in takes.glob("2026112?-000000*"))
    assert kept == [f"2026112{number}-000000-echo.take" for number in range(4 - left, 4)]
    assert bool(keep_mb) == any("deleted" in text for text in said)


# --- the order, and an end ----------------------------------------------------------------------


def named(directory: Path, began: str, *, entries: Sequence[Entry] = ()) -> str:
    with Journal(directory, replace(HEAD, began=began), patience_s=PATIENT_S) as journal:
        for entry in entries:
            journal.append(entry)
        journal.end("stopped")
    assert journal.path is not None
    return journal.path.stem


def test_last_is_the_last_one_made_whatever_the_clock_said(tmp_path: Path) -> None:
    names = [
        named(tmp_path, began)
        for began in ("2026-11-21T00:00:00Z", "2027-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2026-11-21T00:00:00Z")
    ]
    assert names[-1] == f"{names[0]}-2"
    (tmp_path / "20991231-235959-copied.take").write_bytes((tmp_path / f"{names[0]}.take").read_bytes())
    assert [path.stem for path in take_files(tmp_path)] == [*reversed(names), "20991231-235959-copied"]
    assert find_take("last", tmp_path).stem == names[-1]
    (tmp_path / f"{names[-1]}.take").unlink()
    assert find_take("last", tmp_path).stem == names[-2]
    for path in take_files(tmp_path):  # whatever touches them
        os.utime(path, (0, 0))
    assert find_take("last", tmp_path).stem == names[-2]
    with (tmp_path / "order").open("ab") as file:  # a crash
        file.write(b"\n2026")
    assert named(tmp_path, "2000-01-01T00:00:00Z") == find_take("last", tmp_path).stem


def test_one_that_is_being_recorded_is_not_deleted(tmp_path: Path) -> None:
    old = named(tmp_path, "2026-11-20T00:00:00Z", entries=steps(3))
    with Journal(tmp_path, HEAD, patience_s=PATIENT_S) as journal:
        assert journal.path is not None
        assert is_written(journal.path)
        gone, kept = clear(take_files(tmp_path))
        assert ([path.stem for path in gone], kept) == ([old], [f"{NAME} is being recorded"])
    assert not is_written(journal.path)
    assert clear([journal.path]) == ([journal.path], [])
    assert clear([journal.path])[1] == [f"{NAME}: No such file or directory"]


@pytest.mark.parametrize(("limit", "gone"), [(0, "abc"), (9, "abc"), (10, "bc"), (35, "c"), (60, "")])
def test_the_oldest_go_until_the_others_are_no_larger(limit: int, gone: str) -> None:
    sizes = [(Path("a"), 10), (Path("b"), 20), (Path("c"), 30)]
    assert over_limit(sizes, limit) == [Path(name) for name in gone]


def test_a_mark_is_what_it_was(tape: Tape) -> None:
    lost, state = Lost(3, 2, "a reason"), State(5, '{"step":5,"memory":{}}', "echo", "00ff")
    tape.put(*steps(1), lost, Remark(4, "so"), state)
    read = read_take(tape.path)
    assert (read.losses, read.states, read.remarks) == (((1, lost),), ((1, state),), (Remark(4, "so"),))


# --- the command line ---------------------------------------------------------------------------


def improv(line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Run a command: its exit status, and what it said to stdout and stderr."""
    monkeypatch.setattr("sys.argv", ["improv", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("--keep 2", [2, 3]),
        ("--keep 0", []),
        ("--older-than 36h", [2, 3]),
        ("--older-than 2w", [1, 2, 3]),
        ("--older-than 2w --keep 4", [0, 1, 2, 3]),
        ("--all", []),
    ],
)
def test_old_takes_are_deleted_as_asked(
    line: str, left: list[int], takes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    names = [named(takes, (now - timedelta(days=days)).isoformat(timespec="seconds")) for days in (30, 10, 1, 0)]
    status, out, err = improv(f"takes clear {line} --yes", capsys, monkeypatch)
    assert (status, err) == (0, "")
    assert out.startswith(f"deleted {4 - len(left)} take" if len(left) < 4 else "no takes to delete")
    assert [path.stem for path in reversed(take_files(takes))] == [names[index] for index in left]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "say which takes to delete: --older-than 30d, --keep 20, both, or --all"),
        ("--all --keep 3", "say which takes to delete"),
        ("--older-than soon", "--older-than 'soon' is no age; give hours, days or weeks: 12h, 30d, 8w"),
        ("--older-than 99999999999w", "is longer than a calendar reaches back"),
        ("--all", "1 take, 0.0 MB would be deleted for good; add --yes if that is wanted"),
    ],
)
def test_nothing_is_deleted_unasked(
    line: str, says: str, takes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named(takes, "2026-11-20T00:00:00Z")
    status, out, err = improv(f"takes clear {line}", capsys, monkeypatch)
    assert (status, out, says in err) == (2, "", True)
    assert len(take_files(takes)) == 1


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
