"""The shelf: the folder with flight records.

Owns the files, their names, bounds and age. Knows lines, not what they say. Everything here blocks;
one thread at a time.

    CA….20261121T041725.123456Z.flight.gz        a record that is kept
    CA….20261121T041725.123456Z.flight.gz.part   of a call that goes on, or of a process that died

A file is a chain of gzip members, one for each `append`, so it is readable at any moment: a crash
costs the last member at most. A record at its bound takes no more; its last line says so.
"""

import gzip
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".flight.gz"
PART: Final = ".part"
DAY_S: Final = 86_400
_CALL_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")
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


class Shelf:
    """The folder, made with the first record in it.

    Args:
        folder: readable by its owner only.
        bytes_max: of one record.
        keep_days: how long a record stays; 0 = for ever.
    """

    def __init__(self, folder: Path, bytes_max: int, keep_days: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._keep_days = keep_days

    def open(self, call_sid: str, began_at: float) -> OpenRecord:
        """A new record of a call whose stream began at `began_at` (seconds since the epoch).

        Raises:
            OSError: no file can be made there, or the call sid is none.
        """
        if not _CALL_SID.fullmatch(call_sid):
            raise OSError("no call sid")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        began = datetime.fromtimestamp(began_at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._folder / f"{call_sid}.{began}{SUFFIX}{PART}"
        path.touch(mode=0o600, exist_ok=False)
        return OpenRecord(path, self._bytes_max)

    def forget(self, call_sid: str) -> int:
        """Delete all records of a call; return how many there were.

        Raises:
            OSError: one of them cannot be deleted.
        """
        if not _CALL_SID.fullmatch(call_sid):
            return 0
        return _delete(list(self._folder.glob(f"{call_sid}.*{SUFFIX}*")))

    def forget_old(self) -> int:
        """Delete what is older than `keep_days`; return how many records that were.

        Raises:
            OSError: one of them cannot be deleted.
        """
        if not self._keep_days:
            return 0
        oldest = time.time() - self._keep_days * DAY_S
        found = self._folder.glob(f"CA*{SUFFIX}*")
        return _delete([path for path in found if _age_mark(path) < oldest])


def _age_mark(path: Path) -> float:
    """When it was last written; another process may just have deleted it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _delete(paths: Sequence[Path]) -> int:
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)
