"""What a process that owns MIDI ports asks of the system: to run in real time, and to be ended should it be stuck."""

import os
import signal

from improv.runtime.ipc_messages import PRIORITY


def request_realtime(priority: int = PRIORITY) -> bool:
    """Ask the system for real-time scheduling of this thread (sched(7), SCHED_FIFO); return whether it is granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except (OSError, AttributeError):
        return False
    return True


def postpone_kill(for_s: float) -> None:
    """Set the time at which the system kills this process to `for_s` seconds from now; 0 for never.

    It may be stuck in a call to a dead MIDI server, with no other process left to end it.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, for_s)
