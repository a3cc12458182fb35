"""The engine process: it loads a network, performs with it, and reports each step to the daemon.

It plays through the player process and opens no port. All that is needed to go on from a step goes to the daemon
with that step, so that another engine can take its place.
"""

import gc
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from improv.errors import ContractError
from improv.ipc.link import Link, serve
from improv.models.onnx_runtime import OnnxModel, remembered_provider
from improv.music.notes import Placed, in_order
from improv.music.plan import Plan
from improv.music.theory import Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, Start, Stop
from improv.protocol.snapshot import How, Snapshot
from improv.recording import Entry
from improv.recording.replay import OTHER_RULES, entry_of, network, other_rules, replayed, state_of
from improv.runtime.engine import Lead, perform
from improv.runtime.ipc_messages import Begin, Begun, Ended, Prepare, Prepared, StepReport
from improv.runtime.opening import (
    begin_tune,
    first_steps,
    head_of,
    last_step,
    open_band,
    open_network,
    prime_tune,
    same_band,
)
from improv.runtime.remote_player import SOON_S, RemotePlayer
from improv.session.band.ending import RELEASE_S, has_ending
from improv.session.network import one_step, swapped, unsupported_controls
from improv.session.state import Moment, Session
from improv.session.view import snapshot
from improv.system.garbage import keep_garbage

_AHEAD_S = 0.1
"""How long before it sounds a step of a take is sent to the player, in seconds, when a take is played again."""

_REPORT_AGAIN_S = 1.0
"""How often a step is reported again while a take waits, in seconds."""

_LONGEST_PAUSE_S = 10.0
"""How long a pause of a take lasts at most when it is played again, in seconds."""

_TIDY_BARS = 12
"""How often garbage is collected, in bars: right after a step, when there is time."""


def main() -> None:
    """Run the engine process, as a child of the daemon."""
    serve(_serve)


def _serve(link: Link) -> None:
    player = RemotePlayer(link)
    player.wait(lambda: player.prepare is not None)
    asked = player.prepare
    if asked is None:
        return
    if asked.take is None:
        _perform(asked, player, link)
    else:
        _play_again(asked.take, player, link)


def _perform(asked: Prepare, player: "RemotePlayer", link: Link) -> None:
    tune = asked.tune
    model = open_network(tune, tune.provider or remembered_provider(), asked.network)
    if asked.sha256 not in ("", model.sha256):
        raise ContractError(f"{tune.model}: its file was changed while it was loaded; start again")
    band, remarks = open_band()
    ready = prime_tune(tune, model, tune.seed or 0)
    first = begin_tune(tune, model, Mode.SOLO, tune.seed or 0, ready)
    with first_steps(tune, model):
        if model.spec.line is not None:
            one_step(model)(ready.memory)  # what a line loads for its first notes is there
        lead = Lead().rehearsed(first, model, player.clock, band)
    prepared = Prepared(model.spec.name, unsupported_controls(model.spec), first.grid, remarks)
    begin_ = _wait_for_begin(player, link, prepared)
    if begin_ is None:
        return
    if begin_.session:
        session: Session = pickle.loads(begin_.session)  # noqa: S301 from our own process
        if begin_.swapped:
            session = swapped(session, model)
        networks = same_band(band, begin_.band)
        player.take_over(session, sounds=begin_.goes_on)
    else:
        session = begin_tune(tune, model, begin_.mode, begin_.seed, ready)
        starts_s = player.clock.now() + lead.start_s  # only now: a network takes its time to be primed
        transport = session.position.transport.starting(session.step + 1, starts_s)
        session = replace(session, position=replace(session.position, transport=transport))
        networks = band
        link.send(Begun(head_of(tune, model, session, band)))

    reports = StepPublisher(link, model, player, lead, new=begin_.swapped)
    in_hand = begin_.in_hand and bool(begin_.session)
    last = last_step(tune, session)
    perform(session, model, player, reports, lead=lead, band=networks, last_step=last, in_hand=in_hand)
    link.send(Ended(lead.s, peak_memory_mib()))


class StepPublisher:
    """Reports each step to the daemon once it can no longer change; an observer of the loop.

    A daemon that does not run for a while receives all of them later. Where there is no room for more, steps are
    dropped, and the next one that is sent says how many.
    """

    def __init__(self, link: Link, model: OnnxModel, player: RemotePlayer, lead: Lead, *, new: bool) -> None:
        self._link = link
        self._model = model
        self._player = player
        self._lead = lead
        self._new = new
        """Whether the network is another one than that of the step before."""
        self._lost = 0

    def __call__(self, moment: Moment) -> None:
        """Report a step."""
        seen, entry = snapshot(moment.session, moment.planned, moment.played.events), entry_of(moment)
        seen = replace(
            seen,
            health=replace(
                seen.health, step_p50_us=round(self._lead.p50_s * 1e6), step_p99_us=round(self._lead.p99_s * 1e6)
            ),
        )
        waits = moment.how is How.IDLE and not moment.heard
        if self._new and not waits:
            entry, self._new = replace(entry, model=self._model.spec.name, model_sha256=self._model.sha256), False
        session, unplayed = pickle.dumps(moment.session), self._player.unplayed
        told = StepReport(seen, None if waits else entry, session, self._lost, unplayed)
        if self._link.send(told, shortened=told.shortened):
            self._lost = 0
        else:
            self._lost += not waits
        if self._player.restate:
            self._player.restate = not self._link.send(state_of(moment.session, self._model, self._model.sha256))
        if moment.session.step % (_TIDY_BARS * moment.session.grid.steps_per_bar) == 0:
            gc.collect()


