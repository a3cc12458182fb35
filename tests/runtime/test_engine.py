"""The engine on simulated time, its output asserted as lists of (time, event)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from improv.midi.gaps import GAP_S
from improv.midi.messages import ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON
from improv.midi.player import Player
from improv.midi.sources import Script
from improv.models.contract import Tensors
from improv.models.encodings import CHORD_HEAD
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.theory import STEPS_PER_BAR
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, Panic, Quit, Set
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.runtime.engine import FALLBACK_BARS, REPLAN_S, Lead, perform
from improv.session.fallback import LATE
from improv.session.state import Moment, Session
from tests.conftest import Echo

Begun = Callable[..., Session]
PARTS = {part.channel: part for part in Part}


class Receiver:
    """A sink that notes what sounds and when."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.events: list[tuple[float, NoteEvent]] = []
        self.panics: list[float] = []

    def send(self, message: bytes) -> None:
        at, kind, part = round(self._clock.now(), 6), message[0] & 0xF0, PARTS.get(message[0] & 0x0F)
        if kind in (NOTE_ON, NOTE_OFF):
            assert part is not None
            event = NoteOn(part, *message[1:]) if kind == NOTE_ON else NoteOff(part, message[1])
            self.events.append((at, event))
        elif kind == CONTROL and message[1] == ALL_SOUND_OFF and part is Part.MELODY:
            self.panics.append(at)

    def onsets(self, part: Part) -> list[tuple[float, int]]:
        return [(at, e.pitch) for at, e in self.events if isinstance(e, NoteOn) and e.part == part]

    def sounding(self) -> set[tuple[Part, int]]:
        sounding: set[tuple[Part, int]] = set()
        for _, event in self.events:
            (sounding.add if isinstance(event, NoteOn) else sounding.discard)((event.part, event.pitch))
        return sounding


class Commands:
    """A source of commands at given times."""

    def __init__(self, *timed: tuple[float, Command]) -> None:
        self._timed = sorted(timed, key=lambda item: item[0])

    def poll(self, now_s: float) -> list[Timed | Command]:
        due = [command for at, command in self._timed if at <= now_s]
        self._timed = self._timed[len(due) :]
        return list(due)

    def next_poll_s(self, now_s: float) -> float:
        return self._timed[0][0] if self._timed else float("inf")


def played(
    session: Session, model: Echo, *sources: Any, last_step: int = 31, clock: SimulatedClock | None = None
) -> tuple[Session, Receiver, Player, list[Moment]]:
    clock = clock or SimulatedClock(-1)
    sink, moments = Receiver(clock), list[Moment]()
    with Player(clock, sink, sources) as player:
        ended = perform(session, model, player, moments.append, lead=Lead(), last_step=last_step)
    assert not sink.sounding()
    return ended, sink, player, moments


def script(*keys: tuple[float, float, int]) -> Script:
    return Script(
        [Timed(at, NoteOn(Part.YOU, pitch, 80)) for at, _, pitch in keys]
        + [Timed(until, NoteOff(Part.YOU, pitch)) for _, until, pitch in keys]
    )


def test_every_onset_sounds_at_its_nominal_time(echo: Echo, begun: Begun) -> None:
    _, sink, player, _ = played(begun(Mode.SOLO), echo)
    assert [at for at, _ in sink.onsets(Part.MELODY)] == [step * 0.25 for step in range(32)]
    assert {at for at, _ in sink.onsets(Part.CHORDS)} == {0.0, 2.0, 4.0, 6.0}
    assert {sent_s - due_s for due_s, sent_s in player.onsets} == {0.0}


def test_a_note_just_before_the_step_still_shapes_what_sounds_on_it(echo: Echo, begun: Begun) -> None:
    """Struck early for the last step of the call, heard before the first of the answer."""
    _, sink, _, _ = played(begun(), echo, script((1.98, 3, 64)), last_step=9)
    assert sink.onsets(Part.MELODY)[0] == (2.0, 60)  # 20 ms before the answer: nearest to its first step
    _, sink, _, _ = played(begun(), echo, script((1.87, 3, 64)), last_step=9)
    assert sink.onsets(Part.MELODY)[0] == (2.0, 65)


