"""`callbridge calls` and `callbridge migrate`.

Owns their options, and the sentences for what is wrong. Exit codes are the command line's: 0 fine,
1 could not, 2 wrong arguments (told by argparse).
"""

import argparse
import datetime as dt
import os
import re
import sys
from typing import Final, get_args

from bridge.core.commands import EndReason
from bridge.records.listing import Format, lines_of
from bridge.records.migration import SchemaState
from bridge.records.numbers import NumberPolicy
from bridge.records.store import CallFilter, SqlStore, StoreUnavailable

FINE: Final = 0
COULD_NOT: Final = 1
TABLE_ROWS: Final = 100
"""As many calls a table shows unless told otherwise; CSV and JSON hold all."""
OFF: Final = "DATABASE_URL is off: calls are not recorded"

_AGO: Final = re.compile(r"(\d{1,5})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_options(calls: argparse.ArgumentParser) -> None:
    """The options of `callbridge calls`."""
    when = "2026-11-20, 2026-11-20T14:30 (UTC unless it says otherwise), or 90m 24h 7d 2w ago"
    calls.add_argument("--since", type=_time, metavar="WHEN", help=f"started then or later: {when}")
    calls.add_argument("--until", type=_time, metavar="WHEN", help="started before then")
    calls.add_argument("--reason", type=_reason, help="end reason, such as caller_hung_up")
    calls.add_argument("--from", dest="from_number", metavar="NUMBER", help="who called")
    calls.add_argument("--to", dest="to_number", metavar="NUMBER", help="who was called")
    calls.add_argument(
        "--limit",
        type=_count,
        help=f"at most so many, the latest; 0 = all (default: {TABLE_ROWS} in a table, else all)",
    )
    calls.add_argument("--format", choices=get_args(Format), default="table", help="default: table")


def list_calls(options: argparse.Namespace, url: str | None, numbers: NumberPolicy) -> int:
    """Print the calls that were asked for, as they come from the database."""
    default = TABLE_ROWS if options.format == "table" else 0
    limit = default if options.limit is None else options.limit
    wanted = CallFilter(
        since=options.since,
        until=options.until,
        reason=options.reason,
        from_number=_as_stored(options.from_number, numbers),
        to_number=_as_stored(options.to_number, numbers),
        limit=limit or None,
    )
    if url is None:
        return _cannot(OFF)
    try:
        store = SqlStore(url)
        try:
            for text in lines_of(store.calls(wanted), options.format):
                sys.stdout.write(text)
            sys.stdout.flush()
        finally:
            store.close()
    except StoreUnavailable as why:
        return _cannot(str(why))
    except BrokenPipeError:
        # The reader, `head` perhaps, has seen enough. The interpreter would flush at exit, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FINE


def migrate_store(url: str | None) -> int:
    """Bring the database's tables up to date, and say what was done."""
    if url is None:
        return _cannot(OFF)
    try:
        store = SqlStore(url)
        try:
            found = store.migrate()
        finally:
            store.close()
    except StoreUnavailable as why:
        return _cannot(str(why))
    done = "were up to date" if found is SchemaState.CURRENT else "are up to date now"
    sys.stdout.write(f"the tables of call records {done}\n")
    return FINE


def _as_stored(number: str | None, numbers: NumberPolicy) -> str | None:
    """A number in the form it is stored in; one that is in that form already stays."""
    if number is None or "*" in number or re.fullmatch(r"[0-9a-f]{32}", number):
        return number
    return numbers.stored(number)


def _cannot(why: str) -> int:
    sys.stderr.write(f"callbridge: {why}\n")
    return COULD_NOT


def _time(text: str) -> dt.datetime:
    """A time as people write it, or how long ago."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return dt.datetime.now(dt.UTC) - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-11-20, 2026-11-20T14:30 or 24h"
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)


def _reason(text: str) -> str:
    reasons = [*(reason.value for reason in EndReason), "crashed"]
    if text not in reasons:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(sorted(reasons))}")
    return text


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
