"""`callsim import`: a flight record becomes a scenario; `--compare` plays it and shows changes.

Owns arguments and what is printed. Exit codes: 0 written, or nothing changed; 1 a decision changed;
2 the record cannot be used; 3 the call could not be played.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from simulator.cli.exits import COULD_NOT_RUN, FAILED, PASSED, UNUSABLE, complain
from simulator.imports.decisions import (
    Difference,
    TraceReader,
    decisions_of_record,
    differences,
)
from simulator.imports.flight_record import FlightRecord, UnusableRecord, read_record
from simulator.imports.scenario_files import Imported, import_record
from simulator.imports.story import story_of
from simulator.playable import load_playable
from simulator.runner import Job, play

WHY: Final = (
    "A real call, made into a scenario by `callsim import` from its flight record: the caller's "
    "audio, the model's audio with its times of delivery, and the delays of the links as the "
    "bridge saw them. Today's bridge must decide as the bridge did then."
)
TOLERANCE_MS: Final = 120.0
NAME_CHARACTERS_MAX: Final = 60


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("import")
    parser.add_argument("record", type=Path, metavar="RECORD", help="a *.flight.gz")
    parser.add_argument("--into", type=Path, metavar="DIR", help="write it there (imported/)")
    parser.add_argument("--name", type=_name, help="its name (default: recorded-call)")
    parser.add_argument("--why", default=WHY, help="what the scenario says it is for")
    parser.add_argument(
        "--compare",
        action="store_true",
        help="play it with today's bridge and show which decisions changed; without --into nothing "
        "stays on the disk",
    )
    parser.add_argument(
        "--tolerance-ms",
        type=float,
        default=TOLERANCE_MS,
        help=f"so far apart is still the same (default {TOLERANCE_MS:g})",
    )
    parser.set_defaults(command=_import)


def _name(text: str) -> str:
    plain = text.replace("-", "").replace(" ", "").replace("_", "")
    if not plain.isalnum() or not plain.isascii() or len(text) > NAME_CHARACTERS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits and dashes make a name")
    return text


def _import(options: argparse.Namespace) -> int:
    try:
        record = read_record(options.record)
        if options.compare and options.into is None:
            with tempfile.TemporaryDirectory(prefix="callsim-import-") as folder:
                return _compare(record, _written(record, Path(folder), options), options)
        imported = _written(record, options.into or Path("imported"), options)
    except UnusableRecord as problem:
        complain(str(problem))
        return UNUSABLE
    print(imported.path)  # noqa: T201
    return _compare(record, imported, options) if options.compare else PASSED


def _written(record: FlightRecord, folder: Path, options: argparse.Namespace) -> Imported:
    imported = import_record(record, folder, options.name or "recorded-call", options.why)
    for said in imported.left_out:
        complain(f"not in the scenario: {said}")
    return imported


def _compare(record: FlightRecord, imported: Imported, options: argparse.Namespace) -> int:
    scenarios, problems = load_playable([imported.path])
    if problems:
        raise UnusableRecord("\n".join(str(problem) for problem in problems))
    reader = TraceReader(scenarios[0].network)
    result = play(Job(scenarios[0], 0), lambda trace: trace.subscribe(reader))
    if result.problem:
        complain(result.problem)
        return COULD_NOT_RUN
    then = decisions_of_record(record, story_of(record))
    found = differences(then, reader.decisions(), options.tolerance_ms)
    _show(found)
    for broken in result.violations:
        print(f"law broken today: {broken.law}: {broken.text}")  # noqa: T201
    return FAILED if any(each.changed for each in found) or result.violations else PASSED


def _show(found: Sequence[Difference]) -> None:
    rows = [("decision", "then", "today", "")] + [
        (
            f"{each.what} {each.number}",
            "-" if each.then is None else str(each.then),
            "-" if each.now is None else str(each.now),
            "changed" if each.changed else "",
        )
        for each in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[3]]).rstrip())  # noqa: T201
