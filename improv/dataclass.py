"""Dataclasses as improv has them: the standard ones, but frozen ones with slots are made in a third of the time.

The standard library writes eight methods of such a class as source text, and compiles one after the other: 0.4 ms.
Each process of a jam makes a hundred classes before the first note, which is half of what loading its modules takes.
Here one method is compiled, and all classes share the others. Such a class is used as any dataclass is, by `fields`,
`replace` and `asdict` too. This must never import more than `dataclasses` does.
"""

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, is_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False):
        """Make a class a dataclass; see `dataclasses.dataclass`."""

        def made(cls):
            if not (frozen and slots) or any(is_dataclass(base) for base in cls.__bases__):
                return dataclasses.dataclass(cls, frozen=frozen, slots=slots, kw_only=kw_only)
            return _frozen(dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=True, kw_only=kw_only))

        return made if cls is None else made(cls)


def _frozen(cls: Any) -> Any:
    """Return a dataclass that has fields and slots, with the methods of a frozen one."""
    known = dataclasses.fields(cls)
    cls.__dataclass_params__.frozen = True
    cls.__init__ = _initializer(cls, known)
    cls.__values__ = _getter([field.name for field in known])
    cls.__compared__ = _getter([field.name for field in known if field.compare])
    for name, method in _METHODS.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return cls


def _initializer(cls: type, known: tuple[Field[Any], ...]) -> Callable[..., None]:
    """Return the `__init__` of a class: it sets each field, past what refuses to, and calls `__post_init__`."""
    bound: dict[str, Any] = {"_missing": MISSING}
    by_place, by_name, lines = ["self"], list[str](), list[str]()
    for field in known:
        name = parameter = value = field.name
        bound[f"_set_{name}"] = getattr(cls, name).__set__
        if field.default is not MISSING:
            bound[f"_default_{name}"] = field.default
            parameter = f"{name}=_default_{name}"
        elif field.default_factory is not MISSING:
            bound[f"_new_{name}"] = field.default_factory
            parameter, value = f"{name}=_missing", f"_new_{name}() if {name} is _missing else {name}"
        (by_name if field.kw_only else by_place).append(parameter)
        lines.append(f"  _set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("  self.__post_init__()")
    parameters = ", ".join([*by_place, "*", *by_name] if by_name else by_place)
    source = [f"def make({', '.join(bound)}):", f" def __init__({parameters}):", *lines, "  return", " return __init__"]
    made: dict[str, Any] = {}
    exec("\n".join(source), sys.modules[cls.__module__].__dict__, made)  # noqa: S102 as the standard library does
    init: Callable[..., None] = made["make"](**bound)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {field.name: field.type for field in known} | {"return": None}
    return init


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that returns the values of some fields of an instance."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple([getattr(instance, name) for name in names])


# --- what frozen dataclasses share -----------------------------------------------------------------


def _equal(self: Any, other: Any) -> Any:
    if self is other:
        return True
    if type(other) is not (cls := type(self)):
        return NotImplemented
    compared = cls.__compared__
    return compared(self) == compared(other)


def _hashed(self: Any) -> int:
    return hash(type(self).__compared__(self))


def _shown(self: Any) -> str:
    names = [field.name for field in dataclasses.fields(self)]
    return f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"


def _refuse_to_set(_self: Any, name: str, _value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> Any:
    return type(self).__values__(self)


def _set_state(self: Any, state: tuple[Any, ...]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_METHODS = {
    "__eq__": _equal,
    "__hash__": _hashed,
    "__repr__": _shown,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
