"""A `StepModel` on onnxruntime, which keeps what its metadata declares or is refused at load.

The file's content has been checked as data by `onnx_file` before onnxruntime sees it. This room
knows the contract and no architecture.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime

from improv.errors import ContractError, UsageError
from improv.models.catalog import read_model
from improv.models.contract import MAX_TENSOR_VALUES, HeadSpec, LineSpec, ModelSpec, Shape, Tensor, Tensors
from improv.models.encodings import BAND_ENCODINGS, CHORD_HEAD, ENCODINGS, LINES, Encoding, Vocabulary, encoding_of
from improv.models.onnx_file import ModelFile
from improv.models.onnx_operators import FLOAT
from improv.models.onnx_operators import Tensor as KnownTensor
from improv.music.theory import Form, pitch_class
from improv.system.memory_limit import memory_limited
from improv.system.private_files import make_folder

CPU, CPU_PROVIDER = "cpu", "CPUExecutionProvider"

_PROVIDERS = {CPU: CPU_PROVIDER, "cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}


class OnnxModel:
    """One model file, checked and ready to step."""

    def __init__(self, path: Path, provider: str = "cpu", *, content: bytes | None = None) -> None:
        """Load a model from its file, or from the bytes that were read of it before.

        ContractError, InputNotFound or UsageError say what is wrong with it.
        """
        if provider not in _PROVIDERS:
            raise UsageError(f"no provider {provider!r}; choose from {', '.join(_PROVIDERS)}")
        content = read_model(path) if content is None else content
        self.sha256 = hashlib.sha256(content).hexdigest()
        """Of the file as it was read."""
        try:
            file = ModelFile(content)
            self.spec = _check_declared(file)
            self.provider = provider
            later = self.spec.later_heads
            self._heads = [head for head in self.spec.heads if head not in later]
            self._states = self.spec.step_state
            self._memory = [f"{name}_out" for name in self._states]
            line = self.spec.line

            def computed(outputs: Sequence[str]) -> "_Part":
                """Load what some outputs need; the whole file where that is all of them."""
                needed = content if set(outputs) == file.outputs.keys() else file.part(outputs)
                return _Part(self.spec, _session(needed, _PROVIDERS[provider]), outputs)

            self._step = computed([*self._heads, *self._memory])
            self._moved = () if line is None else line.state
            self._move = computed([f"{name}_out" for name in self._moved]) if self._moved else None
            self._later = {head: computed([head]) for head in later}
            if line is not None:
                _check_apart(self.spec, line, self._step, self._move, self._later)
        except ContractError as error:
            raise ContractError(f"{path}: {error}") from error

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """Return logits by head and the next memory in new arrays; heads of later choices are left out."""
        results = self._step.run(features, memory)
        count = len(self._heads)
        after = dict(zip(self._states, results[count:], strict=True))
        if self._moved:
            after.update({name: memory[name] for name in self._moved})
        return dict(zip(self._heads, results[:count], strict=True)), after

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """Return the memory after a move of the line; ContractError for a model that has none."""
        if self._move is None:
            raise ContractError(f"{self.spec.name} has no line that moves at a pace of its own")
        return {**memory, **dict(zip(self._moved, self._move.run(features, memory), strict=True))}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """Return the logits of one head; only what that head needs is computed."""
        return self._later[head].run(features, memory)[0]


class _Part:
    """A network, or what is left of it for some of its outputs."""

    def __init__(self, spec: ModelSpec, session: "onnxruntime.InferenceSession", outputs: Sequence[str]) -> None:
        self._session = session
        self._outputs = outputs
        taken = {each.name for each in session.get_inputs()}
        self._features = [name for name in spec.features if name in taken]
        self._memory = [(name, f"{name}_in") for name in spec.state if f"{name}_in" in taken]

    @property
    def needs(self) -> set[str]:
        """The features and states that it depends on."""
        return {*self._features, *[name for name, _ in self._memory]}

    def run(self, features: Tensors, memory: Tensors) -> Sequence[Tensor]:
        """Return its outputs in their order; of features and memory it takes those that it needs."""
        feed = {name: features[name] for name in self._features}
        for name, given in self._memory:
            feed[given] = memory[name]
        results: Sequence[Any] = self._session.run(self._outputs, feed)
        return results


def provider_names() -> list[str]:
    """Return the execution providers that onnxruntime was built with. Only loading a model tells if one works."""
    built = onnxruntime.get_available_providers()
    return [name for name, provider in _PROVIDERS.items() if provider in built]


def _session(content: bytes, provider: str) -> "onnxruntime.InferenceSession":
    """Return an inference session on one thread that never spins; ContractError if the provider is not usable."""
    onnxruntime.set_default_logger_severity(4)  # a missing CUDA prints in red even when we ask quietly
    onnxruntime.disable_telemetry_events()
    unusable = UsageError(f"the provider {provider} does not work on this machine; use --provider cpu")
    if provider not in onnxruntime.get_available_providers():
        raise unusable
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        with memory_limited() if provider == CPU_PROVIDER else nullcontext():  # a graphics card's driver reserves a lot
            # the fallback of its Python side would print and try again
            session = onnxruntime.InferenceSession(content, options, providers=[provider], enable_fallback=0)
    except Exception as error:  # onnxruntime raises its own classes, and UnicodeDecodeError for some damage
        reason = " ".join(str(error).split())[:160]
        raise ContractError(f"onnxruntime cannot load it ({reason}); export it again") from error
    if session.get_providers()[0] != provider:  # what is listed as available may still not be usable
        raise unusable
    return session


def _check_declared(file: ModelFile) -> ModelSpec:
    """Return what a file declares, with what its encoding declares of its heads where an older file does not.

    ContractError unless vocabulary, form, inputs and outputs are exactly those.
    """
    spec = file.spec
    melodic, encoding = _encoding(spec)
    if spec.fingerprint != encoding.fingerprint:
        raise ContractError(
            f"its vocabulary has the fingerprint {spec.fingerprint}, this improv's {spec.encoding} has "
            f"{encoding.fingerprint}; train or export it again"
        )
    if spec.steps_per_beat != encoding.grid.steps_per_beat:
        raise ContractError(
            f"it makes {spec.steps_per_beat} steps a beat, {spec.encoding} makes {encoding.grid.steps_per_beat}"
        )
    for name, shape in spec.features.items():
        if encoding.features.get(name) != shape:
            raise ContractError(f"its feature {name} {shape} is not one of {spec.encoding}: {encoding.features}")
    spec = replace(spec, heads={name: _declared_head(name, head, encoding) for name, head in spec.heads.items()})
    for name, head in spec.heads.items():
        if encoding.heads.get(name) != head:
            raise ContractError(f"its head {name} is not as {spec.encoding} has it: {', '.join(encoding.heads)}")
    if missing := [head for head in encoding.heads if spec.encoding in BAND_ENCODINGS and head not in spec.heads]:
        raise ContractError(f"it has no head {missing[0]}, and {spec.encoding} needs all of its own")
    if melodic and CHORD_HEAD not in spec.heads:
        raise ContractError(f"it has no head {CHORD_HEAD}, and improv plays over chords")
    try:
        steps = Form.parse(spec.form, encoding.grid).steps
        pitch_class(spec.key)
    except ValueError as error:
        raise ContractError(f"its form or key is unreadable: {error}") from error
    pitches = set(melodic.melody_pitches()) if melodic else set[int]()
    if any(len(p) > steps or not set(p) <= pitches for p in spec.primers):
        raise ContractError("a primer is longer than the form or leaves the vocabulary")
    if sum(math.prod(shape) for shape in spec.state.values()) > MAX_TENSOR_VALUES:
        raise ContractError(f"its memory is larger than {MAX_TENSOR_VALUES} values in all")
    inputs = dict(spec.features) | {f"{name}_in": shape for name, shape in spec.state.items()}
    outputs = {name: head.shape for name, head in spec.heads.items()}
    outputs |= {f"{name}_out": shape for name, shape in spec.state.items()}
    _compare("input", inputs, file.inputs)
    _compare("output", outputs, file.outputs)
    return spec


def _encoding(spec: ModelSpec) -> tuple[Encoding | None, Vocabulary]:
    """Return the encoding of a model of a melody, None for another one, and that of any; ContractError for none."""
    if spec.line is None and spec.encoding in BAND_ENCODINGS:
        return None, BAND_ENCODINGS[spec.encoding]
    try:
        melodic = encoding_of(spec)
    except KeyError as error:
        known = ", ".join((*ENCODINGS, *BAND_ENCODINGS) if spec.line is None else LINES)
        over = "" if spec.line is None else f" of a line over {spec.line.changes!r}"
        raise ContractError(f"it wants the encoding {spec.encoding!r}{over}; this improv has {known}") from error
    except ValueError as error:
        raise ContractError(f"the symbols of its {spec.encoding} are unusable: {error}") from error
    if spec.line is None:
        return melodic, melodic
    moving = spec.line
    for what, named, there in (
        ("features", moving.features, melodic.line_features),
        ("heads", moving.heads, melodic.melody_heads),
        ("state", moving.state, tuple(spec.state)),
    ):
        if not named or not set(named) <= set(there):
            raise ContractError(
                f"its line has the {what} {', '.join(named) or 'none'}, which are not {spec.encoding}'s"
            )
    return melodic, melodic


def _check_apart(spec: ModelSpec, line: LineSpec, step: _Part, move: _Part | None, heads: Mapping[str, _Part]) -> None:
    """ContractError unless a step depends on nothing of a line's, a move on that alone, and a head on no feature."""
    own, features = {*line.features, *line.state}, set(spec.features)
    parts = [("step", step, own), *[(f"head {name}", heads[name], features) for name in line.heads]]
    if move is not None:
        parts.append(("move", move, {*features, *spec.state} - own))
    for what, part, others in parts:
        if found := sorted(part.needs & others):
            raise ContractError(
                f"its {what} depends on {', '.join(found)}, and may not, in a model of a line; export it again"
            )


