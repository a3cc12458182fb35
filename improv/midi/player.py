"""The player: sends each event at its deadline, takes in what arrives, ends whatever it began.

Deadlines are absolute. What is late is skipped and counted, never sent in a burst; an end of a
note is always sent. It must never decide what to play, and never wait for anything but the clock.
"""

from collections.abc import Callable, Iterable, Sequence
from math import inf
from types import TracebackType
from typing import Self

from improv.midi.controller_filter import ControllerFilter, ControllerMoves, PassOn
from improv.midi.gaps import GapDetector
from improv.midi.loop_detector import LoopDetector
from improv.midi.messages import ALL_SOUND_OFF, NOTE_ON, bytes_of, is_mode, silencing
from improv.midi.note_ledger import Ledger
from improv.midi.onset_times import OnsetTimes
from improv.midi.parser import Gone, Incoming
from improv.midi.passthrough import Passthrough
from improv.midi.schedule import Schedule
from improv.midi.shared_notes import SharedNotes
from improv.midi.sound import Delayed, NoSound, SoundSink, as_yours
from improv.midi.sources import Arrival, Sink, Source
from improv.midi.your_notes import YourNotes
from improv.music.clock import Clock
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import MIXED_PARTS, Part
from improv.music.plan import Plan
from improv.protocol.commands import Command, Panic, Press, Quit
from improv.protocol.heard import Heard

_OUR_CHANNELS = tuple(part.channel for part in MIXED_PARTS)

_ONE_PANIC_S = 0.5
"""A demand for silence that comes so soon after one was met, while nothing sounds, may be our own come back."""


