"""Writing behind a call: its files are written piece by piece, and the call never waits for a disk.

Owns a bounded queue, one task, and what happens when something does not work.

* `take` never waits. Queue full: the piece is refused, and whoever made it counts what is missing.
  A piece that weighs nothing, the bare end of a call, is always taken.
* A file that cannot be written is given up, with one log line: it is there to tell of the call, and
  must not become a trouble of its own. That holds for whatever a file raises: a mistake in there
  would otherwise end the process with every call.
* Once an hour what is too old is deleted.

What blocks goes through `blocking`. Must not know what is in a file.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import outcome
import trio

from bridge.log import Log
from bridge.thread_door import Blocking

QUEUE_BYTES_MAX: Final = 32 * 1024 * 1024
FINISH_S_MAX: Final = 3.0
FORGET_EVERY_S: Final = 3600.0


class CallName(Protocol):
    """Whose file it is: the same object in all pieces of a call."""

    @property
    def call_sid(self) -> str: ...  # noqa: D102


class Piece(Protocol):
    """A part of a call's file. `weight`: bytes in memory, about. `is_last`: the call is over."""

    @property
    def call(self) -> CallName: ...  # noqa: D102
    @property
    def weight(self) -> int: ...  # noqa: D102
    @property
    def is_last(self) -> bool: ...  # noqa: D102


P = TypeVar("P", bound=Piece)
P_contra = TypeVar("P_contra", bound=Piece, contravariant=True)


class OpenFile(Protocol[P_contra]):
    """A call's file while it is written. Both block."""

    def write(self, piece: P_contra) -> None:
        """Write a piece; may raise OSError."""

    def close(self) -> None:
        """Let go of it; after this nothing more is asked."""


@dataclass(frozen=True)
class Files(Generic[P]):
    """One kind of files. `open` and `forget_old` block and may raise OSError.

    Args:
        kind: what one is called in the log: `recording`.
        open: the file of the call whose first piece this is; the piece is written afterwards.
        forget_old: deletes what is too old; returns how many files that were.
    """

    kind: str
    open: Callable[[P], OpenFile[P]]
    forget_old: Callable[[], int]


class WriteBehind(Generic[P]):
    """Moves pieces from calls to their files. `run` it once; `finish` ends it."""

    def __init__(self, files: Files[P], *, blocking: Blocking, log: Log) -> None:
        self._files = files
        self._blocking = blocking
        self._log = log
        self._queue: deque[P] = deque()
        self._weight = 0
        self._open: dict[CallName, OpenFile[P] | None] = {}
        self._more = trio.Event()
        self._finishing = False
        self.finished = trio.Event()

    def take(self, piece: P) -> bool:
        """Take a piece; False = no room, and it is lost."""
        if piece.weight and self._weight + piece.weight > QUEUE_BYTES_MAX:
            return False
        self._queue.append(piece)
        self._weight += piece.weight
        self._more.set()
        return True

    def finish(self) -> None:
        """No more pieces come: `run` returns when all are written."""
        self._finishing = True
        self._more.set()

    async def run(self) -> None:
        """Write pieces until `finish`, and delete what is too old."""
        forget_at = trio.current_time()
        while self._queue or not self._finishing:
            self._more = trio.Event()
            await self._write_waiting()
            if self._finishing:
                continue
            if trio.current_time() >= forget_at:
                await self._forget_old()
                forget_at = trio.current_time() + FORGET_EVERY_S
            with trio.move_on_at(forget_at):
                await self._more.wait()
        self.finished.set()

    async def _write_waiting(self) -> None:
        while self._queue:
            piece = self._queue.popleft()
            written = await outcome.acapture(self._blocking, self.write, piece)
            self._weight -= piece.weight
            trouble, is_news = _mistake(written), True
            if trouble is None:
                trouble = written.unwrap()
            else:  # The door did not open; and a file that misses a piece is no true account.
                is_news = self._open.get(piece.call, piece) is not None
                self._let_go(piece, given_up=True)
            if trouble is not None and is_news:
                sid, why = piece.call.call_sid, _in_words(trouble)
                self._log.error(f"{self._files.kind}_lost", call_sid=sid, why=why)

    def write(self, piece: P) -> Exception | None:
        """Write one piece. Blocks; returns why the file was given up, if it was now."""
        trouble = _mistake(outcome.capture(self._write, piece))
        closing = self._let_go(piece, given_up=trouble is not None)
        return trouble if trouble is not None else closing

    def _write(self, piece: P) -> None:
        if piece.call not in self._open:
            self._open[piece.call] = None
            self._open[piece.call] = self._files.open(piece)
        file = self._open[piece.call]
        if file is not None:
            file.write(piece)

    def _let_go(self, piece: P, *, given_up: bool) -> Exception | None:
        """Close the file if it was given up, or with the call's last piece; what went wrong."""
        trouble, call = None, piece.call
        if given_up or piece.is_last:
            file, self._open[call] = self._open.get(call), None
            if file is not None:
                trouble = _mistake(outcome.capture(file.close))
        if piece.is_last:
            del self._open[call]
        return trouble

    async def _forget_old(self) -> None:
        forgotten = await outcome.acapture(self._blocking, self._files.forget_old)
        trouble = _mistake(forgotten)
        if trouble is not None:
            self._log.error(f"{self._files.kind}s_not_deleted", why=_in_words(trouble))
            return
        count = forgotten.unwrap()
        if count:
            self._log.info(f"{self._files.kind}s_deleted", count=count)


def _mistake(done: outcome.Outcome[Any]) -> Exception | None:
    """What went wrong, if it did; what is no mistake (a cancellation) goes on its way."""
    if not isinstance(done, outcome.Error):
        return None
    if not isinstance(done.error, Exception):
        done.unwrap()
    return done.error


def _in_words(trouble: Exception) -> str:
    """A disk says what ails it; of other trouble the kind, as its text may be a peer's."""
    return str(trouble) if isinstance(trouble, OSError) else type(trouble).__name__


class Lasting(Protocol):
    """A writer that runs beside the server and a little longer."""

    finished: trio.Event

    async def run(self) -> None: ...  # noqa: D102
    def finish(self) -> None: ...  # noqa: D102


@asynccontextmanager
async def lasting(writer: Lasting, finish_s_max: float = FINISH_S_MAX) -> AsyncIterator[None]:
    """Run the writer; on leaving, also after a failure, wait until it has written what is left.

    A stopping process waits no longer than `finish_s_max`.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield
        finally:
            writer.finish()
            with trio.move_on_after(finish_s_max, shield=True):
                await writer.finished.wait()
            nursery.cancel_scope.cancel()
