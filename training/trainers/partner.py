"""The project's own model, from a corpus to an exported file: `python -m training partner`.

Changes and lines are learned from the training solos, chosen by the validation solos, and exported as one network.
What it is worth is for the test solos to say, and they are not asked here.

The lines are learned several times from different beginnings, one network to a process at a time, and the one that
understands the validation solos best is kept. There are as many processes as this machine has cores or GPUs, or those
of `torchrun -m training.trainers.partner`, on one machine or on several.
"""

import argparse
import json
import os
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
from training.corpora import wjazzd
from training.corpora.wjazzd_split import Split, split
from training.datasets.conversations import conversations
from training.datasets.sequences import FORM_STEPS, KEY, sequences
from training.networks.chord_lstm import Changes
from training.networks.melody_lstm import Lines
from training.networks.partner import Partner
from training.rendering.plots import validation_curves
from training.trainers import chords as changes
from training.trainers.export import PARITY_STEPS, export, specify
from training.trainers.melody import Log, Progressed, Recipe, learn, surprise
from training.trainers.progress import shown

CELLS = Cells()
NAME = "partner"
SUMMARY = "Lines over changes, both learned from the blues and swing solos of the Weimar Jazz Database."
DATA = {
    "source": "Weimar Jazz Database (Pfleiderer et al., Inside the Jazzomat, Schott Campus 2017)",
    "licence": "Open Database License (ODbL) 1.0",
}
TRIES = 2
"""The networks of lines of which the best is kept."""

_MOST_TRIES = 16

CONVERSATION_BARS = 24

Learned = tuple[Mapping[str, torch.Tensor], Log]
"""The weights of a network, and what it went through."""


def train(recipe: Recipe, tries: int, sides: Split, out: Path, progressed: Progressed) -> ModelSpec | None:
    """Learn from solos, and leave the model, its figures and its checkpoints in `out`.

    Of several processes each learns its share of the networks; the first one keeps the best, the others return None.
    A network is on a GPU where there is one for its process.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    device = _device(rank)
    torch.use_deterministic_algorithms(device.type == "cpu")
    progressed(0, "reading the solos as steps")
    solos = {name: sequences(getattr(sides, name)) for name in ("training", "validation")}
    learned: dict[int, Learned] = {}
    for number in range(rank, tries, world):
        name = f"{NAME}-{number + 1}"
        of_this = replace(recipe, seed=recipe.seed * _MOST_TRIES + number)

        def told(done: float, how: str, name: str = name, before: int = len(learned)) -> None:
            progressed((before + done) / (-(-(tries - rank) // world) + 1), f"{name}: {how}")

        told(0, "making conversations")
        answers = conversations(sides.training, recipe.conversations, recipe.blues, CONVERSATION_BARS, of_this.seed)
        one, log = learn(of_this, solos | {"answers": answers}, out / f"{name}.checkpoint", told, device)
        learned[number] = one.state_dict(), log
    gathered: list[dict[int, Learned]] = [learned] * world
    if world > 1:
        progressed(1, "waiting for the other networks")
        dist.gather_object(learned, gathered if rank == 0 else None)
    if rank > 0:
        return None
    progressed(1, "learning the changes")
    of_changes, changes_checks = changes.learn(
        recipe.seed, changes.runs(sides.training), changes.runs(sides.validation), lambda _done, how: progressed(1, how)
    )
    of_each = [learned for _, learned in sorted({n: each for part in gathered for n, each in part.items()}.items())]
    weights, _ = min(of_each, key=lambda each: min(check["step"] for check in each[1].checks))
    lines = Lines(recipe.hidden, recipe.dropout)
    lines.load_state_dict(weights)
    network = Partner(of_changes, lines).eval()
    found = surprise(lines, [solo for solo in solos["validation"] if solo.is_blues])
    spec = specify(
        network,
        name=NAME,
        summary=SUMMARY,
        encoding="cells",
        key=KEY,
        form=likeliest_form(of_changes).text,
        primers=(),
        data=DATA,
        seed=recipe.seed,
        figures={f"validation_nats_a_{what}": round(found[what], 4) for what in ("step", "note")},
    )
    progressed(1, f"exporting, and stepping both runtimes {PARITY_STEPS} times")
    difference = export(network, spec, out / f"{NAME}.onnx", probes(Form.parse(spec.form), recipe.seed), halved=True)
    logs = [log for _, log in of_each]
    validation_curves([log.checks for log in logs], found, out / f"{NAME}-curves.png")
    told_of = {"recipe": asdict(recipe), "parity": difference, "validation": found, "changes": changes_checks}
    told_of |= {"lines": [asdict(log) for log in logs]}
    (out / f"{NAME}.json").write_text(json.dumps(told_of, indent=1) + "\n")
    return spec


def _device(rank: int) -> torch.device:
    """The GPU of a process, if there is one; of several on one machine each has its own."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank)) % torch.cuda.device_count())


