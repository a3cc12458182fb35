"""Where improv starts, as a program."""

import gc
import sys

from improv.system.programs import leave_current_folder, restore_process_defaults


def main() -> None:
    """Run the command line."""
    leave_current_folder()  # before anything is loaded that may lie there
    restore_process_defaults()
    gc.disable()  # while rooms are loaded there is no garbage: looking for it is an eighth of a short command's time
    from improv.runtime.early_engine import EARLY_ENGINE, plays

    words = sys.argv[1:]
    if plays(words):
        with EARLY_ENGINE:
            from improv.cli.playing import run as play

            _settled()
            play(words)
    else:
        from improv.cli.commands import run

        _settled()
        run()


def _settled() -> None:
    """Search for garbage from now on, but not in what is loaded."""
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main()
