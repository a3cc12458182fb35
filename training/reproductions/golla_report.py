"""How a network of the report on folk melodies is trained and measured: one function for both rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.corpora.esac import DATA, Song
from training.reproductions import ROWS, Figure, Reproduction, Run
from training.reproductions.folk_songs import (
    DELIMITERS,
    ENCODING,
    FolkTask,
    Golla,
    Melodies,
    Songs,
    always_held,
    apart,
    as_played,
    go_on,
    judge,
    melodies,
    played,
    probes,
    read,
)
from training.reproductions.pictures import curves, histogram, roll, write_midi
from training.trainers.checkpoints import Log
from training.trainers.export import PARITY_STEPS
from training.trainers.over_changes import CHANGES, export_line
from training.trainers.progress import portion
from training.trainers.train import train

BEGUN = 32
"""Sixteenths of a song held out that a network goes on from, two bars of 4/4."""

TEMPERATURES = (1.0, 0.3)
"""At which melodies are drawn; the second is that of the lessons."""

_WRITTEN = 4
"""Melodies of each temperature that are written as MIDI files."""

UNTOLD = "not given"
"""Of what the report does not say."""

_LONGEST = 16
"""Sixteenths; what lasts longer is one bar of a histogram."""

_TITLE = 32
"""Characters of a song's title in a picture."""

_PICTURE = "in a picture (figures 7 and 8), which our copy of the report has not"


@dataclass(frozen=True, slots=True)
class Row:
    """What a row brings: its name, its network, the epochs that are told, what the report says of its size, remarks."""

    name: str
    fresh: Callable[[int], Golla]
    epochs: Sequence[int]
    size: str
    remarks: tuple[str, ...]


def reproduce(run: Run, row: Row) -> Reproduction:
    """Train a network on folk songs, measure it beside people and the report, and draw what came of it."""
    run.progressed(0, "reading the songs")
    songs = read()
    task = FolkTask(songs, row.fresh)
    network, log = train(
        run.config,
        task,
        checkpoint=run.folder / f"{row.name}.checkpoint",
        device=run.device,
        progressed=portion(run.progressed, 0, 0.88),
    )
    return measured(run, row, songs, network, log)


def measured(run: Run, row: Row, songs: Songs, network: Golla, log: Log) -> Reproduction:
    """Export a network that has been trained, measure it, and draw what came of it."""
    run.progressed(0.88, "exporting")
    network.half().float()  # as it is kept in the file, and measured so
    judged = songs.known(songs.sides.test)
    found = judge(network, songs, judged)
    model = run.out / f"{row.name}.onnx"
    difference = _export(network, row, songs, model, run.config.seed, found)
    run.progressed(0.9, "going on with songs that were held out")
    begun = [song.symbols()[:BEGUN] for song in judged]
    drawn = {temperature: go_on(network, songs, begun, temperature, run.config.seed) for temperature in TEMPERATURES}
    people = melodies([song.symbols()[BEGUN:] for song in judged], songs)
    like = {temperature: melodies(lines, songs) for temperature, lines in drawn.items()}
    files = [*_pictures(run.folder, row, log, run.config.check_every, people, like)]
    files += _played(run.folder, row, judged, drawn)
    exported = (
        f"The model: weights in half precision, {model.stat().st_size / 1e6:.2f} MB, over the changes of "
        f"{CHANGES}; PyTorch against onnxruntime: {difference:.1e} at most over {PARITY_STEPS:,} chained sixteenths. "
        f"As it is played, an empty memory is that after {DELIMITERS} ends, as the report's melodies begin. Ours: "
        "after a bar of rest the memory is empty again, and what has lasted a bar is unlikely to go on. Hardly a song "
        "has longer ones, and a network that heard one would hold for ever.",
    )
    return Reproduction(
        (
            *_sizes(network, row, songs, run),
            *_learned(log, row),
            *_judged(found, judged, log),
            *_likeness(people, like, judged, drawn),
        ),
        (*_remarks(songs, run), *row.remarks, *exported),
        (model, *files),
    )


