"""The prompt: what to do now, in a sentence short enough for every screen. Pure."""

from math import ceil

from improv.music.turns import Mode, Who
from improv.protocol.commands import TRIGGERS
from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import BY_ACTION, key_label


def prompts(seen: Snapshot) -> tuple[str, ...]:
    """Return what the player should do now, in several lengths, the longest first."""
    if target := seen.system.learning:
        return _to_learn(target)
    if not seen.playing:
        return (f"{key_label(BY_ACTION['start_stop'].keys[0]).capitalize()} starts",)
    match seen.turn.who, seen.settings.mode:
        case Who.NEITHER, mode:
            return _counted_in(seen, mode)
        case Who.YOU, Mode.LISTEN:
            return "Play: it lays the chords under you, and listens", "Play: it listens"
        case Who.YOU, _ if seen.turn.end is None:
            return (
                "Play on: it answers when you pause" if seen.system.midi.keys else "Play: it answers when you pause",
            )
        case Who.YOU, Mode.TRADE:
            return (_your_bars(seen),)
        case Who.YOU, _:
            return ("Your turn: play",)
        case Who.IMPROV, Mode.SOLO:
            return ("It plays alone: listen",)
        case Who.IMPROV, _:
            return ("It answers; play in to take the turn",)
        case _:
            return ("You both play: join in",)


def _to_learn(target: str) -> tuple[str, ...]:
    leave = f" ({key_label(BY_ACTION['close'].everywhere[0])}: none)"
    is_pressed = target in TRIGGERS or target == "tap"
    what, verb = ("key or pedal", "press the") if is_pressed else ("knob", "move the")
    whole = f"{verb.capitalize()} {what} that shall {'do' if is_pressed else 'turn'} {target}"
    return whole + leave, whole, f"{verb.partition(' ')[0].capitalize()} a {what.partition(' ')[0]}: {target}"


def _counted_in(seen: Snapshot, mode: Mode) -> tuple[str, ...]:
    left = ceil(seen.beats_left) if seen.beats_left is not None else 0
    soon = f" in {left} {'beat' if left == 1 else 'beats'}" if left else " soon"
    match mode:
        case Mode.SOLO:
            return (f"Listen: it begins{soon}",)
        case Mode.DUET:
            return (f"Get ready: you both begin{soon}",)
        case _:
            return (f"Get ready: you begin{soon}",)


def _your_bars(seen: Snapshot) -> str:
    """A turn of whole bars with their number, any other turn without."""
    steps = (seen.turn.end or 0) - seen.turn.start
    bars, rest = divmod(steps, 8)
    if rest or not bars:
        return "Your turn: play"
    return f"Your {bars} bars: play" if bars > 1 else "Your bar: play"
