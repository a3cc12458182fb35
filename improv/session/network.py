"""What a network is fed of a performance, and a network taken up, swapped or begun anew."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from improv.dataclass import dataclass
from improv.models.contract import ModelSpec, StepModel, Tensor, Tensors, no_memory
from improv.models.encodings import Choice, Encoding, StepInput, encoding_of
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.theory import PITCH_CLASSES, Chord, Form, pitch_class, shortest_way
from improv.music.turns import Mode, Who
from improv.music.voices import ANY, VOICES
from improv.protocol.controls import MELODY_CONTROLS, TEMPO, VOICE, Settings
from improv.session.duet import hears_apart, phrase_cell, player_leads
from improv.session.listening import REVISED_STEPS, cell_at, playing_style
from improv.session.state import ModelTune, NetworkState, Session

_HEARD_BY_LINES = 32
"""How many of the last steps a network of a line hears when it takes over: four bars of eighths."""

FedStep = tuple[Tensors, Tensors, Tensors]
"""What a network was fed in a step, what it says, and its memory after it."""


def has_melody(spec: ModelSpec) -> bool:
    """Return whether a network has a melody; one without decides chords only."""
    return spec.heads.keys() >= {*encoding_of(spec).melody_heads}


def unsupported_controls(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of the controls that a network cannot obey."""
    unsupported = encoding_of(spec).unsupported_controls
    return unsupported if has_melody(spec) else tuple(dict.fromkeys((*MELODY_CONTROLS, *unsupported)))


def silence(model: StepModel) -> Tensors:
    """Return the features of a silent step at the top of the form."""
    encoding = encoding_of(model.spec)
    form = Form.parse(model.spec.form, encoding.grid)
    (step_input,) = silent_steps(form, range(1), encoding, float(TEMPO.default), Persona())
    features = encoding.encode(step_input)
    return {name: features[name] for name in model.spec.features if name in features}


