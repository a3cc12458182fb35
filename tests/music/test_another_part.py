"""Adding a part touches one place: a row is put into the table of a running improv, and all the rest follows."""

import subprocess
import sys
from pathlib import Path

from tests.goldens import TAKES

ADDED = """
import importlib.util, sys, types

import improv.music

spec = importlib.util.find_spec("improv.music.parts")
source = spec.loader.get_data(spec.origin).decode()
row = 'ORGAN = PartRow(name="organ", channel=4, description="the organ", program=16)'
assert source.count("    row: PartRow\\n") == 1
module = types.ModuleType("improv.music.parts")
sys.modules[module.__name__] = improv.music.parts = module
exec(source.replace("    row: PartRow\\n", f"    {row}\\n\\n    row: PartRow\\n"), module.__dict__)
"""


def ran(code: str, *arguments: str) -> str:
    """What a program prints in an improv that has one more part."""
    done = subprocess.run(
        [sys.executable, "-c", ADDED + code, *arguments], capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


FOUR = ("organ-level", "organ-mute", "organ-solo", "organ-program")


def test_it_has_controls_settings_json_config_osc_maps_presets_and_rows_of_the_screen() -> None:
    said = ran(
        """
from improv.config.load import NAMES
from improv.config.presets import preset_of, text
from improv.config.values import TABLES, Tune
from improv.control.osc import _state
from improv.music.parts import Part
from improv.music.turns import Mode
from improv.protocol.commands import TARGETS
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.json_codec import from_json, to_json
from improv.tui.theme.glyphs import UNICODE
from improv.tui.views import control_lines, meters
from tests.tui.snapshots import bare

FOUR = ("organ-level", "organ-mute", "organ-solo", "organ-program")
fields = {name.replace("-", "_") for name in FOUR}
settings = Tune.of(organ_level=50, organ_program="drawbar-organ").settings(Mode.SOLO, 0)
assert from_json(Settings, to_json(settings)) == settings and fields <= to_json(settings).keys()
assert set(FOUR) <= CONTROLS.keys() and set(FOUR) <= TABLES["controls"].keys() and set(FOUR) <= set(TARGETS)
assert {"IMPROV_" + field.upper() for field in fields} <= NAMES
seen = bare()
assert set(FOUR) <= _state(seen).keys() and set(FOUR) <= preset_of("all", seen).values.keys()
assert control_lines.NAMES[-1] == "organ-level" and meters.HEIGHTS["meters"] == "6"
rows = meters.meter_rows(dict.fromkeys(Part, 0.0), seen, UNICODE, 20, 6)
print([row[0].text.strip() for row in rows])
"""
    )
    assert said == "['you', 'melody', 'comp', 'bass', 'drums', 'organ']\n"


def test_it_has_options_and_its_takes_of_before_replay(tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    code = "from improv.cli.commands import run; run()"
    shown = ran(code, "render", "--help")
    assert all(f"--{name}" in shown for name in FOUR)
    ran(code, "render", str(out), "--organ-level", "70", "--program", "organ=church-organ", "--count-in", "0")
    assert out.read_bytes()[:4] == b"MThd"
    again = "import sys; from pathlib import Path; from improv.recording.replay import check; "
    again += "print(*(check(Path(take)).unchecked for take in sys.argv[1:]))"
    assert ran(again, str(TAKES / "levels.take"), str(TAKES / "engine-killed.take")) == "0 0\n"