def test_each_moment_is_told_once_with_the_next_chord_known(echo: Echo, begun: Begun) -> None:
    _, _, _, moments = played(begun(Mode.SOLO), echo, last_step=9)
    assert [moment.session.step for moment in moments] == [*range(10), 9]
    chords = [moment.played.frame.chord for moment in moments[:-1]]
    assert [moment.planned.band.frame.chord for moment in moments[:-2]] == chords[1:]


def test_a_tempo_change_is_on_the_grid_and_moves_the_rest(echo: Echo, begun: Begun) -> None:
    _, sink, _, _ = played(begun(Mode.SOLO), echo, Commands((0.6, Set("tempo", 240))), last_step=6)
    assert [at for at, _ in sink.onsets(Part.MELODY)] == [0.0, 0.25, 0.5, 0.75, 0.875, 1.0, 1.125]


def test_a_tempo_change_moves_events_that_are_already_waiting() -> None:
    clock = SimulatedClock()
    sink = Receiver(clock)
    player = Player(clock, sink)
    slow = Transport(0, 0.0, 60)
    player.play(Plan(2, (Placed(12, NoteOn(Part.MELODY, 60, 80)), Placed(24, NoteOff(Part.MELODY, 60))), slow))
    player.listen_until(1.0)
    player.play(Plan(5, (), slow.with_bpm(120, from_step=2)))
    player.listen_until(3.0)
    assert [at for at, _ in sink.events] == [1.0, 1.5]


def test_quit_ends_everything_at_once(echo: Echo, begun: Begun) -> None:
    ended, sink, _, _ = played(begun(Mode.SOLO), echo, Commands((1.1, Quit())))
    assert ended.step == 4
    assert sink.events[-1][0] == pytest.approx(1.1)
    assert sink.panics == [pytest.approx(1.1)]


def test_panic_silences_at_once_and_the_music_goes_on_in_its_place(echo: Echo, begun: Begun) -> None:
    _, sink, _, _ = played(begun(Mode.SOLO), echo, Commands((0.6, Panic())), last_step=15)
    assert sink.panics[0] == pytest.approx(0.6)
    assert len([at for at, event in sink.events if at == 0.6 and isinstance(event, NoteOff)]) == 5
    assert [at for at, _ in sink.onsets(Part.MELODY)] == [step * 0.25 for step in range(16)]


def test_an_exception_anywhere_releases_everything(echo: Echo, begun: Begun) -> None:
    clock = SimulatedClock(-1)
    sink = Receiver(clock)

    def fail(moment: Moment) -> None:
        if moment.session.step == 5:
            raise OSError("the terminal is gone")

    with pytest.raises(OSError, match="terminal"), Player(clock, sink) as player:
        perform(begun(Mode.SOLO), echo, player, fail, lead=Lead())
    assert len(sink.onsets(Part.MELODY)) == 6
    assert not sink.sounding()
    assert len(sink.panics) == 1


@pytest.mark.parametrize("slept_s", [0.2, 0.6, 1.3, 7.0])
def test_oversleeping_is_skipped_and_counted_and_loses_no_place(echo: Echo, begun: Begun, slept_s: float) -> None:
    """After a stall nothing comes in a burst, and the chords are where they would have been."""
    clock = SimulatedClock(-1)
    clock.at(2.1, lambda: clock.oversleep(slept_s))
    ended, sink, player, _ = played(begun(Mode.SOLO), echo, last_step=63, clock=clock)
    after_s = 2.1 + slept_s
    times = [at for at, _ in sink.onsets(Part.MELODY)]
    skipped = [step for step in range(64) if step * 0.25 > 2.1 and step * 0.25 < after_s - 0.125]
    assert ended.health.missed_steps + player.schedule.dropped >= len(skipped)
    assert ended.health.missed_steps == pytest.approx(len(skipped), abs=1)
    assert not [at for at in times if 2.1 < at < after_s - 1e-6]
    assert len([at for at in times if at == pytest.approx(after_s)]) <= 1
    later = [at for at in times if at > after_s + 1e-6]
    assert later == pytest.approx([step * 0.25 for step in range(64) if step * 0.25 > after_s + 1e-6])
    chords = {at for at, pitch in sink.onsets(Part.CHORDS) if at > after_s + 1e-6}
    bars = {bar * 2.0 for bar in range(8) if bar * 2.0 > after_s + 1e-6}
    assert chords == bars | ({later[0]} if slept_s > GAP_S else set())  # silenced by the gap: struck anew