@torch.no_grad()
def likeliest_form(network: Changes) -> Form:
    """The twelve bars a network of the changes settles on when it always takes the likeliest chord that is allowed."""
    plain = Form.parse(" | ".join(["C7", "F7", "C7", "C7", "F7", "F7", "C7", "C7", "G7", "F7", "C7", "C7"]))
    chords = [plain.chord_at(place) for place in range(-1, CELLS.lookahead_steps)]
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    found = []
    for step in range(3 * FORM_STEPS):  # by the third chorus it has forgotten what it was begun with
        step_input = StepInput(Frame(SILENCE, chords[0]), step - 1, tuple(chords[1:]), FORM_STEPS)
        tensors = CELLS.encode(step_input)
        logits, *state = network(*(torch.from_numpy(tensors[name]) for name in network.FEATURES), *state)
        unit = int(np.argmax(logits[0].numpy() + CELLS.chord_bias(step_input)))
        chord = CELLS.chord(np.eye(1, logits.shape[1], unit, dtype=np.float32), plain)
        assert chord is not None
        chords = [*chords[1:], chord]
        found.append(chord)
    return Form(tuple(found[2 * FORM_STEPS - CELLS.lookahead_steps : 3 * FORM_STEPS - CELLS.lookahead_steps]))


def probes(form: Form, seed: int) -> Iterator[Tensors]:
    """Lines by chance over the form, whole steps and steps that ask for a pitch in turn."""
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
        )
        tensors = dict(CELLS.encode(step_input))
        tensors["chosen_rhythm"] = np.eye(len(RHYTHMS), dtype=np.float32)[[rng.integers(len(RHYTHMS))]]
        tensors["chosen_asked"] = np.eye(CELLS.pitch_count, dtype=np.float32)[[rng.integers(CELLS.pitch_count)]]
        tensors["chosen_tick"] = np.eye(TICKS_PER_STEP, dtype=np.float32)[[rng.integers(TICKS_PER_STEP)]]
        yield tensors


def _work(rank: int, world: int, meeting: str, arguments: argparse.Namespace, sides: Split) -> None:
    """What one of several processes does; under torchrun the others may be on other machines."""
    busy = min(arguments.tries, int(os.environ.get("LOCAL_WORLD_SIZE", world)))
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // busy))
    if world > 1:
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world, timeout=timedelta(days=1))
    recipe = replace(Recipe(), seed=arguments.seed, updates=arguments.updates)
    with shown(NAME) if rank == 0 else nullcontext(lambda _done, _how: None) as progressed:
        spec = train(recipe, arguments.tries, sides, arguments.out, progressed)
    if world > 1:
        dist.destroy_process_group()
    if spec is not None:
        print(f"wrote {arguments.out / NAME}.onnx: {dict(spec.figures)}; its form: {spec.form}")


def main() -> None:
    """Train and export, on all the cores or GPUs of this machine, or as torchrun has it."""
    usual = Recipe()
    parser = argparse.ArgumentParser(description="Train improv's own model and export it to ONNX.")
    parser.add_argument("--seed", type=int, default=usual.seed, help=f"the same seed, the same model [{usual.seed}]")
    parser.add_argument("--updates", type=int, default=usual.updates, help=f"at most so many [{usual.updates}]")
    parser.add_argument(
        "--tries", type=int, default=TRIES, choices=range(1, _MOST_TRIES + 1), metavar=f"1..{_MOST_TRIES}",
        help=f"networks of which the best is kept [{TRIES}]",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")
    parser.add_argument("--out", type=Path, default=Path("exported_models"), help="the folder to write to")
    arguments = parser.parse_args()
    sides = split(wjazzd.read_for(parser, arguments.data)[0])
    if "RANK" in os.environ:  # torchrun's
        _work(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), "env://", arguments, sides)
        return
    processes = min(arguments.tries, torch.cuda.device_count() or os.cpu_count() or 1)
    if processes == 1:
        _work(0, 1, "", arguments, sides)
        return
    with TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        spawn(_work, (processes, meeting, arguments, sides), processes)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
