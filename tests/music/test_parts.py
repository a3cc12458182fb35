"""The table of parts: what its rows have to keep, and what is made from each."""

from improv.config.values import TABLES
from improv.music.parts import MIXED_PARTS, PERCUSSION_CHANNEL, Part
from improv.music.turns import Mode
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.json_codec import from_json, json_fields, to_json
from improv.protocol.mixer import LEVELS, MUTES
from improv.protocol.snapshot import Loudness


def test_takes_clients_and_synths_know_these_parts() -> None:
    known = {part.name: (part.value, part.label, part.channel) for part in Part}
    assert (
        known
        | {
            "YOU": ("you", "you", 2),
            "MELODY": ("melody", "melody", 0),
            "CHORDS": ("chords", "comp", 1),
            "BASS": ("bass", "bass", 3),
            "DRUMS": ("drums", "drums", 9),
        }
        == known
    )


def test_no_two_parts_share_a_name_a_label_or_a_channel() -> None:
    for given in ([part.value for part in Part], [part.label for part in Part], [part.channel for part in Part]):
        assert len(set(given)) == len(given)
    assert [part for part in Part if part.is_percussion] == [Part.DRUMS]
    assert Part.DRUMS.channel == PERCUSSION_CHANNEL


def test_each_part_that_improv_plays_has_a_level_and_a_mute_everywhere() -> None:
    for part in MIXED_PARTS:
        level, mute = LEVELS[part], MUTES[part]
        assert {level.name, mute.name} <= CONTROLS.keys() & TABLES["controls"].keys()
        assert {level.field, mute.field} <= json_fields(Settings)[0].keys()
        settings = Settings(mode=Mode.SOLO).with_value(level, 7).with_value(mute, "on")
        assert (settings.mixer[part].level, settings.mixer.is_audible(part)) == (7, False)
        assert (settings.value(level), settings.value(mute)) == (7, "on")
        assert from_json(Settings, to_json(settings)) == settings
        assert Settings.of(**to_json(settings) | {"mode": Mode.SOLO}) == settings


def test_each_part_has_a_meter() -> None:
    loudness = Loudness.of({part: 10 + number for number, part in enumerate(Part)})
    assert [loudness[part] for part in Part] == [10 + number for number, _ in enumerate(Part)]
    assert from_json(Loudness, to_json(loudness)) == loudness
    assert to_json(Loudness()) == {part.label: 0 for part in Part} | {"chords": 0, "click": 0}


def test_a_part_that_a_take_does_not_name_was_added_since_and_is_muted() -> None:
    told = to_json(Settings(mode=Mode.SOLO))
    for part in MIXED_PARTS:
        names = {part.label, part.row.former or part.label}
        without = {name: value for name, value in told.items() if name.partition("_")[0] not in names}
        settings: Settings = from_json(Settings, without)
        assert [each for each in MIXED_PARTS if not settings.mixer.is_audible(each)] == [part]
