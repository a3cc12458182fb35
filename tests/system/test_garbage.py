"""The search for garbage is off where it is said to be, and on again behind that."""

import gc
from collections.abc import Iterator

import pytest

from improv.system.garbage import garbage_kept, keep_garbage


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the search as it was."""
    was_on = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if was_on else gc.disable)()


def test_garbage_is_kept_from_here_on_and_what_is_there_is_not_looked_through() -> None:
    gc.enable()
    keep_garbage()
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 1000


def failing() -> None:
    """Raise an error within the context."""
    with garbage_kept():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 1000
        raise ZeroDivisionError


def test_garbage_is_looked_for_again_behind_the_context_even_after_an_error() -> None:
    gc.enable()
    with pytest.raises(ZeroDivisionError):
        failing()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()
    with garbage_kept():
        pass
    assert not gc.isenabled()
