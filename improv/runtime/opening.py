"""From a tune to a network that is ready and a session before its first step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from improv import __version__
from improv.config.values import Tune
from improv.errors import ContractError, ImprovError
from improv.models.catalog import band_model_paths, find_model
from improv.models.contract import StepModel
from improv.models.encodings import BAND_NAMES, BAND_PARTS, ENCODINGS, encoding_of
from improv.models.onnx_runtime import CPU, OnnxModel
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.recording import BandModel, Head
from improv.session.band.learned import Networks, RefusingNetwork
from improv.session.band.rules import BAND_RULES
from improv.session.lifecycle import Primed, begin, prime
from improv.session.state import Session
from improv.system.memory_limit import memory_limited

NO_BAND: Mapping[Part, OnnxModel] = MappingProxyType({})


def open_network(tune: Tune, otherwise: str = "cpu", network: bytes = b"") -> OnnxModel:
    """Return a tune's network, checked and loaded; ImprovError if it cannot be found, read or run.

    If the tune names no provider, `otherwise` is tried, then the CPU. `network` is the file's content, if it was read
    before.
    """
    path = Path(tune.model) if network else find_model(tune.model)
    if tune.provider is None and otherwise != CPU:
        with suppress(ImprovError):
            return _with_melody(OnnxModel(path, otherwise, content=network or None), path)
    return _with_melody(OnnxModel(path, tune.provider or CPU, content=network or None), path)


def _with_melody(model: OnnxModel, path: Path) -> OnnxModel:
    """Return a network that decides melody or changes; ContractError for one of the band."""
    if model.spec.line is None and model.spec.encoding not in ENCODINGS:
        raise ContractError(f"{path}: it plays {model.spec.encoding} in the band; choose one that has a melody")
    return model


Band = tuple[Mapping[Part, OnnxModel], tuple[str, ...]]
"""The networks of the band by part, checked and loaded, and what is wrong with the others."""


def open_band(load: Callable[[Path], OnnxModel] = OnnxModel) -> Band:
    """Return the networks of the band, and what is wrong with those that there are not; `load` loads a file."""
    found: dict[Part, OnnxModel] = {}
    remarks: list[str] = []
    paths = band_model_paths()
    for part, encoding in BAND_PARTS.items():
        name = BAND_NAMES[part]
        if (path := paths.get(name)) is None:
            continue
        try:
            model = load(path)
            if model.spec.encoding != encoding:
                raise ContractError(f"{path}: its encoding is {model.spec.encoding}, {name} needs {encoding}")
            found[part] = model
        except ImprovError as error:
            remarks.append(f"{name} plays by rule: {error}")
    return found, tuple(remarks)


def same_band(now: Mapping[Part, OnnxModel], began_with: Sequence[BandModel]) -> Networks:
    """Return the networks that a performance goes on with, of those that are there now.

    A part whose file is another one since, or gone, plays by rule from here on, as its take says: it has to be decided
    again from the networks in its head.
    """
    same: dict[Part, StepModel] = {}
    for each in began_with:
        model = now.get(each.part)
        if model is not None and model.sha256 == each.sha256:
            same[each.part] = model
        else:
            same[each.part] = RefusingNetwork(
                f"its file {'cannot be used any more' if model is None else 'has changed since the jam began'}"
            )
    return same


def prime_tune(tune: Tune, model: OnnxModel, seed: int = 0) -> Primed:
    """Return a tune's network primed with its primer; ContractError if it fails."""
    with first_steps(tune, model):
        return prime(model, tune.settings(Mode.SOLO, seed), tune.tempo)


def begin_tune(tune: Tune, model: OnnxModel, mode: Mode, seed: int, earlier: Primed | None = None) -> Session:
    """Return the session at the beginning of a tune, with its first step due at 0 seconds."""
    grid = encoding_of(model.spec).grid
    transport = Transport(-tune.count_in * grid.steps_per_bar, 0.0, tune.tempo, tune.swing, grid)
    with first_steps(tune, model):
        settings = tune.settings(mode, seed)
        return begin(model, settings, transport, count_in_bars=tune.count_in, choruses=tune.choruses, primed=earlier)


def head_of(tune: Tune, model: OnnxModel, session: Session, band: Mapping[Part, OnnxModel] = NO_BAND) -> Head:
    """Return the head of a take that begins with a session, played with the networks of a band."""
    return Head(
        improv=__version__,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        model=model.spec.name,
        model_sha256=model.sha256,
        provider=model.provider,
        settings=session.settings,
        transport=session.position.transport,
        count_in_bars=tune.count_in,
        choruses=session.tune.choruses,
        form=model.spec.form,
        key=model.spec.key,
        band=tuple(BandModel(part, BAND_NAMES[part], network.sha256) for part, network in band.items()),
        band_rules=BAND_RULES,
    )


def last_step(tune: Tune, session: Session) -> int | None:
    """Return the last step of a tune; None if it has no end."""
    return None if tune.choruses is None else tune.choruses * session.tune.form.steps - 1


@contextmanager
def first_steps(tune: Tune, model: OnnxModel) -> Iterator[None]:
    """Raise ContractError if the network fails, or takes too much memory, within the context."""
    try:
        with memory_limited() if model.provider == "cpu" else nullcontext():
            yield
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise ContractError(f"{tune.model}: it fails in its first steps ({reason}); export it again") from error
