"""The bass: where its line goes, and what it is made of."""

from dataclasses import replace
from itertools import pairwise

import pytest

from improv.music.grid import Grid
from improv.music.parts import Part
from improv.music.scales import scale_of
from improv.music.styles import Style
from improv.music.theory import Form
from improv.session.band.accompaniment import PLAYERS
from improv.session.band.bass_targets import HIGHEST, LOWEST, fifth, leads, third
from improv.session.band.part_state import REST
from tests.conftest import tried
from tests.session.band.playing import STYLES, Step, Tune, blues, checked, played, tunes


def line(steps: list[Step]) -> list[tuple[float, int]]:
    """Tick and pitch of each note."""
    return [(tick, pitch) for step in steps for tick, pitch, _ in step.onsets]


@tried(60, 2000, tunes())
def test_every_note_is_of_the_chord_or_its_scale_or_leads_to_the_target(tune: Tune) -> None:
    steps = list(played(tune, Part.BASS, 2))
    checked(steps, Part.BASS)
    for step in steps:
        for _, pitch, _ in step.onsets:
            assert LOWEST <= pitch <= HIGHEST
            chord, target = step.context.chord, step.before.target
            assert chord is not None
            in_scale = pitch % 12 in scale_of(chord)
            assert in_scale or (target is not None and leads(pitch, target)) or pitch == step.before.recent[-1]


@tried(60, 1000, tunes())
def test_where_a_chord_comes_in_on_a_beat_its_root_or_fifth_is_struck_at_once(tune: Tune) -> None:
    before = None
    for step in played(tune, Part.BASS, 2):
        chord = step.context.chord
        if before is not None and chord != before and step.context.tick % 12 == 0:
            assert step.onsets, "nothing begins with the chord"
            assert step.onsets[0][0] == step.context.tick
            assert chord is not None
            assert step.onsets[0][1] % 12 in (chord.root, fifth(chord))
        before = chord if step.context.tick % 12 == 0 else before


def test_a_walking_bass_moves_by_steps_and_small_leaps_and_hardly_repeats_a_note() -> None:
    pitches = [pitch for seed in range(4) for _, pitch in line(list(played(blues(seed=seed), Part.BASS, 4)))]
    moves = [abs(b - a) for a, b in pairwise(pitches)]
    assert sum(move in (1, 2) for move in moves) / len(moves) > 0.5
    assert sum(move > 7 for move in moves) / len(moves) < 0.03
    assert sum(move == 0 for move in moves) / len(moves) < 0.06
    assert max(pitches) - min(pitches) >= 12


def test_the_note_before_a_change_leads_to_it() -> None:
    steps = list(played(blues(), Part.BASS, 4))
    notes = dict(line(steps))
    led = []
    for one, other in pairwise(steps):
        if other.context.chord != one.context.chord:
            at = other.context.tick
            before = max((tick for tick in notes if tick < at), default=None)
            if before is not None and at - before <= 12:
                led.append(leads(notes[before], notes[at]))
    assert len(led) > 30
    assert sum(led) / len(led) > 0.9


def test_a_swing_bass_plays_in_two_where_little_goes_on_and_in_four_where_more_does() -> None:
    tune = blues()
    first, later = (len(line(list(played(tune, Part.BASS, 1, chorus)))) for chorus in (0, 3))
    assert first < 40
    assert later > 46


def test_a_bass_in_two_has_the_root_on_one_the_fifth_or_the_root_on_three_and_leads_with_quarters_alone() -> None:
    answers = []
    for seed in range(6):
        for step in played(blues(seed=seed, lively=1.0), Part.BASS):
            if step.after.figure[0] or not step.onsets or step.context.chord is None:
                continue
            chord, inside, pitch = step.context.chord, step.context.bar_tick, step.onsets[0][1] % 12
            if inside == 0 or chord != step.before.chord:
                assert pitch in (chord.root, third(chord))
            elif inside == 24:
                assert pitch in (chord.root, fifth(chord))
                answers.append(pitch == fifth(chord))
            else:
                assert inside == 36
    assert len(answers) > 30
    assert sum(answers) / len(answers) > 0.6


@pytest.mark.parametrize("style", [Style.SHUFFLE, Style.SLOW])
def test_a_lively_bass_of_figures_has_many_bars_and_none_twice_on_end(style: Style) -> None:
    steps = list(played(blues(style, lively=1.0), Part.BASS, 8))
    figures = [step.after.figure for step in steps if step.context.bar_tick == 0]
    assert all(one != other for one, other in pairwise(figures))
    bars: dict[int, list[tuple[int, int]]] = {}
    for tick, pitch in line(steps):
        bars.setdefault(int(tick) // 48, []).append((int(tick) % 48, pitch))
    shapes = {tuple((tick, pitch - bar[0][1]) for tick, pitch in bar) for bar in bars.values()}
    assert len(shapes) > 40


def test_a_plain_bass_is_the_same_in_every_chorus_of_a_figure_style() -> None:
    tune = blues(Style.SHUFFLE, lively=0.0)
    length = tune.form.bars * 48
    notes = line(list(played(tune, Part.BASS, 2)))
    one, other = ([(tick % length, pitch) for tick, pitch in notes if tick // length == chorus] for chorus in (0, 1))
    assert one[1:] == other[1:]


def test_a_bass_stays_below_a_player_who_plays_low() -> None:
    notes = line(list(played(blues(register=(48, 60)), Part.BASS, 4)))
    assert max(pitch for _, pitch in notes) <= 45


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("steps_per_beat", [1, 3, 4, 12])
def test_a_bass_is_much_the_same_on_another_grid(style: Style, steps_per_beat: int) -> None:
    eighths = line(list(played(blues(style, lively=0.0), Part.BASS)))
    other = line(list(played(blues(style, lively=0.0, grid=Grid(steps_per_beat)), Part.BASS)))
    assert [tick for tick, _ in other] == [tick for tick, _ in eighths]


def test_without_a_chord_the_bass_rests() -> None:
    tune = blues()
    context = tune.context(0)
    state, events = PLAYERS[Part.BASS].play(replace(REST, style=Style.SWING), replace(context, chord=None))
    assert events == []
    assert state.sounding == ()


def test_a_turnaround_of_two_chords_a_bar_is_walked_through() -> None:
    tune = Tune(form=Form.parse("C7 A7 | Dm7 G7"))
    notes = dict(line(list(played(tune, Part.BASS, 4))))
    for tick, chord in ((0, "C"), (24, "A"), (48, "D"), (72, "G")):
        root = {"C": 0, "A": 9, "D": 2, "G": 7}[chord]
        assert notes[96 + tick] % 12 in (root, (root + 7) % 12)
