"""The lines of a take: what each holds, as values and as checksummed JSON.

Floats come back exactly, and what is not as it should be is a DataError, never a guess. It must
never touch a file.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, assert_never

from improv.dataclass import dataclass
from improv.errors import DataError
from improv.music.notes import Placed
from improv.music.parts import Part
from improv.music.theory import Form, pitch_class
from improv.music.transport import Transport
from improv.music.turns import Turn
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import (
    Inlined,
    JsonName,
    as_data_error,
    from_fields,
    from_json,
    json_fields,
    json_text,
    parse_object,
    to_json,
)
from improv.protocol.snapshot import ByRule, How
from improv.recording.event_json import command_of, event_of, plain_event, plain_note, tick_of, timed_of

FORMAT = 3
"""The version of the file that is written."""

READABLE = (2, 3)
"""The versions that are read; 2 has no marks of what is missing. A file of another one is refused."""

RESTATED_STEPS = 128
"""Every so many steps an entry states everything, so that the tail of a file can be read alone."""


@dataclass(frozen=True, slots=True)
class BandModel:
    """A network that plays a part of the band: its name, and the hash of its file."""

    part: Part
    model: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is needed to begin the same session again."""

    improv: str
    """The version that made it."""
    began: str
    """ISO 8601, UTC."""
    model: str
    model_sha256: str
    provider: str = "cpu"
    """What ran the network: another one may round differently."""
    settings: Settings
    transport: Transport
    count_in_bars: int
    choruses: Annotated[int | None, JsonName("choruses", sparse=True)] = None
    """How many choruses there are to be; None where that is not known."""
    form: str
    """Bars as in `ModelSpec.form`, in the model's key."""
    key: str
    """The model's own."""
    band: Annotated[tuple[BandModel, ...], JsonName("band", sparse=True)] = ()
    """The networks of other parts."""
    band_rules: Annotated[str, JsonName("band_rules", sparse=True)] = ""
    """`BAND_RULES` of the band that played; empty in takes that were made before it was told."""
    continues: str = ""
    """The name of the take that this one continues, if it begins in the middle of a performance."""
    from_step: int = 0
    """The step it begins with, if it continues another one."""

    def to_json(self) -> str:
        """Return the head as one line of JSON, the format's version first."""
        return json_text({"format": FORMAT, **to_json(self)})

    @classmethod
    def from_json(cls, text: str) -> "Head":
        """Return the head in a line of JSON; DataError says what is wrong with it."""
        with as_data_error("its head"):
            raw = parse_object(text)
            version = raw.pop("format", None)
            if version not in READABLE:
                raise ValueError(f"its format is {version!r}, this improv reads {' and '.join(map(str, READABLE))}")
            head: Head = from_json(cls, raw)
            _check_transport(head.transport)
            datetime.fromisoformat(head.began)
            Form.parse(head.form, head.transport.grid)
            pitch_class(head.key)
            return head

    @property
    def first_step(self) -> int:
        """The step the take begins with: 0, negative in a count-in, later if it continues another take."""
        return self.from_step if self.continues else -self.count_in_bars * self.transport.grid.steps_per_bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step as it was decided and played.

    The step a performance ends in may be recorded twice, the second time with what ended it.
    """

    step: int
    how: How
    heard: Inlined[Heard] = field(default=Heard())
    """What arrived for the step; written as `notes` and `commands`."""
    events: tuple[Placed, ...] = ()
    """What was handed to the player."""
    transport: Transport
    """The one these ticks are played by."""
    settings: Settings
    """As they are in this step."""
    turn: Turn
    top: int = 0
    """The step of the top of the form."""
    model: str = ""
    """The network that decides from this step on, where it is another one than before."""
    model_sha256: str = ""
    skipped_choruses: Annotated[int, JsonName("leapt")] = 0
    """Whole choruses left out before this step, after a long gap."""
    fault: str = ""
    chord: str = ""
    """The symbol of the chord that sounds."""
    by_rule: tuple[ByRule, ...] = ()
    """The parts of the band that were played by rule because their networks failed or were late."""
    draft: int = 0
    """The number of the draft that is played from this step on; 0 where none was chosen for it."""
    late_drafts: bool = False
    """Whether drafts were to be played from this step on, and came too late."""
    lost: int = field(default=0, compare=False)
    """How many steps before this one are missing in the take, where the entry states everything."""

    def to_json(self, before: "Head | Entry | None" = None) -> str:
        """Return the entry as one line of JSON.

        Transport, settings and turn are left out where `before` has the same.
        """
        line: dict[str, Any] = {"step": self.step, "how": self.how}
        if before is None or before.transport != self.transport:
            line["transport"] = to_json(self.transport)
        if before is None or before.settings != self.settings:
            line["settings"] = to_json(self.settings)
        if not isinstance(before, Entry) or before.turn != self.turn:
            line["turn"] = to_json(self.turn)
        line["top"] = self.top
        line["notes"] = [plain_note(timed) for timed in self.heard.notes]
        line["commands"] = [{type(command).__name__: to_json(command)} for command in self.heard.commands]
        line["events"] = [[placed.tick, *plain_event(placed.event)] for placed in self.events]
        line |= {"leapt": self.skipped_choruses, "fault": self.fault, "chord": self.chord}
        line |= {
            "by_rule": to_json(self.by_rule),
            "model": self.model,
            "model_sha256": self.model_sha256,
            "draft": self.draft,
            "late_drafts": self.late_drafts,
            "lost": self.lost,
        }
        return json_text({name: value for name, value in line.items() if name == "step" or value})

    @classmethod
    def from_json(cls, text: str, before: "Head | Entry | None" = None) -> "Entry":
        """Return the entry in a line of JSON, with `before` for the fields left out; DataError if it is invalid."""
        with as_data_error("an entry"):
            return _entry(parse_object(text), before)


@dataclass(frozen=True, slots=True)
class Remark:
    """Free text about a step, such as a port that has gone."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A mark where something is missing: steps before the next entry, or other things where `count` is 0."""

    step: int
    """The last step before the mark."""
    count: int
    """How many entries are missing."""
    why: str

    @property
    def text(self) -> str:
        """The number of missing entries, and why they are missing."""
        return f"{counted(self.count)} missing here: {self.why}" if self.count else self.why


