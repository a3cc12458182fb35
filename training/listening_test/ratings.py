"""What listeners answered, counted: a mean rating a source, and how often it was taken for a person, with intervals.

The page of a listening test counts the same in its own language; a test holds the two together.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import comb, cos, nan, pi, sqrt, tan
from pathlib import Path
from statistics import fmean, stdev

from improv.errors import DataError, InputNotFound

FORMAT = "improv-listen 1"
RATINGS = range(1, 6)
LEVEL = 0.95
_SLICES, _HALVINGS = 2_000, 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What one listener said of one clip."""

    test: str
    listener: str
    clip: int
    source: str
    rating: int
    human: bool
    """Whether it was taken for a person."""
    known: bool = False
    """Whether the listener knew the solo: then it is no judgement of a stranger, and not counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One source: so many answers, and two figures, each with the ends of its interval."""

    source: str
    answers: int
    clips: int
    rating: tuple[float, float, float]
    human: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A rating that a report gives: what was heard, on its own scale, and which source of ours is that network."""

    heard: str
    rating: float
    source: str = ""


EARLIER = (
    Earlier("logistic regression", 2.93, "stanford2018-logistic"),
    Earlier("LSTM", 5.86, "stanford2018-lstm"),
    Earlier("attention LSTM", 5.31, "stanford2018-attention"),
    Earlier("Mozart", 10.0),
)
"""Music Generation with LSTMs (Stanford, 2018), section VI.ii: the mean of 16 listeners, who heard piano pieces."""

EARLIER_SCALE = (1, 10)
"""A piece of Mozart was set as the upper end."""


def on_our_scale(rating: float) -> float:
    """Return an earlier rating between the ends of ours, as far along as it was between its own."""
    low, high = EARLIER_SCALE
    return RATINGS[0] + (rating - low) / (high - low) * (RATINGS[-1] - RATINGS[0])


def read(path: Path) -> list[Answer]:
    """Return the answers in a file saved by the page; InputNotFound or DataError if it cannot be read."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path}: not saved by the page of a listening test") from error
    try:
        if content["format"] != FORMAT:
            raise ValueError(content["format"])
        return [_answer(str(content["test"]), str(content["listener"]), said) for said in content["answers"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not saved by the page of a listening test") from error


def _answer(test: str, listener: str, said: dict[str, object]) -> Answer:
    clip, rating, human, known = (said[name] for name in ("clip", "rating", "human", "known"))
    if not (type(clip) is type(rating) is int and rating in RATINGS and isinstance(human, bool)):
        raise ValueError(said)
    return Answer(test, listener, clip, str(said["source"]), rating, human, bool(known))


def rows(answers: Iterable[Answer]) -> list[Row]:
    """Return a row for each source, best rated first; of repeated ratings of a clip, a listener's last one counts."""
    latest = {(answer.test, answer.listener, answer.clip): answer for answer in answers}
    by_source: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in latest.values():
        if not answer.known:
            by_source[answer.source].append(answer)
    found = []
    for source, said in by_source.items():
        of_clip: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for answer in said:
            of_clip[answer.test, answer.clip].append(answer.rating)
        rating = mean_interval([fmean(ratings) for ratings in of_clip.values()])
        share = share_interval(sum(answer.human for answer in said), len(said))
        found.append(Row(source, len(said), len(of_clip), rating, share))
    return sorted(found, key=lambda row: (-row.rating[0], row.source))


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of the clips' ratings and the ends of its interval (Student's t), within the scale.

    The ratings of one clip by several listeners are one value, their mean; that other listeners may judge otherwise
    is not in it. Ends are nan for a single value.
    """
    mean = fmean(values)
    if len(values) < 2:
        return mean, nan, nan
    reach = t_quantile(len(values) - 1) * stdev(values) / sqrt(len(values))
    return mean, max(float(RATINGS[0]), mean - reach), min(float(RATINGS[-1]), mean + reach)


def t_quantile(degrees: int) -> float:
    """Return the two-sided 95 % quantile of Student's t distribution.

    With t = sqrt(degrees) tan(a), its density is proportional to cos(a) ** (degrees - 1).
    """

    def area(upper: float) -> float:
        width = upper / _SLICES
        return width * sum(cos((slice_ + 0.5) * width) ** (degrees - 1) for slice_ in range(_SLICES))

    whole = area(pi / 2)
    angle = _bisected(lambda upper: area(upper) / whole < LEVEL, 0, pi / 2)
    return sqrt(degrees) * tan(angle)


def share_interval(yes: int, asked: int) -> tuple[float, float, float]:
    """Return a share and the ends of its exact binomial interval (Clopper & Pearson 1934)."""

    def at_most(count: int, share: float) -> float:
        return sum(comb(asked, k) * share**k * (1 - share) ** (asked - k) for k in range(count + 1))

    tail = (1 - LEVEL) / 2
    low = _bisected(lambda share: 1 - at_most(yes - 1, share) < tail, 0, 1) if yes else 0.0
    high = _bisected(lambda share: at_most(yes, share) > tail, 0, 1) if yes < asked else 1.0
    return yes / asked, low, high


def _bisected(is_before: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_before(middle) else (low, middle)
    return (low + high) / 2


def report(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield the table of ratings as lines of text."""
    listeners, known = {answer.listener for answer in answers}, sum(answer.known for answer in answers)
    yield f"{len(listeners)} listeners, {len(answers)} answers, of which {known} of solos they knew are not counted"
    yield f"{'':32}{'answers':>8}{'clips':>7}   {'go on jamming, 1 to 5':26}taken for a person"
    for row in rows(answers):
        rating = "{:.2f} ({:.2f} to {:.2f})".format(*row.rating)
        share = "{:.0%} ({:.0%} to {:.0%})".format(*row.human)
        yield f"{row.source:32}{row.answers:>8}{row.clips:>7}   {rating:26}{share}"
    yield "in brackets the 95 % interval: over clips (Student's t), over answers (exact binomial)"
    yield from _earlier(rows(answers))


def _earlier(found: Sequence[Row]) -> Iterator[str]:
    """Yield the earlier ratings as lines of text, beside those of the same networks where they were heard."""
    ours = {row.source: f"{row.rating[0]:.2f}" for row in found}
    low, high = EARLIER_SCALE
    yield ""
    yield "for comparison, 16 listeners of a report of 2018, to other music: a piece of Mozart was set as 10"
    yield f"{'':32}{f'{low} to {high}':>8}{'1 to 5':>9}   here, 1 to 5"
    for each in EARLIER:
        beside = ours.get(each.source, "not heard")
        yield f"{each.heard:32}{each.rating:>8.2f}{on_our_scale(each.rating):>9.2f}   {beside}"
