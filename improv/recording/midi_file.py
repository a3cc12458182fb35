"""Standard MIDI Files: a call read from one, a take written as one.

Positions here are the music's (beats), never seconds, so a tempo change moves nothing. It must
never touch a port.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido

from improv.errors import DataError, InputNotFound
from improv.midi.messages import bytes_of
from improv.midi.smf import Messages, Unreadable, read_messages
from improv.midi.your_notes import KeysDown
from improv.music.grid import BEATS_PER_BAR
from improv.music.notes import Event, NoteOff, NoteOn, Volume
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, Form, pitch_class
from improv.music.turns import Turn, Who
from improv.protocol.commands import Panic
from improv.protocol.controls import OWN
from improv.recording import Entry, Head, Recording, check_bounds
from improv.system.safe_files import read_file

TICKS_A_BEAT = 480
"""The resolution of the files we write."""

_MAX_DELTA = (1 << 28) - 1
"""In ticks: no longer stretch without an event can be written, three days or so of skipped choruses."""

_MAX_CALL_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class CallNote:
    """A note of a call, its start and end in beats from the start of the file."""

    start_beats: float
    end_beats: float
    pitch: int
    velocity: int


def read_call(path: Path) -> tuple[tuple[CallNote, ...], tuple[str, ...]]:
    """Return the notes of a MIDI file in order, and remarks on what was left out or reordered.

    InputNotFound or DataError if it cannot be read.
    """
    advice = "give a Standard MIDI File (.mid) with a melody"
    try:
        file = read_messages(read_file(path, _MAX_CALL_BYTES))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise DataError(f"{path}: {error.strerror}; {advice}") from error
        raise InputNotFound(f"{path}: {error.strerror}; {advice}") from error
    except Unreadable as error:
        raise DataError(f"{path}: it {error}; {advice}") from error
    notes, left_out = _paired(file)
    if not notes:
        raise DataError(f"{path}: it has no notes{' but percussion' if left_out else ''}; {advice}")
    remarks = []
    if left_out:
        remarks.append(f"{left_out} notes of the call are percussion, on channel 10, and left out")
    if file.by_frames:
        remarks.append("the call counts in film frames, not in beats: half a second is taken for a beat")
    if file.patterns > 1:
        remarks.append(f"the call has {file.patterns} patterns (a file of type 2), played one after the other")
    return tuple(sorted(notes, key=lambda note: (note.start_beats, note.pitch))), tuple(remarks)


def _paired(file: Messages) -> tuple[list[CallNote], int]:
    """Each note of a file with its end, and how many of percussion are left out; without an end it lasts to the end."""
    keys, beat = KeysDown(together=0.0), file.ticks_per_beat
    changes = [change for at, message in file.messages for change in keys.enter(message, at / beat)]
    changes += keys.release_all(file.end / beat)
    notes = [
        CallNote(change.note.begun, change.at, change.note.key[1], change.note.velocity)
        for change in changes
        if not change.begins
    ]
    return notes, keys.left_out


class Take:
    """What was played in a performance, gathered step by step, to be written as a file at its end."""

    def __init__(self, head: Head, title: str) -> None:
        self._title = title
        self._form = Form.parse(head.form, head.transport.grid)
        self._own_key = PITCH_CLASSES[pitch_class(head.key)]
        self._transport = head.transport
        self._settings = head.settings
        self._first_beat = head.first_step // head.transport.grid.steps_per_beat  # the count-in has negative beats
        self._step = head.first_step - 1  # the last one that was taken in
        self._who = Who.NEITHER
        self._last = 0
        self._meta: list[tuple[int, mido.MetaMessage]] = []
        self._events: dict[Part, list[tuple[int, Event]]] = {part: [] for part in Part}
        self._sounding: dict[tuple[Part, int], None] = {}  # in the order they began
        made_by = f"improv {head.improv}: {head.model}, seed {head.settings.seed}, sha256 {head.model_sha256}"
        self._add_meta(0, mido.MetaMessage("text", text=made_by))
        self._add_meta(0, mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4))
        self._tell_key(0)
        self._tell_tempo(0)

    def observe(self, entry: Entry) -> None:
        """Take in a step. The last step of a performance may come twice."""
        if entry.step > self._step + 1:
            self._fall_silent()
        for note in entry.heard.notes:  # those before a change were heard by what was before it
            by = entry.transport if note.time_s >= entry.transport.anchor_s else self._transport
            self._put(note.event, by.beats_at(note.time_s))
        self._change(entry)
        if Panic() in entry.heard.commands:
            self._fall_silent()
        for placed in entry.events:
            self._put(placed.event, entry.transport.beats_of_tick(placed.tick))
        if entry.step > self._step:
            self._mark(entry.step, entry.turn, entry.top)
            self._step = entry.step
        self._at(self._end_beats)

    def lost(self, text: str) -> None:
        """Mark a gap after the last step that was taken in."""
        self._fall_silent()
        self._add_meta(self._at(self._end_beats), mido.MetaMessage("marker", text=text))

    def write(self, path: Path) -> None:
        """Write a type 1 MIDI file: tempo and markers, then a track for each part, all of one length."""
        parts = {part: self._messages(part, events) for part, events in self._events.items() if events}
        last = max([self._last, *(at for messages in parts.values() for at, _ in messages)])
        midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT, charset="utf-8")
        midi.tracks.append(_track(self._title, self._meta, last))
        for part, messages in parts.items():
            midi.tracks.append(_track(str(part).capitalize(), messages, last))
        try:
            midi.save(path)
        except OSError as error:
            raise InputNotFound(f"{path}: {error.strerror}; choose another file to write to") from error

    @property
    def _end_beats(self) -> float:
        """Where the last step ends."""
        return self._transport.beats_of_tick((self._step + 1) * self._transport.grid.ticks_per_step)

    def _at(self, beats: float) -> int:
        position = max(0, round((beats - self._first_beat) * TICKS_A_BEAT))
        self._last = max(self._last, position)
        return position

    def _put(self, event: Event, beats: float) -> None:
        self._events[event.part].append((self._at(beats), event))
        if isinstance(event, Volume):
            return
        self._sounding.pop((event.part, event.pitch), None)
        if isinstance(event, NoteOn):
            self._sounding[event.part, event.pitch] = None

    def _fall_silent(self) -> None:
        """End what sounds with the last step: how long it went on after it is not known."""
        for part, pitch in list(self._sounding):
            self._put(NoteOff(part, pitch), self._end_beats)

    def _add_meta(self, at: int, message: mido.MetaMessage) -> None:
        self._meta.append((at, message))

    def _tell_key(self, at: int) -> None:
        key = self._own_key if self._settings.key == OWN else self._settings.key
        self._add_meta(at, mido.MetaMessage("key_signature", key=key))

    def _tell_tempo(self, at: int) -> None:
        self._add_meta(at, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(self._transport.bpm)))

    def _change(self, entry: Entry) -> None:
        """Tempo and key, where the entry has others."""
        before, self._transport = self._transport, entry.transport
        if entry.transport.bpm != before.bpm:
            # Where it was changed; what comes late, not before what has come already.
            step = min(max(entry.transport.anchor_step, self._step + 1), entry.step)
            self._tell_tempo(self._at(entry.transport.beats_of_tick(step * entry.transport.grid.ticks_per_step)))
        settings, self._settings = self._settings, entry.settings
        if entry.settings.key != settings.key:
            self._tell_key(self._at(entry.step / entry.transport.grid.steps_per_beat))

    def _mark(self, step: int, turn: Turn, top: int) -> None:
        """A marker where a chorus or a turn begins."""
        place, starts = step - top, []
        if place >= 0 and place % self._form.steps == 0:
            starts.append(f"Chorus {place // self._form.steps + 1}")
        if turn.who != Who.NEITHER and (turn.start == step or turn.who != self._who):
            starts.append(str(turn.who))
        self._who = turn.who
        if starts:
            self._add_meta(
                self._at(step / self._transport.grid.steps_per_beat),
                mido.MetaMessage("marker", text=" - ".join(starts)),
            )

    def _messages(self, part: Part, events: list[tuple[int, Event]]) -> list[tuple[int, mido.Message]]:
        """The part's notes with every onset ended, by the end of the file at the latest."""
        messages = []
        if part.row.program is not None:
            messages.append((0, mido.Message("program_change", channel=part.channel, program=part.row.program)))
        begun: dict[int, int] = {}
        for at, event in events:  # in the order they were sent or arrived
            if isinstance(event, Volume):
                messages.append((at, _message(event)))
                continue
            earliest = at
            if event.pitch in begun:  # its end, or the end that a second onset brings; never where it began
                earliest = max(at, begun.pop(event.pitch) + 1)
                messages.append((earliest, _message(NoteOff(part, event.pitch))))
            if isinstance(event, NoteOn):
                begun[event.pitch] = earliest
                messages.append((earliest, _message(event)))
        messages += [(max(self._last, at + 1), _message(NoteOff(part, pitch))) for pitch, at in sorted(begun.items())]
        return messages


