"""Takes: what is written down of a performance while it goes on, and read again after it.

`improv.session.advance` is a function, so a head and what was heard for each step are the whole
performance. They stand in an append-only file of checksummed lines, one take a file: the head,
an entry for each step, remarks, and an end if there was time for one.
"""

from improv.recording.bounds import check_bounds
from improv.recording.journal import Disk, Journal, Writer
from improv.recording.lines import Entry, Head, Listed, Recording, Remark
from improv.recording.reading import find_take, read_take, takes, takes_directory

__all__ = [
    "Disk", "Entry", "Head", "Journal", "Listed", "Recording", "Remark", "Writer",
    "check_bounds", "find_take", "read_take", "takes", "takes_directory",
]  # fmt: skip