class Player:
    """Sends what is planned at its deadlines, and gathers what arrives until `heard` is called.

    A context: however it is left, everything that sounds is ended. `thru` is where what arrives is
    passed on, byte for byte; None if it is not. While `stalled` says so, what is sent would lie there and
    come late: then nothing begins. `sound` is handed everything as it falls due; where it sounds, MIDI is sent by its
    delay later, and what was played is heard by as much earlier: a player plays to what they hear.
    """

    independent = False

    def __init__(
        self,
        clock: Clock,
        sink: Sink,
        sources: Sequence[Source] = (),
        *,
        thru: Sink | None = None,
        passes_on: bool = True,
        stalled: Callable[[], bool] = bool,
        notes: SharedNotes | None = None,
        sound: SoundSink | None = None,
    ) -> None:
        self.clock = clock
        self.onsets = OnsetTimes()
        self.schedule = Schedule()
        self.gaps = GapDetector(clock)
        self.loop_detector = LoopDetector()
        notes = notes or SharedNotes(None)
        self.ledger = Ledger(notes.marker(0))
        """What we have begun."""
        self.sound: SoundSink = sound or NoSound()
        self.passthrough = Passthrough(sink, thru, notes.marker(1), on=passes_on, heard_on=self._sound_yours)
        self.controllers = ControllerMoves()
        """What was moved at a controller: for the daemon to understand."""
        self._sink = sink
        self._delayed = Delayed()
        self._stalled = stalled
        self._sources = list(sources)
        self._yours = YourNotes()
        self._silenced_s = -inf
        self._stopped = False
        self._notes: list[Timed] = []
        self._commands: list[Command] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave_output()

    def leave_output(self) -> None:
        """Silence all channels, and reset the volumes and programs that were changed."""
        self.silence()
        self._send(self._sink, self.ledger.own_sounds())

    def output_has_moved(self, thru: Sink | None) -> None:
        """Note that the output leads to another port; `thru` is the sink of MIDI thru from now on."""
        self._commands.append(Panic())  # the engine has to know
        self.passthrough.move_to(thru)

    def play(self, plan: Plan) -> None:
        """Take in a plan, which replaces earlier plans for the same steps; notes struck in those end at once."""
        ends = [bytes_of(end) for end in self.schedule.add(plan)]
        if ends and self._is_delayed:
            self._hand_over(ends, self.clock.now())
        for end in ends if not self._is_delayed else ():
            self._send(self._sink, self._entered(end))

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard | None:
        """Play until the deadline, or until something arrives; return what arrived, None once told to quit."""
        while not self._stopped:
            now_s = self.clock.now()
            if self.gaps.has_passed(now_s):
                self._skip_to(now_s)
            if not self._take_in(now_s):
                break
            if at_once and (self._notes or self._commands or self.controllers):
                break
            due_s = self.next_due_s()
            if due_s > deadline_s and now_s >= deadline_s:
                break
            polled_s = min([source.next_poll_s(now_s) for source in self._sources], default=inf)
            polled_s = min(polled_s, self._yours.next_stale_s(self._beat_s))
            wake_s = min(polled_s, deadline_s, due_s - self.clock.spin_s)
            if now_s < wake_s:
                self.gaps.will_wait_until(wake_s)
                self.clock.wait_until(wake_s, exactly=False)
            elif due_s <= min(deadline_s, now_s + self.clock.spin_s):
                self._send_due(due_s)
            else:
                self.clock.wait_until(min(polled_s, deadline_s), exactly=False)
        return None if self._stopped else self.heard()

    def heard(self) -> Heard:
        """Return the notes and commands that have arrived since the last call."""
        delay_s = self.sound.delay_s
        notes = self._notes if not delay_s else [Timed(note.time_s - delay_s, note.event) for note in self._notes]
        heard = Heard(tuple(notes), tuple(self._commands))
        self._notes, self._commands = [], []
        return heard

    def next_due_s(self) -> float:
        """Return when the next event is to be sent, in seconds of the clock; infinity if none is pending."""
        return min(self.schedule.next_due_s(), self._delayed.next_s())

    @property
    def held_pitches(self) -> frozenset[int]:
        """The pitches of the keys that the player holds down."""
        return self._yours.down

    def silence(self) -> None:
        """End every note and pedal, drop pending events, and silence all channels."""
        self.schedule.clear()
        self._delayed.clear()
        self.sound.cut()
        thru = self.passthrough
        for ledger, sink, used in ((self.ledger, self._sink, _OUR_CHANNELS), (thru.ledger, thru.sink, ())):
            if sink is not None:
                channels = sorted(ledger.channels.union(used))
                self._send(sink, [*silencing(channels), *ledger.ends()])  # the quickest first
            ledger.clear()
        self._silenced_s = self.clock.now()

    def release_held_keys(self, now_s: float) -> None:
        """Release the keys that are held down, as heard and as passed on."""
        self._notes += self._yours.release_all(now_s)
        self.passthrough.release()

    # --- what arrives ---------------------------------------------------------------------------

    def _take_in(self, now_s: float) -> bool:
        """Poll every source; return False once one of them has said stop."""
        for source in self._sources:
            for arrival in source.poll(now_s):
                self._arrived(arrival, now_s)
        self._notes += self._yours.release_stale(now_s, self._beat_s)
        return not self._stopped

    @property
    def _beat_s(self) -> float:
        return 60 / self.schedule.transport.bpm

    def _arrived(self, arrival: Arrival, now_s: float) -> None:
        match arrival:
            case Plan():
                self.play(arrival)
            case Incoming(time_s, message):
                self._message(message, time_s)
            case Timed(time_s, event, tick):
                notes = self._yours.scripted(event, time_s)
                self._notes += [Timed(note.time_s, note.event, tick) for note in notes]
            case Gone(engine=True):
                self.schedule.outlive_engine()
            case Gone(time_s):
                self.release_held_keys(time_s)
            case Panic():
                self.silence()
                self._notes += self._yours.release_all(now_s)
                self._commands.append(arrival)
            case Quit():
                self._stopped = True
            case PassOn(on):
                self.passthrough.turn(on=on)
            case ControllerFilter():
                self.controllers.filter = arrival
                self.passthrough.release_filtered(arrival)
            case Press():
                self._press(arrival, now_s)
            case _:
                self._commands.append(arrival)

    def _press(self, press: Press, now_s: float) -> None:
        """Take in a key of an instrument without MIDI, and so without a sound: it is heard, and sounds as yours."""
        sounds = self.ledger.sounds(Part.YOU.channel, press.pitch)
        off, on = NoteOff(Part.YOU, press.pitch), NoteOn(Part.YOU, press.pitch, press.velocity)
        if sounds:
            self._send(self._sink, self._entered(bytes_of(off)))
        if press.velocity:
            self._send(self._sink, self._entered(bytes_of(on)))
        self.sound.sound([bytes_of(off), *([bytes_of(on)] if press.velocity else [])], None)
        self._notes += self._yours.computer_key(on if press.velocity else off, now_s)

    def _message(self, message: bytes, time_s: float) -> None:
        """Take in a message from the keyboard: passed on at once, then heard, unless it is our own come back."""
        loops, thru = self.loop_detector.found, self.passthrough
        down = len(message) > 2 and thru.ledger.sounds(message[0] & 0x0F, message[1])
        if self.loop_detector.is_ours(message, time_s, down=down):
            if self.loop_detector.found > loops:
                self.release_held_keys(time_s)
            return
        if self.controllers.enter(message, time_s):
            return
        sounds = not (self.ledger.empty and thru.ledger.empty)
        if is_mode(message, ALL_SOUND_OFF) and (sounds or time_s > self._silenced_s + _ONE_PANIC_S):
            self._arrived(Panic(), time_s)
        if thru.sink is not None and not self.loop_detector.in_loop(time_s):
            if thru.claims_channels(message):
                self._restart_elsewhere()
            thru.send(message)
            self.loop_detector.sent(message, time_s, passed=True)
        self._notes += self._yours.message(message, time_s)

    # --- what leaves ----------------------------------------------------------------------------

    def _send_due(self, due_s: float) -> None:
        """Send what is next at its time; nothing but sending is left to do then.

        Where improv sounds by itself, what falls due is handed over, and sent later.
        """
        late = self.clock.now() - due_s > self.schedule.transport.step_s / 2 or self._stalled()
        if self._delayed.next_s() <= due_s:
            kept = self._delayed.take_next(lambda message: not (late and _begins(message)))
        else:
            sent = [bytes_of(event) for event in self.schedule.take_next(late=late)]
            if self._is_delayed:
                self._hand_over(sent, due_s)
                return
            kept = sent
        messages = [message for event in kept for message in self._entered(event)]
        self.clock.wait_until(due_s, exactly=True)
        for message in messages:
            sent_s = self.clock.now()
            self._sink.send(message)
            if message[0] & 0xF0 == NOTE_ON:
                self.onsets.add(due_s, sent_s)
        for message in messages:
            self.loop_detector.sent(message, self.clock.now())

    @property
    def _is_delayed(self) -> bool:
        return self.sound.delay_s > 0 or bool(self._delayed)

    def _hand_over(self, messages: Sequence[bytes], due_s: float) -> None:
        """Have messages sounded, and sent by the sound's delay after they are due."""
        if messages:
            self.sound.sound(messages, due_s)
            self._delayed.put(messages, due_s, self.sound.delay_s)

    def _sound_yours(self, message: bytes) -> None:
        """Sound a message of your keyboard that is passed on."""
        if (yours := as_yours(message)) is not None:
            self.sound.sound([yours], None)

    def _entered(self, message: bytes) -> list[bytes]:
        """Return a message of ours as it is to be sent, if it is.

        It is in the ledger already, so that a send that fails half-way is ended too.
        """
        moved = self.passthrough.move_off_zones(message)
        if moved is None:
            return []
        self.ledger.enter(moved)
        return [moved]

    def _send(self, sink: Sink, messages: Iterable[bytes]) -> None:
        """Send messages now, at no deadline."""
        for message in messages:
            sink.send(message)
            self.loop_detector.sent(message, self.clock.now())

    def _skip_to(self, now_s: float) -> None:
        """After a gap catch nothing up: fall silent, and drop what was pending."""
        self.schedule.skip_to(now_s)
        self.silence()
        self._commands.append(Panic())  # the engine has to know

    def _restart_elsewhere(self) -> None:
        """End what we have begun and have it planned again, on the channels that an MPE zone has left."""
        self.schedule.clear()
        self._delayed.clear()
        self.sound.cut()
        self._send(self._sink, self.ledger.ends())
        self.ledger.clear()
        self._commands.append(Panic())


def _begins(message: bytes) -> bool:
    return message[0] & 0xF0 == NOTE_ON and message[2] > 0
