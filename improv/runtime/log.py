"""The log of a daemon: one JSON object a line, in files that rotate.

Only the daemon's own process writes it, never one with deadlines. A log that cannot be written
must never fail anything, and what comes from others, a port's name say, must never reach a
terminal as more than text.
"""

import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from improv.system.printable import printable
from improv.system.private_files import make_folder, make_private, open_private

_BYTES, _OLDER = 1 << 20, 2
"""Three files of a mebibyte."""


class Log:
    """A log in a file, and on stderr too where a service manager reads it. A context."""

    def __init__(self, path: Path, *, to_stderr: bool = False) -> None:
        self._path = path
        self._to_stderr = to_stderr
        self._logger = logging.Logger("improv")
        """Not a child of the root logger: what libraries log goes elsewhere."""

    def __enter__(self) -> Self:
        try:
            make_private(self._path.parent)
        except OSError:
            with suppress(OSError):  # a place that others may write to as well: the files are private all the same
                make_folder(self._path.parent)
        for older in range(1, _OLDER + 1):
            with suppress(OSError):  # an earlier version left them open to others
                self._path.with_name(f"{self._path.name}.{older}").chmod(0o600)
        file = _File(self._path, maxBytes=_BYTES, backupCount=_OLDER, encoding="utf-8", delay=True)
        file.setFormatter(_Lines())
        self._logger.addHandler(file)
        if self._to_stderr:
            self._logger.addHandler(_Stderr(sys.stderr))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handler in self._logger.handlers[:]:
            self._logger.removeHandler(handler)
            with suppress(OSError):
                handler.close()

    def say(self, what: str, /, **fields: Any) -> None:
        """Log an event with fields, at level info."""
        self._write(logging.INFO, what, fields)

    def fail(self, what: str, /, **fields: Any) -> None:
        """Log a failure with fields, at level error."""
        self._write(logging.ERROR, what, fields)

    def _write(self, level: int, what: str, fields: dict[str, Any]) -> None:
        self._logger.log(level, "%s", printable(what), extra={"fields": fields})


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": time, "level": record.levelname.lower(), "what": record.getMessage()}
        fields: dict[str, Any] = getattr(record, "fields", {})
        return json.dumps({**head, **{name: _printable(value) for name, value in fields.items()}, **head})


class _File(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        return os.fdopen(open_private(Path(self.baseFilename), append=True), "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 its name in logging
        """Leave it: a full disk is no reason to stop playing, nor to print."""


class _Stderr(logging.StreamHandler[Any]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leave it: stderr cannot be read any more."""


def _printable(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_printable(item) for item in value]
        case _:
            return printable(str(value))
