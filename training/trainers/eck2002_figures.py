"""What a network of Eck & Schmidhuber 2002 plays, counted: chord errors, and its melody beside corpus and chance."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from improv.models.contract import StepModel, Tensors, no_memory
from improv.models.encodings import CHORD_HEAD, ENCODINGS, MELODY_HEAD, StepInput, encoding_of
from improv.models.onnx_runtime import OnnxModel
from improv.models.sampling import on_units, one_unit
from improv.music.grid import BEATS_PER_BAR
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT, Form
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from training.corpora import blues_bars
from training.rendering.playing import sessions

Improvise = Callable[[Tensors, np.random.Generator], Tensors]
"""The melody's units for the next step, (1, units), from the heads of this one."""


def network_melody(heads: Tensors, rng: np.random.Generator) -> Tensors:
    """Return the melody input of the note that the network draws (section 4.2)."""
    probabilities = one_unit(heads[MELODY_HEAD], temperature=1)
    drawn = np.searchsorted(np.cumsum(probabilities), rng.random(), side="right")
    return _one_hot(min(int(drawn), len(probabilities) - 1), len(probabilities))


def random_melody(heads: Tensors, rng: np.random.Generator) -> Tensors:
    """Return the melody input of any note, drawn evenly."""
    count = heads[MELODY_HEAD].size
    return _one_hot(int(rng.integers(count)), count)


def _one_hot(unit: int, count: int) -> Tensors:
    melody = np.zeros((1, count), np.float32)
    melody[0, unit] = 1
    return {"melody": melody}


@dataclass(frozen=True, slots=True)
class ChordFigures:
    """How well a network kept the form, over so many choruses."""

    choruses: int
    wrong_bits: int
    settled_after: int | None
    """The first chorus that ended with the chords' memory bit for bit as the chorus before it.

    The chords hear only themselves, so from there on every chorus is the same: without a wrong bit
    so far there will never be one.
    """


def chord_figures(model: StepModel, choruses: int, improvise: Improvise | None = None, seed: int = 0) -> ChordFigures:
    """Return how well a model keeps the form over `choruses` choruses, fed its own output from the first step on.

    The form starts with the first chord and no memory; every later chord is the network's own
    output at the threshold (section 3.2). `improvise` says what a melody input is fed.
    """
    encoding = encoding_of(model.spec)
    form = Form.parse(model.spec.form)
    right = [encoding.chord_units(chord) for chord in form.chords]
    rng = np.random.default_rng(seed)
    memory = no_memory(model.spec)
    of_chords = [name for name in memory if name.startswith("chord")]
    fed = {"chord": right[0][None]}
    if improvise:
        fed["melody"] = np.zeros(model.spec.features["melody"], np.float32)
    wrong, settled, remembered = 0, None, b""
    for chorus in range(1, choruses + 1):
        for step in range(1, form.steps + 1):
            heads, memory = model.step(fed, memory)
            chord = on_units(heads[CHORD_HEAD])
            wrong += int((chord[0] != right[step % form.steps]).sum())
            fed = {"chord": chord}
            if improvise:
                fed |= improvise(heads, rng)
        now = b"".join(memory[name].tobytes() for name in of_chords)
        if settled is None and now == remembered:
            settled = chorus
        remembered = now
    return ChordFigures(choruses, wrong, settled)


def form_figures(path: Path, choruses: int, seed: int) -> dict[str, ChordFigures]:
    """Return how well an exported model keeps the form, by melody input; each is measured in its own process."""
    melodies: dict[str, Improvise | None] = {"nothing": None}
    if MELODY_HEAD in OnnxModel(path).spec.heads:
        melodies = {"its own improvisation": network_melody, "random notes": random_melody}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        runs = {what: pool.submit(_proven, path, choruses, melody, seed) for what, melody in melodies.items()}
        return {what: run.result() for what, run in runs.items()}


def _proven(path: Path, choruses: int, improvise: Improvise | None, seed: int) -> ChordFigures:
    return chord_figures(OnnxModel(path), choruses, improvise, seed)