def _export(network: Golla, row: Row, songs: Songs, model: Path, seed: int, found: Mapping[str, float]) -> float:
    """Write the network as a model of a line; return its largest difference from PyTorch."""
    return export_line(
        as_played(network, songs),
        model,
        probes(songs, seed),
        summary=ROWS[row.name].summary,
        encoding=ENCODING,
        data=DATA,
        seed=seed,
        figures={"test_nats": round(found["nats"], 4), "test_accuracy": round(found["accuracy"], 4)},
        symbols=songs.symbols,
        halved=True,
    )


def _sizes(network: Golla, row: Row, songs: Songs, run: Run) -> list[Figure]:
    weights = sum(each.numel() for each in network.parameters() if each.requires_grad)
    config = run.config
    return [
        Figure("songs", f"{len(songs.sides.training):,}", "2,000", "the same number, from another collection"),
        Figure("symbols", str(len(songs.symbols)), "38", "other songs: as many as there are in those learned from"),
        Figure("weights", f"{weights:,}", row.size, "" if row.size == UNTOLD else "more symbols"),
        Figure(
            "updates in an epoch",
            f"{config.check_every:,} of {config.batch} sequences, {config.steps} targets each",
            "5,660 of 64 sequences, one target each",
            "every position of a sequence is a target, so that fewer sequences have as many",
        ),
    ]


def _learned(log: Log, row: Row) -> list[Figure]:
    """Return loss and accuracy after the epochs that are told, of songs learned from and of songs held out."""
    found = []
    for epoch in row.epochs:
        if epoch > len(log.checks):
            continue
        check = log.checks[epoch - 1]
        for what, unit in (("report accuracy", "accuracy"), ("loss", "loss, nats")):
            found.append(
                Figure(
                    f"{unit}, epoch {epoch}, learned songs (held out)",
                    f"{check[f'learned {what}']:.3f} ({check[what]:.3f})",
                    _PICTURE,
                    "counted as the report counts, with the 64 ends after each song, which are easy",
                )
            )
    return found


def _judged(found: Mapping[str, float], judged: Sequence[Song], log: Log) -> list[Figure]:
    """Return figures of the network that was kept, at songs that nothing was chosen by."""
    best = int(np.argmin([check["nats"] for check in log.checks])) + 1
    ours = "ours: songs that the network has not seen, without the ends after the first"
    return [
        Figure("epoch that is kept", f"{best} of {len(log.checks)}", "early stopping", "least loss at songs held out"),
        Figure("loss at test songs, nats a sixteenth", f"{found['nats']:.3f}", UNTOLD, ours),
        Figure(
            "accuracy at test songs", f"{found['accuracy']:.3f}", UNTOLD,
            f"{ours}; always to hold what sounds: {always_held(judged):.3f}",
        ),
        Figure(
            "accuracy where a note or a rest begins", f"{found['onset accuracy']:.3f}", UNTOLD,
            "ours: what is held is most of what the accuracy counts",
        ),
    ]  # fmt: skip


def _likeness(
    people: Melodies, like: dict[float, Melodies], judged: Sequence[Song], drawn: dict[float, list[list[str]]]
) -> list[Figure]:
    """Return how melodies that the network goes on with are like people's own."""

    def figure(measure: str, of: Callable[[Melodies], float], of_people: float | None = None) -> Figure:
        ours = ", ".join(f"{of(each):.3f} at {temperature:g}" for temperature, each in like.items())
        theirs = of(people) if of_people is None else of_people
        return Figure(measure, ours, UNTOLD, f"how the test songs go on themselves: {theirs:.3f}")

    lengths = [len(song.symbols()) - BEGUN for song in judged]
    means = ", ".join(
        f"{np.mean([len(line) for line in lines]):.0f} at {temperature:g}" for temperature, lines in drawn.items()
    )
    return [
        figure("pitches, apart from people's", lambda each: apart(each.pitches, people.pitches)),
        figure("durations, apart from people's", lambda each: apart(each.durations, people.durations)),
        figure("notes on the white keys", lambda each: each.scale),
        figure("notes that repeat the one before", lambda each: each.repeated),
        figure("leaps beyond a fifth", lambda each: each.leaps),
        figure("eight notes as in a song learned from", lambda each: each.known),
        Figure(
            "sixteenths until a song ends", means, UNTOLD,
            f"how the test songs go on themselves: {np.mean(lengths):.0f}; cut off at 500",
        ),
    ]  # fmt: skip


