"""The player on simulated time, judged by synthesisers: whatever is planned, played, pulled out or slept through."""

from collections import Counter

import pytest

from improv.midi.messages import ALL_SOUND_OFF, CONTROL, PROGRAM, bytes_of
from improv.midi.parser import Gone, Incoming
from improv.midi.player import Player
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Placed, Program, Volume
from improv.music.parts import MIXED_PARTS, Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from improv.protocol.commands import Panic, Press
from improv.protocol.heard import Heard
from tests.midi.desk import Desk, Expected, orphaned
from tests.midi.listeners import QUICK, Inbox, Listener, control, is_off, is_on, notes
from tests.midi.synth import Synth
from tests.midi.test_passthrough import player_at


def test_what_is_due_an_ulp_after_listening_comes_when_listening_goes_on() -> None:
    desk = Desk("none")
    desk.play(Plan(2, notes((2, 3, 48)), desk.transport))
    for _ in range(10):
        desk.listen(0.1)
    assert desk.clock.now() < 1.0  # ten tenths in floats
    assert desk.out.onsets() == []
    desk.listen(0.1)
    assert desk.out.onsets() == [(1.0, 48)]


def test_an_end_that_is_planned_when_others_have_begun_at_its_time_comes_at_once() -> None:
    """And what is withdrawn by that plan is over, although it has only just begun."""
    desk = Desk("none")
    desk.play(Plan(5, notes((5, 8, 48), (6.5, 8, 60)), desk.transport))
    desk.listen(3.25)
    desk.play(Plan(6, (Placed(39, NoteOff(Part.MELODY, 48)),), desk.transport))
    assert [(at, message[:2]) for at, message in desk.out.sent] == [
        (2.5, b"\x90\x30"),
        (3.25, b"\x90\x3c"),
        (3.25, b"\x80\x3c"),
        (3.25, b"\x80\x30"),
    ]
    assert desk.out.synth.at_rest
    assert desk.player.ledger.empty


def test_a_note_of_ours_has_its_own_end_although_an_instrument_that_goes_has_ended_its_key() -> None:
    desk = Desk("same")
    desk.keys.arriving = b"\x91\x43\x50"
    desk.inbox.put(0.0, Incoming(0.0, desk.keys.arriving))
    desk.play(Plan(0, notes((0, 0, 67), (0, 8, 67), part=Part.CHORDS), desk.transport))
    desk.inbox.put(0.0, Gone(0.0))
    desk.listen(0)
    desk.play(Plan(0, (), desk.transport))  # what it has begun is withdrawn
    ons_and_offs = ["on" if is_on(message) else "off" for message in desk.out.messages]
    assert ons_and_offs == ["on", "on", "off", "on", "off", "off"]
    counting = Synth(counts=True)
    for message in desk.out.messages:
        counting.send(message)
    assert counting.at_rest
    assert desk.out.synth.at_rest


def test_while_what_is_sent_would_lie_there_nothing_begins_and_every_end_is_sent() -> None:
    """Afterwards nothing comes in a burst, and the music is where it is."""
    clock = SimulatedClock()
    out = Listener(clock)
    player = Player(clock, out, stalled=lambda: 0.4 < clock.now() < 1.3)
    player.play(Plan(0, notes(*((step, step + 2, 60 + step) for step in range(8))), QUICK, steps=8))
    player.listen_until(10, at_once=False)
    assert out.onsets() == [(0.0, 60), (0.25, 61), (1.5, 66), (1.75, 67)]
    assert player.schedule.dropped == 4
    assert out.synth.at_rest


def test_what_an_engine_has_planned_outlives_it_and_then_there_is_silence() -> None:
    """Each pending end stays in its place; what has none ends with the last step that was planned."""
    desk = orphaned(0.6)
    desk.forget()
    desk.expected = [Expected(24, NoteOn(Part.MELODY, 64, 80), QUICK)]
    desk.listen(10)
    assert desk.out.onsets() == [(0.0, 43), (0.0, 60), (0.5, 62), (1.0, 64)]
    assert [(round(at, 6), message[1]) for at, message in desk.out.sent if is_off(message)] == [
        (0.25, 60), (0.75, 62), (1.25, 64), (2.0, 43)
    ]  # fmt: skip
    assert desk.out.synth.at_rest
    assert desk.player.ledger.empty
    assert not desk.player.heard()


