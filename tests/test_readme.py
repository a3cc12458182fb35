"""README.md and docs/: every command they show is run as it stands there, every link leads somewhere, and what they
say of controls and keys is what those are.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from improv import __version__
from improv.tui.input.key_bindings import TABLE
from tests.conftest import combined
from tests.documents import DOCS, PAGES, README, ROOT, WITH_CONTROLS, controls_table

CHANGELOG = ROOT / "CHANGELOG.md"
PORTS = {"improv in", "improv out", "improv thru"}
"""Names in the manner of commands."""

SHORT = "--api none --mode solo --tempo 400 --count-in 0 --choruses 1"
NO_PORTS = {66, 69}
"""What asking for a port comes to where there is none, or no MIDI system."""

COMMANDS: dict[str, tuple[str, set[int]]] = {
    "improv --install-completion": ("--help", {0}),  # it would write into a shell's own files
    "improv config": ("--help", {0}),
    "improv bench": ("--help", {0}),  # tests/diagnostics/test_bench.py runs it
    "improv config init": ("", {0}),
    "improv config show": ("", {0}),
    "improv config path": ("", {0}),
    "improv config show --origin": ("", {0}),
    "improv ctl": ("--help", {0}),
    "improv ctl bass-mute on": ("", {0}),
    "improv ctl bass-solo on": ("", {0}),
    "improv ctl melody-program 66": ("", {0}),
    "improv ctl melody-program tenor-sax": ("", {0}),
    "improv ctl program melody=tenor-sax": ("", {0}),
    "improv ctl drums-mute on": ("", {0}),
    "improv ctl controls": ("", {0}),
    "improv ctl connect": ("input virtual", {69}),
    "improv ctl connect input KeyLab": ("", {69}),  # there is no MIDI system
    "improv ctl connect input virtual": ("", {69}),
    "improv ctl density 0.5": ("", {0}),
    "improv ctl forget temperature": ("", {0}),
    "improv ctl hand-over": ("", {0}),
    "improv ctl hearing nearest": ("", {0}),
    "improv ctl learn hand-over": ("", {2}),  # there is no MIDI system to learn from
    "improv ctl learn temperature": ("", {2}),
    "improv ctl mode trade --bars 2": ("", {0}),
    "improv ctl model eck2002-chords": ("", {0}),
    "improv ctl nudge swing 0.05": ("", {0}),
    "improv ctl panic": ("", {0}),
    "improv ctl restart": ("", {0}),
    "improv ctl start": ("", {0}),
    "improv ctl status": ("", {0}),
    "improv ctl status --json": ("", {0}),
    "improv ctl stop": ("", {0}),
    "improv ctl swing 0.5": ("", {0}),
    "improv ctl tap": ("", {0}),
    "improv ctl temperature 0.8": ("", {0}),
    "improv ctl tempo 132": ("", {0}),
    "improv ctl watch": ("", {0}),
    "improv daemon": ("--help", {0}),
    "improv daemon restart": ("--help", {0}),  # tests/cli/test_daemon_command.py runs it
    "improv daemon start": ("", {75}),  # it is asked beside the daemon that plays
    "improv daemon start --instance upstairs": ("--api none --tempo 9999", {2}),  # it would play on
    "improv daemon start --output FLUID": ("--instance other", NO_PORTS),
    "improv daemon start --profile stage": ("--instance other --api none", {2}),  # there is no such profile yet
    "improv daemon status": ("", {0}),
    "improv daemon status --json": ("", {0}),
    "improv daemon stop": ("", {0}),
    "improv daemon unit": ("", {0}),
    "improv doctor": ("", {0, 1}),
    "improv export": ("--help", {0}),
    "improv export last": ("", {0}),
    "improv export last jam.flac": ("", {0}),
    "improv export last jam.png": ("", {0}),
    "improv export last jam.wav": ("", {0}),
    "improv jam": (SHORT, {0}),
    "improv jam --detach": (SHORT, {0}),
    "improv jam --output FLUID": ("", NO_PORTS),
    "improv jam --save jam.wav": (SHORT, {0}),
    "improv models": ("", {0}),
    "improv programs": ("", {0}),
    "improv programs sax": ("", {0}),
    "improv monitor": ("--input missing", NO_PORTS),
    "improv panic": ("", {2}),  # no improv plays, and no output is named
    "improv play": ("", {2}),  # there is no terminal; tests/tui/test_tmux.py has one
    "improv play --audio Headphones": ("", {2}),
    "improv play --audio jack": ("", {2}),
    "improv play --audio off": ("", {2}),
    "improv play --input KeyLab": ("", {2}),
    "improv play --key Bb": ("", {2}),
    "improv play --layout qwertz": ("", {2}),
    "improv play --soundfont FluidR3_GM.sf2": ("", {2}),
    "improv ports": ("", {0, 69}),
    "improv render": ("out.mid", {0}),
    "improv render partner.mid --mode solo --choruses 5 --seed 3": ("--choruses 1", {0}),
    "improv render out.mid --choruses 4 --seed 7": ("", {0}),
    "improv render out.png --choruses 2 --seed 7": ("", {0}),
    "improv render out.wav --choruses 2 --seed 7": ("", {0}),
    "improv render out.wav --choruses 4 --seed 7": ("", {0}),
    "improv render trade.png --choruses 2 --seed 5 --call tests/goldens/calls/call.mid": ("", {0}),
    "improv replay last": ("--api none", {0}),
    "improv replay last --check": ("", {0}),
    "improv soak": ("--help", {0}),
    "improv soak --minutes 31": ("--help", {0}),  # tests/diagnostics/test_soak.py runs it
    "improv takes": ("", {0}),
    "improv takes clear": ("--all --yes", {0}),
    "improv takes clear --older-than 30d --keep 20": ("--yes", {0}),
}
"""Each command, what it needs to end by itself here, and the exit statuses that are right."""

TO_A_DAEMON = [command for command in COMMANDS if command.startswith(("improv ctl", "improv daemon st"))]
AFTER_A_JAM = [
    "improv jam",
    "improv takes",
    "improv export last",
    *(c for c in COMMANDS if c.startswith("improv export last ")),
    "improv replay last",
    "improv replay last --check",
]
ALONE = [command for command in COMMANDS if command not in {*TO_A_DAEMON, *AFTER_A_JAM, "improv daemon stop"}]

FIRST = {command for command in ALONE if command in README.read_text()}
"""What the first page shows is tried every time, the rest in the full tier."""


def shown() -> set[str]:
    """The commands that README.md and docs/ show, in fences and in the text."""
    text = "\n\n".join(page.read_text() for page in PAGES)
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    fenced = [line for language, fence in fences if not language for line in fence.splitlines()]
    lines = [re.split(r"\s+#|\s+>", line)[0].strip() for line in fenced if line.startswith("improv ")]
    return {*lines, *re.findall(r"`(improv [^`]+)`", text)} - PORTS


def run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    arguments = shlex.split(command)[1:]
    return subprocess.run(
        [sys.executable, "-m", "improv", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT), "JACK_NO_START_SERVER": "1"},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where commands are run: with the call that one of them names."""
    (tmp_path / "tests").symlink_to(Path(__file__).parent)
    return tmp_path


