"""A blind listening test: `python -m training listen MODEL... --data PATH --out listen.html`, then open the page.

One chorus a clip, by people, by each model and by a Markov chain, over one band in one key: nothing differs but the
notes. The page is one file that loads nothing, hides whose clip is whose until all are rated, and then counts. The
clips of people are made from the user's own data, which transcribe performances under copyright: never publish it.
"""

import argparse
import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np
from rich.progress import track

from improv.errors import DataError, ImprovError, UsageError
from improv.models.catalog import find_model
from improv.models.contract import ModelSpec, StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import Frame
from improv.music.theory import Form, shortest_way
from improv.music.turns import Mode
from improv.protocol.controls import TEMPERATURE, Settings
from improv.session.network import has_melody
from training.baselines import markov
from training.corpora import midi_files, wjazzd
from training.corpora.solos import Solo, notes_in
from training.corpora.wjazzd_split import split
from training.corpora.wjazzd_tables import DATABASE
from training.datasets.sequences import KEY, in_c, sequences
from training.listening_test import ratings
from training.metrics.melody import CHORUS_BARS, TICKS_PER_BAR, Melody, chorus_starts, melody
from training.rendering import audio as sound
from training.rendering.playing import play_alone

TEMPLATE = Path(__file__).with_suffix(".html")
MARK = "/* the test */ null"
"""Where in the template the test is put."""

PEOPLE = "People"
ORDER = 3
MARKOV = f"Markov chain, order {ORDER}"

CHORUSES = 2
"""Choruses that are played, of which the last is the clip: no player begins with it."""

LEAST_BARS = 8
"""Bars of a clip in which notes begin, at least; a chorus with fewer is passed over, people's too."""

MOST_TRIES = 20
"""So many choruses are looked at for each that is heard."""

MIDDLE = 67
"""A whole line is moved by octaves until its median is as near as can be to this pitch: no register tells who plays."""

TEMPO_FACTOR = 1.5
LEAST_ALIKE = 0.7
"""People's choruses are preferred that were played at no other tempo than this factor makes of the test's, over chords
no less alike."""

HELD_OUT = 5
"""Of a folder of MIDI files one in so many is heard, and the Markov chain learns from the others."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A chorus that is heard, whose it is and where it is from."""

    line: Melody
    source: str
    origin: str


# --- whose lines ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corpus:
    """The solos that are heard, and those that a Markov chain learns from."""

    heard: tuple[Solo, ...]
    learned: tuple[Solo, ...]


