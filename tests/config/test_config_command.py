"""improv config: the configuration, shown and written."""

import json
import os
import re
from pathlib import Path

import pytest

from improv.cli.config import app, beginning, toml
from improv.config.controller_maps import Map
from improv.config.load import config_path, load
from improv.config.values import TABLES, variable
from improv.errors import DataError, NotWritten, UsageError
from improv.protocol.controls import CONTROLS
from tests.config.conftest import GOOD, loaded


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is set; the file a configuration would be read from."""
    for name in [name for name in os.environ if name.startswith("IMPROV_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "home" / "config.toml"
    monkeypatch.setenv("IMPROV_CONFIG", str(path))
    return path


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    app(arguments, standalone_mode=False)
    return capsys.readouterr().out


def test_where_the_file_is(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "path") == f"{home}\n"
    monkeypatch.setenv("IMPROV_CONFIG", "")
    assert config_path().parts[-2:] == ("improv", "config.toml")


@pytest.mark.parametrize("profile", [None, "stage", "the cellar"])
def test_what_is_shown_loads_to_the_same(file: Path, tmp_path: Path, profile: str | None) -> None:
    config = loaded(file, GOOD, profile, IMPROV_SWING="0.6123456789", IMPROV_INPUT="Réseau 'a' \\ # b")
    for origin in (False, True):
        again = tmp_path / "again.toml"
        again.write_text(toml(config, origin=origin))
        assert load(environment={}, path=again) == config


def test_show(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    home.parent.mkdir()
    home.write_text(GOOD)
    monkeypatch.setenv("IMPROV_SEED", "7")
    shown = ran(capsys, "show", "--profile", "stage", "--origin")
    for line in (
        "tempo = 140  # config.toml:19 [profile.stage]",
        "seed = 7  # IMPROV_SEED",
        'swing = "auto"  # default',
        "# mode is not set  # default",
        "thru = true  # config.toml:5",
        'output = "Desk"  # config.toml:24 [profile.stage]',
        "enabled = true  # config.toml:21 [profile.stage]",
        "number = 36  # config.toml:27 [profile.stage]",
    ):
        assert line in shown.splitlines()
    assert all("  # " in line for line in shown.splitlines() if line and line[0] != "[")
    assert "  # " not in ran(capsys, "show")
    found = json.loads(ran(capsys, "show", "--profile", "stage", "--json", "--origin"))
    assert (found["controls"]["tempo"], found["ports"]["input"], found["osc"]["enabled"]) == (140, None, True)
    assert found["map"][1] == {"kind": "cc", "number": 64, "target": "hand-over", "takeover": "pickup"}
    assert found["origins"]["controls.tempo"] == "config.toml:19 [profile.stage]"
    assert "origins" not in json.loads(ran(capsys, "show", "--json"))


def test_a_file_to_begin_from(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "init") == f"wrote {home}\n"
    assert home.read_text() == beginning()
    assert load(environment={}, path=home) == load(environment={})
    for table, controls in TABLES.items():
        for name, control in controls.items():
            assert control.help in home.read_text()
            assert f"\n#{name} = " in home.read_text()
            assert variable(f"{table}.{name}") in home.read_text()

    home.write_text("[controls]\ntempo = 99\n")
    with pytest.raises(UsageError) as refused:
        app(["init"], standalone_mode=False)
    assert str(refused.value) == f"{home} is there already; --force overwrites it"
    assert home.read_text() == "[controls]\ntempo = 99\n"
    ran(capsys, "init", "--force")
    assert home.read_text() == beginning()


def test_everything_in_it_may_stand_there(file: Path) -> None:
    config = loaded(file, re.sub(r"(?m)^#(?! )", "", beginning()), None)
    defaults = load(environment={})
    for table, controls in TABLES.items():
        for name in controls:
            key = f"{table}.{name}"
            assert config.origins[key].startswith("config.toml:")
            assert defaults.value(key) in (None, config.value(key))
    assert config.maps == (Map(kind="cc", number=20, channel=1, target="tempo"),)
    assert load(profile="stage", environment={}, path=file).tune.value(CONTROLS["temperature"]) == 0.8


def test_a_file_cannot_be_written_below_another(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPROV_CONFIG", str(tmp_path / "file" / "config.toml"))
    with pytest.raises(NotWritten, match=r"name another file by \$IMPROV_CONFIG"):
        app(["init"], standalone_mode=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[map]]\nkind = "note"\nnumber = 60\ntarget = "tempo"\n',
            "config.toml:3: key 60 cannot turn tempo; map a knob, which sends CC",
        ),
        (
            '[[map]]\nkind = "cc"\nnumber = 20\ntarget = "tempo"\n'
            '[[map]]\nkind = "cc"\nnumber = 20\ntarget = "swing"\n',
            "config.toml:7: CC 20 is mapped to tempo and swing; take one of them out",
        ),
    ],
)
def test_a_map_that_cannot_be_is_told_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(says)):
        load(path=path, environment={})
