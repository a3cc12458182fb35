"""What the four networks of Docevski et al. 2018 share: five pieces, training, primers, and the measure of Table I."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from improv.models.contract import Tensors, no_memory
from improv.models.encodings.rolls import FRAME_HEAD, FRAMES_PER_S, LOWEST
from improv.models.onnx_runtime import OnnxModel
from training.corpora import piano_midi
from training.corpora.piano_midi import Piece
from training.datasets.piano_rolls import Roll, roll
from training.metrics.polyphony import LOOP_S, SILENCE_S, TONE_S, Fault, Passage, faults
from training.networks.roll_lstm import WINDOW, RollLstm
from training.reproductions import ROWS, Figure, Reproduction, Run, pictures
from training.reproductions.pictures import Played
from training.trainers.checkpoints import Log
from training.trainers.export import PARITY_STEPS, TOLERANCE
from training.trainers.over_changes import export_line
from training.trainers.rolls import RollTask, go_on
from training.trainers.train import train

PIECES = ("alb_esp2", "alb_esp3", "alb_esp5", "alb_se1", "alb_se5")
"""Albeniz's Tango, Malaguena and Capricho catalan, Granada and Asturias, which guitarists play."""

PRIMER_S, PLAYED_S = 5, 60

REMARKS = (
    "As in the paper: 16 frames a second, pitches 32 to 98, five pieces after one another, windows of 16 frames from "
    "an empty memory, sigmoid units and binary cross-entropy, Adam, no validation, a threshold of 0.5, primers of five "
    "seconds from the start of each piece, and 60 seconds after them.",
    "The paper does not say, so ours is: a window predicts the one frame after it; windows are drawn anywhere; "
    "Adam at 0.001 and weights as Keras begins them; dropout after each layer; multiplication in half "
    "precision (bfloat16) where the processor has it.",
)

WINDOWED = (
    "A step moves sixteen memories at once, one for each frame that a window may have begun at: it gives just what the "
    "window of the last sixteen frames gives from an empty memory, as in the paper.",
)

_TIMED = 50

_SATURATED_TOLERANCE = 1e-3
"""Of large networks: their cells grow by one a frame, all 1024 together, and with them what runtimes round apart."""

