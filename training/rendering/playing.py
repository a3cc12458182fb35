"""What a model plays, through the session that a musician hears but as fast as it can: alone and in answer to a call;
and how surprised it is by what people played.

PyTorch is not needed, for it is the exported model that is judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np

from improv.models.contract import StepModel, Tensor, no_memory
from improv.models.encodings import Cells, Steer, encoding_of
from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD
from improv.models.sampling import one_unit
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Frame, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.rhythm import NUMBERS, rhythm_of, top_line
from improv.music.theory import STEPS_PER_BAR, TICKS_PER_STEP
from improv.music.transport import STRAIGHT, Transport
from improv.music.turns import Mode
from improv.protocol.commands import Set
from improv.protocol.controls import MODE, Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.state import Session
from improv.session.step import advance
from training.corpora.solos import Note, Solo
from training.datasets.sequences import CELLS, step_inputs
from training.metrics.melody import TICKS_PER_BAR, Reals

BPM = 120
"""The usual tempo; a network may play otherwise at another."""

VELOCITY = 80

LEAD_S = 0.003
"""How long before a step is due what has arrived decides it, in seconds: about the live engine's lead."""

LEAST_BEATS = 0.02
"""A note sounds at least so long."""


# --- playing ----------------------------------------------------------------------------------


def sessions(model: StepModel, settings: Settings, bpm: float = BPM) -> Iterator[Session]:
    """Yield the session after each step of an endless performance in which improv plays alone."""
    session = begin(model, settings, Transport(0, 0.0, bpm))
    while True:
        session, _ = advance(session, Heard(), model)
        yield session


def play_alone(model: StepModel, bars: int, settings: Settings, bpm: float = BPM) -> tuple[Frame, ...]:
    """Return the frames of `bars` bars that a model plays alone from the top of the form."""
    return tuple(session.band.frame for session in islice(sessions(model, settings, bpm), bars * STEPS_PER_BAR))


def play_memory(model: StepModel, bars: int, settings: Settings) -> Reals:
    """Return a model's memory after each step of `bars` bars played alone, shape (steps, numbers)."""
    memories = (each.network.memory for each in islice(sessions(model, settings), bars * STEPS_PER_BAR))
    return np.array([np.concatenate([each.ravel() for each in memory.values()]) for memory in memories], np.float64)


def session_before_turn(model: StepModel, bars: int, place: int, bpm: float = BPM, swing: float = STRAIGHT) -> Session:
    """Return a session whose next step begins a turn of the player's of `bars` bars, at bar `place` of the form.

    Until then it has listened to the changes alone. ValueError if the player has no such turn.
    """
    session = begin(model, Settings(mode=Mode.LISTEN, bars=bars), Transport(0, 0.0, bpm, swing))
    tops = range(place, place + 2 * bars * session.tune.form.bars, session.tune.form.bars)
    first = next((top for top in tops if top % (2 * bars) == 0), None)
    if first is None:
        raise ValueError(f"trading {bars} bars, the player never begins at bar {place + 1}")
    for _ in range(first * STEPS_PER_BAR):
        session, _ = advance(session, Heard(), model)
    return session