def _play_again(path: Path, player: "RemotePlayer", link: Link) -> None:
    """Play a take as it was, your notes too: each step is decided again and compared before it sounds."""
    from improv.recording import read_take

    recording = read_take(path)
    head, entries = recording.head, recording.entries
    network(head.model, head.model_sha256, head.provider)  # said before it begins
    remarks = (OTHER_RULES,) if other_rules(recording) else ()
    begin_ = _wait_for_begin(player, link, Prepared(head.model, grid=head.transport.grid, remarks=remarks))
    if begin_ is None:
        return
    first_s = player.clock.now() + 3 * _AHEAD_S - head.transport.time_of(head.first_step)
    step, after = head.first_step - 1, head.first_step - 1
    if begin_.session:
        first_s, after = pickle.loads(begin_.session)  # noqa: S301 from our own process
    later_s, before_s, form_steps = first_s, 0.0, Form.parse(head.form, head.transport.grid).steps
    seen: Snapshot | None = None

    def report_again(**changed: Any) -> None:
        """Report the last step once more, with other values of its snapshot where they are given."""
        if seen is not None:
            link.send(StepReport(replace(seen, **changed), None, b""))

    for index, again in enumerate(replayed(recording)):
        entry, session = again.entry, again.session
        form_steps = session.tune.form.steps if session else form_steps
        silent_steps = max(entry.skipped_choruses * form_steps, entry.step - step - 1)  # skipped, or missing
        closing, step = entry.step == step, entry.step
        later_s -= silent_steps * entry.transport.step_s
        due_s = entry.transport.time_of(step + closing) + later_s
        too_long_s = due_s - before_s - _LONGEST_PAUSE_S
        if before_s and too_long_s > 0:
            later_s, due_s = later_s - too_long_s, due_s - too_long_s
        before_s = due_s
        transport = replace(entry.transport, anchor_s=entry.transport.anchor_s + later_s)
        if step <= after:
            continue
        asked = _wait_for_commands(player, due_s - _AHEAD_S, report_again)
        pause_s = None if asked is None else _pause(player, asked, report_again)
        if pause_s is None:
            break
        first_s, later_s, before_s = first_s + pause_s, later_s + pause_s, before_s + pause_s
        due_s, transport = due_s + pause_s, replace(transport, anchor_s=transport.anchor_s + pause_s)
        yours = entries[index + 1].heard.notes if index + 1 < len(entries) else ()
        if closing:  # what was played over the ending belongs to its plan
            start_s = entry.transport.time_of(step + 1)
            yours = tuple(note for note in entry.heard.notes if note.time_s >= start_s)
        events = [Placed(entry.transport.ticks_at(note.time_s), note.event) for note in yours]
        player.play(Plan(step + closing, in_order([*entry.events, *events]), transport))
        if session is not None:  # where steps before it are missing there is nothing to be seen of it
            seen = snapshot(session, session, entry.events)
            link.send(StepReport(seen, entry, pickle.dumps((first_s, step))))
        if closing:
            _wait_for_commands(player, _heard_out_s(entry, transport, due_s), report_again)
    link.send(Ended(0.0, peak_memory_mib()))


def _heard_out_s(closing: Entry, transport: Transport, due_s: float) -> float:
    """Return when a performance that closes at a time is over, in seconds: with an ending, when that has died away."""
    if not has_ending(closing.events):
        return due_s + SOON_S
    return max(transport.time_of_tick(placed.tick) for placed in closing.events) + RELEASE_S


def _wait_for_commands(
    player: "RemotePlayer", until_s: float, report_again: Callable[[], object]
) -> list[Command] | None:
    """Wait until a time and return the commands that came; None once told to stop. A silent engine would be killed."""
    asked: list[Command] = []
    while True:
        heard = player.listen_until(min(until_s, player.clock.now() + _REPORT_AGAIN_S), at_once=False)
        if heard is None:
            return None
        asked += heard.commands
        if player.clock.now() >= until_s:
            return asked
        report_again()


def _pause(player: "RemotePlayer", asked: list[Command], report_again: Callable[..., object]) -> float | None:
    """Wait after a stop until a start; return for how many seconds, None once told to stop.

    What was sent to the player before has been played when the stop is reported.
    """
    since_s = player.clock.now()
    if not _stops(asked):
        return 0.0
    heard = player.listen_until(since_s + _AHEAD_S, at_once=False)
    while heard is not None and _stops([Stop(), *heard.commands]):
        report_again(playing=False)
        heard = player.listen_until(player.clock.now() + _REPORT_AGAIN_S)
    return None if heard is None else player.clock.now() - since_s


def _stops(asked: Sequence[Command]) -> bool:
    """Return whether the last of the stops and starts is a stop."""
    return isinstance(next((command for command in reversed(asked) if isinstance(command, Stop | Start)), None), Stop)


def _wait_for_begin(player: "RemotePlayer", link: Link, prepared: Prepared) -> Begin | None:
    """Report that the network is ready, and wait for `Begin`; None once told to stop. Garbage is kept from here on."""
    keep_garbage()
    link.send(prepared)
    return player.begin if player.wait(lambda: player.begin is not None) else None


def peak_memory_mib() -> float | None:
    """Return the peak memory of this process in MiB; None where the system does not tell.

    Linux is asked for it by name (proc(5), status): what `getrusage` gives there begins at what the parent has had.
    """
    if sys.platform == "win32":
        return None
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
