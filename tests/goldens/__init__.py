"""Golden performances: what improv plays, fixed byte for byte, so that a change that moves code moves no note.

`renders/` holds what `improv render` wrote for each line of `RENDERS`, `exports/` what `improv export` wrote for each
of `takes/`; `python -m tests.goldens` writes both anew, which is right only where the music is meant to be other. The
takes are jams that were really played and recorded, with what their players did: they are never made anew, for takes of
earlier versions have to replay for ever. In `band.take` every style is played, to a player and to an ending; by other
rules of the band than those that its head names only its soloist is compared. `calls/` are MIDI files to answer.
"""

from pathlib import Path

from typer.testing import CliRunner

from improv.cli.commands import app

FOLDER = Path(__file__).parent
CALLS, TAKES = FOLDER / "calls", FOLDER / "takes"

RENDERS = {
    "partner": "",
    "partner-seed": "--seed 7 --choruses 2",
    "partner-slow": "--seed 8 --tempo 60 --swing 0.67",
    "partner-quick": "--seed 9 --tempo 280 --swing 0.5",
    "partner-key": "--seed 10 --key F --changes 0.8",
    "partner-wild": "--seed 11 --temperature 1.4 --changes 1.5 --rests -0.5",
    "partner-calm": "--seed 12 --temperature 0.3 --top-p 0.8 --rests 0.6 --density -0.5",
    "partner-leaning": "--seed 13 --leaning 1 --register 1",
    "partner-likeliest": "--temperature 0 --count-in 0",
    "partner-trade": "--call riff --seed 14",
    "partner-trade-two": "--call riff --seed 15 --bars 2 --tempo 180 --key Bb",
    "partner-trade-played": "--call played --seed 16 --swing 0.6",
    "partner-trade-triplets": "--call triplets --seed 17 --choruses 2",
    "partner-trade-sixteenths": "--call sixteenths --seed 18 --swing 0.5",
    "partner-trade-chords": "--call chords --seed 19 --density 0.7",
    "partner-trade-chorus": "--call chorus --seed 20",
    "partner-trade-drums": "--call drums_too --seed 21 --no-thru",
    "partner-trade-one": "--call one --seed 22 --bars 1",
    "partner-phrase": "--call riff --mode phrase --seed 23",
    "partner-phrase-gap": "--call chorus --mode phrase --gap 3 --seed 24 --choruses 2",
    "partner-duet": "--call chorus --mode duet --seed 25",
    "partner-duet-low": "--call sixteenths --mode duet --seed 26 --register -1 --key Eb",
    "partner-listen": "--call riff --mode listen --seed 27",
    "partner-levels": "--seed 28 --melody-level 64 --chords-level 20 --click-mute --count-in 2",
    "partner-alone": "--seed 29 --chords-mute",
    "blues": "--model eck2002-blues --choruses 2",
    "blues-key": "--model eck2002-blues --seed 30 --key G --tempo 200 --swing 0.5",
    "blues-wild": "--model eck2002-blues --seed 31 --temperature 1.5 --density 0.5",
    "blues-trade": "--model eck2002-blues --call riff --seed 32",
    "blues-phrase": "--model eck2002-blues --call chorus --mode phrase --seed 33",
    "blues-duet": "--model eck2002-blues --call played --mode duet --seed 34 --leaning 0.5",
    "chords": "--model eck2002-chords --choruses 2",
    "chords-key": "--model eck2002-chords --seed 35 --key A --changes 1",
    "chords-trade": "--model eck2002-chords --call triplets --seed 36",
    "band-swing": "--style swing --band 0.5 --swing auto --seed 37 --choruses 3",
    "band-shuffle": "--style shuffle --band 1 --swing auto --seed 38",
    "band-slow": "--style slow --band 0.7 --swing auto --tempo 60 --seed 39",
    "band-funk": "--style funk --band 0.8 --swing auto --tempo 100 --key E --seed 40",
    "band-new-orleans": "--style new-orleans --band 0.6 --swing auto --seed 41",
    "band-plain-quick": "--style swing --band 0 --swing auto --tempo 260 --seed 42 --changes 1",
    "band-trade": "--call riff --style swing --band 1 --swing auto --hearing meant --seed 43",
    "band-mixed": "--style swing --band 0.5 --swing auto --bass-mute --drums-level 60 --program comp=16 --seed 44",
    "band-waits": "--call played --mode phrase --wait 1 --hearing meant --style swing --swing auto --seed 45",
    "band-blues": "--model eck2002-blues --style shuffle --band 0.5 --swing auto --seed 46",
    "drafts-trade": "--call riff --drafts 8 --hearing meant --seed 47",
    "drafts-phrase": "--call played --mode phrase --drafts 4 --hearing meant --seed 48",
    "drafts-long": "--call chorus --bars 6 --drafts 2 --seed 49",
    "expression": "--dynamics 1 --feel 1 --style swing --swing auto --seed 52 --choruses 2",
    "expression-trade": "--call riff --dynamics 1 --feel 0.5 --seed 53 --tempo 180",
    "expression-blues": "--model eck2002-blues --dynamics 0.5 --feel 1 --seed 54",
    "voice-tenor": "--model partner --voice tenor --seed 52 --choruses 2",
    "voice-trumpet": "--model partner --voice trumpet --key F --seed 53",
    "voice-any": "--model partner --voice any --seed 54 --temperature 1",
    "voice-trade": "--model partner --call riff --drafts 8 --hearing meant --seed 55",
    "voice-duet": "--model partner --call chorus --mode duet --seed 56",
    "line-notes": "--model stanford2018-lstm --call riff --seed 57 --key Eb",
    "line-chords": "--model kth-piano --call played --hearing meant --seed 58 --density 0.6",
    "line-events": "--model golla-transformer --call riff --mode phrase --seed 59 --style swing",
    "line-roll": "--model docevski2018-lstm2 --call chorus --mode duet --density 0.5 --tempo 90",
    "line-piano": "--model docevski2018-goal --call chords --seed 60 --choruses 2",
}
"""The arguments of `improv render`, by the name of the file that it writes, after `BEFORE_STYLES`."""

BEFORE_STYLES = (
    "--style",
    "pads",
    "--band",
    "0",
    "--swing",
    "0.6",
    "--hearing",
    "nearest",
    "--wait",
    "0",
    "--drafts",
    "0",
    "--duet",
    "together",
    "--dynamics",
    "0",
    "--feel",
    "0",
)
"""How everything was played and heard before there were styles, unless the arguments say otherwise.

So is the network: the partner of that time, unless they name another.
"""


def kept(name: str) -> Path:
    """The file that a render is kept in."""
    return FOLDER / "renders" / f"{name}.mid"


def exported(take: Path) -> Path:
    """The file that the export of a take is kept in."""
    return FOLDER / "exports" / f"{take.stem}.mid"


def render(name: str, out: Path) -> None:
    """Have `improv render` write one of `RENDERS`."""
    words = RENDERS[name].split()
    if "--call" in words:
        at = words.index("--call") + 1
        words[at] = str(CALLS / f"{words[at]}.mid")
    network = () if "--model" in words else ("--model", "partner-1")
    _improv("render", str(out), "--provider", "cpu", *BEFORE_STYLES, *network, *words)


def export(take: Path, out: Path) -> None:
    """Have `improv export` write a take."""
    _improv("export", str(take), str(out))


def _improv(*words: str) -> None:
    done = CliRunner().invoke(app, words)
    if done.exit_code:
        raise AssertionError(f"improv {' '.join(words)}: {done.output}") from done.exception