def _remarks(songs: Songs, run: Run) -> tuple[str, ...]:
    dropped = ", ".join(f"{count} {why}" for why, count in sorted(songs.dropped.items(), key=lambda item: -item[1]))
    return (
        f"The songs: {songs.read:,} of the Essen collections are read ({dropped} are left out), the report's are from "
        "Kaggle and humdrum.org. Acceptable durations, C major or A minor, a symbol for each sixteenth, `_` holds, `r` "
        "rests, 64 times `/` between songs, all as in the lessons that the report follows.",
        f"Held out, which the report does not do: {len(songs.sides.validation)} songs to choose by and "
        f"{len(songs.sides.test)} to judge by; variants of a song are on one side.",
        "Melodies go on from the first two bars of each test song, at temperature 1 and at the lessons' 0.3.",
        f"Adam at {run.config.rate:g}, as in the report.",
    )


def _pictures(
    folder: Path, row: Row, log: Log, of_epoch: int, people: Melodies, like: dict[float, Melodies]
) -> list[Path]:
    losses, notes, lengths = (folder / f"{row.name}-{what}.png" for what in ("curves", "notes", "durations"))
    in_training = log.losses["event"]
    curves(
        losses,
        {
            "in training": [
                float(np.mean(in_training[first : first + of_epoch])) for first in range(0, len(in_training), of_epoch)
            ],
            "songs learned from, loss": [check["learned loss"] for check in log.checks],
            "songs held out, loss": [check["loss"] for check in log.checks],
            "songs learned from, accuracy": [check["learned report accuracy"] for check in log.checks],
            "songs held out, accuracy": [check["report accuracy"] for check in log.checks],
        },
        title=f"{row.name}: loss in nats, and accuracy, counted as the report counts",
        y="nats, or share",
    )
    sets = {"people": people, **{f"temperature {temperature:g}": each for temperature, each in like.items()}}
    pitches = sorted({int(pitch) for each in sets.values() for pitch in each.pitches})
    histogram(
        notes,
        {name: {str(pitch): each.pitches[str(pitch)] for pitch in pitches} for name, each in sets.items()},
        title=f"{row.name}: pitches as songs go on",
    )
    histogram(
        lengths,
        {name: _durations(each) for name, each in sets.items()},
        title=f"{row.name}: durations in sixteenths as songs go on",
    )
    return [losses, notes, lengths]


def _durations(of: Melodies) -> dict[str, int]:
    """Return how often there is each duration in sixteenths, and how often a longer one."""
    found = {str(length): of.durations[str(length)] for length in range(1, _LONGEST + 1)}
    return {**found, "longer": of.durations.total() - sum(found.values())}


def _played(folder: Path, row: Row, judged: Sequence[Song], drawn: dict[float, list[list[str]]]) -> list[Path]:
    """Write melodies with the two bars that they go on from, as MIDI files and piano rolls."""
    files: list[Path] = []
    for temperature, lines in drawn.items():
        for number, (song, line) in enumerate(zip(judged[:_WRITTEN], lines, strict=False), 1):
            stem = folder / f"{row.name}-{number}-at-{temperature:g}"
            notes = played([*song.symbols()[:BEGUN], *line])
            write_midi(stem.with_name(f"{stem.name}.mid"), notes)
            title = f"{row.name} goes on after 4 s of {_title(song)}, temperature {temperature:g}"
            roll(stem.with_name(f"{stem.name}.png"), notes, title=title)
            files += [stem.with_name(f"{stem.name}.mid"), stem.with_name(f"{stem.name}.png")]
    return files


def _title(song: Song) -> str:
    """Return a title that fits, in small letters: many are in capitals."""
    title = song.title.title()
    return title if len(title) <= _TITLE else title[:_TITLE].rsplit(" ", 1)[0] + " ..."
