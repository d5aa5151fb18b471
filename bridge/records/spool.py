"""The spool: records on disk until the database has them.

Owns the folder, and what a crash may leave in it. Knows lines, not what they say. Everything here
blocks; two threads may use one spool. POSIX only (flock).

Each process is a *worker* with a name of its own and writes files of its own, so that processes
share the folder without a word:

    WORKER.lock             locked (flock) as long as the worker lives
    WORKER.00000001.jsonl   a segment: up to SEGMENT_LINES_MAX lines, only ever appended to
    WORKER.rejected         lines the database will never take, for a person to look at, who
                            deletes the file then: it may hold phone numbers

A segment is one batch for the database: it is taken whole and removed when the batch is committed.
Removed too late, it is taken again, and the database ignores what it has; so nothing is lost and
nothing is doubled, wherever the process dies. Segments of a dead worker are adopted by whoever gets
its lock. A line counts from the moment `append` returns: it is on the disk, and so is its name.

Full: `append` raises, and nothing on the disk is given up. The bound covers the folder; workers
that append in the same moment can exceed it by a segment each. Rejected files do not count, or they
would take all room from records some day: they have the same bound for themselves, and rejected
lines that do not fit any more are lost.
"""

import errno
import fcntl
import os
import secrets
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SEGMENT_LINES_MAX: Final = 100
SEGMENT = ".jsonl"
LOCK = ".lock"
REJECTED = ".rejected"
_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND


@dataclass(frozen=True)
class Segment:
    """Lines that go to the database together, without their line feeds."""

    path: Path
    lines: tuple[bytes, ...]


@dataclass
class _Active:
    """The segment that is being appended to."""

    path: Path
    file: int
    bytes: int = 0
    lines: int = 0