CORPUS = (
    "other music: the paper learned from five guitar pieces of its own choice (26,336 windows), "
    "ours are five of Albeniz's piano pieces that guitarists play"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a network played after the primer of a piece, and what became of it."""

    piece: str
    primer: Roll
    played: Roll
    faults: tuple[Fault, ...]

    @property
    def valid_s(self) -> float:
        """The seconds before the first fault."""
        return self.faults[0].start_s if self.faults else len(self.played) / FRAMES_PER_S

    def __str__(self) -> str:
        if not self.faults:
            return f"all {self.valid_s:.0f} s"
        return f"{self.valid_s:.1f} s, then {self.faults[0].kind}"


def rolls(pieces: Sequence[Piece], names: Sequence[str] = PIECES) -> dict[str, Roll]:
    """Return the rolls of pieces by name; KeyError where one is missing."""
    known = {piece.name: piece for piece in pieces}
    return {name: roll(known[name].notes) for name in names}


def joined(found: Mapping[str, Roll]) -> Roll:
    """Return the rolls after one another, with nothing between them."""
    return np.concatenate(tuple(found.values()))


def learn(run: Run, name: str, task: RollTask) -> tuple[RollLstm, Log]:
    """Train a network on the rolls."""
    return train(
        run.config,
        task,
        checkpoint=run.folder / f"{name}.checkpoint",
        device=run.device,
        progressed=run.progressed,
    )


def outcome(network: RollLstm, piece: str, whole: Roll, seconds: float) -> Outcome:
    """Return what a network plays after the first five seconds of a piece, counted from its first note."""
    first = int(whole.any(1).argmax())
    primer = whole[first : first + PRIMER_S * FRAMES_PER_S]
    played = go_on(network, primer, round(seconds * FRAMES_PER_S))
    return Outcome(piece, primer, played, faults(Passage.of_roll(played)))


def notes(found: Roll) -> list[Played]:
    """Return the notes of a roll: frames of one pitch that follow one another are one note."""
    edges = np.diff(np.pad(found.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    begun, ended = (np.argwhere(way == edges.T) for way in (1, -1))
    return sorted(
        (
            Played(int(pitch) + LOWEST, float(start) / FRAMES_PER_S, float(end) / FRAMES_PER_S)
            for (pitch, start), (_, end) in zip(begun, ended, strict=True)
        ),
        key=lambda each: (each.start_s, each.pitch),
    )


def reproduce(run: Run, name: str, sizes: Mapping[str, object], theirs: str, remarks: Sequence[str]) -> Reproduction:
    """Train a network of the paper on its five pieces, let it go on from each, and say how long that is music."""
    run.progressed(0, "reading the pieces")
    found = rolls(piano_midi.read()[0])
    task = RollTask(joined(found), **sizes)  # type: ignore[arg-type]
    network, log = learn(run, name, task)
    run.progressed(1, f"exporting, and moving both runtimes {PARITY_STEPS} times")
    model = run.out / f"{name}.onnx"
    parity = exported(network, model, task, run.config.seed, log.checks[-1][task.score])
    run.progressed(1, f"playing {PLAYED_S} s after the primer of each piece")
    outcomes = [outcome(network, piece, whole, PLAYED_S) for piece, whole in found.items()]
    return Reproduction(
        (*figures(outcomes, theirs), *of_training(run, task, log)),
        (
            *remarks,
            *REMARKS,
            *said(task, outcomes),
            f"Largest difference between PyTorch and onnxruntime over {PARITY_STEPS} frames: {parity:.1e}; "
            f"a frame takes the model {milliseconds(model, task.roll):.1f} ms here, and may take 62.5.",
        ),
        (*files(run.folder, name, log, outcomes), model),
    )


def exported(network: RollLstm, path: Path, task: RollTask, seed: int, found: float) -> float:
    """Write the model, its weights in half precision, which the network has from then on; return its parity."""
    return export_line(
        network,
        path,
        moves(task.roll, PARITY_STEPS),
        summary=ROWS[path.stem].summary,
        encoding="roll",
        data=piano_midi.DATA,
        seed=seed,
        figures={"training_cross_entropy": round(found, 4)},
        halved=True,
        tolerance=TOLERANCE if task.memories == WINDOW else _SATURATED_TOLERANCE,
    )


def moves(found: Roll, frames: int) -> Iterator[Tensors]:
    """Yield so many frames as moves, those of a roll and over again."""
    for at in range(frames):
        yield {"frame": found[at % len(found)][None].astype(np.float32)}


def milliseconds(path: Path, found: Roll) -> float:
    """Return how long a model takes for a frame, hearing it and deciding the next, in milliseconds: the median."""
    model = OnnxModel(path, "cpu")
    memory, taken = no_memory(model.spec), []
    for move in moves(found, _TIMED):
        began_s = time.perf_counter()
        memory = model.move(move, memory)
        model.head_logits(FRAME_HEAD, {}, memory)
        taken.append(time.perf_counter() - began_s)
    return 1_000 * float(np.median(taken))


def figures(outcomes: Sequence[Outcome], theirs: str) -> tuple[Figure, ...]:
    """Return how long each network's music is valid, and what follows, beside Table I."""
    valid = [each.valid_s for each in outcomes]
    every = Figure(
        f"valid seconds after the five primers, of {PLAYED_S}", f"{min(valid):.1f} to {max(valid):.1f}", theirs, CORPUS
    )
    return (every, *(Figure(f"after {each.piece}", str(each), theirs) for each in outcomes))


def of_training(run: Run, task: RollTask, log: Log) -> tuple[Figure, ...]:
    """Return the figures of the training."""
    an_epoch = -(-task.windows // run.config.batch)
    epochs = log.checks[-1]["update"] / an_epoch
    return (
        Figure("epochs", f"{epochs:.0f}" if epochs >= 3 else f"{epochs:.1f}", "up to 100, not said"),
        Figure("windows in an epoch, in a batch", f"{task.windows:,}, {run.config.batch}", "26,336, not said", CORPUS),
        Figure("binary cross-entropy, nats a pitch", f"{log.checks[-1][task.score]:.4f}", "not given"),
    )


def said(task: RollTask, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Return what was measured of the data and of what was played, as remarks."""
    often = task.roll.mean(0).clip(1e-12, 1 - 1e-12)
    least = float(-(often * np.log(often) + (1 - often) * np.log(1 - often)).mean())
    stays = float((task.roll[1:] == task.roll[:-1]).all(1).mean())
    spoiled = {
        kind: sum(min(each.seconds, PLAYED_S) for one in outcomes for each in one.faults if each.kind == kind)
        for kind in ("silence", "a constant tone", "a loop")
    }
    whole = PLAYED_S * len(outcomes)
    shares = ", ".join(f"{kind} {seconds / whole:.0%}" for kind, seconds in spoiled.items())
    return (
        f"In {stays:.0%} of the frames of the pieces everything is as in the frame before. What knows only how "
        f"often each pitch sounds has a cross-entropy of {least:.3f}, and plays nothing.",
        f"Of all that it plays, in time: {shares}.",
        f"A fault is silence of more than {SILENCE_S:g} s, pitches unchanged for more than {TONE_S:g} s, or a passage "
        f"of under eight seconds (four bars at 120 bpm) more than three times in a row, for more than {LOOP_S:g} s.",
    )


def files(folder: Path, name: str, log: Log, outcomes: Sequence[Outcome]) -> tuple[Path, ...]:
    """Write the learning curve, a piano roll and a MIDI file of what follows each primer; return their paths."""
    curve = folder / f"{name}-curves.png"
    score = RollTask.score
    every = log.checks[0]["update"]
    shown = {"at the five pieces": [check[score] for check in log.checks]}
    pictures.curves(curve, shown, title=name, x=f"{every:.0f} updates", y=score)
    written = [curve]
    for each in outcomes:
        heard = notes(np.concatenate((each.primer, each.played)))
        path = folder / f"{name}-{each.piece}.png"
        pictures.roll(
            path, heard, title=f"{name} after five seconds of {each.piece}: {each}", seconds=PRIMER_S + PLAYED_S
        )
        midi = path.with_suffix(".mid")
        pictures.write_midi(midi, heard)
        written += [path, midi]
    return tuple(written)
