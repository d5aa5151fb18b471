"""The shelf: the folder with flight records.

Owns their endings and their bound. Knows lines, not what they say. Everything here blocks; one
thread at a time.

    CA….20261121T041725.123456Z.flight.gz        a record that is kept
    CA….20261121T041725.123456Z.flight.gz.part   of a call that goes on, or of a process that died

A file is a chain of gzip members, one for each `append`, so it is readable at any moment: a crash
costs the last member at most. A record at its bound takes no more; its last line says so.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bridge.call_files import CallFiles

SUFFIX: Final = ".flight.gz"
PART: Final = ".part"
_CUT: Final = b'{"t":null,"leg":"call","way":"note","m":{"event":"cut","why":"FLIGHT_MAX_MB"}}'


class OpenRecord:
    """A record that is being written. Made by `Shelf.open`."""

    def __init__(self, path: Path, bytes_max: int) -> None:
        self._path = path
        self._left = bytes_max
        self._cut = False

    def append(self, lines: Sequence[bytes]) -> None:
        """Write some lines; beyond the bound one that says so, and then nothing more.

        Raises:
            OSError: disk full, or worse.
        """
        if self._cut or not lines:
            return
        data = gzip.compress(b"\n".join(lines) + b"\n", compresslevel=5)
        if len(data) > self._left:
            self._cut = True
            data = gzip.compress(_CUT + b"\n")
        self._left -= len(data)
        with self._path.open("ab") as file:
            file.write(data)

    def finish(self, *, keep: bool) -> None:
        """No more comes: the record gets its final name, or is deleted.

        Raises:
            OSError: the folder cannot be written.
        """
        if keep:
            self._path.rename(self._path.with_name(self._path.name.removesuffix(PART)))
        else:
            self._path.unlink(missing_ok=True)


class Shelf(CallFiles):
    """The folder.

    Args:
        bytes_max: of one record.
        keep_days: how long a record stays; 0 = for ever.
    """

    def __init__(self, folder: Path, bytes_max: int, keep_days: int) -> None:
        super().__init__(folder, (SUFFIX, SUFFIX + PART), keep_days)
        self._bytes_max = bytes_max

    def open(self, call_sid: str, began_at: float) -> OpenRecord:
        """A new record of a call whose stream began at `began_at` (seconds since the epoch).

        Raises:
            OSError: no file can be made there, or the call sid is none.
        """
        path = self.path(call_sid, began_at, SUFFIX + PART)
        path.touch(mode=0o600, exist_ok=False)
        return OpenRecord(path, self._bytes_max)
