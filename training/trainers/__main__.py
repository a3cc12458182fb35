"""Train a network, measure it and export it: `python -m training train eck2002-blues`."""

import argparse
from pathlib import Path

from training.trainers.eck2002 import learn
from training.trainers.eck2002_report import SUMMARIES, write_model
from training.trainers.progress import shown

SEED = 9
"""What the committed models were trained from."""


def main() -> None:
    """Train, report and export."""
    parser = argparse.ArgumentParser(description="Train a network of Eck & Schmidhuber 2002 and export it to ONNX.")
    parser.add_argument("name", choices=tuple(SUMMARIES))
    parser.add_argument("--seed", type=int, default=SEED, help=f"the same seed gives the same network [{SEED}]")
    parser.add_argument("--out", type=Path, default=Path("exported_models"), help="the folder to write to")
    arguments = parser.parse_args()
    with shown(arguments.name) as progressed:
        network, log = learn(arguments.name, arguments.seed, progressed)
        write_model(network, arguments.name, arguments.seed, log, arguments.out, progressed)
    print((arguments.out / f"{arguments.name}.md").read_text())


if __name__ == "__main__":
    main()
