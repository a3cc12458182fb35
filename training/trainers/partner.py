"""improv's own network: changes and lines learned from solos, exported as one: `python -m training train partner`.

Both are learned from the training side and chosen by the validation side of the Weimar Jazz Database. How good the
network is, the test side says, which is not used here.

The lines are learned several times from different beginnings, one network to a process at a time, and the one that is
least surprised by the validation side is kept. There are as many processes as this machine has cores or GPUs, or those
of `torchrun -m training.trainers partner`, on one machine or on several.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from improv.models.contract import ModelSpec, Tensors
from improv.models.encodings import Cells, StepInput
from improv.music.notes import SILENCE, Frame
from improv.music.rhythm import RHYTHMS, cell_of
from improv.music.theory import TICKS_PER_STEP, Form
from improv.music.voices import VOICES
from training.corpora import wjazzd
from training.corpora.wjazzd_split import Split, split
from training.datasets.choruses import runs
from training.datasets.conversations import AS_PARTNER, AS_PEOPLE, conversations
from training.datasets.sequences import FORM_STEPS, KEY, Sequence, sequences
from training.networks.chord_lstm import ChordLstm
from training.networks.partner import Partner
from training.networks.solo_memory import SoloMemory
from training.rendering.plots import validation_curves
from training.trainers import NETWORKS, chord_lstm, melody_lstm, solo_memory
from training.trainers.__main__ import main as train_command
from training.trainers.checkpoints import Log
from training.trainers.chord_lstm import ChordTask
from training.trainers.export import PARITY_STEPS, export, specify
from training.trainers.melody_lstm import ANSWERS_CONFIG, ANSWERS_MIX, MIX, MelodyTask, surprise
from training.trainers.progress import Progressed, portion, progress_bar, silently
from training.trainers.train import Config
from training.trainers.train import train as learn

CELLS = Cells(tells_story=True, tells_notes=True)
NAME = "partner"
CONFIG = melody_lstm.CONFIG
"""Of the lines. The changes are learned by the config of `chord_lstm`, from the same seed."""

DATA = {
    "source": "Weimar Jazz Database (Pfleiderer et al., Inside the Jazzomat, Schott Campus 2017)",
    "licence": "Open Database License (ODbL) 1.0",
}
TRIES = 2
"""The networks of lines of which the best is kept."""

_MOST_TRIES = 16

CONVERSATION_BARS = 24

LINES_SHARE = 0.85
"""The share of the time in which lines are learned; then answers are."""

Learned = tuple[Mapping[str, torch.Tensor], Log]
"""The weights of a network, and what it went through."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command-line options that only `partner` has."""
    parser.add_argument(
        "--tries", type=int, default=TRIES, choices=range(1, _MOST_TRIES + 1), metavar=f"1..{_MOST_TRIES}",
        help=f"networks of lines of which the best is kept [{TRIES}]",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train and export the network on all processors or GPUs, or as torchrun says; return a summary."""
    sides = split(wjazzd.read(arguments.data)[0])
    out = arguments.out
    if "RANK" in os.environ:  # torchrun's
        _work(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), "env://", config, arguments, sides)
        return f"process {os.environ['RANK']} is done"
    processes = min(arguments.tries, torch.cuda.device_count() or os.cpu_count() or 1)
    if processes == 1:
        _work(0, 1, "", config, arguments, sides)
    else:
        with TemporaryDirectory() as folder:
            meeting = (Path(folder) / "meeting").as_uri()
            spawn(_work, (processes, meeting, config, arguments, sides), processes)  # type: ignore[no-untyped-call]
    return f"wrote {out / NAME}.onnx, {NAME}.json and {NAME}-curves.png"


def _work(rank: int, world: int, meeting: str, config: Config, arguments: argparse.Namespace, sides: Split) -> None:
    """Do the work of one of several processes; under torchrun the others may be on other machines."""
    busy = min(arguments.tries, int(os.environ.get("LOCAL_WORLD_SIZE", world)))
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // busy))
    if world > 1:
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world, timeout=timedelta(days=1))
    with progress_bar(NAME) if rank == 0 else nullcontext(silently) as progressed:
        train(config, arguments.tries, sides, arguments.out, progressed)
    if world > 1:
        dist.destroy_process_group()


def train(config: Config, tries: int, sides: Split, out: Path, progressed: Progressed = silently) -> ModelSpec | None:
    """Train the network on solos; write the model, its figures and checkpoints to `out`.

    Of several processes each learns its share of the networks; the first one keeps the best, exports it and returns its
    specification, the others return None.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    progressed(0, "reading the solos as steps")
    solos = {"training": sequences(sides.training), "validation": sequences(sides.validation, as_performed=True)}
    numbers = range(rank, tries, world)
    learned: dict[int, Learned] = {}
    for done, number in enumerate(numbers):
        part = portion(progressed, done / (len(numbers) + 1), (done + 1) / (len(numbers) + 1), f"{NAME}-{number + 1}")
        of_this = replace(config, seed=config.seed * _MOST_TRIES + number)
        learned[number] = _learn_lines(of_this, sides, solos, out / f"{NAME}-{number + 1}.checkpoint", part, rank)
    gathered: list[dict[int, Learned]] = [learned] * world
    if world > 1:
        progressed(1, "waiting for the other networks")
        dist.gather_object(learned, gathered if rank == 0 else None)
    if rank > 0:
        return None
    each = {number: one for part in gathered for number, one in part.items()}
    return _finish(config, [each[number] for number in sorted(each)], sides, solos, out, progressed)


def _learn_lines(
    config: Config, sides: Split, solos: Mapping[str, list[Sequence]], checkpoint: Path, progressed: Progressed,
    rank: int,
) -> Learned:  # fmt: skip
    """Return the weights of one network of lines, and what it went through; on a GPU where its process has one.

    It learns lines and how people go on from calls first, then for a while to answer as a partner.
    """
    progressed(0, "making conversations")
    mix, seed = MIX, config.seed
    answers = conversations(sides.training, mix.conversations, mix.blues, CONVERSATION_BARS, seed, AS_PEOPLE)
    task = MelodyTask(solos["training"], solos["validation"], answers)
    lines = portion(progressed, 0, LINES_SHARE, "lines")
    network, log = learn(config, task, checkpoint=checkpoint, device=_device(rank), progressed=lines)
    mix = ANSWERS_MIX
    answers = conversations(sides.training, mix.conversations, mix.blues, CONVERSATION_BARS, seed, AS_PARTNER)
    task = replace(task, answers=answers, mix=mix, begun=network.state_dict())
    of_answers = replace(
        ANSWERS_CONFIG,
        seed=seed,
        batch=config.batch,
        steps=config.steps,
        updates=min(ANSWERS_CONFIG.updates, config.updates),
        check_every=min(ANSWERS_CONFIG.check_every, config.check_every),
    )
    network, log_of_answers = learn(
        of_answers,
        task,
        checkpoint=checkpoint.with_stem(f"{checkpoint.stem}-answers"),
        device=_device(rank),
        progressed=portion(progressed, LINES_SHARE, 1, "answers"),
    )
    checks = [check | {"update": config.updates + check["update"]} for check in log_of_answers.checks]
    return network.state_dict(), replace(log, checks=log.checks + checks, seconds=log.seconds + log_of_answers.seconds)


def _finish(
    config: Config, of_each: list[Learned], sides: Split, solos: Mapping[str, list[Sequence]], out: Path,
    progressed: Progressed,
) -> ModelSpec:  # fmt: skip
    """Learn the changes, export them with the best of the lines, and write what is known of the model beside it."""
    progressed(1, "learning the changes")
    changes = ChordTask(runs(sides.training), runs(sides.validation))
    chords, log_of_chords = learn(
        replace(chord_lstm.CONFIG, seed=config.seed),
        changes,
        checkpoint=out / f"{NAME}-changes.checkpoint",
        progressed=portion(progressed, 1, 1, "changes"),
    )
    weights, _ = min(of_each, key=lambda each: min(check["step"] for check in each[1].checks))
    task = MelodyTask(solos["training"], solos["validation"])
    lines = task.network()
    lines.load_state_dict(weights)
    memory = SoloMemory(lines).eval()
    found = surprise(lines, [solo for solo in solos["validation"] if solo.is_blues])
    progressed(1, "fitting how much is remembered of a solo")
    remembering = solo_memory.fit(memory, solos["validation"])
    network = Partner(chords, memory).eval()
    spec = specify(
        network,
        name=NAME,
        summary=NETWORKS[NAME].summary,
        encoding="soloist_notes",
        key=KEY,
        form=likeliest_form(chords).text,
        primers=(),
        data=DATA,
        seed=config.seed,
        figures={f"validation_nats_a_{what}": round(remembering[what], 4) for what in ("step", "note")},
    )
    progressed(1, f"exporting, and stepping both runtimes {PARITY_STEPS} times")
    difference = export(network, spec, out / f"{NAME}.onnx", probes(Form.parse(spec.form), config.seed), halved=True)
    logs = [log for _, log in of_each]
    validation_curves([log.checks for log in logs], found, out / f"{NAME}-curves.png")
    report = {"recipe": asdict(config) | task.sizes(), "parity": difference, "validation": found}
    report |= {"validation_with_memory": remembering}
    report |= {"changes": log_of_chords.checks}
    report |= {"lines": [{"checks": log.checks, "seconds": log.seconds} for log in logs]}
    (out / f"{NAME}.json").write_text(json.dumps(report, indent=1) + "\n")
    return spec


def _device(rank: int) -> torch.device:
    """Return the GPU of a process, of several on one machine each its own; the CPU if there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank)) % torch.cuda.device_count())


@torch.no_grad()
def likeliest_form(network: ChordLstm) -> Form:
    """Return the twelve bars a chord network settles on if it always takes the likeliest allowed chord."""
    plain = Form.parse(" | ".join(["C7", "F7", "C7", "C7", "F7", "F7", "C7", "C7", "G7", "F7", "C7", "C7"]))
    chords = [plain.chord_at(place) for place in range(-1, CELLS.lookahead_steps)]
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    found = []
    for step in range(3 * FORM_STEPS):  # by the third chorus it has forgotten what it was begun with
        step_input = StepInput(Frame(SILENCE, chords[0]), step - 1, tuple(chords[1:]), FORM_STEPS)
        tensors = CELLS.encode(step_input)
        logits, *state = network(*(torch.tensor(tensors[name]) for name in network.FEATURES), *state)
        unit = int(np.argmax(logits[0].numpy() + CELLS.chord_bias(step_input)))
        chord = CELLS.chord(np.eye(1, logits.shape[1], unit, dtype=np.float32), plain)
        assert chord is not None
        chords = [*chords[1:], chord]
        found.append(chord)
    return Form(tuple(found[2 * FORM_STEPS - CELLS.lookahead_steps : 3 * FORM_STEPS - CELLS.lookahead_steps]))


def probes(form: Form, seed: int) -> Iterator[Tensors]:
    """Yield features of `PARITY_STEPS` steps: a random melody over a form, with random choices within each step."""
    rng, before = np.random.default_rng(seed), None
    for place in range(PARITY_STEPS):
        rhythm = RHYTHMS[rng.integers(len(RHYTHMS))]
        cell = cell_of(rhythm, tuple(int(pitch) for pitch in rng.integers(45, 90, len(rhythm.ticks))), before)
        before = max(cell.sounding_after, default=None)
        ahead = tuple(form.chord_at(place + after) for after in range(1, CELLS.lookahead_steps + 1))
        asked, answered = (each if rng.random() < 0.5 else None for each in (cell, cell.transposed(3)))
        step_input = StepInput(
            Frame(cell, form.chord_at(place)),
            place,
            ahead,
            FORM_STEPS,
            improv_plays=True,
            call_cell=asked,
            previous_call_cell=answered,
            voice=str(rng.choice(list(VOICES))),
            register=float(rng.integers(50, 80)),
            steps_played=place,
            steps_to_play=PARITY_STEPS - place if place % 2 else None,
            turn_left=int(rng.integers(1, 40)),
            motifs=float(rng.random()),
        )
        tensors = dict(CELLS.encode(step_input))
        tensors["chosen_rhythm"] = np.eye(len(RHYTHMS), dtype=np.float32)[[rng.integers(len(RHYTHMS))]]
        tensors["chosen_asked"] = np.eye(CELLS.pitch_count, dtype=np.float32)[[rng.integers(CELLS.pitch_count)]]
        tensors["chosen_notes"] = rng.integers(1, CELLS.pitch_count + 1, (1, TICKS_PER_STEP)).astype(np.float32)
        tensors["chosen_notes"] *= np.arange(TICKS_PER_STEP) < rng.integers(TICKS_PER_STEP)
        tensors["chosen_tick"] = np.eye(TICKS_PER_STEP, dtype=np.float32)[[rng.integers(TICKS_PER_STEP)]]
        yield tensors


if __name__ == "__main__":
    train_command([NAME, *sys.argv[1:]])
