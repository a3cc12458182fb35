"""Child processes: they talk, end with their link, and say why they failed."""

import os
import signal
import socket

import pytest

from improv import errors
from improv.errors import ImprovError
from improv.ipc.child import Child
from improv.ipc.launch import Program
from improv.ipc.link import Failed, Link
from tests.ipc.ends import linked, plan, read_from

_LISTENS = "import select, sys; from improv.ipc.link import *; link = parent(sys.argv[1:])\n"

_REPEATS = Program(
    _LISTENS
    + """
while not link.closed:
    select.select([link], [link] if link.waits else [], ())
    for message in link.receive():
        if isinstance(message, Join):
            other = link.joined_link(message)
            other.send("joined")
            other.flush()
        else:
            link.send(message)
"""
)

_IGNORES_EVERYTHING = Program(
    _LISTENS
    + """
import signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
link.send("deaf")
while True:
    signal.pause()
"""
)


def gone(pid: int) -> bool:
    """Whether there is no such process any more, not even as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_runs_a_program_and_talks() -> None:
    with Child(_REPEATS) as child:
        assert child.link.send(plan(1000))
        assert child.link.send("hello")
        assert read_from(child.link, 2) == [plan(1000), "hello"]
    assert gone(child.pid)
    assert child.gone
    child.end()  # twice is once


def test_a_child_has_the_variables_of_its_program_but_for_those_that_are_set_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Program(
        _LISTENS + "import os; link.send(os.environ['TRIED_IN_A_CHILD'])", {"TRIED_IN_A_CHILD": "its own"}
    )
    monkeypatch.delenv("TRIED_IN_A_CHILD", raising=False)
    with Child(program) as child:
        assert read_from(child.link, 1) == ["its own"]
    monkeypatch.setenv("TRIED_IN_A_CHILD", "the user's")
    with Child(program) as child:
        assert read_from(child.link, 1) == ["the user's"]


def test_a_child_is_introduced_to_another_child() -> None:
    near, far = socket.socketpair()
    with Child(_REPEATS) as child:
        child.link.send("ready")
        assert read_from(child.link, 1) == ["ready"]
        child.link.join(near, child.pid)
        end = Link(far)
        assert read_from(end, 1) == ["joined"]
        child.kill()
        assert read_from(end, 1) == []  # killed: the process it talked to notices as well
        assert end.closed
        end.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process is killed by SIGKILL")
def test_the_link_of_a_child_that_is_killed_closes() -> None:
    with Child(_REPEATS) as child:
        child.link.send("alive")
        assert read_from(child.link, 1) == ["alive"]
        os.kill(child.pid, signal.SIGKILL)
        assert read_from(child.link, 1) == []
        assert child.gone
    assert gone(child.pid)


def test_a_child_that_ends_by_itself_is_gone_once_all_it_said_was_read() -> None:
    with Child(Program(_LISTENS + "for index in range(5): link.send(bytes(10_000))")) as child:
        assert read_from(child.link, 100) == [bytes(10_000)] * 5
        assert child.gone


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="a process that ignores signals waits for one")
def test_a_child_that_ignores_everything_is_ended_all_the_same() -> None:
    child = Child(_IGNORES_EVERYTHING)
    assert read_from(child.link, 1) == ["deaf"]
    os.kill(child.pid, signal.SIGTERM)
    child.end(grace_s=0.05)
    assert gone(child.pid)
    child.end()


def test_a_child_that_cannot_even_start_is_gone() -> None:
    with Child(Program("import os; os.close(2); raise SystemExit(3)")) as child:
        assert read_from(child.link, 1) == []
        assert child.gone


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ImprovError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_failure_is_the_same_error_at_the_other_end(kind: type[ImprovError]) -> None:
    with linked() as (ours, theirs):
        ours.send(Failed.of(kind("what, where and what to do")))
        (failed,) = theirs.receive()
        error = failed.error()
        assert type(error) is kind
        assert (str(error), error.exit_status) == ("what, where and what to do", kind.exit_status)


def test_any_other_failure_says_what_it_was_on_one_line() -> None:
    error = Failed.of(ValueError("one\n  two")).error()
    assert type(error) is ImprovError
    assert str(error) == "ValueError: one two"
    assert str(Failed.of(KeyboardInterrupt()).error()).startswith("KeyboardInterrupt")


def test_a_child_that_fails_says_so() -> None:
    program = _LISTENS + "from improv.errors import InputNotFound; link.send(Failed.of(InputNotFound('no such port')))"
    with Child(Program(program)) as child:
        (failed,) = read_from(child.link, 1)
    with pytest.raises(errors.InputNotFound, match="no such port"):
        raise failed.error()