def test_another_engines_plan_takes_over_where_it_begins_however_often_it_is_planned_again() -> None:
    """It knows nothing of what sounds: all of it ends right before the new one's first notes."""
    desk = orphaned(0.6)
    desk.listen(0.1)
    desk.forget()
    for velocity in (70, 71):
        strikes = Placed(24, NoteOn(Part.CHORDS, 43, velocity)), Placed(24, NoteOn(Part.CHORDS, 47, velocity))
        desk.play(Plan(4, strikes, QUICK))
        desk.play(Plan(5, (), QUICK, steps=8))
        desk.listen(0.05)
    desk.listen(10)
    after = [(round(at, 6), message) for at, message in desk.out.sent if at > 0.6]
    assert after == [
        (0.75, b"\x80\x3e\x40"), (1.0, b"\x81\x2b\x40"), (1.0, b"\x91\x2b\x47"), (1.0, b"\x91\x2f\x47")
    ]  # fmt: skip
    assert desk.player.ledger.sounding == {(1, 43), (1, 47)}


def test_a_panic_ends_what_has_outlived_its_engine() -> None:
    desk = orphaned(0.6)
    desk.listen(0.1)
    desk.forget()
    desk.inbox.put(desk.clock.now(), Panic())
    desk.listen(10)
    assert desk.out.onsets()[-1] == (0.5, 62)
    assert desk.out.synth.at_rest


def test_a_key_without_midi_that_is_held_outlives_an_engine() -> None:
    clock = SimulatedClock()
    out, inbox = Listener(clock), Inbox()
    player = Player(clock, out, [inbox])
    player.play(Plan(0, notes((0, 20, 60)), QUICK, steps=8))
    inbox.put(0.5, Press(50, 80), Gone(0.5, engine=True))
    player.listen_until(10, at_once=False)
    assert player.ledger.sounding == {(2, 50)}


# --- time that was not waited for ------------------------------------------------------------------


@pytest.mark.parametrize("thru", ["none", "same", "separate"])
@pytest.mark.parametrize("jump_s", [3.0, 60.0, 3600.0, 8 * 3600.0])
@pytest.mark.parametrize("asleep", [True, False], ids=["lid closed", "stopped"])
def test_after_a_gap_nothing_that_was_pending_comes(thru: str, jump_s: float, asleep: bool) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, thru)
    dense = notes(*((step / 2, step / 2 + 1.5, 40 + step % 40) for step in range(400)))
    player.play(Plan(0, dense, QUICK))
    inbox.put(0.9, Incoming(0.9, b"\x92\x30\x50"), Incoming(0.9, control(2, 64, 127)))
    clock.at(2.06, lambda: clock.suspend(jump_s) if asleep else clock.oversleep(jump_s))
    player.listen_until(2.05, at_once=False)
    before = len(out.sent)
    assert out.synth.sounding
    player.listen_until(clock.now() + jump_s + 10, at_once=False)
    since = out.messages[before:]
    assert player.gaps.count == 1
    assert not [message for message in since if is_on(message)] or asleep
    assert sum(map(is_on, since)) <= 1  # what fell due as the lid was closed
    for channel in (0, 1, 9):  # the panic is sent
        assert control(channel, ALL_SOUND_OFF) in since
    assert sum(map(is_off, since)) <= 6  # an end for each voice and no more
    assert out.synth.at_rest
    assert on.synth.at_rest


