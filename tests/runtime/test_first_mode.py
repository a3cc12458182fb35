"""The mode that a jam begins with where none was chosen."""

import pytest

from improv.music.turns import Mode
from improv.protocol.port_status import PortStatus
from improv.runtime.ipc_messages import Opened


@pytest.mark.parametrize(
    ("inputs", "letters", "mode"),
    [
        pytest.param(
            [PortStatus(role="input", name="improv in", virtual=True, peers=())], True, Mode.PHRASE, id="letters"
        ),
        pytest.param([PortStatus(role="input", name="improv in", virtual=True)], True, Mode.PHRASE, id="unknown"),
        pytest.param([], True, Mode.PHRASE, id="letters without MIDI"),
        pytest.param(
            [PortStatus(role="input", name="improv in", virtual=True, peers=("keys",))],
            True,
            Mode.TRADE,
            id="plugged in",
        ),
        pytest.param([PortStatus(role="input", name="keys", peers=("keys",))], True, Mode.TRADE, id="a keyboard"),
        pytest.param([PortStatus(role="input", name="keys")], True, Mode.TRADE, id="a keyboard, as far as is known"),
        pytest.param(
            [PortStatus(role="input", name="keys", peers=())], True, Mode.PHRASE, id="a keyboard that has gone"
        ),
        pytest.param(
            [PortStatus(role="input", name="improv in", virtual=True, peers=())], False, Mode.TRADE, id="a port"
        ),
        pytest.param([], False, Mode.SOLO, id="nothing at all"),
    ],
)
def test_the_mode_is_what_one_can_play_on(inputs: list[PortStatus], letters: bool, mode: Mode) -> None:
    from improv.runtime.daemon import _mode_for

    opened = Opened("", "jack", hears=bool(inputs), plays=True, realtime=False, ports=tuple(inputs))
    assert _mode_for(opened, letters=letters) is mode
