"""The band's networks in a jam: in time or by rule, recorded, played again, and files that are none of theirs."""

from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from improv.config.values import Tune
from improv.errors import ContractError, DataError, UsageError
from improv.midi.player import Player
from improv.models.catalog import BAND_NETWORKS, band_model_paths, find_model, model_paths
from improv.models.contract import Tensors
from improv.models.encodings import BAND_ENCODINGS, BAND_NAMES, BAND_PARTS
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.turns import Mode
from improv.protocol.heard import Heard
from improv.protocol.json_codec import to_json
from improv.protocol.snapshot import ByRule, How
from improv.recording import BandModel, Entry, Head, Recording, State, read_take
from improv.recording.replay import entry_of, other_rules, replayed, restored, state_of
from improv.runtime.engine import Lead, perform
from improv.runtime.opening import begin_tune, head_of, open_band, open_network, same_band
from improv.session.band.learned import Networks, Refused, RefusingNetwork
from improv.session.band.rules import BAND_RULES
from improv.session.fallback import LATE
from improv.session.state import Moment, Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.recording.performed import recorded as recorded_take
from tests.runtime.test_engine import Receiver
from tests.session.band.networks import Chance, both
from tests.session.band.test_learned import MODEL, begun

SHIPPED = Path(__file__).parents[2] / "exported_models"


class Slow(Chance):
    """A network each step of which takes a time, on a simulated clock."""

    def __init__(self, part: Part, clock: SimulatedClock, takes_s: float, slow_steps: float = inf) -> None:
        super().__init__(part)
        self._clock, self._takes_s, self._slow_steps = clock, takes_s, slow_steps

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        if self.asked < self._slow_steps:
            self._clock.wait_until(self._clock.now() + self._takes_s)
        return super().step(features, memory)


def jammed(
    session: Session, networks: Networks, clock: SimulatedClock | None = None, last_step: int = 31
) -> tuple[list[Moment], Receiver]:
    """Return the steps of a jam on simulated time, and what left it."""
    clock = clock or SimulatedClock(-1)
    sink, moments = Receiver(clock), list[Moment]()
    with Player(clock, sink) as player:
        perform(session, MODEL, player, moments.append, lead=Lead(), band=networks, last_step=last_step)
    assert not sink.sounding()
    return moments, sink


def recorded(session: Session, moments: list[Moment], networks: Networks) -> Recording:
    head = Head(
        improv="test", began="2002-01-01T00:00:00+00:00", model="echo", model_sha256="", provider="cpu",
        settings=session.settings, transport=session.position.transport, count_in_bars=0, form=MODEL.spec.form,
        key="C", band=tuple(BandModel(part, BAND_NAMES[part], "") for part in networks), band_rules=BAND_RULES,
    )  # fmt: skip
    return Recording(
        head=head, entries=tuple(entry_of(moment) for moment in moments), remarks=(), ended="stopped", damage=""
    )


def again(take: Recording) -> list[int]:
    """Return the steps that were found to be the same, with networks that do not fail this time."""
    well = {part.label: network for part, network in both().items()}
    return [step.entry.step for step in replayed(take, lambda name, *_: well.get(name, MODEL))]


# --- in time, or by rule ------------------------------------------------------------------------


def test_a_jam_with_networks_plays_all_its_parts_and_ends_them() -> None:
    moments, sink = jammed(begun(Style.FUNK), both())
    assert all(moment.how is How.NETWORK and not moment.session.band.by_rule for moment in moments)
    assert all(sink.onsets(part) for part in (Part.MELODY, Part.CHORDS, Part.BASS, Part.DRUMS))


@pytest.mark.parametrize("slow", list(BAND_PARTS))
def test_a_network_that_is_late_costs_its_part_the_network_and_the_soloist_a_step_at_most(slow: Part) -> None:
    clock = SimulatedClock(-1)
    networks: dict[Part, Chance] = {**both(), slow: Slow(slow, clock, 0.6)}
    moments, sink = jammed(begun(), networks, clock)
    hows = [moment.how for moment in moments]
    assert hows.count(How.NETWORK) > 0.8 * len(hows)
    said = [moment.session.band.by_rule for moment in moments if moment.how is How.NETWORK]
    assert all(not each or [(one.part, one.why) for one in each] == [(slow, LATE)] for each in said)
    assert sum(map(bool, said)) > 2  # a bass is asked on the beats that it walks alone
    assert sink.onsets(slow)


