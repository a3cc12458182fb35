"""What is advised where nothing is heard: a command that this system has, and nothing else."""

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from improv.synth.advice import Advice, Found, advice, command, look, option_values

FONT = Path("/usr/share/sounds/sf2/default-GM.sf2")
DEBIAN = Found(
    installed=True,
    audio=frozenset({"alsa", "jack", "pulseaudio", "sdl2"}),
    midi=frozenset({"alsa_seq", "jack"}),
    font=FONT,
    installer="apt",
)


@pytest.mark.parametrize(
    ("api", "found", "typed"),
    [
        ("jack", DEBIAN, f"fluidsynth -a jack -m jack -j {FONT}"),
        (
            "jack",
            replace(DEBIAN, jack_server="studio"),
            f"JACK_DEFAULT_SERVER=studio fluidsynth -a jack -m jack -j {FONT}",
        ),
        ("alsa", DEBIAN, f"fluidsynth -a alsa -m alsa_seq {FONT}"),
        (
            "alsa",
            replace(DEBIAN, servers=frozenset({"pipewire", "pulseaudio"})),
            f"fluidsynth -a pulseaudio -m alsa_seq {FONT}",
        ),
        (
            "alsa",
            replace(DEBIAN, audio=DEBIAN.audio | {"pipewire"}, servers=frozenset({"pipewire", "pulseaudio"})),
            f"fluidsynth -a pipewire -m alsa_seq {FONT}",
        ),
        ("coremidi", Found(installed=True, font=FONT), f"fluidsynth -a coreaudio -m coremidi {FONT}"),
        ("jack", replace(DEBIAN, font=Path("/my fonts/a.sf2")), "fluidsynth -a jack -m jack -j '/my fonts/a.sf2'"),
        ("jack", replace(DEBIAN, midi=frozenset({"alsa_seq"})), None),
        ("jack", replace(DEBIAN, audio=frozenset({"alsa"})), None),
    ],
)
def test_the_command_fits_the_system(api: str, found: Found, typed: str | None) -> None:
    assert command(api, found) == typed
    told = advice(api, found)
    assert (told.command, told.is_synth) == (typed or "", typed is not None)
    assert typed or "can't use jack" in told.says


@pytest.mark.parametrize(
    ("api", "found", "says", "typed"),
    [
        ("jack", replace(DEBIAN, installed=False), "install FluidSynth", "apt install fluidsynth fluid-soundfont-gm"),
        ("jack", replace(DEBIAN, font=None), "no soundfont", "apt install fluid-soundfont-gm"),
        ("alsa", Found(), "install FluidSynth", ""),
        ("none", DEBIAN, "open the saved file", ""),
        ("none", replace(DEBIAN, can_start_jack=True), "then improv daemon restart", "jackd -d alsa"),
        ("windows", Found(windows=True), "Microsoft GS Wavetable Synth", ""),
    ],
)
def test_what_is_missing_comes_first(api: str, found: Found, says: str, typed: str) -> None:
    told = advice(api, found)
    assert says in told.says
    assert typed in told.command
    assert bool(typed) == bool(told.command)
    assert not told.is_synth


def test_a_midi_system_that_is_there_by_now_is_told() -> None:
    told = advice("none", DEBIAN, there="jack", restart="improv daemon restart --instance up")
    assert told.text.startswith("jack is here now")
    assert told.command == "improv daemon restart --instance up --api jack"


def test_in_one_line() -> None:
    assert Advice("Type", "x").text == "Type: x"
    assert Advice("Nothing").text == "Nothing"


def test_fluidsynth_itself_is_asked_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fluidsynth"
    program.write_text(
        "#!/bin/sh\necho ' -a, --audio-driver=[label]\n    Valid values: jack, file'\n"
        "echo ' -m, --midi-driver=[label]\n    Valid values: jack'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "stage")
    found = look()
    assert (found.audio, found.midi, found.jack_server) == (frozenset({"jack", "file"}), frozenset({"jack"}), "stage")
    assert option_values("nothing", "audio-driver") == frozenset()


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="no FluidSynth here")
def test_the_fluidsynth_that_is_here_tells_what_it_can() -> None:
    assert look().midi
