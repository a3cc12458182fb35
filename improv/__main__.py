"""Where improv starts, as a program."""

import gc
import sys

from improv.system.programs import leave_current_folder, settle


def main() -> None:
    """Run the command line."""
    leave_current_folder()  # before anything is loaded that may lie there
    settle()
    gc.disable()  # while rooms are loaded there is no garbage: looking for it is an eighth of a short command's time
    from improv.runtime.early_engine import EARLY_ENGINE, plays

    if plays(sys.argv[1:]):
        with EARLY_ENGINE:
            _run()
    else:
        _run()


def _run() -> None:
    from improv.cli.commands import run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
