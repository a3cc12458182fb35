"""Controls, knobs, presets, ports and the piano, with the real socket between screen and daemon."""

from pathlib import Path

from textual.events import MouseScrollDown, MouseScrollUp

from improv.config.presets import Preset, load, save
from improv.midi.messages import NOTE_OFF, NOTE_ON
from improv.music.parts import Part
from improv.music.turns import Who
from improv.protocol.commands import Connect, Press, Set
from improv.protocol.control import Value
from improv.protocol.controls import CONTROLS
from improv.protocol.mixer import PROGRAMS
from improv.tui.input.key_bindings import Letters
from improv.tui.screens.base import Entry
from improv.tui.screens.lists import ChoicesScreen, ModelsScreen, ProgramsScreen
from improv.tui.theme.glyphs import UNICODE
from improv.tui.views.control_lines import NAMES
from improv.tui.views.control_rows import slider_cells
from improv.tui.views.keyboard import Keyboard
from improv.tui.views.part_rows import PART_OF
from improv.tui.views.piano_roll import PianoRoll
from improv.tui.views.status import StatusLine
from tests.tui.jam import Jam, jammed, told


def test_every_control_is_turned_from_the_keyboard_obeyed_and_shown(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        for name in NAMES:
            control = CONTROLS[name]
            assert jam.controls.selected is control
            before = jam.status().value(name)
            at_its_end = control.is_number and control.share(before) == 1
            await jam.press("left" if at_its_end else "right")
            wanted = jam.controls.value(control)
            assert wanted != before
            assert told(wanted) in jam.line(name)  # at once
            await jam.asked(Set(name, wanted))
            if name == "model":
                await jam.play_until(lambda seen: seen.system.network.next_model, "network that is coming")
                assert f"{UNICODE.arrow.to} {wanted}" in jam.text(StatusLine)
                jam.daemon.arrive()
            await jam.play_until(lambda seen, name=name, wanted=wanted: seen.value(name) == wanted, name)  # type: ignore[misc]
            assert jam.status().value(name) == wanted
            assert told(wanted) in jam.line(name)
            await jam.press("down")
        defaults = {name: control.default for name, control in CONTROLS.items() if name != "model"}
        elsewhere = [name for name in NAMES if jam.status().value(name) != defaults.get(name, "") and name in defaults]
        for name in NAMES:
            await jam.press(*("home",) if name in defaults else (), "down")
        await jam.asked(*(Set(name, defaults[name]) for name in elsewhere))
        await jam.play_until(lambda seen: all(seen.value(name) == defaults[name] for name in defaults), "defaults")
        for name in set(NAMES) & defaults.keys():
            assert told(defaults[name]) in jam.line(name)

    jammed(tmp_path, scene, size=(120, 64))


def test_values_are_typed_and_chosen_from_lists(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        for line in NAMES:
            await jam.press("enter")
            wanted: Value
            control = PROGRAMS[PART_OF[line]] if line in PART_OF else CONTROLS[line]
            name, shown = control.name, ""
            if line in PART_OF:
                assert isinstance(jam.app.screen, ProgramsScreen)
                wanted = [number for number, name in enumerate(control.names) if name][2]
                shown = control.name_of(wanted).split()[0]
                await jam.press("3")
            elif name == "model":
                assert isinstance(jam.app.screen, ModelsScreen)
                wanted = "partner"  # the default stands first
                await jam.press("1")
            elif control.is_switch:
                wanted = "on"
            elif control.choices:
                assert isinstance(jam.app.screen, ChoicesScreen)
                wanted = control.choices[1]
                await jam.press("2")
            else:
                assert isinstance(jam.app.screen, Entry)
                wanted = control.scaled(0.75)
                await jam.press(*told(wanted), "enter")
            await jam.asked(Set(name, wanted))
            assert len(jam.app.screen_stack) == 1
            if name != "model":
                await jam.play_until(lambda seen, name=name, wanted=wanted: seen.value(name) == wanted, name)  # type: ignore[misc]
                assert (shown or told(wanted)) in jam.line(line)
            await jam.press("down")

    jammed(tmp_path, scene)


def test_the_mouse_turns_what_it_is_over(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        names = list(NAMES)
        controls, cells = jam.controls, slider_cells(jam.controls.size.width)
        wheel = jam.pilot._post_mouse_events
        await wheel([MouseScrollUp], controls, offset=(4, names.index("bars")))
        await wheel([MouseScrollDown], controls, offset=(4, names.index("melody-level")))
        await jam.pilot.click(controls, offset=(cells[-1], names.index("temperature")))
        await jam.pilot.click(controls, offset=(cells.start, names.index("thru")))
        await jam.asked(Set("bars", 2), Set("melody-level", 95), Set("temperature", 3.0), Set("thru", "on"))
        seen = await jam.play_until(lambda seen: seen.value("thru") == "on", "thru")
        assert (seen.settings.bars, seen.settings.mixer[Part.MELODY].level, seen.settings.temperature) == (2, 95, 3)
        for name, value in (("bars", 2), ("melody-level", 95), ("temperature", 3), ("thru", "on")):
            assert told(value) in jam.line(name)

    jammed(tmp_path, scene)


def test_a_knob_is_learned_and_turns_what_it_was_learned_for(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        await jam.press("l")
        await jam.pilot.until(lambda: jam.daemon._router.controllers._controllers.learning, "learning")
        await jam.pilot.until(lambda: "move the knob for tempo" in jam.app.notices.kept, "word of it")
        for value in (10, 20):
            jam.daemon.turn((0xB0, 70, value))
            await jam.play()
        await jam.play_until(lambda seen: "bound to tempo" in seen.system.remark, "word of it")
        assert "bound to tempo" in jam.app.notices.kept[-1]
        jam.daemon.turn((0xB0, 70, 64))
        await jam.asked(Set)
        turned = jam.daemon.asked[-1]
        assert isinstance(turned, Set)
        assert turned.control == "tempo"
        assert isinstance(turned.value, float)
        assert turned.value > 150
        await jam.play_until(lambda seen: seen.tempo == turned.value, "tempo")
        assert told(turned.value)[:5] in jam.line("tempo")
        await jam.press("f")
        await jam.pilot.until(lambda: "no longer bound to tempo" in jam.app.notices.kept[-1], "word of it")
        jam.daemon.turn((0xB0, 70, 80))
        await jam.play(2)
        await jam.asked()

    jammed(tmp_path, scene)


def test_presets_are_kept_recalled_picked_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"

    async def scene(jam: Jam) -> None:
        await jam.press("s", *"slow", "enter")
        assert [preset.name for preset in load(path)] == ["slow"]
        await jam.press("right", "B")
        await jam.asked(Set("tempo", 124.0), Set("bars", 2))
        await jam.play_until(lambda seen: (seen.tempo, seen.settings.bars) == (124, 2), "change")
        await jam.press("1")
        await jam.asked(Set("tempo", 120.0), Set("bars", 1))
        await jam.play_until(lambda seen: (seen.tempo, seen.settings.bars) == (120, 1), "preset")
        assert "120" in jam.line("tempo")
        others = [Preset(f"at {60 + n}", {"tempo": 60.0 + n}) for n in range(2, 10)]
        save(path, (*load(path), *others))
        jam.app.actions.groups.presets.read()
        for n in range(2, 10):
            await jam.press(str(n))
            await jam.asked(Set("tempo", 60.0 + n))
        for n in range(2, 10):
            await jam.press("f4", str(n))
            await jam.asked(Set("tempo", 60.0 + n))
        assert len(jam.app.screen_stack) == 1
        await jam.press("f4", "down", "delete", "escape")
        assert [preset.name for preset in load(path)] == ["slow", *(preset.name for preset in others[1:])]

    jammed(tmp_path, scene)


def test_ports_are_connected_by_their_digits(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        await jam.press("f2")
        await jam.pilot.until(lambda: "Launchkey" in jam.screen(), "the ports")
        assert jam.ran[0] == ["ports", "--json", "--api", "jack"]
        await jam.press("2", "4")
        await jam.asked(Connect("input", "Launchkey"), Connect("output", "FLUID"))
        await jam.play_until(lambda seen: seen.system.midi.output == "FLUID", "the port")
        await jam.pilot.until(lambda: "plays through: FLUID" in jam.screen(), "the port")
        assert "hears: Launchkey" in jam.screen()
        await jam.press("escape")
        assert "it plays to FLUID" in jam.text(StatusLine)
        assert "it hears Launchkey" in jam.text(StatusLine)

    jammed(tmp_path, scene)


def test_a_call_on_the_computer_keyboard_is_heard_sounds_and_is_answered(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        yours = Part.YOU.channel
        seen = await jam.play_until(lambda seen: seen.turn.who is Who.YOU and seen.place.beat == 1, "turn of yours")
        call, pitches = "qetu5", [72, 76, 79, 83, 78]
        heard: list[int] = []
        for letter, pitch in zip(call, pitches, strict=True):
            await jam.press(letter)
            await jam.pilot.until(
                lambda pitch=pitch: bytes((NOTE_ON | yours, pitch, 80)) in jam.daemon.sent,  # type: ignore[misc]
                "its sound",
            )
            seen = await jam.play()
            assert pitch in seen.system.midi.keys
            heard += [onset.pitch for onset in seen.heard.onsets]
            assert UNICODE.you.body in jam.text(Keyboard)
            jam.now_s[0] += 0.3
        await jam.press("tab")  # every key is let go
        await jam.pilot.until(
            lambda: all(
                any(sent[:2] == bytes((NOTE_OFF | yours, pitch)) for sent in jam.daemon.sent) for pitch in pitches
            ),
            "its end",
        )
        presses = [command for command in jam.daemon.asked if isinstance(command, Press)]
        assert [press.pitch for press in presses if press.velocity] == pitches
        assert UNICODE.you.body in jam.text(PianoRoll)
        seen = await jam.play_until(lambda seen: seen.turn.who is Who.IMPROV, "turn of improv's")
        heard += [onset.pitch for onset in seen.heard.onsets]
        assert heard == pitches
        assert not seen.system.midi.keys
        answer: list[int] = []
        while seen.turn.who is Who.IMPROV:
            answer += [onset.pitch for onset in seen.played.onsets]
            seen = await jam.play()
        assert answer
        assert {bytes((NOTE_ON | Part.MELODY.channel, pitch)) for pitch in answer} <= {
            sent[:2] for sent in jam.daemon.sent
        }
        roll = jam.text(PianoRoll)
        assert UNICODE.improv.onset in roll or any(half in roll for half in UNICODE.improv.halves)
        assert f"{UNICODE.roll.turn}improv" in roll

    jammed(tmp_path, scene, letters=Letters.PIANO)
