"""The recordings' folder, and the task that writes there.

Owns the files, their age, and a bounded queue.

    CA….20261121T041725.123456Z.wav               both voices, written as the call goes
    CA….20261121T041725.123456Z.transcript.json   in words, when it has ended

* `take` never waits. Queue full: the piece is refused, and its place in the recording is silence.
* A recording that cannot be written is given up, with one log line; what is there stays valid.

What blocks goes through `blocking`: a thread in production, a plain call in a world of virtual
time. Must not know calls.
"""

import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from bridge.core.mulaw import SILENCE
from bridge.log import Log
from bridge.recording.recording import RecordingName, SoundPiece
from bridge.recording.stereo import StereoFile
from bridge.recording_settings import RecordingSettings

QUEUE_BYTES_MAX: Final = 32 * 1024 * 1024
SILENCE_BYTES_MAX: Final = 64 * 1024 * 1024
FINISH_S_MAX: Final = 3.0
FORGET_EVERY_S: Final = 3600.0
DAY_S: Final = 86_400
SOUND: Final = ".wav"
WORDS: Final = ".transcript.json"
_CALL_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")

Blocking = Callable[[Callable[[], None]], Awaitable[None]]


class RecordingFolder:
    """The folder, made with the first recording in it. Everything here blocks."""

    def __init__(self, folder: Path, keep_days: int) -> None:
        self._folder = folder
        self._keep_days = keep_days

    def path(self, call: RecordingName) -> Path:
        """The name of a call's recording.

        Raises:
            OSError: the folder cannot be made, or the call sid is none.
        """
        if not _CALL_SID.fullmatch(call.call_sid):
            raise OSError("no call sid")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        began = datetime.fromtimestamp(call.began_at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return self._folder / f"{call.call_sid}.{began}{SOUND}"

    def forget(self, call_sid: str) -> int:
        """Delete all there is of a call; return how many files that were.

        Raises:
            OSError: one of them cannot be deleted.
        """
        if not _CALL_SID.fullmatch(call_sid):
            return 0
        return _delete(self._files(call_sid))

    def forget_old(self) -> int:
        """Delete what is older than the days it is kept; return how many files that were.

        Raises:
            OSError: one of them cannot be deleted.
        """
        if not self._keep_days:
            return 0
        oldest = time.time() - self._keep_days * DAY_S
        return _delete([path for path in self._files("CA*") if _written_at(path) < oldest])

    def _files(self, calls: str) -> list[Path]:
        return [path for end in (SOUND, WORDS) for path in self._folder.glob(f"{calls}.*{end}")]


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process deletes, too
        return time.time()


def _delete(paths: list[Path]) -> int:
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


class RecordingWriter:
    """Moves pieces from calls to the folder. `run` it once; `finish` ends it."""

    def __init__(self, folder: RecordingFolder, *, blocking: Blocking, log: Log) -> None:
        self._folder = folder
        self._blocking = blocking
        self._log = log
        self._queue: deque[SoundPiece] = deque()
        self._weight = 0
        self._open: dict[RecordingName, tuple[StereoFile, Path] | None] = {}
        self._lost: list[tuple[str, str]] = []
        self._deleted = 0
        self._more = trio.Event()
        self._finishing = False
        self.finished = trio.Event()

    def take(self, piece: SoundPiece) -> bool:
        """Take a piece, unless the queue is full; the end of a call is always taken."""
        if self._weight + len(piece.sound) > QUEUE_BYTES_MAX and piece.transcript is None:
            return False
        self._queue.append(piece)
        self._weight += len(piece.sound)
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
            while self._queue:
                piece = self._queue.popleft()
                await self._blocking(partial(self.write, piece))
                self._weight -= len(piece.sound)
                self._tell()
            if self._finishing:
                continue
            if trio.current_time() >= forget_at:
                await self._blocking(self._forget_old)
                self._tell()
                forget_at = trio.current_time() + FORGET_EVERY_S
            with trio.move_on_at(forget_at):
                await self._more.wait()
        self.finished.set()

    def write(self, piece: SoundPiece) -> None:
        """Write one piece. Blocks; a failure is noted, and logged later."""
        call = piece.call
        try:
            if call not in self._open:
                path = self._folder.path(call)
                self._open[call] = (StereoFile(path), path)
            self._write_to(self._open[call], piece)
        except OSError as why:
            self._lost.append((call.call_sid, str(why)))
            self._close(call)
        if piece.transcript is not None:
            self._close(call)
            self._open.pop(call, None)

    def _write_to(self, opened: tuple[StereoFile, Path] | None, piece: SoundPiece) -> None:
        if opened is None:
            return
        file, path = opened
        file.append(SILENCE * min(piece.silence, SILENCE_BYTES_MAX))
        file.append(piece.sound)
        if piece.transcript is not None:
            words = path.with_name(path.name.removesuffix(SOUND) + WORDS)
            words.touch(mode=0o600)
            words.write_bytes(msgspec.json.format(msgspec.json.encode(piece.transcript)) + b"\n")

    def _close(self, call: RecordingName) -> None:
        opened = self._open.get(call)
        if opened is not None:
            opened[0].close()
        self._open[call] = None

    def _forget_old(self) -> None:
        try:
            self._deleted += self._folder.forget_old()
        except OSError as why:
            self._lost.append(("", f"old ones cannot be deleted: {why}"))

    def _tell(self) -> None:
        """Log what happened behind the door; a log is not for threads."""
        for call_sid, why in self._lost:
            self._log.error("recording_lost", call_sid=call_sid, why=why)
        if self._deleted:
            self._log.info("recordings_deleted", count=self._deleted)
        self._lost, self._deleted = [], 0


@asynccontextmanager
async def kept_recordings(
    settings: RecordingSettings, log: Log
) -> AsyncIterator[RecordingWriter | None]:
    """Where calls leave their recordings while the server runs; None = RECORDING=off."""
    if settings.recording == "off":
        yield None
        return
    limiter = trio.CapacityLimiter(1)

    async def in_thread(function: Callable[[], None]) -> None:
        # A stopping process must not wait for a disk that hangs.
        await trio.to_thread.run_sync(function, limiter=limiter, abandon_on_cancel=True)

    folder = RecordingFolder(settings.recording_dir, settings.recording_keep_days)
    writer = RecordingWriter(folder, blocking=in_thread, log=log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield writer
        finally:
            writer.finish()
            with trio.move_on_after(FINISH_S_MAX, shield=True):
                await writer.finished.wait()
            nursery.cancel_scope.cancel()
