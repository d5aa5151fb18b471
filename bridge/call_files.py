"""Files that belong to one call, in a folder of their kind.

Owns their names and their age. Must not know what is in them. Everything here blocks.

    CA….20261121T041725.123456Z.wav       call sid, when the stream began, ending
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.call_sid import CALL_SID

DAY_S: Final = 86_400


class CallFiles:
    """The folder, made with the first file in it and readable by its owner only.

    Args:
        endings: of the files that are ours; no other is touched.
        keep_days: how long a file stays after it was last written; 0 = for ever.
    """

    def __init__(self, folder: Path, endings: Sequence[str], keep_days: int) -> None:
        self._folder = folder
        self._endings = endings
        self._keep_days = keep_days

    def path(self, call_sid: str, began_at: float, ending: str) -> Path:
        """Where a file of this call belongs. `began_at`: seconds since the epoch.

        Raises:
            OSError: the folder cannot be made, or the call sid is none.
        """
        if not CALL_SID.fullmatch(call_sid):
            raise OSError("no call sid")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        began = datetime.fromtimestamp(began_at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return self._folder / f"{call_sid}.{began}{ending}"

    def forget(self, call_sid: str) -> int:
        """Delete all there is of a call; return how many files that were.

        Raises:
            OSError: one of them cannot be deleted.
        """
        if not CALL_SID.fullmatch(call_sid):
            return 0
        return _delete(self._found(call_sid))

    def forget_old(self) -> int:
        """Delete what is older than the days it is kept; return how many files that were.

        Raises:
            OSError: one of them cannot be deleted.
        """
        if not self._keep_days:
            return 0
        oldest = time.time() - self._keep_days * DAY_S
        return _delete([path for path in self._found("CA*") if _written_at(path) < oldest])

    def _found(self, calls: str) -> list[Path]:
        return [path for end in self._endings for path in self._folder.glob(f"{calls}.*{end}")]


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process deletes, too
        return time.time()


def _delete(paths: Sequence[Path]) -> int:
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)
