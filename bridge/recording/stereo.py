"""A stereo WAV file that is valid whenever the process dies.

Owns the file's bytes: μ-law, 8 kHz, left and right a byte each. Sound is appended first, and only
then the header says that it is there; a header of 58 bytes is written by one call. So what the
header names is always complete, and a crash costs the sound since the last append at most. What
stands behind it is ignored by players. Everything here blocks.
"""

import os
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Final

HEADER_BYTES: Final = 58
RATE: Final = 8000
BYTES_MAX: Final = 0xFFFF_FFFF - HEADER_BYTES
_MULAW: Final = 7
_CHANNELS: Final = 2


def header(size: int) -> bytes:
    """The header of a file with `size` bytes of sound: RIFF, fmt, fact, data."""
    return struct.pack(
        "<4sI4s4sIHHIIHHH4sII4sI",
        *(b"RIFF", HEADER_BYTES - 8 + size, b"WAVE"),
        *(b"fmt ", 18, _MULAW, _CHANNELS, RATE, RATE * _CHANNELS, _CHANNELS, 8, 0),
        *(b"fact", 4, size // _CHANNELS),
        *(b"data", size),
    )


class StereoFile:
    """One file, open for as long as its call lasts."""

    def __init__(self, path: Path) -> None:
        """Make it, readable by its owner only.

        Raises:
            OSError: it cannot be made, or is there. Nothing of it is left then.
        """
        self._path = path
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._size = 0
        with ExitStack() as undo:
            undo.callback(self.close)
            self._write_at(0, header(0))
            undo.pop_all()

    def append(self, interleaved: bytes) -> None:
        """Add sound: left, right, left, right. A file as large as WAV can be takes no more.

        Raises:
            OSError: disk full, or worse; what was there stays valid.
        """
        if not interleaved or self._size + len(interleaved) > BYTES_MAX:
            return
        self._write_at(HEADER_BYTES + self._size, interleaved)
        self._size += len(interleaved)
        self._write_at(0, header(self._size))

    def close(self) -> None:
        """Let go of it; without any sound in it there is no file.

        Raises:
            OSError: the disk says only now that something is not on it.
        """
        with ExitStack() as ending:
            if not self._size:
                ending.callback(self._path.unlink, missing_ok=True)
            os.close(self._file)

    def _write_at(self, at: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            written = os.pwrite(self._file, left, at)
            left, at = left[written:], at + written
