"""The rhythm that was meant: the likeliest ticks of onsets, given when they came.

A beam of readings is kept. A reading puts each onset on a tick; how likely it is follows from how probable its rhythms
are (`improv.session.beat_rhythms`) and from how far each onset lies from where the player would have it
(`improv.session.timing`). An onset that is soon followed by another may be its ornament and then has no tick of its
own. Values and functions only, and as much work for each onset however many there were before.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, inf, log

from improv.dataclass import dataclass
from improv.music.grid import TICKS_PER_BEAT
from improv.session.beat_rhythms import OVER, SILENT, beat_rhythms
from improv.session.timing import EIGHTHS, PEOPLE, SIXTEENTHS, TRIPLETS, TempoTiming, Timing, expected_beats

_BEAM = 8
"""How many readings of each manner are kept."""

_PRIOR = 0.8
"""How much the probability of rhythms counts: they are not quite what this player plays."""

_UNLIKELY_NATS = 12.0
"""Ticks and readings that are less likely by so much are left out."""

_UNLIKELY_MANNER_NATS = (4.0, 8.0, 8.0)
"""How much less likely than the likeliest each of `MANNERS` is at first, and may become at most, in nats.

Players change, and most are people.
"""

_REACH_SPREADS, _REACH_S, _REACH_BEATS, _MOST_REACH_BEATS = 2.5, 0.02, 0.1, 0.45
"""How far from its onset a tick may lie: so many spreads, and for swing and lag."""

_MOST_SILENT_BEATS = 8
"""A longer pause says no more of what follows."""

_ORNAMENT_S, _ORNAMENT_BEATS, _ORNAMENTS = (0.03, 0.055), 0.1, 0.3
"""An ornament comes so long before its note, in seconds, and no longer in beats; of onsets that do, so many are one."""

_ALONE_BEATS = 0.15
"""And no sooner after the note before it."""

Ticks = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the onsets: how likely, where it has got to, and the ticks of onsets that are not settled."""

    nats: float
    """The logarithm of its likelihood, 0 for the likeliest."""
    last: int
    """The tick of the last onset, counted from the beginning of the performance."""
    node: int
    """Which rhythm of the beat that makes, see `improv.session.beat_rhythms.BeatRhythms.nodes`."""
    ticks: Ticks = ()
    """None for an ornament of the next onset."""
    manner: int = PEOPLE
    """Which of `improv.session.timing.MANNERS` it takes the player to have."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of the onsets so far, the likeliest first, and those before the last onset."""

    now: tuple[Reading, ...] = ()
    before: tuple[Reading, ...] = ()
    last_beats: float | None = None
    """Where the last onset came, in beats; None before the first."""
    alone: bool = True
    """Whether it came well after the one before it, so that it may be an ornament: a run has none."""

    @property
    def manner(self) -> int:
        """The manner that the player most probably has."""
        return self.now[0].manner if self.now else PEOPLE


def with_onset(
    readings: Readings, beats: float, earliest: int, timings: Sequence[Timing], tempo: TempoTiming
) -> Readings:
    """Return the readings with one more onset, at a position in beats.

    `earliest` is the first tick at which it may be, `timings` the player's for each manner that is thought of.
    """
    gap = inf if readings.last_beats is None else beats - readings.last_beats
    may_be_note_of_ornament = readings.alone and gap <= min(_ORNAMENT_BEATS, _ORNAMENT_S[1] / tempo.beat_s)
    now, before = readings.now or (_nothing_before(beats),), readings.before if may_be_note_of_ornament else ()
    found: list[Reading] = []
    for manner, timing in enumerate(timings):
        near = _near(beats, earliest, timing, tempo, manner)
        read = _continued(_of(manner, now), near)
        if before:
            nats = log(_ORNAMENTS * tempo.beat_s / (_ORNAMENT_S[1] - _ORNAMENT_S[0]))
            for key, reading in _continued(_of(manner, before), near, (None,), nats).items():
                if key not in read or read[key].nats < reading.nats:
                    read[key] = reading
        found += sorted(read.values(), key=_likeliest_first)[:_BEAM]
    if not found:
        found = [_anywhere(now[0], beats, earliest, timings[now[0].manner], tempo)]
    return Readings(tuple(_weighed(found)), now, beats, gap >= _ALONE_BEATS)


def _weighed(readings: list[Reading]) -> list[Reading]:
    """Return the readings that are likely enough, the likeliest first and at 0 nats; no manner is left behind."""
    top, kept = max(each.nats for each in readings), list[Reading]()
    for manner in sorted({each.manner for each in readings}):
        of_manner = [each for each in readings if each.manner == manner]
        best = max(each.nats for each in of_manner)
        behind = min(top - best, _UNLIKELY_MANNER_NATS[manner])
        kept += [
            replace(each, nats=each.nats - best - behind) for each in of_manner if each.nats > best - _UNLIKELY_NATS
        ]
    return sorted(kept, key=_likeliest_first)


def _likeliest_first(reading: Reading) -> tuple[float, int, int, int]:
    return -reading.nats, reading.last, reading.node, reading.manner