class Failing(Echo):
    """A network whose memory is spoiled after some of its steps, and raises from then on."""

    def __init__(self, *after: int) -> None:
        super().__init__()
        self.after, self.steps = set(after), 0

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        if np.isnan(memory["count"]).any():
            raise RuntimeError("out of notes")
        self.steps += 1
        outputs, memory = super().step(features, memory)
        return outputs, {"count": memory["count"] * np.nan} if self.steps in self.after else memory


def test_a_step_the_network_fails_at_is_played_on_the_beat_all_the_same(begun: Begun) -> None:
    """The form's chords and a plain line of their tones; the network is back when it can, and has lost no place."""
    model = Failing(4)
    session = begun(Mode.SOLO)
    ended, sink, _, moments = played(session, model, last_step=31)
    how = [moment.how for moment in moments[:-1]]
    assert how == [How.NETWORK] * 4 + [How.FALLBACK] * 4 + [How.NETWORK] * 24  # it forgets, and so recovers
    assert (ended.health.faults, ended.health.consecutive_faults, ended.health.last_fault) == (
        4,
        0,
        "RuntimeError: out of notes",
    )
    times = [at for at, _ in sink.onsets(Part.MELODY)]
    assert times[:8] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.25]
    assert {pitch % 12 for at, pitch in sink.onsets(Part.MELODY) if at in (1.0, 1.5)} <= {0, 4, 7, 10}
    assert {at for at, _ in sink.onsets(Part.CHORDS)} == {0.0, 2.0, 4.0, 6.0}


def test_a_network_that_is_always_wrong_never_stops_the_music(begun: Begun) -> None:
    session = begun(Mode.SOLO)
    broken = {"count": session.network.memory["count"] * np.nan}
    session = replace(session, network=replace(session.network, memory=broken))
    model = Failing(*range(10_000))
    ended, sink, _, _ = played(session, model, last_step=63)
    assert ended.health.faults == 64
    assert [at for at, _ in sink.onsets(Part.MELODY)] == [beat * 0.5 for beat in range(32)]
    assert {at for at, _ in sink.onsets(Part.CHORDS)} == {bar * 2.0 for bar in range(8)}
    assert 0 < len(ended.network.pending_inputs) <= 2 * ended.tune.form.steps


