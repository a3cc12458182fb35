"""Where improv starts, as a program."""

import gc

from improv.system.programs import leave_current_folder, settle


def main() -> None:
    """Run the command line."""
    leave_current_folder()  # before anything is loaded that may lie there
    settle()
    gc.disable()  # while rooms are loaded there is no garbage: looking for it is an eighth of a short command's time
    from improv.cli.commands import run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
