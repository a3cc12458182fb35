"""Parts that networks play: what they may play, the same melody without them, and what happens where they fail."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from improv.config.values import Tune
from improv.models.contract import StepModel
from improv.models.encodings import BAND_NAMES
from improv.models.encodings.bass_lines import HIGHEST, LOWEST
from improv.models.encodings.drum_grids import PITCH_OF
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.scales import scale_of
from improv.music.styles import Style
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.runtime.opening import open_network
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.band.learned_drums import remembered
from improv.session.band.notes import Struck
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, finish
from improv.session.network import swapped
from improv.session.state import Session
from improv.session.step import advance
from tests.conftest import tried
from tests.session.band.networks import Chance, both
from tests.session.steady import drone

SHIPPED = Path(__file__).parents[3] / "exported_models"
MODEL = drone("C7 | F7 | C7 | G7")
STEPS = 8 * 4 * 3
SEEDS = st.integers(0, 2**31)


def begun(style: Style = Style.SWING, *, model: StepModel = MODEL, bpm: float = 120, **chosen: Any) -> Session:
    settings = Settings.of(**{"mode": Mode.SOLO, "seed": 1, "style": style, "band": 0.5, **chosen})
    return begin(model, settings, Transport(0, 0.0, bpm))


def played(
    session: Session, networks: Networks, steps: int = STEPS, *, model: StepModel = MODEL
) -> tuple[list[Session], list[tuple[Placed, ...]]]:
    """Return the sessions of some steps and what each plays."""
    sessions, events = [], []
    for _ in range(steps):
        session, now = advance(session, Heard(), model, networks)
        sessions.append(session)
        events.append(now.events)
    return sessions, events


def of(part: Part, events: list[tuple[Placed, ...]]) -> list[Placed]:
    return [placed for step in events for placed in step if placed.event.part is part]


def onsets(part: Part, events: list[tuple[Placed, ...]]) -> list[tuple[float, int]]:
    return [(placed.tick, placed.event.pitch) for placed in of(part, events) if isinstance(placed.event, NoteOn)]


@pytest.fixture(scope="module")
def shipped() -> Mapping[Part, OnnxModel]:
    return {part: OnnxModel(SHIPPED / f"{name}.onnx") for part, name in BAND_NAMES.items()}


# --- what they play -----------------------------------------------------------------------------


@tried(30, 300, SEEDS, st.floats(0, 1), st.floats(40, 300), st.sampled_from(list(Style)))
def test_whatever_networks_say_the_notes_lie_in_their_step_and_in_their_range(
    seed: int, lively: float, bpm: float, style: Style
) -> None:
    sessions, events = played(begun(style, seed=seed, band=lively, bpm=bpm), both(), 64)
    assert all(not session.band.by_rule for session in sessions)
    for session, step in zip(sessions, events, strict=True):
        for placed in step:
            first = -4 if isinstance(placed.event, NoteOff) and placed.event.part is Part.MELODY else 0
            assert first <= placed.tick - session.tick < session.grid.ticks_per_step
            match placed.event:
                case NoteOn(Part.BASS, pitch, velocity):
                    assert LOWEST <= pitch <= HIGHEST + 3
                    assert 1 <= velocity <= 127
                case NoteOn(Part.DRUMS, pitch, velocity):
                    assert 27 <= pitch <= 87
                    assert 1 <= velocity <= 127
                case _:
                    pass


@tried(20, 200, SEEDS, st.floats(0, 1))
def test_every_note_of_a_learned_bass_is_of_the_scale_or_leads_somewhere(seed: int, lively: float) -> None:
    sessions, events = played(begun(seed=seed, band=lively), both(), 96)
    line = onsets(Part.BASS, events)
    assert len(line) > 20
    chord_at = {session.tick: session.band.frame.chord for session in sessions}
    for (tick, pitch), (_, after) in pairwise(line):
        chord = chord_at[int(tick) - int(tick) % 6]
        assert chord is not None
        leads = 0 < abs(after - pitch) <= 2 or (pitch - after) % 12 == 7 or pitch == after
        assert pitch % 12 in scale_of(chord) or leads


@tried(20, 200, SEEDS)
def test_what_is_begun_is_ended(seed: int) -> None:
    sessions, events = played(begun(seed=seed), both(), 50)
    sounding: set[tuple[Part, int]] = set()
    for step in (*events, finish(sessions[-1]).events):
        for placed in step:
            match placed.event:
                case NoteOn(part, pitch):
                    assert (part, pitch) not in sounding
                    sounding.add((part, pitch))
                case NoteOff(part, pitch):
                    sounding.discard((part, pitch))
                case _:
                    pass
    assert not sounding


def test_drums_are_struck_by_sounds_that_the_network_knows() -> None:
    _, events = played(begun(Style.FUNK, band=0.0), both())
    assert {pitch for _, pitch in onsets(Part.DRUMS, events)} <= set(PITCH_OF.values())


def test_strokes_may_be_late_but_never_before_their_step() -> None:
    _, events = played(begun(Style.FUNK, band=1.0), both())
    late = [tick % 3 for tick, _ in onsets(Part.DRUMS, events)]
    assert any(0 < each < 1 for each in late)


def test_the_same_seed_gives_the_same_and_another_one_another(shipped: Networks) -> None:
    one, again, other = (played(begun(seed=seed), shipped)[1] for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.parametrize("style", list(Style))
def test_the_melody_is_the_same_with_the_band_without_it_and_by_rule(style: Style, shipped: Networks) -> None:
    partner = open_network(Tune())
    lines = []
    alone = {Part.MELODY: shipped[Part.MELODY]}
    for networks, band in ((shipped, 0.7), (alone, 0.7), (alone, 0.0)):
        _, events = played(begun(style, model=partner, band=band), networks, 96, model=partner)
        lines.append(of(Part.MELODY, events))
    assert lines[0] == lines[1] == lines[2]


@pytest.mark.parametrize("style", [Style.PADS, Style.SHUFFLE])
def test_in_styles_in_which_the_rule_is_better_the_networks_are_not_asked(style: Style) -> None:
    networks = both()
    _, events = played(begun(style), networks)
    assert [network.asked for network in networks.values()] == [0, 0]
    assert events == played(begun(style), NO_NETWORKS)[1]


def test_a_muted_part_is_not_asked() -> None:
    networks = both()
    _, events = played(begun(drums_mute="on"), networks, 32)
    assert networks[Part.DRUMS].asked == 0
    assert networks[Part.BASS].asked > 0
    assert not onsets(Part.DRUMS, events)


@pytest.mark.parametrize("style", [Style.SWING, Style.SLOW, Style.FUNK])
def test_time_does_not_stop_where_a_network_leaves_it_out(style: Style, shipped: Networks) -> None:
    sessions, events = played(begun(style, band=1.0), shipped, 8 * 24)
    for session, now in zip(sessions, events, strict=True):
        struck = {e.event.pitch for e in now if isinstance(e.event, NoteOn) and e.event.part is Part.DRUMS}
        level, filling = session.band.parts[Part.DRUMS].figure[0] // 16, session.band.parts[Part.DRUMS].figure[3]
        if session.place >= 0 and session.place % 2 == 0 and (level or style is not Style.SWING) and not filling:
            assert struck & {42, 46, 49, 51}, session.place


def test_what_was_struck_is_remembered_at_the_place_it_is_nearest_to() -> None:
    struck = [Struck(96 + at, 36, 100, 99) for at in (0.0, 0.4, 2.8, 3.0, 3.4, 5.9)]
    (step,) = remembered((), struck, 96)
    assert [(number // 10) % 2 for number in step] == [0, 0, 1, 1, 1, 1]
    assert len(remembered(((),) * 8, struck, 96)) == 8


# --- networks that fail -------------------------------------------------------------------------


def test_a_part_whose_network_fails_plays_by_rule_and_says_so() -> None:
    sessions, events = played(begun(Style.FUNK), both(drums=frozenset(range(3, 400))))
    said = [session.band.by_rule for session in sessions]
    assert said[:3] == [(), (), ()]
    assert all([each.part for each in step] == [Part.DRUMS] for step in said[3:])
    assert said[3][0].why == "RuntimeError: out of order"
    assert onsets(Part.DRUMS, events[16:])
    assert of(Part.MELODY, events) == of(Part.MELODY, played(begun(Style.FUNK), NO_NETWORKS)[1])


def test_one_network_that_fails_leaves_the_others_alone() -> None:
    _, well = played(begun(), both())
    _, failing = played(begun(), both(drums=frozenset(range(400))))
    for part in (Part.BASS, Part.CHORDS, Part.MELODY):
        assert of(part, failing) == of(part, well)


def test_a_network_that_has_failed_goes_on_where_it_was() -> None:
    sessions, _ = played(begun(Style.FUNK), both(drums=frozenset({5})), 8)
    counts = [session.band.parts[Part.DRUMS].memory[0] for session in sessions]
    assert counts == [1, 2, 3, 4, 5, 5, 6, 7]
    assert [len(session.band.parts[Part.DRUMS].strokes) for session in sessions] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_logits_that_are_no_numbers_are_a_failure() -> None:
    class Nowhere(Chance):
        def _said(self, head: str, features: Any, memory: Any) -> Any:
            return super()._said(head, features, memory) * float("nan")

    sessions, _ = played(begun(Style.FUNK), {Part.DRUMS: Nowhere(Part.DRUMS)}, 4)
    assert all("not finite" in session.band.by_rule[0].why for session in sessions)


def test_steps_without_the_soloist_are_by_rule_and_the_networks_remember() -> None:
    sessions, _ = played(begun(Style.FUNK), both(), 10)
    later, _ = fallback(sessions[-1], Heard(), MODEL, "it failed")
    before, after = sessions[-1].band.parts[Part.DRUMS], later.band.parts[Part.DRUMS]
    assert after.memory == before.memory
    assert after.strokes[:-1] == before.strokes[1:]
    assert later.band.by_rule == ()


# --- what is kept -------------------------------------------------------------------------------


def test_a_soloist_that_is_swapped_keeps_the_band() -> None:
    sessions, _ = played(begun(Style.FUNK), both(), 20)
    other = swapped(sessions[-1], drone("C7 | F7 | C7 | G7", pitch=67))
    assert other.band.parts == sessions[-1].band.parts
    again, _ = advance(other, Heard(), MODEL, both())
    assert again.band.parts[Part.DRUMS].memory[0] == 21


def test_a_style_that_changes_leaves_what_networks_remember() -> None:
    networks = both()
    sessions, _ = played(begun(Style.FUNK), networks, 20)
    session, _ = advance(sessions[-1], Heard(commands=(Set("style", "swing"),)), MODEL, networks)
    assert session.settings.style is Style.SWING
    assert session.band.parts[Part.DRUMS].memory[0] == 21


def test_a_session_with_a_band_goes_from_process_to_process() -> None:
    sessions, _ = played(begun(), both(), 20)
    parts = sessions[-1].band.parts
    assert pickle.loads(pickle.dumps(parts)) == parts  # noqa: S301 our own


def test_a_memory_of_another_size_is_begun_anew() -> None:
    sessions, _ = played(begun(Style.FUNK), both(), 4)
    parts = sessions[-1].band.parts
    odd = type(parts).of({part: replace(parts[part], memory=(1.0, 2.0, 3.0)) for part in (Part.BASS, Part.DRUMS)})
    session = replace(sessions[-1], band=replace(sessions[-1].band, parts=odd))
    after, _ = advance(session, Heard(), MODEL, both())
    assert after.band.parts[Part.DRUMS].memory == (1.0, 1.0)
    assert after.band.by_rule == ()
