"""What the screen says: how you hear it, what to do now, how well it runs; each right, and whole at every size."""

from dataclasses import replace

import pytest

from improv.music.notes import SILENCE, Cell
from improv.music.turns import Mode, Turn, Who
from improv.protocol.controls import MELODY_CONTROLS, Settings
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import (
    MidiStatus,
    NetworkStatus,
    NetworkView,
    PitchProbability,
    RecordingStatus,
    Snapshot,
    SystemStatus,
)
from improv.tui.screens.figures import figure_rows, memory_cells
from improv.tui.theme.glyphs import ASCII, CONSOLE, UNICODE
from improv.tui.views.base import Row, without_daemon
from improv.tui.views.network import (
    ChartKeys,
    NetworkChart,
    chart_keys,
    key_names,
    network_rows,
    probability_bars,
    title_row,
)
from improv.tui.views.output_status import output_status, saving_texts
from improv.tui.views.prompt import prompts
from improv.tui.views.status import status_rows
from tests.tui.snapshots import RIG, bare, everything, of_turn, stopped, trading


def text(rows: list[Row]) -> list[str]:
    return ["".join(span.text for span in row).rstrip() for row in rows]


# --- how you hear it ------------------------------------------------------------------------------

OUT = PortStatus(role="output", name="improv out", virtual=True, peers=())
THRU = PortStatus(role="thru", name="improv thru", virtual=True, peers=())
NAMED = PortStatus(role="output", name="FLUID Synth", peers=())
FLUID = ("fluidsynth-midi:midi_00",)


def rig_of(*ports: PortStatus, api: str = "jack", output: str = "virtual port 'improv out'") -> SystemStatus:
    return SystemStatus(midi=MidiStatus(api=api, output=output, ports=ports))


@pytest.mark.parametrize(
    ("system", "heard", "first", "last"),
    [
        (rig_of(OUT, THRU), False, "No synth is connected: you hear nothing. F2", "No synth: you hear nothing. F2"),
        (rig_of(NAMED), False, "FLUID Synth is not connected: you hear nothing. F2", "No synth: you hear nothing. F2"),
        (
            SystemStatus(midi=MidiStatus(api="none")),
            False,
            "improv was started without MIDI: you hear nothing. F2",
            "No MIDI: you hear nothing. F2",
        ),
        (
            SystemStatus(midi=MidiStatus(api="jack")),
            False,
            "No synth is connected: you hear nothing. F2",
            "No synth: you hear nothing. F2",
        ),
        (
            rig_of(OUT, replace(THRU, peers=FLUID)),
            False,
            "No synth is connected to improv's output: you hear only yourself. F2",
            "You hear only yourself. F2",
        ),
        (rig_of(replace(OUT, peers=FLUID)), True, f"you hear it through {FLUID[0]}", "you hear fluidsynth-midi"),
        (
            rig_of(replace(NAMED, peers=("FLUID Synth", "Ardour", "a witness"))),
            True,
            "you hear it through FLUID Synth and 2 more",
            "you hear FLUID Synth and 2 more",
        ),
        (
            rig_of(replace(NAMED, peers=None)),
            None,
            "it plays to FLUID Synth; this system can't say what is connected",
            "it plays to FLUID Synth",
        ),
        (rig_of(output="FLUID Synth"), None, "it plays to FLUID Synth", "it plays to FLUID Synth"),
    ],
)
def test_what_you_hear_is_what_was_measured(system: SystemStatus, heard: bool | None, first: str, last: str) -> None:
    found = output_status(system)
    assert (found.is_heard, found.forms[0], found.forms[-1]) == (heard, first, last)
    assert [len(form) for form in found.forms] == sorted((len(form) for form in found.forms), reverse=True)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("api", ["jack", "none"])
