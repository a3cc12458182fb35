"""What can go wrong before the music starts, as one small tree.

Every message says what, where and what to do, in one line, and carries the exit status the
command line ends with. While music plays nothing here is raised: a failure becomes a fault in
the snapshot.

    ImprovError
    ├── NotWritten        a file that cannot be written, or a full disk         exit 1
    ├── UsageError        a value out of range, an unknown name                 exit 2
    ├── DataError         a file that is not what it should be                  exit 65
    │   └── ContractError a model that breaks the contract of `improv.models.contract`
    ├── InputNotFound     a file or a MIDI port that is not there               exit 66
    ├── Unavailable       no MIDI system to open a port on                      exit 69
    └── AlreadyRunning    another process plays as this instance                exit 75
"""

from typing import ClassVar


class ImprovError(Exception):
    """A failure told in one line: what, where, and what to do."""

    exit_status: ClassVar[int] = 1


class NotWritten(ImprovError):
    """A file cannot be written: its folder is not there or may not be written to, or the disk is full."""


class UsageError(ImprovError):
    """The command was asked for something that does not exist or is out of range."""

    exit_status = 2


class DataError(ImprovError):
    """A file's content is not what it has to be."""

    exit_status = 65


class ContractError(DataError):
    """A model file breaks the contract a network has with the runtime."""


class InputNotFound(ImprovError):
    """A named file or port is not there."""

    exit_status = 66


class Unavailable(ImprovError):
    """A service of the machine is missing, such as a MIDI system."""

    exit_status = 69


class AlreadyRunning(ImprovError):
    """Another process is the instance that was to be started."""

    exit_status = 75
