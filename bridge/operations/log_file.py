"""The log as JSON lines in a file, with rotation and retention.

Owns the file and the thread that writes it: a disk that hangs must not hold up a call. Full: a line
is dropped and counted, and the next line that fits says how many. Must not know what lines mean.
"""

import logging
import os
import queue
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Self

from bridge.log import as_json

LINES_MAX: Final = 10_000
"""Lines that wait for the disk."""
FINISH_S_MAX: Final = 3.0
"""A stopping process waits so long for them to be written."""


class _PrivateFile(RotatingFileHandler):
    """Rotates by size. Only the owner may read; a failure is complained of once, not raised."""

    def __init__(self, path: Path, bytes_max: int, kept: int) -> None:
        self._complained = False
        super().__init__(path, maxBytes=bytes_max, backupCount=kept, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        def opener(name: str, flags: int) -> int:
            return os.open(name, flags, 0o600)

        # The base class closes it.
        file = open(self.baseFilename, self.mode, encoding="utf-8", opener=opener)  # noqa: SIM115
        assert isinstance(file, TextIOWrapper)
        return file

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name there
        """Say it once, on standard error: where else."""
        _ = record
        if not self._complained:
            self._complained = True
            print(f"LOG_FILE: {sys.exc_info()[1]}", file=sys.stderr)  # noqa: T201


class LogFile:
    """A sink for log lines. Use it as a context: leaving it writes what waits.

    Args:
        path: the file; earlier ones are path.1, path.2 and so on.
        bytes_max: of a file; the line that would exceed it begins another.
        kept: how many earlier files there may be.
    """

    def __init__(self, path: Path, bytes_max: int, kept: int) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(LINES_MAX)
        self._file = _PrivateFile(path, bytes_max, kept)
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._write, name="log file", daemon=True)
        self._dropped = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(queue.Full):
            self._queue.put(None, timeout=FINISH_S_MAX)
        self._thread.join(FINISH_S_MAX)

    def _write(self) -> None:
        while (record := self._queue.get()) is not None:
            self._file.handle(record)
        self._file.close()

    def keep(self, line: dict[str, Any]) -> None:
        """Take a line. Never waits, never raises."""
        if self._dropped:
            line = {**line, "lines_dropped": self._dropped}
        text = as_json(line)
        record = logging.LogRecord("callbridge", logging.INFO, "", 0, text, None, None)
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1
        else:
            self._dropped = 0