def corpus(path: Path) -> Corpus:
    """Return the user's data: the Weimar Jazz Database with its split, or a folder of MIDI files.

    Of the database the blues that no model of ours has learned from are heard, whether they choose or judge models.
    """
    if path.is_file() or (path / DATABASE).is_file() or (path / "solos.csv").is_file():
        sides = split(wjazzd.read(path)[0])
        unheard = (*sides.test, *sides.validation)
        return Corpus(tuple(solo for solo in unheard if solo.is_blues and solo.choruses), sides.training)
    solos = [solo for solo in midi_files.read(path)[0] if solo.tonic is not None]
    solos.sort(key=lambda solo: sha256(solo.name.encode()).hexdigest())
    heard = -(-len(solos) // HELD_OUT)
    return Corpus(tuple(solos[:heard]), tuple(solos[heard:]))


def of_people(solos: Iterable[Solo], form: Form, bpm: float, rng: np.random.Generator) -> Iterator[Clip]:
    """Yield choruses of solos in C, those that fit the test first; each solo gives one before any gives two."""
    ranked: list[tuple[tuple[bool, int, float], Clip]] = []
    for solo in solos:
        line = melody(in_c(solo), solo.choruses)
        is_far = not 1 / TEMPO_FACTOR <= solo.tempo_bpm / bpm <= TEMPO_FACTOR
        those = []
        for top in chorus_starts(line):
            cut, who = line.cut(top, CHORUS_BARS), f"{solo.performer}: {solo.title}" if solo.performer else solo.name
            likeness = chord_likeness(cut, form)
            clip = Clip(cut, PEOPLE, f"{who}, bars {top + 1} to {top + CHORUS_BARS}")
            those.append((is_far or likeness < LEAST_ALIKE, rng.random(), clip))
        those.sort(key=lambda each: each[:2])
        ranked += [((unfit, rank, chance), clip) for rank, (unfit, chance, clip) in enumerate(those)]
    return (clip for _, clip in sorted(ranked, key=lambda each: each[0]))


def chord_likeness(line: Melody, form: Form) -> float:
    """Return the likeness of two chord progressions, 0 to 1: shared pitch classes over all pitch classes.

    1 where the line's are not known.
    """
    ours = np.array([[pc in chord.pitch_classes for pc in range(12)] for chord in form.chords])
    theirs = line.chords[: len(ours)]
    known = theirs.any(axis=1)
    if not known.any():
        return 1.0
    ours, theirs = ours[: len(theirs)][known], theirs[known]
    return float(((ours & theirs).sum(axis=1) / (ours | theirs).sum(axis=1)).mean())


def of_model(model: StepModel, name: str, temperature: float, bpm: float, seeds: Iterable[int]) -> Iterator[Clip]:
    """Yield a chorus of a model for each seed, played alone through the session that a player hears."""
    for seed in seeds:
        settings = Settings(mode=Mode.SOLO, temperature=temperature, seed=seed, key=KEY)
        line = play_alone(model, CHORUSES * CHORUS_BARS, settings, bpm)
        yield Clip(_last_chorus(all_notes(line)), name, f"seed {seed}")


def all_notes(line: Sequence[Frame]) -> Melody:
    """Return what a model played as a melody; where it is more than one voice, with all of its notes, by onset."""
    found = melody(line)
    if all(frame.melody.is_one_voice for frame in line):
        return found
    notes = [(note.onset, note.end, note.pitch) for note in notes_in(line)]
    onsets, ends, pitches = np.array(notes, np.int64).reshape(-1, 3).T
    return replace(found, onsets=onsets, ends=ends, pitches=pitches)


def of_markov(solos: Sequence[Solo], form: Form, seeds: Iterable[int]) -> Iterator[Clip]:
    """Yield a chorus of a Markov chain, learned from solos, for each seed; DataError without solos."""
    known, recipe = sequences(solos), markov.Recipe(ORDER, place=True)
    if not known:
        raise DataError("no solo is left that a Markov chain could learn from")
    rhythm, pitch = (markov.learn(recipe, choices(known)) for choices in (markov.rhythms, markov.pitches))
    for seed in seeds:
        line = melody(markov.draw_line(rhythm, pitch, form, CHORUSES, seed))
        yield Clip(_last_chorus(line), MARKOV, f"seed {seed}")


def _last_chorus(line: Melody) -> Melody:
    return line.cut(line.bars - CHORUS_BARS, CHORUS_BARS)


def choose_clips(clips: Iterator[Clip], count: int, what: str) -> list[Clip]:
    """Return the first `count` clips with enough notes, in the register of all; DataError if there are too few."""
    fit = (clip for clip in islice(clips, MOST_TRIES * count) if _bars_with_notes(clip.line) >= LEAST_BARS)
    found = [replace(clip, line=centre(clip.line)) for clip in islice(fit, count)]
    if len(found) < count:
        raise DataError(f"{what}: {len(found)} choruses can be heard, not {count}; give more data or fewer --clips")
    return found


def _bars_with_notes(line: Melody) -> int:
    return len(np.unique(line.onsets // TICKS_PER_BAR))


def centre(line: Melody) -> Melody:
    """Return a melody moved by octaves towards `MIDDLE`, its last note cut at the end of the chorus."""
    octaves = round((MIDDLE - float(np.median(line.pitches))) / 12)
    ends = np.minimum(line.ends, CHORUS_BARS * TICKS_PER_BAR)
    return replace(line, pitches=np.clip(line.pitches + 12 * octaves, 0, 127), ends=ends)


# --- the page ---------------------------------------------------------------------------------


def page(clips: Sequence[Clip], stage: sound.Stage, about: Mapping[str, str], seed: int) -> str:
    """Return the listening test as HTML, its clips shuffled by a seed."""
    shuffled = [clips[which] for which in np.random.default_rng(seed).permutation(len(clips))]
    sounds = [sound.clip(clip.line, stage) for clip in track(shuffled, "rendering", transient=True)]
    files = [sound.encode_audio(each) for each in sound.limit_together(sounds)]
    truth = {
        "clips": [{"source": clip.source, "origin": clip.origin} for clip in shuffled],
        "about": dict(about),
    }
    content = {
        "format": ratings.FORMAT,
        "id": sha256(b"".join(file for _, file in files)).hexdigest()[:12],
        "seconds": round(stage.seconds, 2),
        "type": files[0][0],
        "truth": obfuscate(json.dumps(truth)),
        "clips": [base64.b64encode(file).decode() for _, file in files],
    }
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.replace(MARK, json.dumps(content).replace("<", "\\u003c"))


VEIL = b"not before the end"


def obfuscate(text: str) -> str:
    """Return a text that cannot be read at a glance (XOR with `VEIL`, then base64); it is not secret."""
    return base64.b64encode(bytes(one ^ other for one, other in zip(text.encode(), cycle(VEIL), strict=False))).decode()


# --- the command ------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command-line arguments of `run`."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names or files of models")
    data = wjazzd.FOLDER
    parser.add_argument(
        "--data", type=Path, default=data, help=f"the Weimar Jazz Database, or a folder of MIDI files [{data}]"
    )
    parser.add_argument("--out", type=Path, default=Path("listen.html"), help="the page to write [listen.html]")
    parser.add_argument("--clips", type=int, default=6, help="so many of each source [6]")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other clips in another order [0]")
    parser.add_argument(
        "--temperature", type=float, default=TEMPERATURE.default, help=f"of the models [{TEMPERATURE.default}]"
    )
    parser.add_argument("--tempo", type=float, default=160.0, help="in beats a minute [160]")
    parser.add_argument("--swing", type=float, default=0.6, help="of every clip, 0.5 (straight) to 0.75 [0.6]")
    parser.add_argument("--form", help="the band's chords, twelve bars in C between | [the first model's]")
    parser.add_argument("--soundfont", type=Path, help="the SoundFont to sound with [the best that is found]")
    parser.add_argument(
        "--results", type=Path, nargs="+", metavar="FILE", help="make no page: count the answers that pages have saved"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the test's page, or print the results of listeners' answers."""
    if arguments.results:
        for line in ratings.report(list(chain.from_iterable(map(ratings.read, arguments.results)))):
            print(line)
        return
    _check(arguments)
    models = [(path, OnnxModel(path)) for path in map(find_model, arguments.models)]
    for path, model in models:
        if not has_melody(model.spec):
            raise UsageError(f"{path}: it knows the changes alone and plays no melody; give another")
    stage = sound.Stage(
        _form(arguments.form, models[0][1].spec),
        arguments.tempo,
        arguments.swing,
        arguments.soundfont,
    )
    made_by = sound.sounds_by(stage)
    print(f"sound: {made_by}", flush=True)
    clips = _clips(arguments, models, stage)
    about = {
        "tempo": f"{stage.bpm:g} beats a minute, swing {stage.swing:g}",
        "band": stage.form.text,
        "sound": made_by,
        "temperature": f"{arguments.temperature:g}",
        "seed": str(arguments.seed),
    }
    written = page(clips, stage, about, arguments.seed)
    try:
        arguments.out.write_text(written, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{arguments.out}: {error.strerror}") from error
    for source in dict.fromkeys(clip.source for clip in clips):
        of_it = [clip.line for clip in clips if clip.source == source]
        chords = np.mean([chord_likeness(line, stage.form) for line in of_it])
        notes = np.mean([len(line.onsets) for line in of_it])
        print(f"{source}: {len(of_it)} clips, {notes:.0f} notes each, own chords {chords:.0%} those of the band")
    print(
        f"wrote {arguments.out}: {len(clips)} clips of {stage.seconds:.1f} s, {len(written) / 1e6:.1f} MB; open it in "
        "a browser.\nKeep it to yourself: some clips play transcriptions of performances under copyright."
    )


def _check(arguments: argparse.Namespace) -> None:
    for name, low, high in (("clips", 1, 100), ("tempo", 40, 400), ("swing", 0.5, 0.75), ("temperature", 0, 5)):
        if not low <= getattr(arguments, name) <= high:
            raise UsageError(f"--{name} {getattr(arguments, name):g} is out of range; {low:g} to {high:g}")
    if arguments.seed < 0:
        raise UsageError("--seed is a number from 0 on")
    if not arguments.models:
        raise UsageError("give at least one MODEL, such as partner")


def _form(text: str | None, first: ModelSpec) -> Form:
    """Return the band's form: the one in the text, or what the first model plays over, in C."""
    try:
        form = Form.parse(text) if text else Form.parse(first.form).transposed(shortest_way(first.key, KEY))
    except ValueError as error:
        raise UsageError(f"--form: {error}") from error
    if form.bars != CHORUS_BARS:
        raise UsageError(f"the band's form has {form.bars} bars; give twelve with --form")
    return form


def _clips(arguments: argparse.Namespace, models: Sequence[tuple[Path, OnnxModel]], stage: sound.Stage) -> list[Clip]:
    count, form = arguments.clips, stage.form
    print(f"reading {arguments.data}", flush=True)
    data = corpus(arguments.data)
    seeds = range(1_000 * arguments.seed + 1, 1_000 * arguments.seed + 1 + MOST_TRIES * count)
    rng = np.random.default_rng(arguments.seed)
    found = choose_clips(of_people(data.heard, form, stage.bpm, rng), count, str(arguments.data))
    names: list[str] = []
    for path, model in models:
        names.append(_free(model.spec.name, path.stem, names))
        found += choose_clips(of_model(model, names[-1], arguments.temperature, stage.bpm, seeds), count, str(path))
    print(f"learning a Markov chain from {len(data.learned)} solos", flush=True)
    return found + choose_clips(of_markov(data.learned, form, seeds), count, MARKOV)


def _free(name: str, other: str, names: Sequence[str]) -> str:
    """Return a name that no source has yet."""
    numbered = (f"{other} {number}" for number in range(2, len(names) + 3))
    return next(each for each in (name, other, *numbered) if each not in (*names, PEOPLE, MARKOV))


def main() -> None:
    """Parse the command line, and write a page or print results."""
    parser = argparse.ArgumentParser(
        prog="python -m training listen",
        description="A blind listening test: people, models and a Markov chain.",
    )
    add_arguments(parser)
    try:
        run(parser.parse_args())
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")


if __name__ == "__main__":
    main()