def _declared_head(name: str, head: HeadSpec, encoding: Vocabulary) -> HeadSpec:
    known = encoding.heads.get(name)
    return replace(head, after=known.after) if head.after is None and known is not None else head


def _compare(what: str, declared: Mapping[str, Shape], found: Mapping[str, KnownTensor]) -> None:
    for name in sorted(declared.keys() | found.keys()):
        if name not in declared:
            raise ContractError(f"its {what} {name} is not declared in the metadata; export it again")
        if name not in found:
            raise ContractError(f"it declares the {what} {name} but has none; export it again")
        tensor = found[name]
        if (tensor.shape, tensor.kind) != (declared[name], FLOAT):
            kind = "float" if tensor.kind == FLOAT else f"of ONNX's kind {tensor.kind}"
            raise ContractError(
                f"its {what} {name} is {kind} and of shape {list(tensor.shape)}, "
                f"declared is float {list(declared[name])}"
            )


# --- the provider `improv bench` found fastest -------------------------------------------------


def _provider_note() -> Path:
    from platformdirs import user_state_path  # noqa: PLC0415 an engine that is told its provider does not look

    return user_state_path("improv", appauthor=False) / "provider"


def remembered_provider() -> str:
    """Return the execution provider that the last bench found fastest here; `cpu` if there was none."""
    try:
        name = _provider_note().read_text().strip()
    except OSError:
        return "cpu"
    return name if name in provider_names() else "cpu"


def remember_provider(name: str) -> None:
    """Store a provider as the default of later performances on this machine."""
    note = _provider_note()
    make_folder(note.parent)
    note.write_text(f"{name}\n")
