"""Players beside people: the figures of each, with intervals, on the blues of the test side.

Each player plays their choruses over, several times, in performances as long as theirs; trades with them; and where it
can, says how surprised it is by what they played. A figure inside the interval of other people's is one by which the
two cannot be told apart.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Protocol, TypeVar

from improv.models.contract import StepModel
from improv.music.notes import Frame
from improv.music.theory import STEPS_PER_BAR, Form
from improv.protocol.controls import TEMPO
from training.baselines import logistic_regression as regression
from training.baselines import markov
from training.baselines.markov import Chooser
from training.corpora import blues_bars
from training.corpora.solos import Solo
from training.corpora.wjazzd_split import Split
from training.datasets.sequences import in_c, sequences
from training.evaluation import call_and_response as trading
from training.evaluation.call_and_response import Call, calls
from training.evaluation.players import Player, chooser, networks
from training.metrics.bootstrap import SAMPLES, Figure, ratios, resamples
from training.metrics.melody import CHORUS_BARS, Melody, melody, windows
from training.metrics.report import References, measure
from training.metrics.two_sample_test import two_sample_accuracy
from training.rendering.playing import Surprise

TEMPERATURES = (0.6, 0.8, 1.0)
TWO_SAMPLE = "classifier two-sample accuracy"

Item = TypeVar("Item")

PEOPLE = "people"

TURNS = {"fours": 4, "twos": 2}

CHORUSES = 250
"""About how many choruses each player plays, a multiple of what people have: more make the figures surer."""


class Tracked(Protocol):
    """Progress over things, as `rich.progress.track` shows it."""

    def __call__(self, things: Sequence[Item], what: str) -> Iterable[Item]:
        """Yield the things in their order; `what` says what is done with each."""


def silently(things: Sequence[Item], what: str) -> Iterable[Item]:
    """Yield the items without showing progress."""
    return things


@dataclass(frozen=True, slots=True)
class People:
    """The test side's blues, which players are judged by, and what is known of them; everything in C."""

    solos: Sequence[Solo]
    lines: Sequence[Melody]
    """The solos as melodies."""
    others: Sequence[Melody]
    """Other people's, from which no network has learned either."""
    references: References
    calls: Mapping[str, Sequence[Call]]
    """Their calls, by the name of a turn's length."""
    most_calls: int | None = None
    """How many calls of each length are played at most."""

    def calls_of(self, turn: str) -> Sequence[Call]:
        """Return the calls of a turn's length to play, evenly chosen."""
        every = -(-len(self.calls[turn]) // self.most_calls) if self.most_calls else 1
        return self.calls[turn][::every]

    @property
    def choruses(self) -> list[int]:
        """Number of choruses of each solo."""
        return [len(windows(line)) for line in self.lines]


def people(sides: Split, most_calls: int | None = None) -> People:
    """Return the blues of the test side, with the melodies of the other sides to compare with."""
    blues = {side: [solo for solo in getattr(sides, side) if _judges(solo)] for side in ("validation", "test")}
    training = [(solo.is_blues, in_melody(solo)) for solo in sides.training if solo.tonic is not None]
    known = [line for _, line in training]
    made = {name: [call for solo in blues["test"] for call in calls(solo, bars)] for name, bars in TURNS.items()}
    return People(
        blues["test"],
        [in_melody(solo) for solo in blues["test"]],
        [in_melody(solo) for solo in blues["validation"]],
        References([line for is_blues, line in training if is_blues], known),
        made,
        most_calls,
    )


def _judges(solo: Solo) -> bool:
    return solo.is_blues and solo.tonic is not None


def in_melody(solo: Solo) -> Melody:
    """Return a solo as a melody in C."""
    return melody(in_c(solo), solo.choruses)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a player by name, and what they are of."""

    name: str
    figures: Mapping[str, Figure]
    lines: Sequence[Sequence[Frame]]
    """Performances, first those that begin with a chorus."""
    in_choruses: int = 0
    """How many begin with one; 0 for all."""


def row_of_people(those: People) -> Row:
    """Return the row of the human soloists: their answers are what they played next."""
    figures = measure(those.lines, those.references)
    for turn, those_calls in those.calls.items():
        figures |= answer_figures(turn, those_calls, [call.next_line for call in those_calls], those)
    figures[TWO_SAMPLE] = two_sample_accuracy(those.others, those.lines)
    known = [in_c(solo)[solo.choruses[0] * STEPS_PER_BAR :] for solo in those.solos if solo.choruses]
    return Row(PEOPLE, figures, known + [in_c(solo) for solo in those.solos if not solo.choruses], len(known))


def row_of(player: Player, those: People, beside: Mapping[str, Surprise], rounds: int, tracked: Tracked) -> Row:
    """Return the row of a player (a model or a baseline) that plays the soloists' choruses `rounds` times.

    Its surprise is compared with that of others, `beside`, by their names.
    """
    lengths = [CHORUS_BARS * choruses for choruses in those.choruses * rounds]
    tempi = [_bpm_of(solo) for solo in those.solos] * rounds
    wanted = enumerate(zip(tracked(lengths, "plays alone"), tempi, strict=True))
    played = [player.alone(bars, bpm, seed) for seed, (bars, bpm) in wanted]
    lines = [melody(line, tuple(range(0, bars, CHORUS_BARS))) for line, bars in zip(played, lengths, strict=True)]
    figures = surprise_figures(player.surprise, beside) if player.surprise else {}
    figures |= measure(lines, those.references)
    for turn in those.calls:
        made = those.calls_of(turn)
        if player.answer is None:
            figures |= answer_figures(turn, made, [_there(call, played, seed) for seed, call in enumerate(made)], those)
            continue
        answers = [player.answer(call, True, seed) for seed, call in enumerate(tracked(made, f"trades {turn}"))]
        figures |= answer_figures(turn, made, answers, those)
        silent = tracked(made, f"trades {turn}, hearing nothing")
        answers = [player.answer(call, False, seed) for seed, call in enumerate(silent)]
        figures[f"call known though withheld, {turn}"] = trading.recognised(made, answers, those.calls[turn])
    figures[TWO_SAMPLE] = two_sample_accuracy(lines, those.lines)
    return Row(player.name, figures, played)


def _bpm_of(solo: Solo) -> float:
    """Return a solo's tempo, or the nearest at which improv can play."""
    return min(TEMPO.high, max(TEMPO.low, solo.tempo_bpm))


def answer_figures(turn: str, made: Sequence[Call], answers: Sequence[Melody], those: People) -> dict[str, Figure]:
    """Return the share of calls recognised by their answers, and of answers that repeat the call."""
    return {
        f"call known among sixteen, {turn}": trading.recognised(made, answers, those.calls[turn]),
        f"verbatim echo, {turn}": trading.echoes(made, answers),
    }


def _there(call: Call, played: Sequence[Sequence[Frame]], number: int) -> Melody:
    """Return what a player that hears no calls plays where an answer would be, for each call in another chorus."""
    line = [frame for performance in played for frame in performance]
    first = (number * CHORUS_BARS + call.place + call.bars) * STEPS_PER_BAR
    return melody([line[(first + step) % len(line)] for step in range(call.bars * STEPS_PER_BAR)])


def surprise_figures(found: Surprise, beside: Mapping[str, Surprise], samples: int = SAMPLES) -> dict[str, Figure]:
    """Return the surprise in nats an eighth and a note, its ratios to others', and the share of pitches foreseen.

    Intervals are of resampling whole solos.
    """
    draws = resamples(len(found.steps), samples)
    nats: dict[str, Callable[[Surprise], list[float]]] = {
        "nats an eighth": lambda of: ratios(of.rhythms + of.pitches, of.steps, draws),
        "nats a note": lambda of: ratios(of.pitches, of.notes, draws),
    }
    figures = {}
    for what, of in nats.items():
        figures[what] = Figure.of(of(found))
        for name, other in beside.items():
            times = [ours / theirs for ours, theirs in zip(of(found), of(other), strict=True)]
            figures[f"{what}, times that of the {name}"] = Figure.of(times)
    return figures | {"next note foreseen": Figure.of(ratios(found.foreseen, found.notes, draws))}


def judge(
    models: Mapping[str, StepModel], eck: StepModel, sides: Split, *, choruses: int = CHORUSES,
    most_calls: int | None = None, tracked: Tracked = silently, temperatures: Sequence[float] = TEMPERATURES,
) -> list[Row]:  # fmt: skip
    """Return the row of the human soloists, then each model's at some temperatures, then those of the baselines."""
    those = people(sides, most_calls)
    rounds = max(1, round(choruses / sum(those.choruses)))
    form = Form.parse(next(iter(models.values())).spec.form) if models else blues_bars.FORM
    *chains, regressed, of_order = _chosen(sides, those.solos, form)
    beside = {chain.name: chain.surprise for chain in chains if chain.surprise}
    players = [player for name, model in models.items() for player in networks(model, name, temperatures, those.solos)]
    if eck.spec.name not in models:
        players += networks(eck, eck.spec.name, (1.0,), those.solos)
    players += [regressed, of_order]
    players.append(
        Player("pentatonic walk", lambda bars, _bpm, seed: markov.pentatonic(form, -(-bars // form.bars), seed))
    )
    rows = [row_of_people(those)]
    rows += [row_of(player, those, beside, rounds, tracked) for player in tracked(players, "judging")]
    return [*rows, *(Row(name, surprise_figures(found, beside), ()) for name, found in beside.items())]


def _chosen(sides: Split, solos: Sequence[Solo], form: Form) -> list[Player]:
    """Return the baselines that validation prefers: best chain, best blend, regression, best chain of order 3."""
    training = sequences(sides.training)
    blues = sequences(solo for solo in sides.validation if _judges(solo))
    names = ("best chain", "blend of chains", "logistic regression", "Markov, order 3")
    learned: dict[str, list[Chooser]] = {name: [] for name in names}
    for of in (markov.rhythms, markov.pitches):
        choices, judges = of(training), markov.judged_choices(of, blues)
        chains = {recipe: markov.learn(recipe, choices) for recipe in markov.chain_recipes()}
        nats = {recipe: markov.nats(chain, judges).mean() for recipe, chain in chains.items()}
        learned["best chain"].append(chains[min(nats, key=lambda recipe: nats[recipe])])
        learned["blend of chains"].append(
            markov.fit_blend([chains[recipe] for recipe in markov.blend_recipes()], judges)
        )
        learned["logistic regression"].append(regression.learn(choices))
        of_three = [recipe for recipe in nats if recipe.order == 3]
        learned["Markov, order 3"].append(chains[min(of_three, key=lambda recipe: nats[recipe])])
    return [chooser(name, rhythm, pitch, form, solos) for name, (rhythm, pitch) in learned.items()]


def position(figure: Figure, own: Figure | None) -> str:
    """Return where a figure lies: `inside` the people's interval, `above` or `below` it; empty without one."""
    if own is None or isnan(own.low) or isnan(figure.value):
        return ""
    return "inside" if own.low <= figure.value <= own.high else "above" if figure.value > own.high else "below"


def names_of(rows: list[Row]) -> list[str]:
    """Return the names of all figures in the rows, those of prediction first."""
    found: dict[str, None] = {}
    for row in rows[1:] + rows[:1]:
        found |= dict.fromkeys(row.figures)
    return list(found)