def test_silence_is_said_at_every_size(width: int, api: str) -> None:
    system = rig_of(OUT) if api == "jack" else SystemStatus(midi=MidiStatus(api="none"))
    seen = replace(
        of_turn(Who.YOU),
        system=replace(
            system,
            recording=replace(system.recording, take="20261129-015012-partner"),
            network=replace(system.network, model="partner"),
        ),
    )
    line = text(status_rows(seen, UNICODE, width, 2))[1]
    assert "you hear nothing. F2" in line
    assert UNICODE.recording in line
    assert not output_status(seen.system).is_heard


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (160, "it is saved to /jams/jam-20261129-015012.mid at its end"),
        (120, "saved to /jams/jam-20261129-015012.mid"),
        (100, "saved to jam-20261129-015012.mid"),
        (80, "saved to /jams/jam-20261129-015012.mid"),
    ],
)
def test_where_nothing_sounds_the_file_is_named(width: int, said: str) -> None:
    system = SystemStatus(
        midi=MidiStatus(api="none"),
        recording=RecordingStatus(saves_to="/jams/jam-20261129-015012.mid", take="20261129-015012-partner"),
        network=NetworkStatus(model="partner"),
    )
    assert said in text(status_rows(replace(of_turn(Who.YOU), system=system), UNICODE, width, 2))[1]
    heard = replace(RIG, recording=replace(RIG.recording, saves_to=system.recording.saves_to))
    assert "jam-" not in text(status_rows(replace(of_turn(Who.YOU), system=heard), UNICODE, width, 2))[1]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_jam_that_is_only_recorded_says_how_it_becomes_a_file(width: int) -> None:
    system = replace(
        rig_of(OUT), recording=RecordingStatus(take="20261129-015012-partner"), network=NetworkStatus(model="partner")
    )
    assert saving_texts(system) == ("it is recorded as 20261129-015012-partner; F6 writes it as a MIDI file",)
    line = text(status_rows(replace(of_turn(Who.YOU), system=system), UNICODE, width, 2))[1]
    assert (saving_texts(system)[0] in line) == (width == 160)
    assert "No synth is connected: you hear nothing. F2" in line


@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_has_happened_is_whole_or_not_there(width: int) -> None:
    remark = "the keyboard nanoKEY2 is gone; what it held is let go, and it is waited for until it comes back"
    seen = replace(of_turn(Who.YOU), system=replace(RIG, remark=remark))
    line = text(status_rows(seen, UNICODE, width, 2))[1]
    assert UNICODE.cut not in line
    assert (remark in line) == (width == 200)


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_recording_that_is_not_whole_is_a_fault_and_its_mark_goes_off(width: int) -> None:
    seen = of_turn(Who.IMPROV)
    assert text(status_rows(seen, UNICODE, width, 2))[1].startswith(UNICODE.recording)
    wrong = replace(
        seen, system=replace(seen.system, recording=replace(seen.system.recording, fault="No space left on device"))
    )
    first, second = text(status_rows(wrong, UNICODE, width, 2, is_news=False))
    assert first.startswith("▲ not recorded")
    assert width < 80 or "No space left on device" in first
    assert UNICODE.recording not in second
    assert seen.system.recording.take not in second
    assert any("no: No space left on device" in row for row in text(figure_rows(wrong, UNICODE, 80)))


def test_what_others_have_named_can_not_upset_the_line() -> None:
    evil = "\x1b[31mキーボード\n"
    ports = (PortStatus(role="output", name=evil, peers=(evil,)), PortStatus(role="input", name=evil, peers=()))
    system = SystemStatus(
        midi=MidiStatus(output=evil, ports=ports),
        recording=RecordingStatus(saves_to=f"/x/{evil}.mid", fault=evil),
        learning="tempo",
    )
    for glyphs in (UNICODE, ASCII):
        for row in status_rows(replace(bare(), system=system), glyphs, 200, 2):
            assert all(span.text.isprintable() for span in row)


# --- what to do now -------------------------------------------------------------------------------