@pytest.mark.parametrize("late_s", [0.01, 0.124, 0.126, 0.3, 0.9])
def test_an_onset_is_late_by_half_a_step_at_most_and_otherwise_left_out(late_s: float) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox)
    player.play(Plan(0, notes(*((step, step + 1, 60 + step) for step in range(12))), QUICK))
    player.listen_until(0.9, at_once=False)
    clock.oversleep(0.1 + late_s)  # from the onset at 1.0 on
    player.listen_until(5, at_once=False)
    due = {60 + step: step * 0.25 for step in range(12)}
    assert all(0 <= at - due[pitch] <= 0.125 for at, pitch in out.onsets())
    assert player.schedule.dropped == 12 - len(out.onsets())
    assert [pitch for _, pitch in out.onsets()] == sorted(pitch for _, pitch in out.onsets())
    assert out.synth.silent


# --- panic ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thru", ["none", "same", "separate"])
def test_one_panic_silences_a_full_keyboard_and_every_pedal_at_once(thru: str) -> None:
    """128 notes of ours and, where they are passed on, 128 of the player's with all pedals down."""
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, thru, counts=True)
    player.play(Plan(0, tuple(Placed(0, NoteOn(Part.MELODY, pitch, 80)) for pitch in range(128)), QUICK))
    theirs = [control(4, pedal, 127) for pedal in (64, 66, 67)]
    theirs += [bytes((0x94, pitch, 80)) for pitch in range(128)]
    inbox.put(0.1, *(Incoming(0.1, message) for message in theirs))
    player.listen_until(0.2, at_once=False)
    keys = sorted(out.synth.keys.elements())
    assert keys == [(0, pitch) for pitch in range(128)] + [(4, pitch) for pitch in range(128) if thru == "same"]
    before = {id(sink): len(sink.sent) for sink in (out, on)}
    inbox.put(0.3, Panic())
    player.listen_until(0.3, at_once=False)
    assert clock.now() == pytest.approx(0.3)
    assert out.synth.at_rest
    assert on.synth.at_rest
    sent = [
        (at, message) for sink in {id(out): out, id(on): on}.values() for at, message in sink.sent[before[id(sink)] :]
    ]
    assert {at for at, _ in sent} == {clock.now()}
    ours = 128 + len(MIXED_PARTS) * 7  # each note; on each of our channels three pedals, 123, 120, 121 and the bend
    passed = 3 + 128 + 7  # three pedals, each note, and as much on their channel
    assert len(sent) == ours + (passed if thru != "none" else 0)


def test_panic_that_is_asked_for_by_the_keyboard_silences_and_is_heard_once() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, "separate")
    player.play(Plan(0, notes((0, 100, 60)), QUICK))
    inbox.put(1.0, Incoming(1.0, b"\x95\x3c\x50"))
    inbox.put(2.0, *(Incoming(2.0, control(channel, ALL_SOUND_OFF)) for channel in range(16)))
    player.listen_until(1.5, at_once=False)
    heard = player.listen_until(3, at_once=False)
    assert heard is not None
    assert heard.commands == (Panic(),)
    assert out.synth.at_rest
    assert on.synth.at_rest


def test_a_key_without_midi_is_heard_and_sounds_whether_what_arrives_is_passed_on_or_not() -> None:
    for thru in ("none", "same", "apart"):
        clock = SimulatedClock()
        inbox, out, apart = Inbox(), Listener(clock), Listener(clock)
        passes = {"none": None, "same": out, "apart": apart}[thru]
        with Player(clock, out, [inbox], thru=passes) as player:
            inbox.put(0.0, Press(60, 90))
            inbox.put(0.1, Press(60, 70))
            inbox.put(0.2, Press(64, 1))
            inbox.put(0.3, Press(60, 0))
            inbox.put(0.4, Press(67, 0))
            heard = player.listen_until(0.5, at_once=False) or Heard()
            assert player.held_pitches == {64}
        on, off, channel = 0x90, 0x80, Part.YOU.channel
        assert [message for message in out.messages if message[0] & 0xF0 in (on, off)] == [
            bytes((on | channel, 60, 90)),
            bytes((off | channel, 60, 64)),
            bytes((on | channel, 60, 70)),
            bytes((on | channel, 64, 1)),
            bytes((off | channel, 60, 64)),
            bytes((off | channel, 64, 64)),
        ]
        assert out.synth.at_rest
        assert not [message for message in apart.messages if is_on(message)]
        assert [note.event for note in heard.notes] == [
            NoteOn(Part.YOU, 60, 90),
            NoteOff(Part.YOU, 60),
            NoteOn(Part.YOU, 60, 70),
            NoteOn(Part.YOU, 64, 1),
            NoteOff(Part.YOU, 60),
        ]


