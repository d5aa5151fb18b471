"""`callbridge forget CALL`: deletes all that is kept of one call.

Owns which places that are: recording and transcript, flight records, the call's record. Exit codes
are the command line's: 0 fine, 1 something could not be deleted. A call that has just ended can
still be on its way to the disk or the database: forgetting it is said twice, then. What the
database refused, the spool's `.rejected` files, is not looked into.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Final

from bridge.call_sid import CALL_SID
from bridge.flight.shelf import Shelf
from bridge.recording.writer import RecordingFolder
from bridge.records.store import SqlStore, StoreUnavailable
from bridge.settings import Settings

FINE: Final = 0
COULD_NOT: Final = 1


def add_options(forget: argparse.ArgumentParser) -> None:
    """The option of `callbridge forget`."""
    forget.add_argument("call_sid", metavar="CALL", type=_call_sid, help="its sid, CA…")


def forget_call(settings: Settings, call_sid: str) -> int:
    """Delete everything of one call, and say what there was."""
    places: list[tuple[str, Callable[[], int]]] = [
        (
            "files of recordings",
            lambda: RecordingFolder(settings.recording_dir, 0).forget(call_sid),
        ),
        ("flight records", lambda: Shelf(settings.flight_dir, 0, 0).forget(call_sid)),
    ]
    url = settings.records_url
    if url is not None:
        places.append(("call records", lambda: _forget_record(url, call_sid)))
    code = FINE
    for what, delete in places:
        try:
            print(f"{what}: {delete()} deleted")  # noqa: T201
        except (OSError, StoreUnavailable) as why:
            print(f"{what}: {why}", file=sys.stderr)  # noqa: T201
            code = COULD_NOT
    return code


def _forget_record(url: str, call_sid: str) -> int:
    store = SqlStore(url)
    try:
        return store.forget(call_sid)
    finally:
        store.close()


def _call_sid(text: str) -> str:
    if not CALL_SID.fullmatch(text):
        raise argparse.ArgumentTypeError("a call sid is CA and 32 hexadecimal digits")
    return text