def test_a_network_that_is_quick_again_is_tried_again() -> None:
    clock = SimulatedClock(-1)
    drums = Slow(Part.DRUMS, clock, 0.6)
    session = begun(Style.FUNK)
    moments, _ = jammed(session, {Part.DRUMS: drums}, clock, 15)
    assert moments[10].session.band.by_rule
    clock = SimulatedClock(-1)
    drums = Slow(Part.DRUMS, clock, 0.6, slow_steps=1)
    moments, _ = jammed(session, {Part.DRUMS: drums}, clock, 95)
    assert not moments[-2].session.band.by_rule


# --- told and recorded --------------------------------------------------------------------------


def test_what_is_played_by_rule_is_told_and_left_out_where_there_is_none() -> None:
    moments, _ = jammed(begun(Style.FUNK), both(drums=frozenset(range(4, 99))), last_step=7)
    told = [to_json(snapshot(moment.session, moment.session)) for moment in moments]
    assert "by_rule" not in told[0]
    assert told[6]["by_rule"] == [{"part": "drums", "why": "RuntimeError: out of order"}]
    lines = [entry_of(moment).to_json() for moment in moments]
    assert "by_rule" not in lines[0]
    assert '"by_rule":[{"part":"drums","why":"RuntimeError: out of order"}]' in lines[6]
    assert [Entry.from_json(line) for line in lines] == [entry_of(moment) for moment in moments]


@pytest.mark.parametrize("style", [Style.SWING, Style.FUNK, Style.NEW_ORLEANS])
def test_a_take_with_networks_that_failed_now_and_then_is_decided_decidedthe_same(style: Style) -> None:
    session = begun(style)
    networks = both(bass=frozenset({2, 3, 9}), drums=frozenset({0, 7, 8, 20}))
    moments, _ = jammed(session, networks, last_step=47)
    assert any(moment.session.band.by_rule for moment in moments)
    assert again(recorded(session, moments, networks)) == [*range(48), 47]


def test_a_take_says_which_networks_played_and_one_without_says_none() -> None:
    session = begun(Style.FUNK)
    moments, _ = jammed(session, both(), last_step=3)
    head = recorded(session, moments, both()).head
    assert Head.from_json(head.to_json()) == head
    assert '"band":[{"part":"bass","model":"bass","sha256":""},' in head.to_json()
    without = replace(head, band=())
    assert '"sha256"' not in without.to_json()
    assert Head.from_json(without.to_json()) == without


def test_a_take_whose_network_has_changed_is_not_played_again() -> None:
    session = begun(Style.FUNK)
    moments, _ = jammed(session, both(), last_step=15)
    take = recorded(session, moments, both())

    class Other(Chance):
        def _said(self, head: str, features: Any, memory: Any) -> Any:
            return super()._said(head, features, memory) * -1

    with pytest.raises(DataError, match="is not what was recorded"):
        list(replayed(take, lambda name, *_: Other(Part.DRUMS) if name == "drums" else both()[Part.BASS]
                      if name == "bass" else MODEL))  # fmt: skip


def test_a_session_in_a_take_has_what_the_networks_remember() -> None:
    networks, session = both(), begun(Style.FUNK)
    for _ in range(20):
        session, _ = advance(session, Heard(), MODEL, networks)
    stated = state_of(session, MODEL, "")
    back = restored(State(stated.step, stated.session, stated.model, ""), MODEL)
    assert back.band.parts == session.band.parts
    one, other = (advance(each, Heard(), MODEL, networks)[1] for each in (session, back))
    assert one == other


def test_a_recorded_jam_of_the_shipped_networks_is_read_and_decided_again(tmp_path: Path) -> None:
    tune = Tune.of(style="swing", band=0.7, seed=3)
    model, (band, remarks) = open_network(tune), open_band()
    assert remarks == ()
    session = begin_tune(tune, model, Mode.SOLO, 3)
    clock, moments = SimulatedClock(-1), list[Moment]()
    with Player(clock, Receiver(clock)) as player:
        perform(session, model, player, moments.append, lead=Lead(), band=band, last_step=63)
    path = recorded_take(tmp_path, *(entry_of(moment) for moment in moments), head=head_of(tune, model, session, band))
    decided = [step.entry.step for step in replayed(read_take(path)) if step.session is not None]
    assert decided[-2:] == [63, 63]
    assert len(decided) == len(moments)


# --- other rules, and files that change during a jam -------------------------------------------


