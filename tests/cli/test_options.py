"""The options of a jam: what is given is passed on, and goes over the configuration."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from improv.cli.options import Given, spelled_out, with_jam
from improv.errors import UsageError
from tests.cli.command_line import Improv
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
    ("words", "means"),
    [
        ("--bass-mute on --comp-solo off", "--bass-mute --no-comp-solo"),
        ("--click-mute off --thru on", "--no-click-mute --thru"),
        ("--bass-mute=on --bass-solo=off", "--bass-mute --no-bass-solo"),
        ("--bass-mute on on", "--bass-mute on"),
        ("--bass-mute out.mid", "--bass-mute out.mid"),
        ("--bass-mute=maybe", "--bass-mute=maybe"),
        ("--save on --audio off", "--save on --audio off"),
        ("-- --bass-mute on", "-- --bass-mute on"),
        ("on", "on"),
    ],
)
def test_a_switch_may_be_given_with_its_word(words: str, means: str) -> None:
    assert spelled_out(words.split()) == means.split()


def test_every_command_takes_a_switch_with_its_word(improv: Improv, folder: Path) -> None:
    for name, switch in (("a", "--bass-mute on --comp-mute off"), ("b", "--bass-mute --no-comp-mute")):
        assert improv(f"render {name}.mid -m walker --seed 3 {switch}").status == 0
    assert (folder / "a.mid").read_bytes() == (folder / "b.mid").read_bytes()


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
