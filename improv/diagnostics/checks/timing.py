"""Checks of time: real-time rights, and how late this machine wakes a program that sleeps."""

import os
from collections.abc import Sequence

from improv.config.instance import Instance
from improv.diagnostics.checks.finding import Finding
from improv.runtime.ipc_messages import PRIORITY
from improv.system.quantiles import quantile


def realtime(instance: Instance) -> list[Finding]:
    """Check that the system grants the player real-time scheduling: the processor before other programs."""
    if not hasattr(os, "sched_setscheduler"):
        return [Finding("real-time rights", None, "this system is not asked for any")]
    import resource

    number = getattr(resource, "RLIMIT_RTPRIO", None)
    limit = resource.getrlimit(number)[0] if number is not None else 0
    granted = True
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        os.sched_setscheduler(0, *before)
    except OSError:
        granted = False
    return [assess_rights(granted, limit)]


def assess_rights(granted: bool, limit: int) -> Finding:
    """Judge whether real-time scheduling was granted, and the highest priority the system allows (-1: any)."""
    allowed = "no limit" if limit < 0 else f"limit {limit}"
    if granted:
        return Finding("real-time rights", True, f"granted, priority {PRIORITY} ({allowed})")
    return Finding(
        "real-time rights",
        False,
        f"refused ({allowed}, {PRIORITY} is wanted): notes come late when the machine is busy",
        "put '@audio - rtprio 95' into /etc/security/limits.d/audio.conf, sudo usermod -aG audio $USER, log in again",
    )


_JITTER_S, _EVERY_S, _LATE_US = 0.5, 0.005, 2000.0


def timer(instance: Instance) -> list[Finding]:
    """Measure how late this machine wakes a program that sleeps to a deadline, as the player does."""
    from improv.runtime.system_clock import SystemClock

    clock = SystemClock()
    late_us = []
    due_s = clock.now()
    for _ in range(round(_JITTER_S / _EVERY_S)):
        due_s += _EVERY_S
        clock.wait_until(due_s, exactly=False)
        late_us.append((clock.now() - due_s) * 1e6)
    return [assess_wake_ups(late_us)]


def assess_wake_ups(late_us: Sequence[float]) -> Finding:
    """Judge wake-ups by how many microseconds late each was."""
    p99_us = quantile(sorted(late_us), 0.99)
    says = f"of {len(late_us)} wake-ups the 99th percentile is {p99_us:.0f} us late"
    if p99_us < _LATE_US:
        return Finding("timer", True, says)
    mend = "close what keeps the machine busy, choose the performance governor, and see real-time rights"
    return Finding("timer", False, says, mend)