def play_answer(
    model: StepModel,
    session: Session,
    notes: Sequence[Note],
    temperature: float,
    seed: int,
    played: Sequence[tuple[float, float]] = (),
) -> list[Frame]:
    """Return the frames of improv's answer to notes that the player plays in a turn (see `session_before_turn`).

    Notes are in the key of C, their ticks counted from the turn's first, and known to improv as those of a call file
    are; what still sounds at its end is let go there. With `played`, the onset and end of each in beats from the turn's
    first, improv has to hear what was meant.
    """
    bars, first = session.settings.bars, session.step + 1
    session = replace(session, settings=replace(session.settings, temperature=temperature, seed=seed))
    transport, start, end = session.position.transport, first * TICKS_PER_STEP, bars * TICKS_PER_BAR
    timed = []
    if played:
        first_s, beat_s = transport.time_of(first), 60 / transport.bpm
        last = end / TICKS_PER_BEAT
        for note, (onset, over) in zip(notes, played, strict=True):
            timed.append(Timed(first_s + onset * beat_s, NoteOn(Part.YOU, note.pitch, VELOCITY)))
            over = max(min(over, last), onset + LEAST_BEATS)
            timed.append(Timed(first_s + over * beat_s, NoteOff(Part.YOU, note.pitch)))
    else:
        for note in notes:
            for tick, event in (
                (start + note.onset, NoteOn(Part.YOU, note.pitch, VELOCITY)),
                (start + min(note.end, end), NoteOff(Part.YOU, note.pitch)),
            ):
                timed.append(Timed(transport.time_of_tick(tick), event, tick))
    timed.sort(key=lambda note: (note.time_s, isinstance(note.event, NoteOn)))
    commands: tuple[Set, ...] = (Set(MODE.name, Mode.TRADE),)
    found = []
    for step in range(first, first + 2 * bars * STEPS_PER_BAR):
        due_s = session.position.transport.time_of(step) - (LEAD_S if played else 0)
        arrived = tuple(note for note in timed if note.time_s < due_s)
        timed = timed[len(arrived) :]
        session, _ = advance(session, Heard(arrived, commands), model)
        commands = ()
        found.append(session.band.frame)
    return found[bars * STEPS_PER_BAR :]


# --- understanding ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Surprise:
    """How well a player foresaw solos, each (solos,): sums of nats, how many choices, and pitches foreseen."""

    rhythms: Reals
    pitches: Reals
    steps: Reals
    notes: Reals
    foreseen: Reals
    """Notes whose pitch was the likeliest."""


def surprise(model: StepModel, solos: Sequence[Solo], temperatures: Sequence[float]) -> Mapping[float, Surprise] | None:
    """Return a model's surprise at solos at several temperatures; None for a model that cannot read solos.

    It is fed each solo from its first step on as the runtime would feed it, with no memory before; the first step's
    own choices do not count, and nothing is forbidden, as where a network is trained.
    """
    if not isinstance(encoding_of(model.spec), Cells):
        return None
    sums = np.zeros((len(temperatures), len(solos), 5))
    for which, solo in enumerate(solos):
        for is_pitch, unit, logits, least in _choices(model, solo):
            distribution = model.spec.heads[PITCH_HEAD if is_pitch else RHYTHM_HEAD].distribution
            for at, temperature in enumerate(temperatures):
                likely = one_unit(logits, max(temperature, least), distribution=distribution)
                sums[at, which, [is_pitch, 2 + is_pitch]] += -np.log(likely[unit]), 1
                sums[at, which, 4] += is_pitch and int(np.argmax(likely)) == unit
    return {temperature: Surprise(*sums[at].T) for at, temperature in enumerate(temperatures)}


def _choices(model: StepModel, solo: Solo) -> Iterator[tuple[int, int, Tensor, float]]:
    """Yield the choices in a solo but those of its first step: is it a pitch (0 or 1), its unit, the logits, and the
    least temperature that it is drawn at.
    """
    encoding, memory = encoding_of(model.spec), no_memory(model.spec)
    for now, then in pairwise(step_inputs(solo, as_performed=True)):
        tensors = encoding.encode(now)
        features = {name: tensors[name] for name in model.spec.features}
        heads, after = model.step(features, memory)
        cell = then.frame.melody
        decoder = encoding.decode_cell(Steer(), then.frame.chord, now.frame.melody, now)
        choice = next(decoder)
        logits = heads[choice.head]
        units = [NUMBERS[rhythm_of(cell)], *(CELLS.unit(pitch) for pitch in top_line(cell))]
        for number, unit in enumerate(units):
            if number:
                choice = decoder.send(units[number - 1])
                chosen = {name: value for name, value in choice.features.items() if name in features}
                logits = model.head_logits(choice.head, {**features, **chosen}, after)
            yield min(number, 1), unit, logits, choice.least_temperature
        memory = after