def _of(manner: int, readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Return the readings of a manner; where there is none it goes on from the likeliest of all."""
    found = tuple([each for each in readings if each.manner == manner])
    return found or (replace(readings[0], nats=readings[0].nats - _UNLIKELY_MANNER_NATS[manner], manner=manner),)


def settled(readings: Readings, before: int) -> tuple[Ticks, Readings]:
    """Settle the first onsets on the ticks of the likeliest reading, those before a tick and their ornaments.

    Return these ticks and the readings of the rest: those that agree and leave no onset before that tick.
    """
    if not readings.now or not readings.now[0].ticks:
        return (), readings
    ticks = readings.now[0].ticks
    count = 0
    for number, tick in enumerate(ticks):
        if tick is not None:
            if tick >= before:
                break
            count = number + 1
    fixed = ticks[:count]

    def rest(among: tuple[Reading, ...]) -> tuple[Reading, ...]:
        """Return the readings that agree with the settled ticks, without these; each manner keeps its likelihood."""
        kept = [
            replace(each, ticks=each.ticks[count:])
            for each in among
            if each.ticks[:count] == fixed[: len(each.ticks)]
            and all(tick is None or tick >= before for tick in each.ticks[count:])
        ]
        if not kept:
            return ()
        for manner in {each.manner for each in among} - {each.manner for each in kept}:  # it goes on as the likeliest
            kept.append(replace(kept[0], manner=manner, nats=max(each.nats for each in among if each.manner == manner)))
        return tuple(sorted(kept, key=_likeliest_first))

    before_last = () if count == len(ticks) else rest(readings.before)  # what is settled is no ornament any more
    return fixed, Readings(rest(readings.now), before_last, readings.last_beats, readings.alone)


# --- one onset ------------------------------------------------------------------------------------

_Near = tuple[tuple[int, tuple[float, float, float]], ...]
"""Ticks near an onset, each with the logarithm of the onset's density there by kind of rhythm."""


def _near(beats: float, earliest: int, timing: Timing, tempo: TempoTiming, which: int) -> _Near:
    """Return the ticks that an onset may be meant for, not before `earliest`."""
    manner = tempo.manners[which]
    late = timing.lag_s / tempo.beat_s + 0.5 * manner.mean[EIGHTHS][0]
    widest = max(manner.spread)
    reach = min(_MOST_REACH_BEATS, _REACH_SPREADS * widest + _REACH_S / tempo.beat_s + _REACH_BEATS)
    centre = beats - late
    first = max(earliest, ceil((centre - reach) * TICKS_PER_BEAT))
    found = []
    for tick in range(first, floor((centre + reach) * TICKS_PER_BEAT) + 1):
        beat, inside = divmod(tick, TICKS_PER_BEAT)
        nats = tuple(
            _density(beats - beat - expected_beats(timing, tempo, manner, kind, inside), manner.spread[kind])
            for kind in (EIGHTHS, SIXTEENTHS, TRIPLETS)
        )
        found.append((tick, nats))
    best = max((max(nats) for _, nats in found), default=0.0)
    return tuple((tick, nats) for tick, nats in found if max(nats) > best - _UNLIKELY_NATS)  # type: ignore[misc]


def _density(off: float, spread: float) -> float:
    """Return the logarithm of a Gaussian density, up to a constant."""
    z = off / spread
    return -0.5 * z * z - log(spread)


def _continued(
    readings: tuple[Reading, ...], near: _Near, before: Ticks = (), nats: float = 0.0
) -> dict[tuple[int, int], Reading]:
    """Return readings with an onset at each tick that is possible, the likeliest of those that go on alike.

    `before` are onsets between that have no tick, `nats` what they and all else add to the logarithm.
    """
    rhythms = beat_rhythms()
    nodes = rhythms.nodes
    best: dict[tuple[int, int], tuple[float, Reading]] = {}

    def offer(tick: int, node: int, total: float, reading: Reading) -> None:
        """Keep a reading that goes on at a tick if it is the likeliest to do so and come to this node."""
        key = tick, node
        if key not in best or best[key][0] < total:
            best[key] = total, reading

    for reading in readings:
        begun, last = nodes[reading.node], reading.last
        beat = last // TICKS_PER_BEAT
        for tick, densities in near:
            if tick <= last:
                continue
            inside = tick % TICKS_PER_BEAT
            silent = tick // TICKS_PER_BEAT - beat - 1
            if silent < 0:
                child = begun.children[inside]
                if child:
                    total = reading.nats + nats + _PRIOR * begun.nats[inside] + densities[begun.kind]
                    offer(tick, child, total, reading)
                continue
            over, after = begun.nats[OVER], begun.beat
            if silent:
                silent = min(silent, _MOST_SILENT_BEATS)
                over += rhythms.silent[after] + (silent - 1) * rhythms.silent[SILENT]
                after = SILENT
            for kind, density in enumerate(densities):
                first = rhythms.first[after][kind][inside]
                if first > -inf:
                    total = reading.nats + nats + _PRIOR * (over + first) + density
                    offer(tick, rhythms.roots[kind][inside], total, reading)
    return {
        (tick, node): Reading(total, tick, node, (*reading.ticks, *before, tick), reading.manner)
        for (tick, node), (total, reading) in best.items()
    }


def _nothing_before(beats: float) -> Reading:
    """Return the reading before the first onset: a long silence."""
    beat = floor(beats) - _MOST_SILENT_BEATS
    return Reading(0.0, beat * TICKS_PER_BEAT, beat_rhythms().roots[EIGHTHS][0])


def _anywhere(reading: Reading, beats: float, earliest: int, timing: Timing, tempo: TempoTiming) -> Reading:
    """Return a reading with an onset where none is probable: at the nearest tick that is free."""
    nearest = round((beats - timing.lag_s / tempo.beat_s) * TICKS_PER_BEAT)
    tick = max(nearest, earliest, reading.last + 1)
    inside = tick % TICKS_PER_BEAT
    kind = EIGHTHS if inside in (0, TICKS_PER_BEAT // 2) else TRIPLETS if inside % 2 == 0 else SIXTEENTHS
    return Reading(0.0, tick, beat_rhythms().roots[kind][inside], (*reading.ticks, tick), reading.manner)
