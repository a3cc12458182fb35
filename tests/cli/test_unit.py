"""The systemd unit: as it is shipped, and as `improv daemon unit` prints it for this machine."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from configparser import ConfigParser

import pytest

from improv.cli import daemon
from improv.errors import AlreadyRunning
from tests.cli.fake_daemon import World, improv


def keys_of(text: str) -> Mapping[str, Mapping[str, str]]:
    """The keys of a unit, by section."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def test_the_unit_that_is_shipped() -> None:
    found = keys_of(daemon._SERVICE.read_text())
    service = found["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"
    assert service["SuccessExitStatus"] == "130"  # an interrupt while it was being started
    assert int(service["WatchdogSec"]) > 0
    assert str(AlreadyRunning.exit_status) in service["RestartPreventExitStatus"].split()
    assert service["ExecStart"].endswith("improv daemon run")
    assert re.fullmatch(r"-\S+improv panic", service["ExecStopPost"])  # with no output there is nothing to silence
    assert service["RuntimeDirectoryMode"] == "0700"
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateUsers", "RestrictNamespaces", "ProtectKernelModules"):
        assert service[key] == "yes"
    assert found["Install"] == {"WantedBy": "default.target"}


def test_the_unit_of_this_machine(world: World) -> None:
    status, said = improv("daemon unit --instance stage --output FLUID_100% --tempo 90")
    assert status == 0
    service, shipped = keys_of(said)["Service"], keys_of(daemon._SERVICE.read_text())["Service"]
    start = f"{sys.executable} -P -m improv daemon run --instance=stage --output=FLUID_100%% --tempo=90.0"
    assert service["ExecStart"] == start
    assert service["ExecStopPost"] == f"-{sys.executable} -P -m improv panic --instance=stage --output=FLUID_100%%"
    assert set(service["ReadWritePaths"].split()) == {f"-{world.folder / name}" for name in ("state", "takes")}
    assert (world.folder / "takes").is_dir()
    assert service["WorkingDirectory"] == f"-{world.folder / 'state'}"
    changed = {"ExecStart", "ExecStopPost", "ReadWritePaths", "WorkingDirectory"}
    assert {key: service[key] for key in service.keys() - changed} == {
        key: shipped[key] for key in shipped.keys() - changed
    }


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("plain", "plain"),
        ("100%", "100%%"),
        ("two words", '"two words"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("$HOME", "$$HOME"),
        ("a;b", '"a;b"'),
    ],
)
def test_a_word_in_a_unit(word: str, quoted: str) -> None:
    assert daemon._line([word]) == quoted


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("text", ["shipped", "printed"])
def test_the_exposure_of_the_service(text: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(world.folder))
    path = world.folder / "improv.service"
    path.write_text(daemon._SERVICE.read_text() if text == "shipped" else improv("daemon unit")[1])
    analyze = ["systemd-analyze", "--user", "security", "--offline=true", "--no-pager"]
    said = subprocess.run([*analyze, str(path)], capture_output=True, text=True, check=False, timeout=180)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    if level is None:
        pytest.skip(f"this systemd cannot judge it: {said.stderr.strip()}")
    assert float(level[1]) <= 3.0
    assert "Unknown" not in said.stderr
