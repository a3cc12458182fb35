"""The clock of the machine: while it is waited for, what waits to be sent is sent."""

from improv.runtime.system_clock import SystemClock
from tests.ipc.ends import SMALLEST, linked


def test_what_waits_to_be_sent_is_sent_while_nothing_else_is_done() -> None:
    value = bytes(100_000)
    with linked(buffer_bytes=SMALLEST) as (ours, theirs):
        clock, arrived = SystemClock(lambda: [ours]), list[bytes]()
        ours.send(value)
        assert ours.waits
        for _ in range(500):
            arrived += theirs.receive()
            if arrived:
                break
            clock.wait_until(clock.now() + 1, exactly=False)
        assert arrived == [value]
        assert not ours.waits
