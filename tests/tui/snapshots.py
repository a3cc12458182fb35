"""What a screen is shown in a jam: two choruses of trading fours with the real network, and odd moments by hand."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import Cell, NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.theory import STEPS_PER_BAR, Chord, Place
from improv.music.transport import Transport
from improv.music.turns import Mode, Turn, Who
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import (
    Harmony,
    MidiStatus,
    NetworkStatus,
    OnsetTiming,
    RecordingStatus,
    Snapshot,
    StepHealth,
    SystemStatus,
)
from improv.session.lifecycle import begin, idled
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot

MODEL = Path(__file__).parents[2] / "exported_models" / "eck2002-blues.onnx"

LICK = "C4 - Eb4 F4 F#4 - G4 - Bb4 - G4 F4 Eb4 - C4 . . G4 Bb4 - C5 - - . Bb4 - G4 - F4 Eb4 C4 ."
"""What you play in each of your turns: a cell a step, `-` goes on, `.` is silence."""

RIG = SystemStatus(
    description="hears keys from nanoKEY2 24:0, plays to FLUID Synth 128:0",
    midi=MidiStatus(
        api="alsa",
        input="nanoKEY2",
        output="FLUID Synth",
        ports=(
            PortStatus(role="input", name="nanoKEY2", peers=("nanoKEY2",)),
            PortStatus(role="output", name="FLUID Synth", peers=("FLUID Synth",)),
        ),
    ),
    network=NetworkStatus(model="eck2002-blues"),
    recording=RecordingStatus(take="2026-11-21-13.05.improv"),
    timing=OnsetTiming(onsets=96, lateness_p50_us=41, lateness_p99_us=187),
)


def _pitch(name: str) -> int:
    letters = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    accidental = {"#": 1, "b": -1}.get(name[1], 0)
    return 12 * (int(name[-1]) + 1) + letters[name[0]] + accidental


def _lick(step: int, step_s: float = 0.25) -> tuple[Timed, ...]:
    """What your hands do at a step of your turn."""
    words = LICK.split()
    word, before = words[step % len(words)], [w for w in words[: step % len(words)] if w != "-"]
    at_s = step * step_s + 0.01
    notes: list[Timed] = []
    if word != "-" and before and before[-1] != ".":
        notes.append(Timed(at_s, NoteOff(Part.YOU, _pitch(before[-1]))))
    if word not in "-.":
        notes.append(Timed(at_s, NoteOn(Part.YOU, _pitch(word), 70 + 20 * (step % 2))))
    return tuple(notes)


def _seen(session: Session, planned: Session, played: Iterable[Placed] = ()) -> Snapshot:
    keys = tuple(key.pitch for key in session.listener.keys if key.release is None)
    seen = snapshot(session, planned, played)
    return replace(
        seen,
        health=replace(seen.health, step_p50_us=640.0, step_p99_us=1310.0),
        system=replace(RIG, midi=replace(RIG.midi, keys=keys)),
    )


@cache
def trading(choruses: int = 2, mode: Mode = Mode.TRADE, temperature: float = 1.3) -> tuple[Snapshot, ...]:
    """A bar of count-in and some choruses with the shipped network: you have four bars, improv answers."""
    return told_of(OnnxModel(MODEL), choruses, mode, temperature)


def told_of(model: StepModel, choruses: int, mode: Mode, temperature: float) -> tuple[Snapshot, ...]:
    """The same with any network, and at the end a moment in which nothing plays."""
    settings = Settings(mode=mode, bars=4, temperature=temperature, seed=3)
    session = begin(model, settings, Transport(0, 0.0, 120, 0.6), count_in_bars=1)
    snapshots: list[Snapshot] = []
    played: tuple[Placed, ...] = ()
    while session.step < choruses * session.tune.form.steps:
        planned, _ = advance(session, Heard(), model)
        if session.step >= -STEPS_PER_BAR:
            snapshots.append(_seen(session, planned, played))
        yours = session.position.playing and session.place >= 0 and session.turn.who.hears_you
        heard = Heard(_lick(session.step)) if yours else Heard()
        if session.turn.end == session.step + 1 and session.turn.who is Who.YOU:
            heard += Heard(
                tuple(Timed(session.step * 0.25 + 0.02, NoteOff(Part.YOU, key.pitch)) for key in session.listener.keys)
            )
        session, told = advance(session, heard, model)
        played = told.events
    stopped = idled(replace(session, position=replace(session.position, playing=False)), Heard(), 0.0)
    snapshots.append(_seen(stopped, stopped))
    return tuple(snapshots)


def of_turn(who: Who) -> Snapshot:
    """A moment in the middle of a turn."""
    seen = [seen for seen in trading() if seen.turn.who is who and seen.playing]
    return seen[len(seen) // 2]


def count_in() -> Snapshot:
    """The second beat of the count-in."""
    return trading()[2]


def stopped() -> Snapshot:
    """Nothing plays, everything is ready."""
    return trading()[-1]


def faulty() -> Snapshot:
    """Much has gone wrong, and it plays on."""
    seen = of_turn(Who.IMPROV)
    system = replace(
        seen.system,
        midi=replace(seen.system.midi, input="", ports=seen.system.midi.ports[1:]),
        timing=replace(seen.system.timing, dropped_onsets=2),
        network=replace(seen.system.network, next_model="eck2002-chords"),
        engine_deaths=1,
        remark="the keyboard is gone",
    )
    return replace(
        seen, health=replace(seen.health, faults=3, fault="the network was late", missed_steps=7), system=system
    )


def bare() -> Snapshot:
    """The least a daemon may tell: no form, no network asked, no ports."""
    return Snapshot(
        step=0,
        place=Place(1, 1, 1),
        turn=Turn(Who.YOU, 0),
        beats_left=None,
        playing=True,
        harmony=Harmony(chord=None, next_chord=None),
        heard=Cell(),
        played=Cell(),
        tempo=120,
        swing=0.5,
        settings=Settings(mode=Mode.PHRASE),
        health=StepHealth(missed_steps=0, faults=0, fault=""),
    )


def everything() -> Iterator[Snapshot]:
    """A jam from the count-in to the end, and each odd moment."""
    yield from trading()
    yield from trading(1, Mode.DUET)
    yield from trading(1, Mode.SOLO, 2.5)
    yield from (faulty(), bare(), stopped(), replace(of_turn(Who.IMPROV), harmony=Harmony(chord=Chord(0, (0, 1, 5)))))
