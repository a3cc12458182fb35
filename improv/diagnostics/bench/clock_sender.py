"""Our own way to wait, alone in a process: the clock of the player without the rest of it.

    python -m improv.diagnostics.bench.clock_sender SECONDS OUT [CONDITION]

It bears each condition inside its own program, as the peers do, and so shows what the player being a
process of its own is worth. It must wait exactly as the player does.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from improv.diagnostics.bench.grid import PERIOD_S, onsets, write
from improv.diagnostics.bench.load_conditions import Condition, load_condition
from improv.runtime.system_clock import SystemClock
from improv.system.garbage import keep_garbage


def main(arguments: Sequence[str]) -> int:
    """Wake up for each onset of the grid, write each deadline and wake-up time to a file, and return exit status 0."""
    seconds, out, *rest = arguments
    clock = SystemClock()
    moments_ns: list[int] = []
    keep_garbage()
    with load_condition(rest[0] if rest else Condition.ALONE):
        start_s = clock.now() + PERIOD_S
        for index in range(onsets(float(seconds))):
            due_s = start_s + index * PERIOD_S
            clock.wait_until(due_s - clock.spin_s, exactly=False)
            clock.wait_until(due_s, exactly=True)
            sent_ns = time.monotonic_ns()  # before anything else is done
            moments_ns += round(due_s * 1e9), sent_ns
    write(Path(out), moments_ns)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