def check(command: str, folder: Path) -> None:
    more, statuses = COMMANDS[command]
    done = run(f"{command} {more}", folder)
    assert done.returncode in statuses, f"{command}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    assert done.stderr or done.returncode in (0, 1)


def test_the_table_is_what_the_documents_show() -> None:
    assert shown() == COMMANDS.keys()


@pytest.mark.parametrize("command", combined(ALONE, quick=FIRST.__contains__))
def test_a_command(command: str, folder: Path) -> None:
    check(command, folder)
    if "--detach" in command:
        run("improv daemon stop", folder)


def test_what_is_asked_of_a_daemon(folder: Path) -> None:
    begun = run("improv daemon start --api none --mode solo --tempo 240 --choruses 60", folder)
    assert begun.returncode == 0, begun.stderr
    try:
        for command in TO_A_DAEMON:
            if command not in ("improv ctl watch", "improv daemon stop"):
                check(command, folder)
        watching = subprocess.Popen(
            [sys.executable, "-m", *shlex.split("improv ctl watch")],
            cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert watching.stdout is not None
        assert " bpm" in watching.stdout.readline()
    finally:
        check("improv daemon stop", folder)
    watching.stdout.read()
    watching.stdout.close()
    assert watching.wait(20) == 0  # it ends with the daemon


def test_a_jam_and_what_is_done_after_it(folder: Path) -> None:
    for command in AFTER_A_JAM:
        check(command, folder)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("stdin", "stdout", "asked"),
    [
        (True, True, "play"),
        (True, False, "jam --choruses 1"),
        (False, True, "jam --choruses 1"),
        (False, False, "jam --choruses 1"),
    ],
)
def test_make_jam_opens_the_interface_in_a_terminal_alone(
    stdin: bool, stdout: bool, asked: str, tmp_path: Path
) -> None:
    """What playing needs is there already: a program that only notes what it is asked, and a Python that is not run."""
    programs = tmp_path / "bin"
    programs.mkdir()
    improv = programs / "improv"
    improv.write_text('#!/bin/sh\necho "$@" >> "$0.asked"\n')
    improv.chmod(0o700)
    for made in (programs / "python", tmp_path / ".for-playing"):
        made.touch()
    master, slave = os.openpty()
    try:
        subprocess.run(
            ["make", "jam", f"VENV={tmp_path}", "PYTHON=false"],
            cwd=ROOT, check=True, timeout=180,
            stdin=slave if stdin else subprocess.DEVNULL, stdout=slave if stdout else subprocess.PIPE,
        )  # fmt: skip
    finally:
        os.close(master)
        os.close(slave)
    assert improv.with_suffix(".asked").read_text() == f"{asked}\n"


