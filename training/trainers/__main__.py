"""Train a network and export it: `python -m training train NAME`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from improv.errors import ImprovError
from training.trainers import NETWORKS


def main(arguments: Sequence[str]) -> None:
    """Train the network named in the arguments, export it, and print a summary."""
    name = next((word for word in arguments if word in NETWORKS), None)
    lines = [f"  {each:16}{row.summary}" for each, row in NETWORKS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m training train",
        description="Train a network and export it to ONNX.",
        epilog="\n".join(["networks:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=tuple(NETWORKS), metavar="NAME", help="the network; --help after it says more")
    if name is None:
        parser.parse_args(arguments)  # prints help, or says that there is no such network
        return
    network = import_module(NETWORKS[name].module)
    usual = network.CONFIG
    parser.add_argument("--seed", type=int, default=usual.seed, help=f"the same seed, the same network [{usual.seed}]")
    parser.add_argument("--updates", type=int, default=usual.updates, help=f"at most so many [{usual.updates}]")
    parser.add_argument("--out", type=Path, default=Path("exported_models"), help="the folder to write to")
    if hasattr(network, "options"):
        network.options(parser)
    found = parser.parse_args(arguments)
    try:
        print(network.make(replace(usual, seed=found.seed, updates=found.updates), found))
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