@dataclass(frozen=True, slots=True)
class State:
    """The whole session at a step, from which a take is decided again although steps before it are missing."""

    step: int
    session: str
    """As JSON: see `improv.recording.replay`."""
    model: str
    model_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A take as it was read."""

    head: Head
    entries: tuple[Entry, ...]
    remarks: tuple[Remark, ...]
    ended: str | None
    """Why it ended; None if it never came to that."""
    damage: str
    """What was left out and why; empty if the file is whole."""
    losses: tuple[tuple[int, Lost], ...] = ()
    """The marks of what is missing, each after how many entries."""
    states: tuple[tuple[int, State], ...] = ()
    """Sessions to go on from, each after how many entries."""

    @property
    def lost(self) -> int:
        """Number of entries missing in the whole take."""
        return sum(lost.count for _, lost in self.losses)

    @property
    def missing(self) -> list[str]:
        """A line for each gap in the take: what is missing, and why."""
        lines = [f"step {lost.step + 1}: {lost.text}" for _, lost in self.losses]
        return [*lines, self.damage] if self.damage else lines

    @property
    def recovered(self) -> bool:
        """True if the take was not ended: it is still being recorded, or the jam crashed."""
        return self.ended is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A take in a list, read from the beginning and the end of its file alone."""

    name: str
    path: Path
    size_bytes: int = 0
    began: str = ""
    model: str = ""
    length_s: float = 0.0
    choruses: int = 0
    """How many were begun."""
    ended: str | None = None
    """Why it ended; None if it never came to that."""
    lost: int = 0
    """How many entries are missing, as far as the end of the file says."""
    stopped: str = ""
    """Why nothing more could be written, where the file ends with that."""
    wrong: str = ""
    """Why it cannot be read; then nothing is known but name and size."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a performance that ended in order, and why."""

    reason: str
    lost: int = 0
    """How many entries are missing in all."""


Line = Entry | Remark | Lost | State | End
"""What a line of a take after its head holds."""


def counted(steps: int) -> str:
    """Return a number of steps with its verb: `1 step is`, `8 steps are`."""
    return f"{steps} step{'s are' if steps != 1 else ' is'}"


