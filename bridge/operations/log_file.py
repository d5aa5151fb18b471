"""Where the log's lines are written without holding up a call: a thread, and a file that rotates.

Owns the lines that wait, the thread that writes them and the file: a disk or a reader that hangs
must not be waited for. Full: a line is dropped and counted, and the next line that fits says how
many. Must not know what lines mean.
"""

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

import outcome

from bridge.log import Sink, as_json

LINES_MAX: Final = 10_000
"""Lines that wait for a thread."""
FINISH_S_MAX: Final = 3.0
"""A stopping process waits so long for them to be written."""


class LogThread:
    """A sink that has another one write, in a thread. Leaving its context writes what waits.

    Args:
        write: the sink that may wait. What it raises is complained of once.
        name: what standard error calls it.
    """

    def __init__(self, write: Sink, name: str) -> None:
        self._sink = write
        self._name = name
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(LINES_MAX)
        # A daemon: what hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._write, name=f"log: {name}", daemon=True)
        self._dropped = 0
        self._complained = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        until = time.monotonic() + FINISH_S_MAX
        with suppress(queue.Full):
            self._queue.put(None, timeout=FINISH_S_MAX)
        self._thread.join(max(0.0, until - time.monotonic()))

    def _write(self) -> None:
        while (line := self._queue.get()) is not None:
            written = outcome.capture(self._sink, line)
            if isinstance(written, outcome.Error):
                self._complain(written.error)

    def _complain(self, error: BaseException) -> None:
        """Say it once, on standard error: where else. It may be gone as well."""
        if not self._complained and sys.stderr is not None:
            self._complained = True
            with suppress(OSError, ValueError):
                print(f"{self._name}: {error}", file=sys.stderr, flush=True)  # noqa: T201

    def keep(self, line: dict[str, Any]) -> None:
        """Take a line. Never waits, never raises."""
        if self._dropped:
            line = {**line, "lines_dropped": self._dropped}
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._dropped += 1
        else:
            self._dropped = 0


def log_file(path: Path, bytes_max: int, kept: int) -> LogThread:
    """A sink that writes JSON lines to a file.

    Args:
        path: the file; earlier ones are path.1, path.2 and so on.
        bytes_max: of a file; the line that would exceed it begins another.
        kept: how many earlier files there may be.
    """
    return LogThread(_RotatedFile(path, bytes_max, kept).write, "LOG_FILE")


class _RotatedFile:
    """Only the owner may read it.

    Without `logging` and without a buffer: both have locks that the interpreter takes at its end,
    and then waits for a thread that hangs in a write.
    """

    def __init__(self, path: Path, bytes_max: int, kept: int) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._fd: int | None = None

    def write(self, line: dict[str, Any]) -> None:
        """Write one line; waits for the disk.

        Raises:
            OSError: the disk refuses. The next line is tried anew.
        """
        rest = f"{as_json(line)}\n".encode(errors="backslashreplace")
        fd, size = self._opened()
        if size and size + len(rest) > self._bytes_max:
            os.close(fd)
            self._fd = None
            self._rotate()
            fd, size = self._opened()
        try:
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(fd, size)  # half a line would spoil the next one
            raise

    def _opened(self) -> tuple[int, int]:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self._fd, os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        """Every file becomes one older; the oldest goes."""
        names = [self._path, *(Path(f"{self._path}.{n}") for n in range(1, self._kept + 1))]
        for newer, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                newer.replace(older)