class Spool:
    """One worker's door to the folder.

    Args:
        folder: made if it is not there; readable by its owner only.
        bytes_max: of all segments in it, and so many again of what was rejected.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._worker = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._count = 0
        self._active: _Active | None = None
        self._waiting: deque[Path] = deque()
        self._locks: dict[str, int] = {}
        self._mutex = threading.Lock()

    def open(self) -> None:
        """Make the folder and our lock in it.

        Raises:
            OSError: the folder cannot be made or written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Locked first and named then: nobody ever sees the lock of a living worker unlocked.
        unnamed = self._folder / f"{self._worker}.new"
        file = os.open(unnamed, _CREATE, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(self._lock(self._worker))
        self._locks[self._worker] = file

    def append(self, lines: Sequence[bytes]) -> int:
        """Put lines, each with its line feed, on the disk; return how many of them, from the first.

        Raises:
            OSError: none of them is safe; also when the spool is full (EDQUOT).
        """
        with self._mutex:
            some = lines[: SEGMENT_LINES_MAX - (self._active.lines if self._active else 0)]
            data = b"".join(some)
            if self._bytes(rejected=False) + len(data) > self._bytes_max:
                raise OSError(errno.EDQUOT, "the spool of call records is full", str(self._folder))
            active = self._active or self._begin()
            try:
                _write(active.file, data)
                os.fsync(active.file)
            except OSError:
                self._give_up_on(active)
                raise
            active.bytes += len(data)
            active.lines += len(some)
            if active.lines >= SEGMENT_LINES_MAX:
                self._seal(active)
            return len(some)

    def take(self) -> Segment | None:
        """The oldest segment, ours or adopted; it stays until it is removed. None: all is empty.

        Raises:
            OSError: it cannot be read; another one comes first next time.
        """
        while (path := self._oldest()) is not None:
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                self._forget(path)  # another adopter was quicker
            except OSError:
                with self._mutex:
                    self._waiting.rotate(-1)
                raise
            else:
                return Segment(path, tuple(line for line in data.split(b"\n") if line))
        return None

    def remove(self, segment: Segment, rejected: Sequence[bytes] = ()) -> Path | None:
        """The database has these lines, but for the rejected ones: those are put aside.

        Returns:
            The file they are in; None: nothing was rejected, or there is no room for it.
        """
        aside = self._put_aside(rejected) if rejected else None
        segment.path.unlink(missing_ok=True)
        self._forget(segment.path)
        return aside

    def adopt(self) -> int:
        """Take over what dead workers left, and finish those that have nothing left."""
        names = {path.name for path in self._folder.iterdir()}
        workers = {name.partition(".")[0] for name in names if name.endswith((SEGMENT, LOCK))}
        return sum(self._adopt(worker, names) for worker in workers if worker != self._worker)

    def close(self) -> None:
        """Let go of everything; what is left is adopted by somebody else."""
        with self._mutex:
            if self._active is not None:
                self._seal(self._active)
            self._waiting.clear()
        names = {path.name for path in self._folder.iterdir()}
        for worker in list(self._locks):
            self._release(worker, done=not _segments(worker, names))

    # ------------------------------------------------------------------ our own segments
    def _begin(self) -> _Active:
        self._count += 1
        path = self._folder / f"{self._worker}.{self._count:08}{SEGMENT}"
        file = os.open(path, _CREATE, 0o600)
        try:
            _keep_names(self._folder)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._active = _Active(path, file)
        return self._active

    def _seal(self, active: _Active) -> None:
        self._active = None
        self._waiting.append(active.path)
        os.close(active.file)

    def _give_up_on(self, active: _Active) -> None:
        """Part of a line may be in the file: cut it off if that still works, and begin another."""
        try:
            os.ftruncate(active.file, active.bytes)
        finally:
            self._seal(active)

    def _oldest(self) -> Path | None:
        """What is to be taken next; if nothing else waits, what was appended last."""
        with self._mutex:
            if not self._waiting and self._active is not None:
                self._seal(self._active)
            return self._waiting[0] if self._waiting else None

    def _forget(self, path: Path) -> None:
        with self._mutex:
            self._waiting.remove(path)

    def _bytes(self, *, rejected: bool) -> int:
        """What the folder holds of either kind. Other workers' files come and go meanwhile."""
        total = 0
        for path in self._folder.iterdir():
            if (path.suffix == REJECTED) is not rejected:
                continue
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def _put_aside(self, lines: Sequence[bytes]) -> Path | None:
        data = b"".join(line + b"\n" for line in lines)
        if self._bytes(rejected=True) + len(data) > self._bytes_max:
            return None
        path = self._folder / f"{self._worker}{REJECTED}"
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            _write(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        _keep_names(self._folder)
        return path

    # ------------------------------------------------------------------ other workers
    def _lock(self, worker: str) -> Path:
        return self._folder / f"{worker}{LOCK}"

    def _adopt(self, worker: str, names: set[str]) -> int:
        """Take over a worker if it is dead; return how many of its segments are new to us."""
        if worker not in self._locks and not self._catch(worker):
            return 0
        segments = [self._folder / name for name in _segments(worker, names)]
        with self._mutex:
            new = [path for path in segments if path not in self._waiting and path.exists()]
            self._waiting.extend(new)
        if not segments:
            self._release(worker, done=True)
        return len(new)

    def _catch(self, worker: str) -> bool:
        """Get a worker's lock. It is dead then: the system let go of the lock for it."""
        file = os.open(self._lock(worker), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._locks[worker] = file
        return True

    def _release(self, worker: str, *, done: bool) -> None:
        if done:
            self._lock(worker).unlink(missing_ok=True)
        os.close(self._locks.pop(worker))


def _segments(worker: str, names: set[str]) -> list[str]:
    """The segments of a worker, oldest first."""
    mine = (name for name in names if name.partition(".")[0] == worker)
    return sorted(name for name in mine if name.endswith(SEGMENT))


def _write(file: int, data: bytes) -> None:
    """Write all of it; the system may take it in pieces."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _keep_names(folder: Path) -> None:
    """Put the folder itself on the disk: a file whose name is lost is lost."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