def one_step(model: StepModel) -> Callable[[Tensors], Tensors]:
    """Return what lets a network hear one step, for those who time it: a function from its memory to its memory.

    A line that moves at a pace of its own hears an eighth in which two notes begin; other networks hear silence.
    """
    features, encoding = silence(model), encoding_of(model.spec)
    two = Cell((Onset(60), Onset(64, encoding.grid.ticks_per_step // 2)))
    moves = encoding.moves(StepInput(Frame(two, None), steps_played=0))

    def step(memory: Tensors) -> Tensors:
        """Return the memory after the step and the moves of the line in it."""
        _, memory = model.step(features, memory)
        for move in moves:
            memory = model.move(move, memory)
        return memory

    return step


def fed(model: StepModel, encoding: Encoding, step_input: StepInput, memory: Tensors) -> FedStep:
    """Let a network hear a step, its line too, if that moves at a pace of its own. Errors of the model are raised."""
    features = encoding.encode(step_input)
    outputs, memory = model.step(features, memory)
    for move in encoding.moves(step_input):
        memory = model.move(move, memory)
    return features, outputs, memory


def caught_up(session: Session, model: StepModel) -> Session:
    """Feed a network the first step that it has missed. Errors of the model are raised."""
    step_input, *later = session.network.pending_inputs
    before = session.network
    _, _, memory = fed(model, encoding_of(model.spec), step_input, before.memory)
    earlier = kept_memories(before, (before.memory,))
    caught = replace(before, memory=memory, earlier_memories=earlier, pending_inputs=tuple(later))
    return replace(session, network=caught)


def swapped(session: Session, model: StepModel) -> Session:
    """Return the session with another network, primed with the last chorus, or with its chords alone."""
    spec, encoding = model.spec, encoding_of(model.spec)
    form = Form.parse(spec.form, encoding.grid)
    up = shortest_way(session.tune.key, spec.key)
    sounding = PITCH_CLASSES[(pitch_class(session.tune.key) + session.semitones) % 12]
    waits = not session.position.playing or session.place < 0
    end = form.steps - 1 if waits else session.place  # the place of the next step input
    top = (end // form.steps - 1) * form.steps  # from the top of the chorus before: it counts from there
    kept = (session.network.recent_inputs[:-1] if waits else session.network.recent_inputs)[-form.steps :]
    heard = [
        replace(
            step_input,
            frame=_moved(step_input.frame, up),
            beside=step_input.beside and step_input.beside.transposed(up),
            previous=step_input.previous and step_input.previous.transposed(up),
            place=place,
            chord_lookahead=form_lookahead(form, place, encoding),
            form_steps=form.steps,
        )
        for place, step_input in zip(range(end - len(kept), end), kept, strict=True)
    ]
    if encoding.line_features:  # other networks are not told what sounded before
        heard[1:] = [replace(later, previous=earlier.frame.melody) for earlier, later in pairwise(heard)]
    persona = persona_of(session.settings, shortest_way(spec.key, sounding))
    bpm = session.position.transport.bpm
    past = (*silent_steps(form, range(top, end - len(heard)), encoding, bpm, persona), *heard)
    return replace(
        session,
        settings=replace(session.settings, key=sounding) if up else session.settings,  # the key that sounds stays
        tune=ModelTune(form, spec.key, session.tune.choruses),
        network=NetworkState(
            memory=no_memory(spec),
            output=_moved(session.network.output, up),
            logits=session.network.logits,
            chord_lookahead=form_lookahead(form, session.place, encoding),
            pending_inputs=_to_be_heard(past, encoding),
            recent_inputs=past[-form.steps :],
        ),
        health=replace(session.health, consecutive_faults=0),
    )


def _to_be_heard(past: tuple[StepInput, ...], encoding: Encoding) -> tuple[StepInput, ...]:
    """Return what a network that takes over is fed of the past: of its melody a line hears the end alone.

    Such a network moves several times in a step, and there is one step to catch up in.
    """
    if not encoding.line_features:
        return past
    earlier, latest = past[:-_HEARD_BY_LINES], past[-_HEARD_BY_LINES:]
    return (
        *[replace(each, frame=Frame(SILENCE, each.frame.chord), steps_played=None) for each in earlier],
        *latest,
    )


def _moved(frame: Frame, semitones: int) -> Frame:
    chord = frame.chord.transposed(semitones) if frame.chord else None
    return Frame(frame.melody.transposed(semitones), chord)


def with_empty_memory(session: Session, model: StepModel) -> Session:
    """Return the session with an empty memory and a silent chorus to hear, so that the network finds its place.

    It follows from the step alone, however much of what it has missed the network has been fed already.
    """
    last = session.place - 1
    top = last - last % session.tune.form.steps
    changes = silent_steps(
        session.tune.form,
        range(top, last + 1),
        encoding_of(model.spec),
        session.position.transport.bpm,
        persona_of(session.settings, session.semitones),
    )
    forgotten = replace(session.network, memory=no_memory(model.spec), earlier_memories=(), pending_inputs=changes)
    return replace(session, network=forgotten)


@dataclass(frozen=True, slots=True)
class Persona:
    """The player that a network is told to be."""

    voice: str = ""
    """The instrument; empty for none in particular."""
    register: float | None = None
    """Its mean MIDI pitch in the network's key."""


def has_voice(settings: Settings, encoding: Encoding) -> bool:
    """Return whether a network plays like an instrument, and keeps to its register: it is asked to, and can."""
    return settings.voice != ANY and VOICE.name not in encoding.unsupported_controls


def compass_of(settings: Settings, semitones: int) -> tuple[int, int] | None:
    """Return the lowest and the highest pitch of the voice, MIDI pitches in the network's key; None for any voice."""
    voice = VOICES.get(settings.voice)
    return None if voice is None else (voice.lowest - semitones, voice.highest - semitones)


def persona_of(settings: Settings, semitones: int) -> Persona:
    """Return the player that settings ask for, where the performance is `semitones` above the network's key."""
    voice = VOICES.get(settings.voice)
    return Persona() if voice is None else Persona(settings.voice, voice.mean - semitones)


def silent_steps(
    form: Form, places: Iterable[int], encoding: Encoding, bpm: float, persona: Persona
) -> tuple[StepInput, ...]:
    """Return what a network is fed where nothing sounds but the changes of the form."""
    return tuple(
        StepInput(
            Frame(SILENCE, form.chord_at(place)),
            place,
            form_lookahead(form, place, encoding),
            form.steps,
            bpm=bpm,
            voice=persona.voice,
            register=persona.register,
        )
        for place in places
    )


def form_lookahead(form: Form, place: int, encoding: Encoding) -> tuple[Chord, ...]:
    """Return the form's chords after a place, as many as the encoding looks ahead."""
    return tuple(form.chord_at(place + after) for after in range(1, encoding.lookahead_steps + 1))


def call_cell(session: Session, step: int) -> Cell | None:
    """Return the player's cell that a step of improv's turn answers; None if there is none.

    It lies at the same place of the call as the step in the turn; what is farther back than a chorus is forgotten.
    """
    if hears_apart(session):
        return phrase_cell(session, step)
    if session.listener.call_start_step is None:
        return None
    wanted = session.listener.call_start_step + step - session.turn.start
    ago = session.step - wanted
    played = wanted < session.turn.start and ago <= len(session.network.recent_inputs)
    return session.network.recent_inputs[-ago].frame.melody if played else None


def network_inputs(session: Session, before: Session, cell: Cell, encoding: Encoding) -> tuple[StepInput, ...]:
    """Return the step inputs of a session's step as it sounded; `before` is the session after its commands.

    Where the form is left for its top, the rest of the chorus follows in silence.
    """
    form, bpm = session.tune.form, session.position.transport.bpm
    persona = persona_of(before.settings, session.semitones)
    place, decides = max(session.place, -1), max(session.place + 1, 0)
    choruses = session.tune.choruses
    to_play = None if choruses is None else max(choruses * form.steps - decides, 0)
    waits = place < 0  # before the top
    sounded, yours, beside = session.network.output, False, None
    if not waits:
        beside = _as_network_s(session, cell, encoding) if hears_apart(session) else None
        sounded, yours = _sounded(session, cell, encoding), session.turn.who is Who.YOU
        if beside is not None:
            yours = player_leads(session, beside)
            sounded = Frame(beside, session.network.output.chord) if yours else session.network.output
    step_input = StepInput(
        sounded,
        place,
        session.network.chord_lookahead,
        form.steps,
        yours,
        previous_call_cell=None if waits else call_cell(session, session.step),
        bpm=bpm,
        beside=beside,
        voice=persona.voice,
        register=persona.register,
        steps_played=decides,
        steps_to_play=to_play,
        previous=_previous(session.network, encoding),
    )
    left = session.position.playing and (
        not before.position.playing or before.position.form_start != session.position.form_start
    )
    if waits or not left:
        return (step_input,)
    places = range(session.place + 1, form.steps * (session.place // form.steps + 1))
    return (step_input, *silent_steps(form, places, encoding, bpm, persona))


def _previous(network: NetworkState, encoding: Encoding) -> Cell | None:
    """Return what sounded in the step before, if a line asks for it and it is known."""
    recent = network.recent_inputs
    return recent[-1].frame.melody if recent and encoding.line_features else None


def _sounded(session: Session, cell: Cell, encoding: Encoding) -> Frame:
    """Return what really sounded in the session's step, in the network's key and range."""
    who = session.turn.who
    barged_in = session.settings.mode is not Mode.SOLO and cell.onsets
    if not (who.hears_you or barged_in):
        return session.network.output
    yours = _as_network_s(session, cell, encoding)
    melody = yours.merged(session.network.output.melody) if who.plays else yours
    return Frame(melody, session.network.output.chord)


def _as_network_s(session: Session, cell: Cell, encoding: Encoding) -> Cell:
    """Return a player's cell in the network's key and range."""
    style = session.band.style
    if session.listener.recent_keys:
        style = playing_style(session.listener.recent_keys, session.semitones, encoding)
    return cell.transposed(-session.semitones - 12 * style.octaves)


@dataclass(frozen=True, slots=True)
class AskedNetwork:
    """A network that has made a step: what it says at once, and what it answers to a step's choices after that."""

    model: StepModel
    encoding: Encoding
    step_input: StepInput
    features: Tensors
    outputs: Tensors
    memory: Tensors
    """The memory after the step."""
    earlier_memories: tuple[Tensors, ...]
    """The memory before the step, and before those that it may be revised with: see `NetworkState`."""

    def answers(self) -> Callable[[Choice], Tensor]:
        """Return a function of one choice after another, which returns the logits of each.

        They are from the step's outputs, or computed from the choices so far. What a line is moved by on the way is
        forgotten after the step: it is moved again by what really sounds.
        """
        memory = self.memory

        def logits(choice: Choice) -> Tensor:
            """Return the logits of a choice, in the shape of its head; those before it have been made."""
            nonlocal memory
            if choice.head in self.outputs:
                return self.outputs[choice.head]
            for move in choice.moves:
                memory = self.model.move(move, memory)
            return self.model.head_logits(choice.head, {**self.features, **choice.features}, memory)

        return logits


def ask_network(
    network: NetworkState, inputs: tuple[StepInput, ...], encoding: Encoding, model: StepModel
) -> AskedNetwork:
    """Feed a network the steps it has missed, then a step's inputs. Errors of the model are raised."""
    memory, before = network.memory, []
    *earlier, last = (*network.pending_inputs, *inputs)
    for each in earlier:
        before.append(memory)
        _, _, memory = fed(model, encoding, each, memory)
    before.append(memory)
    features, outputs, memory = fed(model, encoding, last, memory)
    return AskedNetwork(model, encoding, last, features, outputs, memory, kept_memories(network, before))


def kept_memories(network: NetworkState, later: Sequence[Tensors]) -> tuple[Tensors, ...]:
    """Return a network's earlier memories with later ones, the last of them, from which steps can be revised."""
    return (*network.earlier_memories, *later)[-REVISED_STEPS:]


# --- revised --------------------------------------------------------------------------------------


def with_revised_inputs(before: Session, heard: Session) -> Session:
    """Return a session that has heard notes, what its network was fed as the notes are read now.

    `before` is the session before it heard them. The network is fed again what has changed, from the memory before it,
    if it still has that.
    """
    for ago in range(heard.listener.revisable_steps, 0, -1):
        if _cell_before(before, ago) != _cell_before(heard, ago):
            return _revised(before, heard, ago)
    return heard


def _cell_before(session: Session, ago: int) -> Cell:
    """Return the player's cell so many steps before the session's."""
    return cell_at(session.listener.keys, session.step - ago, session.grid)


def _revised(before: Session, heard: Session, steps: int) -> Session:
    """Return the session with the inputs of so many steps before its own as they are heard now."""
    network = heard.network
    again = [
        _with_cell(step_input, _cell_before(before, ago), _cell_before(heard, ago), heard)
        for step_input, ago in zip(network.recent_inputs[-steps:], range(steps, 0, -1), strict=True)
    ]
    for index, (one, other) in enumerate(pairwise(again), start=1):
        if other.previous is not None:
            again[index] = replace(other, previous=one.frame.melody)
    network = replace(network, recent_inputs=(*network.recent_inputs[:-steps], *again))
    if waiting := len(network.pending_inputs):  # the last ones, if not all, it was never fed
        unfed = min(waiting, steps)
        pending = (*network.pending_inputs[:-unfed], *again[-unfed:])
        network = replace(network, pending_inputs=pending)
    elif len(network.earlier_memories) >= steps:
        network = replace(
            network,
            memory=network.earlier_memories[-steps],
            earlier_memories=network.earlier_memories[:-steps],
            pending_inputs=tuple(again),
        )
    return replace(heard, network=network)


def _with_cell(step_input: StepInput, was: Cell, now: Cell, heard: Session) -> StepInput:
    """Return a step's input with another cell of the player's; what improv played beside it stays."""
    if was == now:
        return step_input
    if step_input.beside is not None:
        beside = now.transposed(-heard.semitones - 12 * heard.band.style.octaves)
        frame = Frame(beside, step_input.frame.chord) if step_input.players_turn else step_input.frame
        return replace(step_input, frame=frame, beside=beside)
    melody = step_input.frame.melody
    moved, fed = (*was.held, *[onset.pitch for onset in was.onsets]), (*melody.held, *[o.pitch for o in melody.onsets])
    up = fed[0] - moved[0] if moved else -heard.semitones - 12 * heard.band.style.octaves
    others = Cell(melody.onsets[len(was.onsets) :], melody.held[len(was.held) :], melody.releases[len(was.releases) :])
    yours = now.transposed(up)
    sounded = yours.merged(others) if others != SILENCE else yours
    return replace(step_input, frame=Frame(sounded, step_input.frame.chord))
