"""When a player's onsets come: how late, how far swung and how widely spread, by kind of rhythm.

A player has one of three manners (`MANNERS`). The means and spreads of people were measured on the training side of the
Weimar Jazz Database: eighths are laid back, the more so the slower the tempo; triplets and sixteenths come nearly on
time and nearly even. Exact players lay nothing back.

How late and how far swung one player is, in each manner, is followed from note to note. Lag and swing are taken
together on a grid: each note is evidence for each pair, what was long ago counts less, and a prior holds both near what
players do, since one is easily mistaken for the other.
"""

from bisect import bisect
from functools import lru_cache
from math import exp

import numpy as np
from numpy.typing import NDArray

from improv.dataclass import dataclass
from improv.music.grid import TICKS_PER_BEAT

EIGHTHS, SIXTEENTHS, TRIPLETS = range(3)
"""The kinds of rhythm of a beat: onsets on its halves alone; on quarters as well; on thirds and sixths."""

PEOPLE, EVEN, AS_BAND = MANNERS = range(3)
"""The manners of players: as people were measured; exact, with even triplets and sixteenths; exact, and with those
moved as the band's are."""

LAGS_S = tuple(round(-0.045 + 0.015 * number, 3) for number in range(9))
"""Lags of a player that are weighed, in seconds."""

SWINGS = tuple(round(0.44 + 0.045 * number, 3) for number in range(7))
"""Swings of a player that are weighed: shares of the beat that its first eighth takes."""

_TEMPI_BPM = (80.0, 120.0, 160.0, 210.0, 300.0)
_LAID_BACK_S = (0.043, 0.040, 0.035, 0.018, 0.005)
"""How late eighths are at these tempi, beyond the player's own lag."""
_SWUNG = (0.47, 0.49, 0.525, 0.53, 0.505)
"""The swing of players at these tempi."""

_EIGHTHS_SPREAD_S, _FINE_SPREAD_BEATS = 0.027, 0.05
"""Standard deviation of onsets: of eighths in seconds; of triplets and sixteenths in beats."""

_ON_TIME = 0.15
"""How much of the lateness of eighths triplets and sixteenths have."""
_BEGINS_LATE = 0.4
"""And how much their first onset, on the beat."""

_EARLY_BEATS = (
    (0.0,) * TICKS_PER_BEAT,
    (-0.03, 0, -0.05, 0, 0, -0.02, 0, 0, -0.05, 0.04, 0, 0),
    (-0.01, 0, 0, 0, 0, 0, 0, 0.02, 0.02, 0, 0.02, 0),
)
"""How far the onsets of each kind lie from their ticks otherwise, in beats, by tick."""