Bars = list[tuple[int, ...]]
"""A melody as the pitches on the four beats of each bar, bar after bar from the top of a chorus."""


def improvised_bars(model: StepModel, choruses: int, seed: int, temperature: float = 1) -> Bars:
    """Return the bars a model plays alone, through the session that a listener hears."""
    settings = Settings(mode=Mode.SOLO, temperature=temperature, seed=seed)
    steps = choruses * Form.parse(model.spec.form).steps
    chosen = (session.network.output.melody for session in islice(sessions(model, settings), 0, steps, STEPS_PER_BEAT))
    beats = [pitch for melody in chosen for pitch in melody.pitches]
    return [tuple(beats[start : start + BEATS_PER_BAR]) for start in range(0, len(beats), BEATS_PER_BAR)]


def corpus_bars(songs: Sequence[tuple[int, ...]]) -> Bars:
    """Return the bars of songs in a row."""
    return [bar for song in songs for bar in blues_bars.quarters(song)]


def random_walk_bars(scale: frozenset[int], choruses: int, seed: int) -> Bars:
    """Return bars of a random walk on a scale, in quarter notes, over the melody's range."""
    rng = np.random.default_rng(seed)
    ladder = [pitch for pitch in ENCODINGS["local_notes"].melody_pitches() if pitch % 12 in scale]
    at, bars = len(ladder) // 2, []
    for _ in range(choruses * blues_bars.FORM.bars):
        bar = []
        for _ in range(BEATS_PER_BAR):
            bar.append(ladder[at])
            at = min(len(ladder) - 1, max(0, at + int(rng.choice((-1, 1)))))
        bars.append(tuple(bar))
    return bars


@dataclass(frozen=True, slots=True)
class MelodyFigures:
    """How a melody fits the form and how near it is to the corpus."""

    chord_tones_on_beats: float
    """Share of beats on which the melody is a tone of the chord."""
    histogram_distance: float
    """Total variation, 0 to 1, between its pitches on beats and the corpus's."""
    copied_bars: float
    """Share of bars that stand in the corpus at the same place of the form."""


def melody_figures(bars: Bars, corpus: Bars) -> MelodyFigures:
    """Return the figures of a melody beside those of the training set."""
    form = blues_bars.FORM
    tones = [
        pitch % 12 in form.chord_at(index % form.bars * STEPS_PER_BAR + beat * STEPS_PER_BEAT).pitch_classes
        for index, bar in enumerate(bars)
        for beat, pitch in enumerate(bar)
    ]
    ours, theirs = (_histogram(some) for some in (bars, corpus))
    distance = sum(abs(ours[pitch] - theirs[pitch]) for pitch in ours.keys() | theirs.keys()) / 2
    copied = [bar in blues_bars.SEGMENTS[index % form.bars] for index, bar in enumerate(bars)]
    return MelodyFigures(sum(tones) / len(tones), distance, sum(copied) / len(copied))


def _histogram(bars: Bars) -> defaultdict[int, float]:
    counts = Counter(pitch for bar in bars for pitch in bar)
    return defaultdict(float, {pitch: count / counts.total() for pitch, count in counts.items()})


def probes(choruses_at_least: int, seed: int) -> list[Tensors]:
    """Return features for a parity check: songs of the corpus alternate with random notes over the same form."""
    encoding = ENCODINGS["local_notes"]
    rng = np.random.default_rng(seed)
    frames: list[Frame] = []
    for index in range(choruses_at_least):
        song = blues_bars.draw_songs(1, rng)[0]
        cells = encoding.melody(song)
        if index % 2:
            cells = tuple(_any_cell(rng) for _ in song)
        frames += [Frame(cell, blues_bars.FORM.chord_at(step)) for step, cell in enumerate(cells)]
    return [encoding.encode(StepInput(frame)) for frame in frames]


def _any_cell(rng: np.random.Generator) -> Cell:
    pitches = rng.choice(ENCODINGS["local_notes"].melody_pitches(), size=rng.integers(4), replace=False)
    return Cell(tuple(Onset(int(pitch)) for pitch in pitches)) if len(pitches) else SILENCE
