"""The comping: its voicings, its rhythm, and how it keeps out of the way."""

from dataclasses import replace
from itertools import pairwise

import pytest

from improv.music.notes import NoteOff, NoteOn
from improv.music.parts import Part
from improv.music.scales import scale_of
from improv.music.styles import Style
from improv.music.theory import QUALITIES, Chord, Form
from improv.session.band.accompaniment import PLAYERS
from improv.session.band.bass_targets import seventh, third
from improv.session.band.comp import ANTICIPATED_TICKS
from improv.session.band.context import Beside
from improv.session.band.part_state import REST
from improv.session.band.voicings import FOUR, HIGHEST, LOWEST, ROOTED, SHELL, THREE, distance, layouts, leap, voiced
from tests.conftest import tried
from tests.session.band.playing import CHORDS, STYLES, Step, Tune, blues, checked, played, tunes


def struck(steps: list[Step]) -> list[tuple[float, tuple[int, ...]]]:
    """Tick and pitches of each chord that is struck."""
    found: dict[float, list[int]] = {}
    for step in steps:
        for tick, pitch, _ in step.onsets:
            found.setdefault(tick, []).append(pitch)
    return [(tick, tuple(sorted(pitches))) for tick, pitches in found.items()]


@tried(60, 2000, tunes())
def test_every_note_is_of_the_chord_that_sounds_or_comes_in_or_of_its_scale(tune: Tune) -> None:
    steps = list(played(tune, Part.CHORDS, 2))
    checked(steps, Part.CHORDS)
    for step in steps:
        for tick, pitch, _ in step.onsets:
            assert LOWEST <= pitch <= HIGHEST
            inside = int(tick) % 12
            ahead = 12 - inside if inside and 12 - inside <= ANTICIPATED_TICKS else 0
            chord = step.context.chord_at(int(tick) - step.context.bar_start + ahead)
            assert chord is not None
            assert pitch % 12 in scale_of(chord)


@tried(100, 2000, CHORDS)
def test_every_chord_can_be_voiced_in_every_way(chord: Chord) -> None:
    for kind in (SHELL, THREE, FOUR, ROOTED):
        pitches = voiced(chord, kind, (), (60, 72))
        assert pitches == tuple(sorted(set(pitches)))
        assert {pitch % 12 for pitch in pitches} <= scale_of(chord)
        assert pitches in layouts(chord, kind)


@pytest.mark.parametrize("quality", [quality for quality in QUALITIES if quality not in ("m", "")])
def test_shells_and_rootless_voicings_have_third_and_seventh_and_no_root(quality: str) -> None:
    chord = Chord.parse("D" + quality)
    for kind in (SHELL, THREE, FOUR):
        classes = {pitch % 12 for pitch in voiced(chord, kind, (), None)}
        assert {third(chord), seventh(chord)} <= classes
        assert chord.root not in classes or 6 in chord.intervals
    assert voiced(chord, ROOTED, (), None)[0] % 12 == chord.root


def test_the_distance_is_what_the_voices_move_in_all() -> None:
    assert distance((52, 58, 62), (53, 58, 60)) == 3
    assert distance((52, 58), (52, 58, 62)) == 4
    assert distance((), (52, 58, 62)) == 0


@tried(40, 400, tunes())
def test_no_other_layout_out_of_the_way_would_have_moved_less(tune: Tune) -> None:
    """At its plainest, with nothing to keep out of the way of, only the middle of the register counts beside it."""
    before: tuple[int, ...] = ()
    for chord in tune.form.chords:
        pitches = voiced(chord, THREE, before, None)
        if before:
            least = min(distance(before, other) for other in layouts(chord, THREE))
            assert distance(before, pitches) <= least + 5
        before = pitches


def test_voices_lead_smoothly_through_a_blues() -> None:
    chords = [pitches for _, pitches in struck(list(played(blues(lively=0.3), Part.CHORDS, 4)))]
    moves = [distance(a, b) / len(b) for a, b in pairwise(chords)]
    assert sum(moves) / len(moves) < 2


