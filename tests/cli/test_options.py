"""The options of a jam: what is given is passed on, and goes over the configuration."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from improv.cli.options import Given, with_jam
from improv.errors import UsageError
from tests.cli.fake_daemon import World

LINES = [
    "",
    "--tempo 90.5 --swing 0.6 -m walker",
    "--register -1 --density -0.5",
    "--thru --no-drums-mute --comp-mute",
    "--input keys -o Synth --api jack --lights Launchpad",
    "--choruses 2 --provider cpu --seed 7",
    "--mode phrase --key Bb --gap 2 --profile stage",
    "--save jam.mid",
    "--style funk --band 0.7 --swing auto",
    "--program melody=tenor-sax --program comp=4 --bass-solo --drums-program jazz-kit",
    "--model mine/walker.onnx",
]


def parsed(words: list[str]) -> Given:
    """What a command makes of these options."""
    app, found = typer.Typer(), list[Given]()

    def take(given: Given) -> None:
        found.append(given)

    app.command()(with_jam(take))
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return found[0]


@pytest.mark.parametrize("line", LINES)
def test_what_is_passed_on_is_what_was_given(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = parsed(line.split())
    again = parsed(given.arguments())
    model = given.values.get("controls.model", "walker")
    moved = {"controls.model": str(tmp_path / str(model))} if str(model).endswith(".onnx") else {}
    assert (again.values, again.profile) == ({**given.values, **moved}, given.profile)
    assert again.save == (given.save and tmp_path / given.save)  # from wherever it is run
    assert bool(given.arguments()) == bool(line)


def test_former_names_are_taken_and_not_shown() -> None:
    given = parsed(["--chords-level", "30", "--click-mute", "--no-chords-mute", "--program", "chords=16"])
    assert given.values == {
        "controls.comp-level": 30, "controls.drums-mute": "on", "controls.comp-mute": "off",
        "controls.comp-program": "16",
    }  # fmt: skip
    assert parsed(["--chords-level", "30", "--comp-level", "40"]).values == {"controls.comp-level": 40}
    app = typer.Typer()
    app.command()(with_jam(lambda given: None))
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    assert "--comp-level" in shown
    assert not re.search("--(chords|click)-", shown)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("melody", "--program 'melody' is no PART=PROGRAM; give such as melody=tenor-sax"),
        ("melodie=3", "is no PART=PROGRAM (did you mean melody?)"),
        ("you=3", "with a part of melody, comp, bass, drums"),
        ("bass=", "is no PART=PROGRAM; give such"),
    ],
)
def test_a_program_that_names_no_part_is_refused(word: str, says: str) -> None:
    app = typer.Typer()
    app.command()(with_jam(lambda given: None))
    result = CliRunner().invoke(app, ["--program", word])
    assert isinstance(result.exception, UsageError)
    assert says in str(result.exception)


def test_what_is_given_goes_over_the_configuration(world: World) -> None:
    (world.folder / "config.toml").write_text('[ports]\noutput = "Synth"\n[controls]\ntempo = 90\nswing = 0.6\n')
    config = parsed(["--tempo", "100", "--save", "jam.mid"]).config()
    assert (config.tune.tempo, config.tune.swing) == (100, 0.6)
    assert (config.wiring.output, config.wiring.save) == ("Synth", Path("jam.mid"))
