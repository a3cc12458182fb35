"""What can be done with models and solos, from one front: `python -m training evaluate MODEL...`.

Each command is a module of its own that `python -m training.MODULE` runs as well, so that none waits for what another
needs to be loaded.
"""

import runpy
import sys
from types import MappingProxyType

COMMANDS = MappingProxyType(
    {
        "evaluate": ("evaluate", "judge models beside people and beside simpler things"),
        "listen": ("listen", "write a page for a blind listening test"),
        "obedience": ("obedience", "whether models obey the controls of the melody"),
        "partner": ("partner", "train improv's own model and export it"),
        "train": ("train", "train a network of Eck & Schmidhuber 2002 and export it"),
    }
)
"""By name the module, and what it does."""


def main() -> None:
    """Run a command, or say which there are."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        asked = name in ("-h", "--help")
        lines = [
            "usage: python -m training COMMAND ...",
            "",
            *(f"  {each:12}{what}" for each, (_, what) in COMMANDS.items()),
        ]
        print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else f"\nthere is no command {name!r}")
    sys.argv[1:] = rest
    try:
        runpy.run_module(f"training.{COMMANDS[name][0]}", run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is missing: playing needs less than learning; .venv/bin/pip install -e '.[train]'")


if __name__ == "__main__":
    main()