def test_a_take_of_other_rules_is_played_as_it_was_and_its_soloist_is_checked() -> None:
    session, networks = begun(Style.FUNK), both()
    moments, _ = jammed(session, networks)
    ours = recorded(session, moments, networks)
    take = replace(ours, head=replace(ours.head, band_rules="earlier"))
    assert (other_rules(take), other_rules(ours)) == (True, False)

    def with_bass(change: int) -> tuple[Entry, ...]:
        return tuple(replace(entry, events=tuple(map(partial(moved, Part.BASS, change), entry.events)))
                     for entry in take.entries)  # fmt: skip

    def moved(part: Part, change: int, placed: Placed) -> Placed:
        event = placed.event
        if not isinstance(event, NoteOn | NoteOff) or event.part is not part:
            return placed
        return replace(placed, event=replace(event, pitch=event.pitch + change))

    assert again(replace(take, entries=with_bass(1)))[-1] == 31
    with pytest.raises(DataError, match="is not what was recorded: other notes"):
        again(replace(ours, entries=with_bass(1)))
    melody = tuple(replace(entry, events=tuple(map(partial(moved, Part.MELODY, 1), entry.events)))
                   for entry in take.entries)  # fmt: skip
    with pytest.raises(DataError, match="is not what was recorded: other notes"):
        again(replace(take, entries=melody))


def test_held_chords_are_decided_again_under_any_rules() -> None:
    session = begun(Style.PADS, band=0)
    moments, _ = jammed(session, {})
    assert not other_rules(recorded(session, moments, {}))


def test_a_file_of_the_band_that_changes_during_a_jam_costs_its_part_the_network_and_the_take_nothing() -> None:
    session, networks = begun(), both()
    before, _ = jammed(session, networks, last_step=15)
    now = {Part.BASS: SimpleNamespace(sha256="new"), Part.DRUMS: SimpleNamespace(sha256="old")}
    began_with = [BandModel(Part.BASS, "bass", "old"), BandModel(Part.DRUMS, "drums", "old")]
    later = same_band(cast(Any, now), began_with)
    assert later[Part.DRUMS] is now[Part.DRUMS]
    assert isinstance(later[Part.BASS], RefusingNetwork)
    goes_on = before[15].session
    after, sink = jammed(goes_on, {**networks, Part.BASS: later[Part.BASS]}, last_step=31)
    said = {each for moment in after for each in moment.session.band.by_rule}
    assert said == {ByRule(Part.BASS, "its file has changed since the jam began")}
    assert sink.onsets(Part.BASS)
    assert again(recorded(session, [*before[:16], *after], networks))[-1] == 31
    (gone,) = same_band({}, began_with[:1]).values()
    with pytest.raises(Refused, match="its file cannot be used any more"):
        assert gone.spec


# --- files --------------------------------------------------------------------------------------


def test_the_networks_of_the_band_are_no_models_of_a_melody() -> None:
    assert set(BAND_NAMES.values()) == set(BAND_NETWORKS) == band_model_paths().keys()
    assert not model_paths().keys() & set(BAND_NETWORKS)
    assert set(BAND_PARTS.values()) == BAND_ENCODINGS.keys()
    with pytest.raises(UsageError, match="bass plays in the band and knows no melody"):
        find_model("bass")
    with pytest.raises(ContractError, match="choose one that has a melody"):
        open_network(Tune.of(model=str(SHIPPED / "bass.onnx")))


def test_the_shipped_networks_are_small_and_say_where_they_come_from() -> None:
    band, remarks = open_band()
    assert remarks == ()
    assert band.keys() == BAND_PARTS.keys()
    for part, model in band.items():
        assert (SHIPPED / f"{BAND_NAMES[part]}.onnx").stat().st_size < 400_000
        assert model.spec.data["source"]
        assert model.spec.data["licence"]


def test_a_network_of_ones_own_is_taken_first_and_one_that_is_none_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path))
    (tmp_path / "bass.onnx").write_bytes((SHIPPED / "drums.onnx").read_bytes())
    (tmp_path / "drums.onnx").write_bytes(b"no network")
    (tmp_path / "expression.onnx").write_bytes(b"nor that")
    band, remarks = open_band()
    assert band == {}
    assert [remark.split(":")[0] for remark in remarks] == [f"{name} plays by rule" for name in BAND_NETWORKS]
    assert "its encoding is drum_grids, bass needs bass_lines" in remarks[1]


def test_why_a_part_plays_by_rule_is_a_short_line() -> None:
    class Talkative(Chance):
        def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
            raise RuntimeError("line\n" * 400)

    moments, _ = jammed(begun(Style.FUNK), {Part.DRUMS: Talkative(Part.DRUMS)}, last_step=2)
    (said,) = moments[0].session.band.by_rule
    assert isinstance(said, ByRule)
    assert len(said.why) <= 160
    assert "\n" not in said.why
