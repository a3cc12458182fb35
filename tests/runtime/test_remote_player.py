"""The player as the engine sees it: what the engine reports gets through while it listens."""

import select
from threading import Thread

from improv.protocol.commands import Quit
from improv.runtime.remote_player import RemotePlayer
from tests.ipc.ends import SMALLEST, linked


def test_what_is_too_large_to_be_sent_at_once_is_sent_while_the_engine_listens() -> None:
    with linked(buffer_bytes=SMALLEST) as (engine_s, daemon_s):
        player, report = RemotePlayer(engine_s), bytes(1_000_000)
        engine_s.send(report)
        assert engine_s.waits

        def read_and_end() -> None:
            while not (arrived := daemon_s.receive()):
                select.select([daemon_s], (), ())
            assert arrived == [report]
            daemon_s.send(Quit())

        daemon = Thread(target=read_and_end, daemon=True)
        daemon.start()
        assert player.listen_until(player.clock.now() + 120, at_once=False) is None  # told to quit, so it was read
        daemon.join()
