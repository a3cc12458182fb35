"""What a screen is shown in a jam: two choruses of trading fours with the real network, and odd moments by hand."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from improv.encoding import ENCODINGS
from improv.messages import Chance, Loudness, Rig, Settings, Snapshot
from improv.model import Tensors
from improv.music import STEPS_PER_BAR, Cell, Chord, Form, NoteOff, NoteOn, Part, Place, Timed
from improv.onnx_model import OnnxModel
from improv.sampling import one_unit
from improv.session import (
    CHORD_VELOCITY,
    MELODY_HEAD,
    MELODY_VELOCITY,
    Heard,
    Session,
    advance,
    begin,
    idled,
    snapshot,
)
from improv.transport import Transport
from improv.turns import Mode, Turn, Who

MODEL = Path(__file__).parents[1] / "exported_models" / "eck2002-blues.onnx"

LICK = "C4 - Eb4 F4 F#4 - G4 - Bb4 - G4 F4 Eb4 - C4 . . G4 Bb4 - C5 - - . Bb4 - G4 - F4 Eb4 C4 ."
"""What you play in each of your turns: a cell a step, `-` goes on, `.` is silence."""

RIG = Rig(
    says="hears keys from nanoKEY2 24:0, plays to FLUID Synth 128:0",
    api="alsa",
    input="nanoKEY2",
    output="FLUID Synth",
    model="eck2002-blues",
    take="2026-11-21-13.05.improv",
    onsets=96,
    lateness_p50_us=41,
    lateness_p99_us=187,
)


class _Watched:
    """The network, and what its melody head said last."""

    def __init__(self) -> None:
        self._model = OnnxModel(MODEL)
        self.spec = self._model.spec
        self.logits = np.zeros((1, 13), np.float32)

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        outputs, memory = self._model.step(features, memory)
        self.logits = outputs[MELODY_HEAD]
        return outputs, memory


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


def form_text(form: Form, semitones: int = 0) -> str:
    """A form's chords by bars, as a snapshot tells them."""
    bars = []
    for start in range(0, form.steps, STEPS_PER_BAR):
        chords = [chord.transposed(semitones) for chord in form.chords[start : start + STEPS_PER_BAR]]
        names = [(chord.symbol, len(list(same))) for chord, same in groupby(chords)]
        least = min(length for _, length in names)
        bars.append(" ".join(name for name, length in names for _ in range(length // least)))
    return " | ".join(bars)


def _seen(session: Session, planned: Session, model: _Watched, heard: Heard) -> Snapshot:
    seen = snapshot(session, planned.frame)
    up = session.semitones + 12 * (session.touch.octaves + session.settings.register)
    pitches = ENCODINGS[model.spec.encoding].melody_pitches()
    settings, sounds = session.settings, planned.place >= 0 and planned.playing
    trained = one_unit(model.logits, 1.0)
    bent = one_unit(model.logits, settings.temperature, top_p=settings.top_p)
    chances = tuple(
        Chance(p + up, float(t), float(b)) for p, t, b in zip(pitches, trained, bent, strict=True) if 0 <= p + up <= 127
    )
    state = np.concatenate([np.ravel(tensor) for tensor in session.memory.values()])
    struck = [note.event.velocity for note in heard.notes if isinstance(note.event, NoteOn)]
    melody = MELODY_VELOCITY if session.frame.melody.onsets else 0
    chord = CHORD_VELOCITY if session.frame.chord and session.place % STEPS_PER_BAR == 0 else 0
    click = 84 if session.place < 0 and session.place % 2 == 0 else 0
    keys = [key.pitch for key in session.keys if key.release is None]
    return replace(
        seen,
        planned=planned.frame.melody,
        form=form_text(session.form, session.semitones),
        loudness=Loudness(max(struck, default=0), melody, chord, click),
        chances=chances if sounds else (),
        memory=tuple(float(np.tanh(part.mean() / 2)) for part in np.array_split(state, min(48, len(state)))),
        step_p50_us=640.0,
        step_p99_us=1310.0,
        rig=replace(RIG, keys=tuple(keys)),
    )


@cache
def trading(choruses: int = 2, mode: Mode = Mode.TRADE, temperature: float = 1.3) -> tuple[Snapshot, ...]:
    """A bar of count-in and some choruses: you have four bars, improv answers."""
    model = _Watched()
    settings = Settings(mode=mode, bars=4, temperature=temperature, seed=3)
    session = begin(model, settings, Transport(0, 0.0, 120), count_in_bars=1)
    snapshots: list[Snapshot] = []
    heard = Heard()
    while session.step < choruses * session.form.steps:
        planned, _ = advance(session, Heard(), model)
        if session.step >= -STEPS_PER_BAR:
            snapshots.append(_seen(session, planned, model, heard))
        yours = session.playing and session.place >= 0 and session.turn.who.hears_you
        heard = Heard(_lick(session.step)) if yours else Heard()
        if session.turn.end == session.step + 1 and session.turn.who is Who.YOU:
            heard += Heard(
                tuple(Timed(session.step * 0.25 + 0.02, NoteOff(Part.YOU, key.pitch)) for key in session.keys)
            )
        session, _ = advance(session, heard, model)
    stopped = idled(replace(session, playing=False), Heard(), 0.0)
    snapshots.append(_seen(stopped, stopped, model, Heard()))
    return tuple(snapshots)


def of_turn(who: Who) -> Snapshot:
    """A moment in the middle of somebody's turn."""
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
    rig = replace(
        seen.rig,
        input="",
        dropped_onsets=2,
        model_coming="eck2002-chords",
        engine_deaths=1,
        remark="the keyboard is gone",
    )
    return replace(seen, faults=3, fault="the network was late", missed_steps=7, rig=rig)


def bare() -> Snapshot:
    """The least a daemon may tell: no form, no network asked, no ports."""
    return Snapshot(
        step=0,
        place=Place(1, 1, 1),
        turn=Turn(Who.YOU, 0),
        beats_left=None,
        playing=True,
        chord=None,
        next_chord=None,
        heard=Cell(),
        played=Cell(),
        tempo=120,
        swing=0.5,
        settings=Settings(mode=Mode.PHRASE),
        missed_steps=0,
        faults=0,
        fault="",
    )


def everything() -> Iterator[Snapshot]:
    """A jam from the count-in to the end, and each odd moment."""
    yield from trading()
    yield from trading(1, Mode.DUET)
    yield from trading(1, Mode.SOLO, 2.5)
    yield from (faulty(), bare(), stopped(), replace(of_turn(Who.IMPROV), chord=Chord(0, (0, 1, 5))))