def test_a_panic_lets_every_key_go() -> None:
    clock = SimulatedClock()
    inbox, out = Inbox(), Listener(clock)
    with Player(clock, out, [inbox]) as player:
        inbox.put(0.0, Press(60, 90), Incoming(0.0, bytes((0x90, 64, 90))))
        inbox.put(0.1, Panic())
        inbox.put(0.2, Press(60, 0), Incoming(0.2, bytes((0x80, 64, 64))))
        heard = player.listen_until(0.3, at_once=False) or Heard()
        assert not player.held_pitches
    assert [note.event for note in heard.notes] == [
        NoteOn(Part.YOU, 60, 90),
        NoteOn(Part.YOU, 64, 90),
        NoteOff(Part.YOU, 60),
        NoteOff(Part.YOU, 64),
    ]
    assert heard.commands == (Panic(),)


def test_a_key_whose_end_was_lost_is_let_go_after_four_bars() -> None:
    clock = SimulatedClock()
    inbox, out = Inbox(), Listener(clock)
    with Player(clock, out, [inbox], thru=out) as player:
        player.play(Plan(0, (), Transport(0, 0.0, 240)))
        inbox.put(1.0, Incoming(1.0, b"\x90\x3c\x50"))
        player.listen_until(4.9, at_once=False)
        assert player.held_pitches == {60}
        heard = player.listen_until(6, at_once=False) or Heard()
        assert [(note.time_s, note.event) for note in heard.notes] == [(5.0, NoteOff(Part.YOU, 60))]
        assert out.synth.keys == Counter({(0, 60): 1})  # what is passed on is never changed


def test_a_synth_is_left_as_loud_as_it_was() -> None:
    clock = SimulatedClock()
    out = Listener(clock)
    with Player(clock, out) as player:
        levels = (Volume(Part.MELODY, 30), Volume(Part.CHORDS, 0), Volume(Part.DRUMS, 100))
        player.play(Plan(0, tuple(Placed(0, level) for level in levels), Transport(0, 0.0, 120)))
        player.listen_until(0.1)
        inbox_before = len(out.messages)
        player.silence()
        assert not [message for message in out.messages[inbox_before:] if message[1] == 7]  # a panic changes no level
    volumes = [message for message in out.messages if message[0] & 0xF0 == CONTROL and message[1] == 7]
    channels = [part.channel for part in (Part.MELODY, Part.CHORDS, Part.DRUMS)]
    told = [control(channel, 7, level) for channel, level in zip(channels, (30, 0, 100), strict=True)]
    assert volumes == [*told, control(channels[0], 7, 100), control(channels[1], 7, 100)]


def test_a_synth_is_left_with_the_parts_own_programs_where_they_were_changed() -> None:
    clock = SimulatedClock()
    out = Listener(clock)
    with Player(clock, out) as player:
        programs = (Program(Part.MELODY, 66), Program(Part.BASS, Part.BASS.row.program), Program(Part.DRUMS, 40))
        player.play(Plan(0, tuple(Placed(0, program) for program in programs), Transport(0, 0.0, 120)))
        player.listen_until(0.1)
        told = [message for message in out.messages if message[0] & 0xF0 == PROGRAM]
        assert told == [bytes_of(program) for program in programs]
        player.silence()
        assert [message for message in out.messages if message[0] & 0xF0 == PROGRAM] == told
    left = [message for message in out.messages if message[0] & 0xF0 == PROGRAM][len(told) :]
    assert left == [bytes_of(Program(Part.MELODY, 11)), bytes_of(Program(Part.DRUMS, 0))]
