"""What systemd is told, and which unit a process belongs to."""

import os
import socket
from pathlib import Path

import pytest

from improv.system.systemd import READY, WATCHDOG, notify, status, unit, unit_of, watchdog_s


@pytest.mark.parametrize("where", ["path", "abstract"])
def test_systemd_is_told(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = str(tmp_path / "notify") if where == "path" else f"@improv-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{named[1:]}" if where == "abstract" else named)
        manager.settimeout(180)
        monkeypatch.setenv("NOTIFY_SOCKET", named)
        notify(READY, status("plays to Synth\nSTOPPING=1"))
        notify(WATCHDOG)
        assert manager.recv(4096) == b"READY=1\nSTATUS=plays to Synth STOPPING=1"
        assert manager.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", [None, "", "nowhere", "/nowhere/at/all", "@nobody-listens", "/" + "x" * 200])
def test_nothing_is_sent_where_no_manager_listens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify(READY)


def test_a_manager_that_does_not_read_keeps_improv_not_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for _ in range(5000):
            notify(WATCHDOG)
        assert manager.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("microseconds", "pid", "every_s"),
    [
        ("10000000", None, 5.0),
        ("10000000", "us", 5.0),
        ("10000000", "1", None),
        ("", None, None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_how_often_it_says_that_it_lives(
    microseconds: str, pid: str | None, every_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "us" else pid)
    assert watchdog_s() == every_s


UNITS = {
    # the control groups of a process, what it is to systemctl
    "a service of the user's": (
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/improv.service\n",
        ("--user", "improv.service"),
    ),
    "an instance of a template": (
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-improv.slice/improv@stage.service\n",
        ("--user", "improv@stage.service"),
    ),
    "a service of the system": ("0::/system.slice/improv.service\n", ("improv.service",)),
    "with the older control groups": (
        "2:cpu:/\n1:name=systemd:/user.slice/user@1000.service/improv.service\n0::/\n",
        ("--user", "improv.service"),
    ),
    "a terminal": ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n", ()),
    "a container": ("0::/\n", ()),
    "nothing": ("", ()),
    "what a shell would obey": ("0::/system.slice/$(rm -r x).service\n", ()),
}


@pytest.mark.parametrize(("groups", "found"), UNITS.values(), ids=UNITS)
def test_a_unit_by_the_control_groups(groups: str, found: tuple[str, ...]) -> None:
    assert unit_of(groups) == found


def test_only_what_systemd_itself_has_started_is_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: "0::/system.slice/improv.service\n")
    monkeypatch.setenv("INVOCATION_ID", "0123456789abcdef0123456789abcdef")  # inherited from a terminal, say
    monkeypatch.delenv("SYSTEMD_EXEC_PID", raising=False)
    assert unit() == ()
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getppid()))
    assert unit() == ()
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    assert unit() == ("improv.service",)