def moment(who: Who, mode: Mode, end: int | None = 32, **given: object) -> Snapshot:
    return replace(bare(), turn=Turn(who, 0, end), settings=Settings(mode=mode), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (moment(Who.YOU, Mode.PHRASE, None), "Play: it answers when you pause"),
        (
            moment(Who.YOU, Mode.PHRASE, None, system=SystemStatus(midi=MidiStatus(keys=(60,)))),
            "Play on: it answers when you pause",
        ),
        (moment(Who.YOU, Mode.TRADE), "Your 4 bars: play"),
        (moment(Who.YOU, Mode.TRADE, 8), "Your bar: play"),
        (moment(Who.YOU, Mode.TRADE, 27), "Your turn: play"),
        (moment(Who.YOU, Mode.LISTEN, None), "Play: it lays the chords under you, and listens"),
        (moment(Who.IMPROV, Mode.TRADE), "It answers; play in to take the turn"),
        (moment(Who.IMPROV, Mode.PHRASE), "It answers; play in to take the turn"),
        (moment(Who.IMPROV, Mode.SOLO, None), "It plays alone: listen"),
        (moment(Who.BOTH, Mode.DUET, None), "You both play: join in"),
        (moment(Who.NEITHER, Mode.TRADE, beats_left=2.0), "Get ready: you begin in 2 beats"),
        (moment(Who.NEITHER, Mode.PHRASE, beats_left=0.5), "Get ready: you begin in 1 beat"),
        (moment(Who.NEITHER, Mode.SOLO, beats_left=3.5), "Listen: it begins in 4 beats"),
        (moment(Who.NEITHER, Mode.DUET, beats_left=4.0), "Get ready: you both begin in 4 beats"),
        (moment(Who.YOU, Mode.TRADE, playing=False), "Space starts"),
        (
            moment(Who.YOU, Mode.TRADE, system=SystemStatus(learning="temperature")),
            "Move the knob that shall turn temperature (esc: none)",
        ),
        (
            moment(Who.YOU, Mode.TRADE, system=SystemStatus(learning="hand-over")),
            "Press the key or pedal that shall do hand-over (esc: none)",
        ),
    ],
)
def test_what_to_do_now(seen: Snapshot, says: str) -> None:
    assert prompts(seen)[0] == says


def test_what_to_do_now_is_whole_at_every_size() -> None:
    learning = [
        replace(bare(), system=SystemStatus(learning=target)) for target in ("melody-level", "hand-over", "tap")
    ]
    for seen in (*everything(), *learning):
        for width in (40, 60, 80, 160):
            first = text(status_rows(seen, UNICODE, width, 2, is_news=False))[0]
            assert first in prompts(seen)


# --- the network's view ---------------------------------------------------------------------------


def likely(*pitches: int, spread: int = 3) -> tuple[PitchProbability, ...]:
    """A network with six octaves to choose from, that wants some of them."""
    near = {pitch + by for pitch in pitches for by in range(-spread, spread + 1)}
    return tuple(
        PitchProbability(pitch, *(2 * [0.1 if pitch in pitches else 0.02 if pitch in near else 0.0001]))
        for pitch in range(31, 103)
    )


@pytest.mark.parametrize(("width", "octaves"), [(20, 1), (26, 2), (35, 2), (37, 2), (38, 3), (47, 3), (100, 3)])
def test_the_axis_is_whole_octaves_around_what_it_plays(width: int, octaves: int) -> None:
    keys = chart_keys(likely(58, 62), None, width)
    assert keys.octaves == octaves
    assert keys.low % 12 == 0
    assert keys.share(likely(58, 62)) > 0.5
    assert {58, 62} <= set(keys.pitches) or octaves == 1


def test_the_axis_stays_until_what_it_plays_has_left_it() -> None:
    keys = chart_keys(likely(60), None, 35)
    for pitch in (50, 55, 62, 66, 70, 60):
        assert chart_keys(likely(pitch), keys, 35) == keys
    moved = chart_keys(likely(84), keys, 35)
    assert moved != keys
    assert 84 in moved.pitches
    assert chart_keys(likely(80), moved, 35) == moved


def test_names_stand_below_their_columns() -> None:
    keys = ChartKeys(48, 2)
    probabilities = tuple(
        PitchProbability(pitch, 0.0, 0.5 if pitch in (48, 52, 60, 67, 72) else 0.0) for pitch in range(31, 103)
    )
    drawn, named = text(network_rows(of_turn(Who.IMPROV), probabilities, keys, UNICODE, 35, 2))
    assert named == "C3  E  G    C4  E  G    C5"
    assert [at for at, cell in enumerate(drawn) if cell != " "] == [0, 4, 12, 19, 24]
    assert text([key_names(keys, 60, frozenset())]) == ["C3  D   E F   G   A   B C4  D   E F   G   A   B C5"]


def test_as_it_was_trained_is_a_thin_line_above_where_there_is_no_room_beside() -> None:
    probabilities = (PitchProbability(60, 1.0, 0.5), PitchProbability(64, 0.5, 1.0))
    assert text(probability_bars(probabilities, ChartKeys(60, 1), UNICODE, 13, 2)) == ["│   █", "█   █"]
    assert text(probability_bars(probabilities, ChartKeys(60, 1), UNICODE, 26, 2)) == [" │      █", "█│      █│"]
    assert text(probability_bars(probabilities, ChartKeys(60, 1), ASCII, 26, 2)) == [" |      #", "#|      #|"]