class NotANumber(Echo):
    """A network whose chords are no numbers."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        outputs, memory = super().step(features, memory)
        return {**outputs, CHORD_HEAD: np.full_like(outputs[CHORD_HEAD], np.nan)}, memory


def test_what_is_no_number_is_a_fault(echo: Echo, begun: Begun) -> None:
    ended, sink, _, _ = played(begun(Mode.SOLO), NotANumber(), last_step=15)
    assert ended.health.faults == 16
    assert "not finite" in ended.health.last_fault
    assert len(sink.onsets(Part.MELODY)) == 8


class Slow(Echo):
    """A network that takes its time at some of its steps."""

    def __init__(self, clock: SimulatedClock, slow: dict[int, float]) -> None:
        super().__init__()
        self.clock, self.slow, self.steps = clock, slow, 0

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self.steps += 1
        self.clock.oversleep(self.slow.get(self.steps, 0.0))
        return super().step(features, memory)


class Apart:
    """A player in another process, as the engine sees it: it plays on whatever the engine does."""

    independent = True

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.plans: list[tuple[float, Plan]] = []

    def play(self, plan: Plan) -> None:
        self.plans.append((self.clock.now(), plan))

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard:
        self.clock.wait_until(deadline_s)
        return Heard()

    def sounded(self) -> list[tuple[float, NoteEvent]]:
        """What such a player plays: each event of the last plan that came before its time."""
        found = []
        for index, (_, plan) in enumerate(self.plans):
            for placed in plan.events:
                due_s = plan.transport.time_of_tick(placed.tick)
                later = (step for at, (step) in ((at, p.step) for at, p in self.plans[index + 1 :]) if at <= due_s)
                if not any(step * 6 <= placed.tick for step in later) and isinstance(placed.event, NoteEvent):
                    found.append((round(due_s, 6), placed.event))
        return sorted(found, key=lambda item: item[0])


@pytest.mark.parametrize("late_s", [0.3, 0.6, 1.1])
def test_while_the_network_is_late_the_player_has_something_to_play(begun: Begun, late_s: float) -> None:
    """Each beat of the wait sounds, as a fallback that was handed over before; then the network goes on."""
    clock = SimulatedClock(-1)
    session = begun(Mode.SOLO)
    player, moments = Apart(clock), list[Moment]()
    ended = perform(session, Slow(clock, {8: late_s}), player, moments.append, lead=Lead(), last_step=31)
    how = {moment.session.step: moment.how for moment in moments}
    waited = [step for step, kind in how.items() if kind is How.FALLBACK]
    assert waited
    assert len(waited) == pytest.approx(late_s / 0.25, abs=1)
    assert ended.health.missed_steps == 0
    assert (ended.health.faults, ended.health.last_fault) == (len(waited), LATE)
    onsets = {at for at, event in player.sounded() if isinstance(event, NoteOn) and event.part is Part.MELODY}
    assert {step * 0.25 for step in range(32) if step not in waited or step % 2 == 0} == onsets
    assert [session.step for session in (moment.session for moment in moments)] == [*range(32), 31]


def test_after_a_bar_of_fallback_there_is_silence_and_the_place_is_kept(begun: Begun) -> None:
    clock = SimulatedClock(-1)
    player, moments = Apart(clock), list[Moment]()
    ended = perform(begun(Mode.SOLO), Slow(clock, {8: 4.0}), player, moments.append, lead=Lead(), last_step=63)
    how = [moment.how for moment in moments]
    assert how.count(How.FALLBACK) == FALLBACK_BARS * STEPS_PER_BAR
    assert ended.health.missed_steps == how.count(How.SKIPPED) == 16 - FALLBACK_BARS * STEPS_PER_BAR
    assert moments[-2].played.frame.chord == ended.tune.form.chord_at(63)


@pytest.mark.parametrize(("gone_s", "in_hand"), [(1.1, True), (1.1, False), (4.0, True)])
def test_an_engine_that_goes_on_for_another_knows_what_has_been_played_meanwhile(
    begun: Begun, gone_s: float, in_hand: bool
) -> None:
    """The plan and the bar of fallback that the other one had given away; what came after them was silent."""
    clock = SimulatedClock(-1)
    told = list[Moment]()
    perform(begun(Mode.SOLO), Slow(clock, {}), Apart(clock), told.append, lead=Lead(), last_step=15)
    session = told[11].session
    clock = SimulatedClock(session.position.transport.time_of(session.step) + gone_s)
    moments = list[Moment]()
    ended = perform(session, Slow(clock, {}), Apart(clock), moments.append, lead=Lead(), last_step=63, in_hand=in_hand)
    missed = int(gone_s / 0.25)
    played = min(missed, FALLBACK_BARS * STEPS_PER_BAR + 1) if in_hand else 0
    how = [moment.how for moment in moments]
    assert how[: missed + 1] == [How.FALLBACK] * played + [How.SKIPPED] * (missed - played) + [How.NETWORK]
    assert ended.health.missed_steps == missed - played
    assert [moment.session.step for moment in moments[:-1]] == [*range(session.step + 1, 64)]


def test_a_performance_ends_with_its_last_step_after_a_long_stall_too(begun: Begun) -> None:
    clock = SimulatedClock(-1)
    player, moments = Apart(clock), list[Moment]()
    ended = perform(begun(Mode.SOLO), Slow(clock, {40: 30.0}), player, moments.append, lead=Lead(), last_step=63)
    assert ended.step == max(moment.session.step for moment in moments) == 63


def test_whole_choruses_that_were_missed_are_leapt_over(echo: Echo, begun: Begun) -> None:
    clock = SimulatedClock(-1)
    clock.at(2.1, lambda: clock.oversleep(8 * 3600))
    ended, sink, _, moments = played(begun(Mode.SOLO), echo, last_step=115_263, clock=clock)
    assert ended.step == 115_263
    assert sum(moment.skipped_choruses for moment in moments) * ended.tune.form.steps > 115_000
    assert len(moments) < 200
    resumed = [at for at, _ in sink.onsets(Part.CHORDS) if at > 2.1]
    assert resumed[0] % 0.25 == pytest.approx(0)
    assert {at % 2 for at in resumed[1:]} == {0, resumed[0] % 2}  # struck anew at once, then on each bar
    assert not [at for at in resumed if at < 28802]


def test_however_much_is_heard_it_is_planned_again_a_hundred_times_a_second_at_most(begun: Begun) -> None:
    model = Echo()
    keys = [(2 + index / 1000, 2 + index / 1000 + 0.0005, 60 + index % 12) for index in range(250)]
    steps = len(model.fed)
    played(begun(), model, script(*keys), last_step=15)
    assert len(model.fed) - steps < 96 + 16 + 0.25 / REPLAN_S + 16


def test_the_ledger_ends_a_note_before_striking_it_again_and_ends_nothing_twice() -> None:
    clock = SimulatedClock()
    sink = Receiver(clock)
    on, off = NoteOn(Part.MELODY, 60, 80), NoteOff(Part.MELODY, 60)
    events = (Placed(0, off), Placed(0, on), Placed(3, on), Placed(6, off), Placed(9, off))
    with Player(clock, sink) as player:
        player.play(Plan(0, events, Transport(0, 0.0, 60)))
        player.listen_until(2)
    assert [event for _, event in sink.events] == [on, off, on, off]


def test_a_plan_withdraws_what_was_planned_for_its_steps_sounding_or_not() -> None:
    clock = SimulatedClock()
    sink = Receiver(clock)
    player = Player(clock, sink)
    transport = Transport(0, 0.0, 60)
    first = (Placed(0, NoteOn(Part.MELODY, 60, 80)), Placed(6, NoteOn(Part.MELODY, 62, 80)))
    player.play(Plan(0, (*first, Placed(12, NoteOn(Part.MELODY, 64, 80))), transport))
    player.listen_until(0.6)
    player.play(Plan(1, (Placed(9, NoteOn(Part.MELODY, 67, 80)),), transport))
    player.listen_until(3)
    assert sink.events == [
        (0.0, NoteOn(Part.MELODY, 60, 80)),
        (0.5, NoteOn(Part.MELODY, 62, 80)),
        (0.6, NoteOff(Part.MELODY, 62)),
        (0.75, NoteOn(Part.MELODY, 67, 80)),
    ]


def test_the_lead_is_what_planning_takes_and_some_more(begun: Begun) -> None:
    clock = SimulatedClock()
    lead = Lead().rehearsed(begun(), Echo(), clock)
    assert lead.s == 0.001
    lead = Lead().rehearsed(begun(), Slow(clock, dict.fromkeys(range(1000), 0.004)), clock)
    assert lead.s == pytest.approx(0.0055)
    for _ in range(100):
        lead.record(0.004)
    lead.record(10.0)
    assert lead.s == pytest.approx(0.0055)  # once in a hundred is no rule
    for _ in range(100):
        lead.record(10.0)
    assert lead.s == 0.025
