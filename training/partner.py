"""The project's own model, from a corpus to an exported file: `python -m training.partner`.

Changes and lines are learned one after the other from the training solos, chosen by the validation solos, and
exported as one network. What it is worth is for the test solos to say, and they are not asked here.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from improv.encoding import Cells, Fed
from improv.model import ModelSpec, Tensors
from improv.music import SILENCE, Form, Frame
from improv.rhythm import RHYTHMS, cell_of
from training import changes, improviser
from training.corpora import wjazzd
from training.corpora.wjazzd_split import split
from training.export import FORGETFUL, PARITY_STEPS, export, specify
from training.improviser import Progressed, Recipe
from training.networks.changes import Changes
from training.networks.partner import Partner
from training.sequences import FORM_STEPS, KEY, sequences
from training.train import shown

CELLS = Cells()
NAME = "partner"
SUMMARY = "Lines over changes, both learned from the blues and swing solos of the Weimar Jazz Database."
DATA = {
    "source": "Weimar Jazz Database (Pfleiderer et al., Inside the Jazzomat, Schott Campus 2017)",
    "licence": "Open Database License (ODbL) 1.0",
}
FOLDER = Path(os.environ.get("IMPROV_DATA", "../shared/data")) / "wjazzd"


def train(recipe: Recipe, data: Path, out: Path, progressed: Progressed) -> ModelSpec:
    """Learn from the solos at `data`, and leave the model, its figures and its checkpoint in `out`."""
    torch.use_deterministic_algorithms(True)
    solos, _ = wjazzd.read(data)
    sides = split(solos)
    progressed(0, "learning the changes")
    of_changes, changes_checks = changes.learn(
        recipe.seed, changes.runs(sides.training), changes.runs(sides.validation), lambda _done, how: progressed(0, how)
    )
    progressed(0, "reading the lines")
    melodies = {name: sequences(getattr(sides, name)) for name in ("training", "validation")}
    lines, log = improviser.learn(recipe, melodies, out / f"{NAME}.checkpoint", progressed)
    network = Partner(of_changes, lines).eval()
    best = min(log.checks, key=lambda check: check["step"])
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
        figures={f"validation_nats_a_{what}": round(best[what], 4) for what in ("step", "note")},
    )
    progressed(1, f"exporting, and stepping both runtimes {PARITY_STEPS} times")
    difference = export(network, spec, out / f"{NAME}.onnx", _probes(Form.parse(spec.form), recipe.seed), FORGETFUL)
    told = {"recipe": asdict(recipe), "parity": difference, "seconds": log.seconds}
    told |= {"changes": changes_checks, "lines": log.checks}
    (out / f"{NAME}.json").write_text(json.dumps(told, indent=1) + "\n")
    return spec


@torch.no_grad()
def likeliest_form(network: Changes) -> Form:
    """The twelve bars a network of the changes settles on when it always takes the likeliest chord that is allowed."""
    plain = Form.parse(" | ".join(["C7", "F7", "C7", "C7", "F7", "F7", "C7", "C7", "G7", "F7", "C7", "C7"]))
    chords = [plain.chord_at(place) for place in range(-1, CELLS.settled)]
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    found = []
    for step in range(3 * FORM_STEPS):  # by the third chorus it has forgotten what it was begun with
        fed = Fed(Frame(SILENCE, chords[0]), step - 1, tuple(chords[1:]), FORM_STEPS)
        tensors = CELLS.encode(fed)
        logits, *state = network(*(torch.from_numpy(tensors[name]) for name in network.FEATURES), *state)
        unit = int(np.argmax(logits[0].numpy() + CELLS.chord_bias(fed)))
        chord = CELLS.chord(np.eye(1, logits.shape[1], unit, dtype=np.float32), plain)
        assert chord is not None
        chords = [*chords[1:], chord]
        found.append(chord)
    return Form(tuple(found[2 * FORM_STEPS - CELLS.settled : 3 * FORM_STEPS - CELLS.settled]))


def _probes(form: Form, seed: int) -> Iterator[Tensors]:
    """Lines by chance over the form, whole steps and steps that ask for a pitch in turn."""
    rng, before = np.random.default_rng(seed), None
    for place in range(PARITY_STEPS):
        rhythm = RHYTHMS[rng.integers(len(RHYTHMS))]
        cell = cell_of(rhythm, tuple(int(pitch) for pitch in rng.integers(45, 90, len(rhythm.ticks))), before)
        before = max(cell.sounding_after, default=None)
        ahead = tuple(form.chord_at(place + after) for after in range(1, CELLS.settled + 1))
        tensors = dict(CELLS.encode(Fed(Frame(cell, form.chord_at(place)), place, ahead, FORM_STEPS, answers=True)))
        tensors["chosen_rhythm"] = np.eye(len(RHYTHMS), dtype=np.float32)[[rng.integers(len(RHYTHMS))]]
        tensors["chosen_tick"] = np.eye(6, dtype=np.float32)[[rng.integers(6)]]
        yield tensors


def main() -> None:
    """Train and export."""
    usual = Recipe()
    parser = argparse.ArgumentParser(description="Train improv's own model and export it to ONNX.")
    parser.add_argument("--seed", type=int, default=usual.seed, help=f"the same seed, the same model [{usual.seed}]")
    parser.add_argument("--updates", type=int, default=usual.updates, help=f"at most so many [{usual.updates}]")
    parser.add_argument("--data", type=Path, default=FOLDER, help=f"a folder or wjazzd.db [{FOLDER}]")
    parser.add_argument("--out", type=Path, default=Path("exported_models"), help="the folder to write to")
    arguments = parser.parse_args()
    recipe = replace(usual, seed=arguments.seed, updates=arguments.updates)
    with shown(NAME) as progressed:
        spec = train(recipe, arguments.data, arguments.out, progressed)
    print(f"wrote {arguments.out / NAME}.onnx: {spec.figures}; its form: {spec.form}")


if __name__ == "__main__":
    main()