@pytest.mark.parametrize("page", WITH_CONTROLS, ids=lambda page: page.name)
def test_the_controls(page: Path) -> None:
    assert controls_table() in page.read_text(), "other controls; python -m tests.documents writes the table anew"


def test_the_keys_of_the_screen() -> None:
    page = (DOCS / "reference" / "screen.md").read_text()
    said = {"bksp": "backspace", "^p": "`ctrl+p`", "^q": "`ctrl+q`", "^z": "`ctrl+z`", "^e": "`ctrl+e`"}
    said |= {"pgup": "page up", "pgdn": "page down", "esc": "escape", "1-9": "`1` to `9`"}
    for row in TABLE:
        for key in row.label.split()[:1]:
            assert re.search(rf"(?<![a-z]){re.escape(said.get(key, key.removeprefix('shift+')))}(?![a-z])", page), row


def test_the_changelog_has_this_version() -> None:
    assert re.search(rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", CHANGELOG.read_text(), re.MULTILINE)


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith("https://"):
            name, _, heading = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.is_file(), link
            assert page == README or target.is_relative_to(DOCS), f"{link} would not be on the site"
            assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_tutorial_has_ten_steps() -> None:
    steps = re.findall(r"^## (\d+)\. ", (DOCS / "tutorial.md").read_text(), re.MULTILINE)
    assert steps == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("daw", ["ardour", "bitwig", "live", "reaper", "logic"])
def test_each_daw_has_a_page_that_says_whether_it_was_tried(daw: str) -> None:
    assert re.search(r"^(Tried|Not tried) with ", (DOCS / "how-to" / "daw" / f"{daw}.md").read_text(), re.MULTILINE)


def test_the_site_has_every_page() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert set(re.findall(r"[\w./-]+\.md", navigation)) == {str(page.relative_to(DOCS)) for page in PAGES[1:]}


RIDDLES = re.compile(r"\b(somebody|someone|nobody|whoever|whomever|whatsoever)\b", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_who_does_something_has_a_name(page: Path) -> None:
    assert not RIDDLES.findall(page.read_text())


EXAMPLES = {"csv_file.py", "csv_writer", "organ.py", "organ", "elman.py", "held_notes.py", "text_lines.py", "CONFIG"}
"""What the recipes for contributors make, and is not there."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = set(re.findall(r"`((?:improv|training|tests|docs|exported_models)/[\w/.-]*)`", page.read_text()))
    assert not {name for name in named if Path(name).name not in EXAMPLES and not (ROOT / name).exists()}


def test_every_name_in_the_recipes_is_in_the_code() -> None:
    recipes = (DOCS / "CONTRIBUTING.md").read_text().partition("## Add a control")[2]
    named = set(re.findall(r"`([A-Za-z_]\w*)(?:\([^`]*\))?`", recipes)) - EXAMPLES
    source = "\n".join(path.read_text() for wing in ("improv", "training") for path in (ROOT / wing).rglob("*.py"))
    words = set(re.findall(r"\w+", source)) | {"thinning", "IMPROV_THINNING", "held_notes"}
    assert not named - words