def test_it_neither_jumps_nor_vanishes_while_notes_are_held() -> None:
    view = NetworkChart(UNICODE)
    shown: list[list[str]] = []
    axes = set()
    for seen in [each for each in trading() if each.turn.who is Who.IMPROV and each.playing]:
        for told in (
            seen,
            replace(
                seen,
                step=seen.step + 1,
                network=replace(seen.network, probabilities=()),
                planned=Cell(held=tuple(seen.planned.pitches)),
            ),
        ):
            view.take(told)
            shown.append(text(view.picture(told, 35, 5)))
            axes.add(shown[-1][-1])
            assert any(row.strip() for row in shown[-1][1:-1])
    assert len(axes) == 1
    for asked, held in zip(shown[::2], shown[1::2], strict=True):
        assert asked[1:] == held[1:]
        assert held[0] in ("next note  it holds this one", "next note  it rests")


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (
            replace(of_turn(Who.IMPROV), network=NetworkView(probabilities=()), planned=Cell(held=(60,))),
            "it holds this one",
        ),
        (replace(of_turn(Who.IMPROV), network=NetworkView(probabilities=()), planned=SILENCE), "it rests"),
        (replace(of_turn(Who.YOU), network=NetworkView(probabilities=())), "it listens"),
        (replace(trading()[2], network=NetworkView(probabilities=())), "it waits"),
        (replace(stopped(), network=NetworkView(probabilities=())), "none: stopped"),
        (replace(without_daemon(stopped()), network=NetworkView(probabilities=())), "no improv is there"),
        (
            replace(
                of_turn(Who.IMPROV),
                network=NetworkView(probabilities=()),
                system=SystemStatus(network=NetworkStatus(unsupported_controls=MELODY_CONTROLS)),
            ),
            "it has no melody",
        ),
        (of_turn(Who.IMPROV), "█ as set │ as trained"),
    ],
)
def test_it_waits_only_when_it_waits(seen: Snapshot, says: str) -> None:
    assert text([title_row(seen, UNICODE, 35, is_new=bool(seen.network.probabilities))]) == [f"next note  {says}"]


def test_in_your_turn_the_axis_stays_without_bars() -> None:
    view = NetworkChart(UNICODE)
    shown = []
    for seen in (of_turn(Who.IMPROV), replace(of_turn(Who.YOU), network=NetworkView(probabilities=()))):
        view.take(seen)
        shown.append(text(view.picture(seen, 35, 5)))
    first, second = shown
    assert first[-1] == second[-1]
    assert not any(row.strip() for row in second[1:-1])


# --- how well it runs -----------------------------------------------------------------------------


def test_telemetry_is_beside_the_log_and_not_in_the_jam() -> None:
    seen = of_turn(Who.IMPROV)
    assert not any(" ms" in row for row in text(status_rows(seen, UNICODE, 260, 2)))
    rows = text(figure_rows(seen, UNICODE, 79))
    assert rows[:4] == [
        "step     half of them within .64 ms, 99 of 100 1.3 ms to decide it",
        "notes    half of them up to .04 ms, 99 of 100 .19 ms late",
        "wrong    0 steps missed, 0 notes dropped, 0 faults, restarted 0x",
        "recorded as 2026-11-21-13.05.improv",
    ]
    assert rows[4].startswith("memory   ")
    narrow = text(figure_rows(replace(seen, health=replace(seen.health, missed_steps=3)), UNICODE, 39))
    assert narrow[:3] == [
        "step     .64 ms, 99 of 100 1.3 ms",
        "notes    .04 ms, 99 of 100 .19 ms",
        "wrong    3 missed 0 dropped 0x",
    ]
    assert text(figure_rows(bare(), UNICODE, 79))[0] == "step     nothing measured yet"


def test_the_memory_is_a_strip() -> None:
    numbers = (0.0, 0.2, 0.5, 1.0, -0.2, -0.5, -1.0)
    assert text([memory_cells(numbers, UNICODE, 20)]) == ["··▁▄·▔▀"]
    assert text([memory_cells(numbers, CONSOLE, 20)]) == ["··▄▄·▀▀"]
    assert text([memory_cells(numbers, ASCII, 20)]) == [".-=*,:%"]
    assert text([memory_cells((1.0, 1.0, 0.0, 0.0), UNICODE, 2)]) == ["▄·"]
