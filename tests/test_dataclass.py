"""The house's dataclass does what the standard library's does."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, asdict, astuple, field, fields, replace
from typing import Any, get_type_hints

import pytest

from improv.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Mine:
    """A value."""

    pitch: int
    names: tuple[str, ...] = ()
    said: dict[str, int] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.pitch > 127:
            raise ValueError(self.pitch)

    @property
    def octave(self) -> int:
        return self.pitch // 12


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """The same value."""

    pitch: int
    names: tuple[str, ...] = ()
    said: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByName:
    beats: float = 0.5
    bar: "int"


@dataclass(frozen=True, slots=True)
class Empty:
    """A value that says all by its class."""


@dataclass(slots=True)
class Changing:
    count: int = 0


def test_values_are_equal_and_hashed_by_what_is_compared() -> None:
    assert Mine(60, ("c",)) == Mine(60, ("c",), {"not": 1})
    assert Mine(60) != Mine(61)
    other: object = Standard(60)
    assert Mine(60) != other
    assert hash(Mine(60, ("c",))) == hash(Standard(60, ("c",)))
    assert {Empty(), Empty()} == {Empty()}


def test_a_value_reads_as_it_is_made() -> None:
    assert repr(Mine(60, said={"a": 1})) == repr(Standard(60, said={"a": 1})).replace("Standard", "Mine")
    assert (repr(Empty()), repr(ByName(bar=2))) == ("Empty()", "ByName(beats=0.5, bar=2)")


def test_a_value_is_not_changed() -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'pitch'"):
        Mine(60).pitch = 61  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'pitch'"):
        del Mine(60).pitch
    with pytest.raises(FrozenInstanceError):
        Empty().more = 1  # type: ignore[attr-defined]
    assert not hasattr(Mine(60), "__dict__")


def test_fields_are_given_by_place_or_name_or_have_their_default() -> None:
    assert Mine(60, said={}).said == {}
    assert Mine(60).said is not Mine(60).said
    assert Mine(names=("c",), pitch=60).octave == 5
    kinds: tuple[tuple[Any, tuple[int, ...]], ...] = (Mine, ()), (Mine, (1, 2, 3, 4)), (ByName, (1, 2))
    for kind, given in kinds:
        with pytest.raises(TypeError, match="__init__"):
            kind(*given)
    with pytest.raises(ValueError, match="200"):
        Mine(200)


def test_the_standard_library_knows_it() -> None:
    assert [each.name for each in fields(Mine)] == [each.name for each in fields(Standard)]
    assert asdict(Mine(60, ("c",))) == asdict(Standard(60, ("c",)))
    assert astuple(replace(Mine(60, ("c",)), pitch=61)) == (61, ("c",), {})
    assert get_type_hints(ByName.__init__) == {"beats": float, "bar": int, "return": type(None)}
    assert Mine.__doc__ == "A value."
    match Mine(60, ("c",)):
        case Mine(pitch, names):
            assert (pitch, names) == (60, ("c",))


@pytest.mark.parametrize("value", [Mine(60, ("c",), {"a": 1}), ByName(bar=3), Empty(), Changing(4)])
def test_a_value_is_copied_and_pickled(value: Any) -> None:
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301
        assert (other, repr(other)) == (value, repr(value))


def test_a_dataclass_that_can_be_changed_is_the_standard_one() -> None:
    changing = Changing()
    changing.count += 1
    assert changing == Changing(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(changing)


@pytest.mark.parametrize("decorator", [dataclass, dataclasses.dataclass])
def test_a_value_is_inherited_from(decorator: Any) -> None:
    class Longer(Mine):
        beats: float = 1.0

    longer = decorator(frozen=True, slots=True)(Longer)
    assert longer(60, beats=2.0) == longer(60, beats=2.0) != longer(60)
    assert longer(60).octave == 5
    with pytest.raises(FrozenInstanceError):
        longer(60).beats = 3.0
