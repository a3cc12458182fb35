"""A check of MIDI: notes sent to a port of improv's own that gives them back."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from improv.config.instance import Instance
from improv.diagnostics.checks.finding import Finding
from improv.errors import Unavailable
from improv.system.quantiles import quantile

ROUND_TRIP_NOTES = 20
_LOOP = "improv-doctor"
_BACK_S, _LOOK_S = 0.1, 0.0005


def round_trip(instance: Instance) -> list[Finding]:
    """Check that notes sent to a virtual port of improv's own come back from it."""
    from improv.midi.rtmidi_binding import ports_of, rtmidi
    from improv.midi.systems import APIS, reachable_api
    from improv.system.quiet import quiet

    try:
        api = APIS[reachable_api()]
    except Unavailable:
        return [Finding("round trip", None, "there is no MIDI system to try it on", "see MIDI system")]
    with ExitStack() as stack, quiet():
        into = stack.enter_context(_closed(rtmidi.MidiIn(api, name=f"{_LOOP}-in")))
        out = stack.enter_context(_closed(rtmidi.MidiOut(api, name=f"{_LOOP}-out")))
        try:
            into.open_virtual_port(_LOOP)
        except (rtmidi.UnsupportedOperationError, NotImplementedError):
            return [Finding("round trip", None, "this system has no virtual ports to try it on")]
        names = ports_of(out)
        loops = [index for index, name in enumerate(names) if _LOOP in name]
        if not loops:
            return [assess_round_trip(0, ())]
        out.open_port(loops[0])
        return [assess_round_trip(*send_and_time(out.send_message, into.get_message, time.monotonic, time.sleep))]


@contextmanager
def _closed(client: Any) -> Iterator[Any]:
    try:
        yield client
    finally:
        client.close_port()
        client.delete()


def send_and_time(
    send: Callable[[bytes], Any],
    receive: Callable[[], Any],
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[int, Sequence[float]]:
    """Send notes one by one. Return how many were sent, and the seconds that each took which came back."""
    took_s = []
    for pitch in range(60, 60 + ROUND_TRIP_NOTES):
        sent_s = now()
        send(bytes((0x90, pitch, 64)))
        while now() < sent_s + _BACK_S:
            got = receive()
            if got is not None and list(got[0])[:2] == [0x90, pitch]:
                took_s.append(now() - sent_s)
                break
            sleep(_LOOK_S)
    return ROUND_TRIP_NOTES, took_s


def assess_round_trip(sent: int, took_s: Sequence[float]) -> Finding:
    """Judge how many of the sent notes came back, and how many seconds each took."""
    if sent and len(took_s) == sent:
        typical_ms = quantile(sorted(took_s), 0.5) * 1e3
        return Finding("round trip", True, f"{sent} of {sent} notes came back, half of them within {typical_ms:.1f} ms")
    said = f"{len(took_s)} of {sent} notes came back" if sent else "a port that was opened is not in the list of ports"
    return Finding("round trip", False, said, "restart the MIDI system (JACK, PipeWire), or name another --api")
