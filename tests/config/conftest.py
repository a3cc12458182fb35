"""Configuration files for tests."""

from pathlib import Path

import pytest

from improv.config.load import load
from improv.config.values import Config

GOOD = """\
# at home
[controls]
tempo = 132
"top-p" = 0.9
thru = true

[ports]
output = 'Synth "one"'

[jam]
choruses = 3

[[map]]
kind = "cc"
number = 20
target = "temperature"

[profile.stage]
controls.tempo = 140
controls.key = "A#"
osc = { enabled = true, port = 9001 }

[profile.stage.ports]
output = "Desk"
lights = "Launchpad"

[[profile.stage.map]]
kind = "note"
number = 36
channel = 10
target = "panic"

[[profile.stage.map]]
kind = "cc"
number = 64
target = "hand-over"

[profile."the cellar".controls]
model = "walker"
"""


SMALL = """\
[controls]
tempo = 132
key = "A#"
[ports]
input = "x"
[[map]]
kind = "cc"
number = 20
target = "thru"
[profile.stage]
controls.thru = true
osc = { enabled = true, port = 9001 }
map = []
"""
"""Something of everything, for what is read twenty thousand times."""


@pytest.fixture(autouse=True)
def nobodys_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def loaded(file: Path, text: str, profile: str | None = None, **environment: str) -> Config:
    file.write_text(text)
    return load(profile=profile, environment=environment, path=file)