_STAYS = (0.0,) * TICKS_PER_BEAT
_OFFBEAT_MOVES = tuple(float(tick == TICKS_PER_BEAT // 2) for tick in range(TICKS_PER_BEAT))
_ALL_MOVES = tuple(min(tick, TICKS_PER_BEAT - tick) / (TICKS_PER_BEAT // 2) for tick in range(TICKS_PER_BEAT))
"""How much of a swing the onsets of a beat may have, by tick: none, the second eighth alone, or all as improv's own."""

_SWINGS_ALONG = (
    _OFFBEAT_MOVES,
    (0, 0, 0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2),
    (0, 0, 0, 0, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2),
)
"""How much of the player's swing the onsets of each kind have with people, by tick."""

_REMEMBERED = 0.985
"""How much of the evidence is left one onset later."""
_WEIGHT = 0.3
"""How much an onset counts: neighbours err alike."""

_LAG_S, _LAG_SPREADS_S, _STRANGE_LAG_S, _STRANGE_SPREAD_S, _STRANGE = 0.003, (0.004, 0.008), 0.015, 0.03, 0.05
"""The prior of the lag: most have nearly none beyond that of eighths, one in twenty any other. The spreads are those of
people and of exact players."""
_SWING_SPREAD, _WITH_BAND, _STRANGE_SWING = 0.03, 0.2, 0.1
"""The prior of the swing: about that of players at the tempo, or about the band's, or any other."""

_EXACT_S = 0.019
"""How exact players are who are neither late nor early but for their lag, as one who plays to a click is: standard
deviation of their onsets, in seconds."""

_UNLIKELY_NATS = 12.0
"""A lag and swing that are less likely by so much are left out."""

_BINS = 240

_ANY_PLACE = 0.02
"""The weight of an onset anywhere: so that no single one decides."""

_OFTEN = ((EIGHTHS, 0, 0.25), (SIXTEENTHS, 0, 0.05), (SIXTEENTHS, 3, 0.07), (SIXTEENTHS, 6, 0.05),
          (SIXTEENTHS, 9, 0.1), (TRIPLETS, 0, 0.06), (TRIPLETS, 2, 0.02), (TRIPLETS, 4, 0.05), (TRIPLETS, 6, 0.015),
          (TRIPLETS, 8, 0.07), (TRIPLETS, 10, 0.03))  # fmt: skip
"""The shares of onsets that lie on each tick, but for the second eighth, by kind."""
_OFFBEATS = 0.21
"""The share of the second eighths."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What is known of a player's timing, if they have one manner: their lag and swing, and the evidence for them."""

    lag_s: float = _LAG_S
    """How late the player plays, beyond the lateness that eighths have at the tempo; negative is early."""
    swing: float | None = None
    """The share of a beat that the player's first eighth takes; None before the first: as at the tempo."""
    evidence: tuple[float, ...] = ()
    """Of each swing and lag on the grid, lags within swings: nats, up to a constant; empty before the first onset."""

    def swing_at(self, tempo: "TempoTiming") -> float:
        """Return the player's swing at a tempo."""
        return tempo.swing if self.swing is None else self.swing


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of player times onsets at a tempo, in beats."""

    mean: tuple[tuple[float, ...], ...]
    """How far from its tick an onset comes without swing or lag of the player's own, by kind of rhythm and tick."""
    spread: tuple[float, ...]
    """Standard deviation, by kind of rhythm."""
    swings: tuple[tuple[float, ...], ...]
    """How much of the player's swing an onset has, by kind of rhythm and tick."""
    density: NDArray[np.float64]
    """Of onsets along a beat, in `_BINS`, without lag and but for second eighths, by swing, shape (swings, bins)."""
    offbeats: NDArray[np.float64]
    """Of second eighths, by their distance from where swing has them, shape (bins,)."""


@dataclass(frozen=True, slots=True)
class TempoTiming:
    """How players time their onsets at a tempo, and how probable each is before anything is heard of them."""

    beat_s: float
    swing: float
    manners: tuple[Manner, ...]
    """`PEOPLE`, `EVEN` and `AS_BAND`."""
    priors: tuple[NDArray[np.float64], ...]
    """Of each manner the logarithms of the prior of each swing and lag on the grid, shape (swings, lags)."""


@lru_cache(maxsize=64)
def timing_at(bpm: float, band_swing: float) -> TempoTiming:
    """Return how players time their onsets at a tempo, in quarter notes a minute, over a band that swings so far."""
    beat_s = 60 / bpm
    laid_back, swing = (_between(bpm, values) for values in (_LAID_BACK_S, _SWUNG))
    fine = [_BEGINS_LATE] + [_ON_TIME] * (TICKS_PER_BEAT - 1)
    shares = ([1.0] * TICKS_PER_BEAT, fine, fine)
    mean = tuple(
        tuple(early + share * laid_back / beat_s for early, share in zip(_EARLY_BEATS[kind], shares[kind], strict=True))
        for kind in (EIGHTHS, SIXTEENTHS, TRIPLETS)
    )
    spread = (_EIGHTHS_SPREAD_S / beat_s, _FINE_SPREAD_BEATS, _FINE_SPREAD_BEATS)
    on_time, exact = ((0.0,) * TICKS_PER_BEAT,) * 3, (_EXACT_S / beat_s,) * 3
    manners = (
        _manner(mean, spread, _SWINGS_ALONG, _STAYS),
        _manner(on_time, exact, (_OFFBEAT_MOVES, _STAYS, _STAYS), _STAYS),
        _manner(on_time, exact, (_ALL_MOVES,) * 3, _ALL_MOVES),
    )
    strange = _mixed(LAGS_S, _STRANGE_LAG_S, _STRANGE_SPREAD_S)
    lag, exact_lag = (_mixed(LAGS_S, _LAG_S, lag_spread_s, strange, _STRANGE) for lag_spread_s in _LAG_SPREADS_S)
    any_swing = [1 / len(SWINGS)] * len(SWINGS)
    with_band = _mixed(SWINGS, band_swing, _SWING_SPREAD, any_swing, _STRANGE_SWING / (_STRANGE_SWING + _WITH_BAND))
    of_swing = _mixed(SWINGS, swing, _SWING_SPREAD, with_band, _STRANGE_SWING + _WITH_BAND)
    priors = tuple(np.log(of_swing)[:, None] + np.log(each) for each in (lag, exact_lag, exact_lag))
    return TempoTiming(beat_s, swing, manners, priors)


def _manner(
    mean: tuple[tuple[float, ...], ...], spread: tuple[float, ...], swings: tuple[tuple[float, ...], ...],
    moves: tuple[float, ...],
) -> Manner:  # fmt: skip
    """Return a manner from its means, spreads and swings, and from how far onsets but second eighths move along."""
    bins = (np.arange(_BINS) + 0.5) / _BINS
    density = np.full((len(SWINGS), _BINS), _ANY_PLACE)
    for kind, tick, share in _OFTEN:
        for which, swing in enumerate(SWINGS):
            place = tick / TICKS_PER_BEAT + mean[kind][tick] + moves[tick] * (swing - 0.5)
            density[which] += share * _bells(bins - place, spread[kind])
    offbeats = _OFFBEATS * _bells(bins - mean[EIGHTHS][TICKS_PER_BEAT // 2], spread[EIGHTHS])
    return Manner(mean, spread, swings, density, offbeats)


def _between(bpm: float, values: tuple[float, ...]) -> float:
    """Return the value at a tempo between those at `_TEMPI_BPM`, or at the nearest of them."""
    after = bisect(_TEMPI_BPM, bpm)
    if after in (0, len(values)):
        return values[min(after, len(values) - 1)]
    share = (bpm - _TEMPI_BPM[after - 1]) / (_TEMPI_BPM[after] - _TEMPI_BPM[after - 1])
    return values[after - 1] + share * (values[after] - values[after - 1])


def _mixed(
    grid: tuple[float, ...], mean: float, spread: float, other: list[float] | None = None, share: float = 0.0
) -> list[float]:
    """Return the probabilities of a grid's values: a Gaussian, and a share of others."""
    weights = [exp(-0.5 * ((value - mean) / spread) ** 2) for value in grid]
    whole = sum(weights)
    return [
        (1 - share) * weight / whole + share * rest
        for weight, rest in zip(weights, other or [0.0] * len(grid), strict=True)
    ]


def expected_beats(timing: Timing, tempo: TempoTiming, manner: Manner, kind: int, tick: int) -> float:
    """Return when an onset of a kind of rhythm at a tick of its beat is expected, in beats from that beat."""
    late = timing.lag_s / tempo.beat_s + manner.swings[kind][tick] * (timing.swing_at(tempo) - 0.5)
    return tick / TICKS_PER_BEAT + manner.mean[kind][tick] + late


def ticks_at(timing: Timing, beats: float, tempo: TempoTiming) -> float:
    """Return the place that a position in beats has in the player's own time, in ticks and fractions of one."""
    swing = timing.swing_at(tempo)
    beat, inside = divmod(beats - timing.lag_s / tempo.beat_s, 1)
    half = TICKS_PER_BEAT / 2
    if inside <= swing:
        return beat * TICKS_PER_BEAT + inside / swing * half
    return beat * TICKS_PER_BEAT + half + (inside - swing) / (1 - swing) * half


def observed(timing: Timing, beats: float, tempo: TempoTiming, manner: int = PEOPLE) -> Timing:
    """Return the timing of a player of a manner after an onset at a position in beats."""
    densities = tempo.manners[manner]
    places = (beats - np.array(LAGS_S) / tempo.beat_s) % 1
    bins = (places * _BINS).astype(np.int64) % _BINS
    off = ((places - np.array(SWINGS)[:, None]) * _BINS).astype(np.int64) % _BINS
    evidence = _WEIGHT * np.log(densities.density[:, bins] + densities.offbeats[off])
    if timing.evidence:
        evidence += _REMEMBERED * np.array(timing.evidence).reshape(evidence.shape)
    evidence = evidence.round(4)
    nats = tempo.priors[manner] + evidence
    nats -= nats.max()
    likely = np.where(nats > -_UNLIKELY_NATS, np.exp(nats), 0.0)
    likely /= likely.sum()
    lag_s, swing = float(likely.sum(0) @ LAGS_S), float(likely.sum(1) @ SWINGS)
    return Timing(round(lag_s, 5), round(swing, 4), tuple(evidence.ravel().tolist()))


def _bells(off: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Return the Gaussian densities of distances in beats, which are those to the nearest beat's place."""
    z = ((off + 0.5) % 1 - 0.5) / spread
    return np.asarray(np.exp(-0.5 * z * z) / spread)
