"""The steps of a performance made into one value: as they are played, or as a take has them."""

from improv.export.performance import Chorus, Gap, Key, Mark, Marker, Performance, Tempo
from improv.music.grid import BEATS_PER_BAR
from improv.music.notes import Event, NoteOff, NoteOn
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, Form, pitch_class, shortest_way
from improv.music.turns import Turn, Who
from improv.protocol.commands import Panic
from improv.protocol.controls import OWN
from improv.recording import Entry, Head, Recording, check_bounds


class Collector:
    """Takes in the entries of a performance that began with `head`, in order, and makes one value of them."""

    def __init__(self, head: Head, title: str = "") -> None:
        self._head = head
        self._title = title or f"improv: {head.model}, seed {head.settings.seed}"
        self._form = Form.parse(head.form, head.transport.grid)
        self._own_key = PITCH_CLASSES[pitch_class(head.key)]
        self._transport = head.transport
        self._settings = head.settings
        self._first_beat = head.first_step // head.transport.grid.steps_per_beat  # the count-in has negative beats
        self._step = head.first_step - 1  # the last one that was taken in
        self._end = 0.0
        self._who = Who.NEITHER
        self._marks: list[tuple[float, Mark]] = []
        self._events: dict[Part, list[tuple[float, Event]]] = {part: [] for part in Part}
        self._sounding: dict[tuple[Part, int], None] = {}  # in the order they began
        self._chords: list[tuple[float, str]] = []
        self._turns: list[tuple[float, Who]] = []
        self._choruses: list[Chorus] = []
        self._skips: list[tuple[float, float]] = []
        self._marks += [(0.0, self._key()), (0.0, Tempo(self._transport.bpm))]

    def observe(self, entry: Entry) -> None:
        """Take in a step. The last step of a performance may come twice."""
        if entry.step > self._step + 1:
            self._fall_silent()
            self._skip(entry.step - self._step - 1)
        for note in entry.heard.notes:  # those before a change were heard by what was before it
            by = entry.transport if note.time_s >= entry.transport.anchor_s else self._transport
            self._put(note.event, by.beats_at(note.time_s))
        self._change(entry)
        if Panic() in entry.heard.commands:
            self._fall_silent()
        for placed in entry.events:
            self._put(placed.event, entry.transport.beats_of_tick(placed.tick))
        if entry.step > self._step:
            self._begin(entry)
            self._step = entry.step
        elif any(isinstance(placed.event, NoteOn) for placed in entry.events):
            self._end_on_tonic()
        self._at(self._end_of_step)

    def lost(self, text: str) -> None:
        """Mark a gap after the last step that was taken in."""
        self._fall_silent()
        self._marks.append((self._at(self._end_of_step), Gap(text)))

    def performance(self) -> Performance:
        """Return what was taken in so far."""
        head = self._head
        made_with = f"improv {head.improv}: {head.model}, seed {head.settings.seed}, sha256 {head.model_sha256}"
        return Performance(
            title=self._title,
            made_with=made_with,
            model=head.model,
            settings=head.settings,
            transport=head.transport,
            form_beats=self._form.steps // head.transport.grid.steps_per_beat,
            count_in_beats=0 if head.continues else head.count_in_bars * BEATS_PER_BAR,
            beats=self._end,
            events={part: tuple(events) for part, events in self._events.items() if events},
            marks=tuple(self._marks),
            chords=tuple(self._chords),
            turns=tuple(self._turns),
            choruses=tuple(self._choruses),
            skips=tuple(self._skips),
        )

    @property
    def _end_of_step(self) -> float:
        """Where the last step ends, in the performance's own beats."""
        return self._transport.beats_of_tick((self._step + 1) * self._transport.grid.ticks_per_step)

    def _at(self, beats: float) -> float:
        """Return a place in beats from the start; the performance lasts at least so long."""
        position = max(0.0, beats - self._first_beat)
        self._end = max(self._end, position)
        return position

    def _put(self, event: Event, beats: float) -> None:
        self._events[event.part].append((self._at(beats), event))
        if isinstance(event, NoteOn | NoteOff):
            self._sounding.pop((event.part, event.pitch), None)
        if isinstance(event, NoteOn):
            self._sounding[event.part, event.pitch] = None

    def _fall_silent(self) -> None:
        """End what sounds with the last step: how long it went on after it is not known."""
        for part, pitch in list(self._sounding):
            self._put(NoteOff(part, pitch), self._end_of_step)

    def _skip(self, steps: int) -> None:
        """Note the whole choruses in a stretch of steps of which nothing is known."""
        form, steps_per_beat = self._form.steps, self._transport.grid.steps_per_beat
        if whole := steps // form * form:
            self._skips.append((self._at(self._end_of_step), whole / steps_per_beat))

    def _key(self) -> Key:
        return Key(self._own_key if self._settings.key == OWN else self._settings.key)

    def _change(self, entry: Entry) -> None:
        """Tempo and key, where the entry has others."""
        before, self._transport = self._transport, entry.transport
        if entry.transport.bpm != before.bpm:
            # Where it was changed; what comes late, not before what has come already.
            step = min(max(entry.transport.anchor_step, self._step + 1), entry.step)
            at = self._at(entry.transport.beats_of_tick(step * entry.transport.grid.ticks_per_step))
            self._marks.append((at, Tempo(entry.transport.bpm)))
        settings, self._settings = self._settings, entry.settings
        if entry.settings.key != settings.key:
            self._marks.append((self._at(entry.step / entry.transport.grid.steps_per_beat), self._key()))

    def _begin(self, entry: Entry) -> None:
        """Note what begins with a step: a chord, a turn, a chorus; and mark chorus and turn."""
        beats = entry.step / self._transport.grid.steps_per_beat
        chorus, place = divmod(entry.step - entry.top, self._form.steps)
        starts = []
        if chorus >= 0 and (place == 0 or not self._choruses):
            begins = beats - self._first_beat - place / self._transport.grid.steps_per_beat
            self._choruses.append(Chorus(begins, chorus + 1))
        if chorus >= 0 and place == 0:
            starts.append(f"Chorus {chorus + 1}")
        if self._turn_begins(entry.turn, entry.step):
            starts.append(str(entry.turn.who))
        if not self._turns or self._turns[-1][1] != entry.turn.who:
            self._turns.append((self._at(beats), entry.turn.who))
        if entry.chord != (self._chords[-1][1] if self._chords else ""):
            self._chords.append((self._at(beats), entry.chord))
        if starts:
            self._marks.append((self._at(beats), Marker(" - ".join(starts))))

    def _end_on_tonic(self) -> None:
        """Note the ending that follows the last step: its chord, and a marker."""
        key = self._own_key if self._settings.key == OWN else self._settings.key
        at = self._at(self._end_of_step)
        self._chords.append((at, self._form.chord_at(0).transposed(shortest_way(self._own_key, key)).symbol))
        self._marks.append((at, Marker("Ending")))

    def _turn_begins(self, turn: Turn, step: int) -> bool:
        """Return whether a turn of a player begins with a step."""
        before, self._who = self._who, turn.who
        return turn.who != Who.NEITHER and (turn.start == step or turn.who != before)


def performance_of(recording: Recording) -> Performance:
    """Return the performance in a take, as far as it could be recovered; DataError if the take is inconsistent."""
    check_bounds(recording)
    collector = Collector(recording.head)
    missing = [(index, lost) for index, lost in recording.losses if lost.count]
    for index, entry in enumerate(recording.entries):
        while missing and missing[0][0] <= index:
            collector.lost(missing.pop(0)[1].text)
        collector.observe(entry)
    return collector.performance()
