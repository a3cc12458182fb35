"""What a configuration may not hold is refused, with its file and line."""

import os
import random
import re
import string
from pathlib import Path
from typing import Any

import pytest

from improv.config import toml_file
from improv.config.controller_maps import Map, why_reserved
from improv.config.load import load
from improv.errors import DataError, ImprovError, InputNotFound, UsageError
from improv.protocol.controls import CONTROLS
from tests.config.conftest import GOOD, SMALL, loaded
from tests.conftest import tiers

MODES = "trade, phrase, duet, solo, listen"


KEYS = ", ".join(CONTROLS["key"].choices)


REFUSED = [
    # unknown keys and tables
    ("[controls]\ntempoo = 120", "config.toml:2: no key tempoo in [controls] (did you mean tempo?)"),
    ("[controls]\n\ntop_p = 0.9", "config.toml:3: no key top_p in [controls] (did you mean top-p?)"),
    ("[controls]\nzzz = 0.9", "config.toml:2: no key zzz in [controls]"),
    ('[controls]\ninput = "x"', "config.toml:2: no key input in [controls] (it belongs in [ports])"),
    ('[controls]\n"\\u001b[2J" = 1', "config.toml:2: no key '\\x1b[2J' in [controls]"),
    ("controls = { swing = 0.6, tmpo = 3 }", "config.toml:1: no key tmpo in [controls] (did you mean tempo?)"),
    ("\ncontrols.tmpo = 3", "config.toml:2: no key tmpo in [controls] (did you mean tempo?)"),
    ("[controls.tempo]\nbpm = 3", "config.toml:1: tempo needs a number, not a table; give 20 to 400 bpm"),
    ("tempo = 120", "config.toml:1: no key tempo (it belongs in [controls])"),
    ("profiles = 3", "config.toml:1: no key profiles (did you mean profile?)"),
    ("[control]\ntempo = 120", "config.toml:1: no table [control] (did you mean controls?)"),
    ("[[maps]]\nnumber = 1", "config.toml:1: no table [maps] (did you mean map?)"),
    ("[osc]\nprot = 1", "config.toml:2: no key prot in [osc] (did you mean port?)"),
    ("[jam]\nchorus = 1", "config.toml:2: no key chorus in [jam] (did you mean choruses?)"),
    ("[profile.a.contrls]\ntempo = 1", "config.toml:1: no table [profile.a.contrls] (did you mean controls?)"),
    ("[profile.a.controls]\nswng = 1", "config.toml:2: no key swng in [profile.a.controls] (did you mean swing?)"),
    ("[profile.a]\ntempo = 1", "config.toml:2: no key tempo in [profile.a] (it belongs in [profile.a.controls])"),
    ("[profile.a.profile.b]\n", "config.toml:1: no table [profile.a.profile]"),
    # types
    ('[controls]\ntempo = "120"', "config.toml:2: tempo needs a number, not a string; give 20 to 400 bpm"),
    ("[controls]\ntempo = true", "config.toml:2: tempo needs a number, not true or false; give 20 to 400 bpm"),
    ("[controls]\ntempo = [120]", "config.toml:2: tempo needs a number, not an array; give 20 to 400 bpm"),
    ("[controls]\ntempo = 12:00:00", "config.toml:2: tempo needs a number, not a date or time; give 20 to 400 bpm"),
    ("[controls]\nbass-program = 'saxx'", "config.toml:2: bass-program 'saxx' is no name; improv programs lists them"),
    ("[controls]\nswing = 'otto'", "config.toml:2: swing 'otto' is no number; give 0.5 to 0.75, or auto"),
    (
        "[controls]\ncomp-level = 3\nchords-level = 4",
        "config.toml:3: chords-level is called comp-level now, and both are given; leave chords-level out",
    ),
    ("[controls]\nmode = 3", f"config.toml:2: mode needs a string, not a number; give {MODES}"),
    ("[controls]\nkey = true", f"config.toml:2: key needs a string, not true or false; give {KEYS}"),
    ("[controls]\nthru = 1", "config.toml:2: thru needs true or false, not a number"),
    ("[ports]\ninput = 3", "config.toml:2: input needs a string, not a number; give a name"),
    ('[osc]\nport = "9000"', "config.toml:2: port needs a number, not a string; give 1 to 65535"),
    ("[osc]\nport = false", "config.toml:2: port needs a number, not true or false; give 1 to 65535"),
    ("[jam]\nchoruses = true", "config.toml:2: choruses needs a number, not true or false; give 1 to 999999"),
    ("controls = 3", "config.toml:1: controls needs a table, [controls], not a number"),
    ("[[ports]]\n", "config.toml:1: ports needs a table, [ports], not an array"),
    ("profile = 3", "config.toml:1: profile needs tables such as [profile.stage.controls], not a number"),
    ("[profile]\nstage = 3", "config.toml:2: profile stage needs tables such as [profile.stage.controls], not"),
    ("[map]\nnumber = 3", "config.toml:1: map needs an array of tables: write [[map]] above each"),
    ("map = [\n3]", "config.toml:1: each [[map]] needs a table, not a number"),
    # ranges
    ("[controls]\ntempo = 500", "config.toml:2: tempo 500 is out of range; give 20 to 400 bpm"),
    ("[controls]\ntempo = nan", "config.toml:2: tempo nan is out of range; give 20 to 400 bpm"),
    ("[controls]\ntempo = -inf", "config.toml:2: tempo -inf is out of range; give 20 to 400 bpm"),
    (f"[controls]\ntempo = {'9' * 400}", "config.toml:2: tempo inf is out of range; give 20 to 400 bpm"),
    (f"[controls]\nseed = 0x{'f' * 900}", "config.toml:2: seed inf is out of range; give 0 to"),
    ("[controls]\nbars = 1.5", "config.toml:2: bars 1.5 is not a whole number; give 1 to 96 bars"),
    ('[controls]\nmode = "trad"', f"config.toml:2: mode 'trad' is unknown (did you mean trade?); choose from {MODES}"),
    ('[controls]\nthru = "yes"', "config.toml:2: thru 'yes' is unknown; choose from off, on"),
    ('[controls]\nmodel = ""', "config.toml:2: model needs a name"),
    ('[ports]\ninput = ""', "config.toml:2: input needs a name"),
    ('[ports]\ninput = "\\u0007"', r"config.toml:2: input '\x07' has characters that cannot be printed; take them out"),
    ("[jam]\nchoruses = 0", "config.toml:2: choruses 0 is out of range; give 1 to 999999"),
    ("[osc]\nport = 65536", "config.toml:2: port 65536 is out of range; give 1 to 65535"),
    # maps
    ("[[map]]\nnumer = 1", "config.toml:2: no key numer in [[map]] (did you mean number?)"),
    ("[[map]]\ncc = 20", 'config.toml:2: no key cc in [[map]] (write kind = "cc" and number = ...)'),
    ("[[map]]\nzzz = 20", "config.toml:2: no key zzz in [[map]]; give kind, number, channel, target, takeover, r"),
    ('[[map]]\n\nkind = "knob"', "config.toml:3: kind 'knob' is unknown; choose from cc, note, program"),
    ("[[map]]\nnumber = 128", "config.toml:2: number 128 is out of range; give 0 to 127"),
    ("[[map]]\nnumber = true", "config.toml:2: number needs a number, not true or false; give 0 to 127"),
    ("[[map]]\nchannel = 0", "config.toml:2: channel 0 is out of range; give 1 to 16"),
    ('[[map]]\ntarget = "panik"', "config.toml:2: target 'panik' is unknown (did you mean panic?); choose from tempo"),
    ('[[map]]\ntakeover = "soft"', "config.toml:2: takeover 'soft' is unknown; choose from pickup, jump"),
    ('\n[[map]]\nkind = "cc"', "config.toml:2: this [[map]] has no number; give 0 to 127"),
    ('[[map]]\nkind = "cc"\nnumber = 1', "config.toml:1: this [[map]] has no target; give tempo, swing"),
    (GOOD + "[[map]]\nnumer = 1", "config.toml:41: no key numer in [[map]] (did you mean number?)"),
    ("[[profile.a.map]]\nnumer = 1", "config.toml:2: no key numer in [[profile.a.map]] (did you mean number?)"),
    # TOML
    ("[controls]\ntempo 120", "config.toml:2: this is no TOML: Expected '=' after a key in a key/value pair"),
    ("[controls]\ntempo = 1\ntempo = 2", "config.toml:3: this is no TOML: Cannot overwrite a value"),
    ("[controls]\ntempo = [\n1,\n", "config.toml:3: this is no TOML: "),
    (f"a = {'[' * 900}", "config.toml: a value is nested too deep"),
    (f"\n{'a.' * 500}a = 1", "config.toml:2: this line is longer than 1000 characters; no configuration's is"),
    ("#" * 70_000, "config.toml: it is larger than 64 KiB; no configuration is"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=lambda value: value[:40])
def test_what_a_file_may_not_say(file: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        loaded(file, text)
    said = str(refused.value)
    cut = message.endswith((": ", "tempo", "swing", "give 0 to", "pair", "value", "not", ", r"))
    assert said.startswith(message) if cut else said == message


@pytest.mark.parametrize(
    ("profile", "environment", "given", "message"),
    [
        ("stge", {}, {}, "config.toml: no profile stge (did you mean stage?); there are stage, 'the cellar'"),
        ("", {}, {}, "config.toml: no profile ''; there are stage, 'the cellar'"),
        (None, {"IMPROV_PROFILE": "x"}, {}, "IMPROV_PROFILE: config.toml: no profile x; there are stage, 'the cellar'"),
        (None, {"IMPROV_TEMPO": "500"}, {}, "IMPROV_TEMPO: tempo 500 is out of range; give 20 to 400 bpm"),
        (None, {"IMPROV_TEMPO": "nan"}, {}, "IMPROV_TEMPO: tempo nan is out of range; give 20 to 400 bpm"),
        (None, {"IMPROV_TEMPO": "fast"}, {}, "IMPROV_TEMPO: tempo 'fast' is no number; give 20 to 400 bpm"),
        (None, {"IMPROV_BARS": "1.5"}, {}, "IMPROV_BARS: bars 1.5 is not a whole number; give 1 to 96 bars"),
        (None, {"IMPROV_THRU": "yes"}, {}, "IMPROV_THRU: thru 'yes' is unknown; choose from off, on"),
        (None, {"IMPROV_CHORUSES": "0"}, {}, "IMPROV_CHORUSES: choruses 0 is out of range; give 1 to 999999"),
        (None, {"IMPROV_OSC_PORT": "0"}, {}, "IMPROV_OSC_PORT: port 0 is out of range; give 1 to 65535"),
        (
            None,
            {"IMPROV_INPUT": "\udcff"},
            {},
            r"IMPROV_INPUT: input '\udcff' has characters that cannot be printed; take them out",
        ),
        (None, {}, {"controls.tempo": 19}, "tempo 19 is out of range; give 20 to 400 bpm"),
        (None, {}, {"controls.tempo": True}, "tempo needs a number, not true or false; give 20 to 400 bpm"),
        (None, {}, {"controls.mode": "trad"}, f"mode 'trad' is unknown (did you mean trade?); choose from {MODES}"),
        (None, {}, {"ports.input": ""}, "input needs a name"),
    ],
)
def test_what_no_other_source_may_say(
    file: Path, profile: str | None, environment: dict[str, str], given: dict[str, Any], message: str
) -> None:
    file.write_text(GOOD)
    with pytest.raises(UsageError) as refused:
        load(profile=profile, environment=environment, path=file, given=given)
    assert str(refused.value) == message


def test_a_profile_that_is_not_chosen_is_checked_too(file: Path) -> None:
    with pytest.raises(DataError, match=r"config.toml:41: tempo 9 is out of range"):
        loaded(file, GOOD + "[profile.garage]\ncontrols.tempo = 9\n", "stage")


def test_no_profiles_at_all(file: Path) -> None:
    with pytest.raises(UsageError, match=r"^config.toml: no profile stage; it has none$"):
        loaded(file, "", "stage")


RESERVED = [0, 6, 32, 38, *range(98, 102), *range(120, 128)]


@pytest.mark.parametrize("number", range(128))
def test_controllers_with_a_meaning_of_their_own_are_refused(file: Path, number: int) -> None:
    text = f'[[map]]\nkind = "cc"\ntarget = "tempo"\nnumber = {number}\n'
    if number in (*RESERVED, 64):
        with pytest.raises(DataError) as refused:
            loaded(file, text)
        assert str(refused.value) == f"config.toml:4: {why_reserved(number, 'tempo')}"
    else:
        assert loaded(file, text).maps == (Map(kind="cc", number=number, target="tempo"),)
    assert bool(why_reserved(number, "hand-over")) == (number in RESERVED)
    for kind in ("note", "program"):
        assert loaded(file, text.replace("cc", kind).replace("tempo", "panic")).maps[0].number == number


def test_why_a_controller_is_refused() -> None:
    assert why_reserved(0, "tempo") == "CC 0 is bank select; map another controller"
    assert why_reserved(38, "hand-over") == "CC 38 is data entry; map another controller"
    assert why_reserved(101, "panic") == "CC 101 is a parameter number; map another controller"
    assert why_reserved(123, "panic") == "CC 123 is a channel mode message; map another controller"
    assert why_reserved(64, "panic") == "CC 64 is the sustain pedal; it can be mapped to hand-over alone"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    for path, environment in ((missing, {}), (None, {"IMPROV_CONFIG": str(missing)})):
        with pytest.raises(InputNotFound) as refused:
            load(path=path, environment=environment)
        assert str(refused.value) == f"{missing}: No such file or directory; give a configuration file that can be read"
    with pytest.raises(InputNotFound, match="Is a directory"):
        load(environment={}, path=tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_configuration_and_the_null_device_an_empty_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    with pytest.raises(InputNotFound, match="it is no ordinary file"):
        load(environment={}, path=pipe)
    assert load(environment={}, path=Path(os.devnull)) == load(environment={})


def test_text_that_is_not_utf_8(file: Path) -> None:
    file.write_bytes(b"[ports]\ninput = 'R\xe9seau'\n")
    with pytest.raises(DataError, match=r"^config.toml:2: this is no UTF-8 text; save it as UTF-8$"):
        load(environment={}, path=file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.encode("utf-16"), "config.toml:1: this is UTF-16 or UTF-32 text, not UTF-8; save it as UTF-8"),
        (GOOD.encode("utf-32"), "config.toml:1: this is UTF-16 or UTF-32 text, not UTF-8; save it as UTF-8"),
        (GOOD.encode("utf-16-le"), "config.toml:1: this is UTF-16 text without its mark; save it as UTF-8"),
        (GOOD.encode("utf-16-be"), "config.toml:1: this is UTF-16 text without its mark; save it as UTF-8"),
        (b"[controls]\ntempo = 90\0", "config.toml:2: there is a NUL, so this is no text; save it as UTF-8"),
        (b"\xef\xbb\xbf[controls]\ntempoo = 90", "config.toml:2: no key tempoo in [controls] (did you mean tempo?)"),
    ],
)
def test_what_a_file_is_instead_of_utf_8_is_told(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError) as refused:
        load(environment={}, path=file)
    assert str(refused.value) == message


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_byte_order_mark_is_no_part_of_a_file(file: Path, ends: str) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", ends).encode())
    marked = load(environment={}, path=file)
    file.write_bytes(GOOD.encode())
    assert marked == load(environment={}, path=file)
    file.write_bytes(b"\xef\xbb\xbf")
    assert load(environment={}, path=file).maps == ()


@pytest.mark.parametrize("mutants", tiers(5_000, 20_000))
def test_mutants_of_a_good_file_are_read_or_refused_and_nothing_else(
    mutants: int, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    good = SMALL.encode()
    pieces = [
        b"[",
        b"]",
        b"[[",
        b"{",
        b"}",
        b"=",
        b'"',
        b"'",
        b'"""',
        b"\n",
        b"\r",
        b".",
        b",",
        b"#",
        b"-",
        b"\\",
        b"\xff",
    ]
    pieces += [b"\0", b"0x", b"1", b"9" * 400, b"inf", b"nan", b"true", b"[map]\n", b"map", b"profile", b"controls."]
    read, said = 0, []
    for _ in range(mutants):
        mutant = bytearray(good)
        for _ in range(chance.randint(1, 2)):
            start = chance.randrange(len(mutant) + 1)
            end = start + chance.choice((0, 0, 1, 1, 4, 40))
            letter = bytes([ord(chance.choice(string.printable))])
            mutant[start:end] = chance.choice(
                (b"", letter, letter, chance.choice(pieces), bytes(mutant[end : end + 9]))
            )
        monkeypatch.setattr(toml_file, "read_file", lambda *_, content=bytes(mutant): content)  # discs are slow
        try:
            load(profile=chance.choice((None, "stage")), environment={}, path=file)
        except ImprovError as error:
            said.append(str(error))
        else:
            read += 1
    assert all(re.match(r"config\.toml(:\d+)?: ", text) for text in said)
    assert min(read, len(said)) > mutants // 20