def export(recording: Recording, path: Path) -> None:
    """Write a recording as a MIDI file, as far as it could be recovered.

    InputNotFound if the file cannot be written, DataError for a take that is inconsistent.
    """
    check_bounds(recording)
    head = recording.head
    take = Take(head, f"improv: {head.model}, seed {head.settings.seed}")
    missing = [(index, lost) for index, lost in recording.losses if lost.count]
    for index, entry in enumerate(recording.entries):
        while missing and missing[0][0] <= index:
            take.lost(missing.pop(0)[1].text)
        take.observe(entry)
    take.write(path)


def _message(event: Event) -> mido.Message:
    return mido.Message.from_bytes(bytes_of(event))


def _track(name: str, messages: Sequence[tuple[int, mido.Message | mido.MetaMessage]], last: int) -> mido.MidiTrack:
    """A named track from messages at absolute positions."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    ordered = sorted(messages, key=lambda item: item[0])
    now = 0
    for at, message in [*ordered, (last, mido.MetaMessage("end_of_track"))]:
        while at - now > _MAX_DELTA:
            track.append(mido.MetaMessage("text", text="", time=_MAX_DELTA))
            now += _MAX_DELTA
        message.time = at - now  # a copy of each would take longer than all the rest
        track.append(message)
        now = at
    return track
