"""Takes: what is written down of a performance while it goes on, and read again after it.

`improv.session.step.advance` is a function, so a head and what was heard for each step are the whole
performance. They stand in an append-only file of checksummed lines, one take a file: the head,
an entry for each step, remarks, marks of what is missing, and an end if there was time for one.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from improv.recording.bounds import check_bounds, check_entry
    from improv.recording.clearing import clear, is_written, over_limit
    from improv.recording.disk import Disk, Found
    from improv.recording.format import BandModel, Entry, Head, Listed, Lost, Recording, Remark, State
    from improv.recording.reader import find_take, join_takes, read_take, take_files, takes, takes_directory
    from improv.recording.writer import Writer
    from improv.recording.writer_thread import Journal

__all__ = [
    "BandModel", "Disk", "Entry", "Found", "Head", "Journal", "Listed", "Lost", "Recording", "Remark", "State",
    "Writer",
    "check_bounds", "check_entry", "clear", "find_take", "is_written", "join_takes", "over_limit", "read_take",
    "take_files", "takes", "takes_directory",
]  # fmt: skip

_ROOMS = MappingProxyType(
    {
        name: room
        for room, names in {
            "bounds": ("check_bounds", "check_entry"),
            "clearing": ("clear", "is_written", "over_limit"),
            "disk": ("Disk", "Found"),
            "format": ("BandModel", "Entry", "Head", "Listed", "Lost", "Recording", "Remark", "State"),
            "reader": ("find_take", "join_takes", "read_take", "take_files", "takes", "takes_directory"),
            "writer": ("Writer",),
            "writer_thread": ("Journal",),
        }.items()
        for name in names
    }
)
"""The module of each name, which is loaded when the name is asked for: an engine reports steps and writes no take."""


def __getattr__(name: str) -> Any:
    """Return what the wing offers by a name."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"improv.recording.{_ROOMS[name]}"), name)