@pytest.mark.parametrize("register", [(64, 80), (66, 72), (48, 57), (40, 58)])
def test_chords_keep_out_of_the_register_of_the_lines(register: tuple[int, int]) -> None:
    low, high = register
    chords = [pitches for _, pitches in struck(list(played(blues(register=register), Part.CHORDS, 4)))]
    crossing = [pitches for pitches in chords if pitches[-1] >= low and pitches[0] <= high]
    assert len(crossing) / len(chords) < 0.1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("low", [56, 60, 64, 70])
def test_chords_stay_below_a_line_by_some_semitones_and_voices_move_little(style: Style, low: int) -> None:
    for seed in range(3):
        steps = list(played(blues(style, seed=seed, lively=1.0, register=(low, low + 12)), Part.CHORDS, 4))
        chords = struck(steps)
        assert len(chords) > 20
        assert all(pitches[-1] <= low - 2 for _, pitches in chords)
        leaps = [(tick, leap(one, other)) for (_, one), (tick, other) in pairwise(chords)]
        assert all(moved <= 7 or tick % (4 * 48) < 6 for tick, moved in leaps)


def test_chords_are_not_struck_where_a_soloist_leaves_no_room_and_held_ones_end_where_it_comes_down() -> None:
    tune = blues(Style.SLOW, lively=0.0, register=(66, 72))
    state, events = PLAYERS[Part.CHORDS].play(replace(REST, style=Style.SLOW), tune.context(0))
    assert max(state.pitches) < 66
    held = sorted(state.pitches)
    state, events = PLAYERS[Part.CHORDS].play(state, replace(tune.context(1), beside=Beside(soloist_low=held[-1])))
    assert [placed.event for placed in events] == [NoteOff(Part.CHORDS, held[-1])]
    assert sorted(state.pitches) == held[:-1]
    low = replace(tune.context(tune.form.grid.steps_per_bar), beside=Beside(soloist_low=46))
    _, events = PLAYERS[Part.CHORDS].play(state, low)
    assert not [placed for placed in events if isinstance(placed.event, NoteOn)]


@pytest.mark.parametrize("style", STYLES)
def test_busy_lines_make_it_thinner_and_a_loud_player_makes_it_louder(style: Style) -> None:
    def chords(busy: float) -> list[tuple[float, tuple[int, ...]]]:
        return [
            each
            for seed in range(3)
            for each in struck(list(played(blues(style, seed=seed, busy=busy), Part.CHORDS, 4)))
        ]

    assert len(chords(busy=1.0)) < 0.75 * len(chords(busy=0.0))

    def velocity(loudness: float) -> float:
        steps = played(blues(style, loudness=loudness), Part.CHORDS, 2)
        velocities = [velocity for step in steps for _, _, velocity in step.onsets]
        return sum(velocities) / len(velocities)

    assert velocity(-1) < velocity(0) < velocity(1)


def test_a_chord_is_anticipated_by_half_a_beat() -> None:
    tune = Tune(form=Form.parse("C7 | Ab7"), lively=1.0)
    early = [(tick, pitches) for tick, pitches in struck(list(played(tune, Part.CHORDS, 12))) if tick % 48 == 42]
    assert len(early) > 5
    for tick, pitches in early:
        coming = Chord.parse("Ab7" if tick // 48 % 2 == 0 else "C7")
        assert {third(coming), seventh(coming)} <= {pitch % 12 for pitch in pitches}


def test_without_a_bass_chords_have_their_root() -> None:
    steps = list(played(blues(silent=frozenset({Part.BASS})), Part.CHORDS))
    for step in steps:
        if step.onsets:
            assert step.after.chord is not None
            assert min(pitch for _, pitch, _ in step.onsets) % 12 == step.after.chord.root


def test_a_lively_band_has_many_bars_and_a_plain_one_the_same_again() -> None:
    def bars(lively: float) -> set[tuple[int, ...]]:
        rhythm: dict[int, list[int]] = {bar: [] for bar in range(96)}
        for tick, _ in struck(list(played(blues(lively=lively), Part.CHORDS, 8))):
            rhythm[int(tick) // 48].append(int(tick) % 48)
        return {tuple(ticks) for ticks in rhythm.values()}

    assert bars(0.0) == {(0, 18)}
    assert len(bars(1.0)) > 15