# --- JSON -----------------------------------------------------------------------------------------


def _entry(raw: Mapping[str, Any], before: Head | Entry | None) -> Entry:
    hints, needed = json_fields(Entry)
    if unknown := sorted(raw.keys() - hints.keys()):
        raise ValueError(f"a step has no {', '.join(unknown)}")
    entry: dict[str, Any] = {} if before is None else {"transport": before.transport, "settings": before.settings}
    if isinstance(before, Entry):
        entry["turn"] = before.turn
    for name, item in raw.items():
        entry[name] = _READERS[name](item) if name in _READERS else from_json(hints[name], item)
    if missing := sorted(needed - entry.keys()):
        raise ValueError(f"a step lacks {', '.join(missing)}")
    made: Entry = from_fields(Entry, entry)
    return made


def _transport(raw: Any) -> Transport:
    return _check_transport(from_json(Transport, raw))


def _check_transport(transport: Transport) -> Transport:
    """Return the transport, if it can measure time; ValueError if not."""
    if not (transport.bpm > 0 and 0 < transport.swing < 1):
        raise ValueError(f"no time passes at {transport.bpm:g} bpm and a swing of {transport.swing:g}")
    return transport


_READERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "notes": lambda items: tuple(timed_of(item) for item in items),
        "events": lambda items: tuple(Placed(tick_of(at), event_of(event)) for at, *event in items),
        "commands": lambda items: tuple(command_of(item) for item in items),
        "transport": _transport,
    }
)
"""How the fields of an entry are read that are written shorter than their types."""


# --- lines ----------------------------------------------------------------------------------------


def checked_line(text: str) -> bytes:
    """Return a line with its CRC-32 in front, as eight hexadecimal digits."""
    content = text.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(content), content)


def encoded_line(line: Line, before: Head | Entry) -> tuple[Line, bytes]:
    """Return a line and its bytes in the file; a value without JSON becomes a mark, so that the take goes on."""
    match line:
        case Entry():
            try:
                return line, checked_line(line.to_json(None if line.step % RESTATED_STEPS == 0 else before))
            except Exception as error:  # a value that is no such value, from wherever
                why = f"it could not be written ({type(error).__name__}: {error})"
                return encoded_line(Lost(line.step, 1, why), before)
        case Remark(step, text):
            return line, _remark_line(step, text)
        case Lost(step, count, why):
            return line, checked_line(json_text({"lost": count, "step": step, "why": why}))
        case State(step, session, model, sha256):
            named = json_text({"step": step, "model": model, "model_sha256": sha256})
            return line, checked_line(f'{named[:-1]},"session":{session}}}')
        case End(reason, lost):
            return line, checked_line(json_text({"end": reason} | ({"lost": lost} if lost else {})))
        case _:
            assert_never(line)


def _remark_line(step: int, text: str) -> bytes:
    return checked_line(json_text({"remark": text, "step": step}))


def checked_text(line: bytes) -> str:
    """Return the text of a whole line; DataError if its CRC-32 does not match."""
    checksum, space, content = line[:8], line[8:9], line[9:]
    if space != b" " or checksum != b"%08x" % zlib.crc32(content):
        raise DataError("its checksum is wrong")
    return content.decode("utf-8", "replace")


def parsed_line(line: bytes, before: Head | Entry) -> Line:
    """Return the value in a line after the head; DataError if it is invalid."""
    text = checked_text(line)
    with as_data_error("a line"):
        match parse_object(text):
            case {"remark": str(remark), "step": int(step)}:
                return Remark(step, remark)
            case {"lost": int(count), "step": int(step), "why": str(why)}:
                return Lost(step, _natural(count), why)
            case {"session": dict(session), "step": int(step), "model": str(model), "model_sha256": str(sha256)}:
                return State(step, json_text(session), model, sha256)
            case {"end": str(reason), **more}:
                return End(reason, _natural(more.get("lost", 0)))
            case raw:
                return _entry(raw, before)


def _natural(raw: Any) -> int:
    count: int = from_json(int, raw)
    if count < 0:
        raise ValueError(f"{count} is no count")
    return count
