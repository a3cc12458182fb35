"""An evening of jamming on simulated time: a musician plays, turns everything, stops and starts, and nothing grows."""

import pickle
import random
from collections.abc import Iterator, Sequence
from math import inf

import pytest

from improv.midi.player import Player
from improv.midi.sources import Arrival
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Quit, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import BARS, CONTROLS, MODEL, TEMPO, THRU, Settings
from improv.protocol.snapshot import How
from improv.runtime.engine import Lead, perform
from improv.session.lifecycle import begin
from improv.session.state import Moment
from tests.conftest import Echo, form_chord
from tests.midi.listeners import Listener

HOURS_S, MINUTES_S = 2 * 3600.0, 600.0
TURNED = [control for control in CONTROLS.values() if control not in (MODEL, THRU)]


class Evening:
    """A source of notes and commands, drawn as they are asked for, so that nothing is kept."""

    def __init__(self, seed: int, until_s: float) -> None:
        self._until_s = until_s
        self._arrivals = self._drawn(random.Random(seed))
        self._next_s, self._next = next(self._arrivals)

    def poll(self, now_s: float) -> Sequence[Arrival]:
        due: list[Arrival] = []
        while self._next_s <= now_s:
            due += self._next
            self._next_s, self._next = next(self._arrivals, (inf, []))
        return due

    def next_poll_s(self, now_s: float) -> float:
        return self._next_s

    def _drawn(self, chance: random.Random) -> Iterator[tuple[float, list[Arrival]]]:
        at_s = 1.0
        while at_s < self._until_s:
            yield at_s, [self._command(chance, at_s)] if chance.random() < 0.25 else []
            for _ in range(chance.randrange(6)):  # a few notes
                pitch, length_s = chance.randrange(48, 84), chance.uniform(0.05, 0.6)
                yield at_s, [Timed(at_s, NoteOn(Part.YOU, pitch, chance.randrange(1, 128)))]
                yield at_s + length_s, [Timed(at_s + length_s, NoteOff(Part.YOU, pitch))]
                at_s += length_s + chance.choice([0.0, 0.1, 0.5])
            at_s += chance.uniform(0.2, 6)
        yield at_s, [Quit()]

    def _command(self, chance: random.Random, at_s: float) -> Command:
        control = chance.choice(TURNED)
        value = chance.choice(control.choices) if control.choices else control.scaled(chance.random())
        if control is TEMPO:
            value = chance.uniform(40, 90)
        if control is BARS:
            value = chance.choice([1, 2, 4, 12])
        taps = [Tap(at_s)] if chance.random() < 0.1 else []
        weighted = [Set(control.name, value)] * 6 + [Nudge(control.name, chance.choice([-1, 1]) * control.nudge)] * 6
        return chance.choice([*weighted, *taps, HandOver(), Panic(), Restart(), Stop(), Start(), Start()])


@pytest.mark.parametrize("lasts_s", [MINUTES_S, pytest.param(HOURS_S, marks=pytest.mark.full)])
def test_an_evening(lasts_s: float) -> None:
    clock, echo = SimulatedClock(-1), Echo()
    listener = Listener(clock)
    sizes: list[int] = []
    last: list[Moment] = []
    leaves_form: list[int] = []

    def observe(moment: Moment) -> None:
        session = moment.session
        last[:] = [moment]
        if session.step % 100 == 0:
            sizes.append(len(pickle.dumps(session)))
        sounds = session.position.playing and session.place >= 0 and moment.how is How.NETWORK
        if sounds and session.band.frame.chord != form_chord(session).transposed(session.semitones):
            leaves_form.append(session.step)
        listener.sent.clear()
        echo.fed.clear()

    session = begin(echo, Settings(mode=Mode.TRADE), Transport(0, 0.0, 120))
    with Player(clock, listener, [Evening(1, lasts_s)]) as player:
        ended = perform(session, echo, player, observe, lead=Lead())
    assert clock.now() >= lasts_s
    assert listener.synth.at_rest
    assert (ended.health.faults, ended.health.missed_steps, player.schedule.dropped, player.gaps.count) == (0, 0, 0, 0)
    assert [step for step in leaves_form if step < ended.step] == []
    assert max(sizes) < 2 * sorted(sizes)[len(sizes) // 2]
