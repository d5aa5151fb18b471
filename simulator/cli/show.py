"""`callsim show`: the verdicts of a report made earlier."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.cli.exits import UNUSABLE, complain, exit_code
from simulator.cli.output import tell
from simulator.report.files import REPORT_JSON, read_json

REMEDY = "give a --report folder or a --json file"


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("show")
    parser.add_argument("result", type=Path, help="a report's folder, or a JSON result")
    parser.set_defaults(command=_show)


def _show(options: argparse.Namespace) -> int:
    """Print the verdicts; the exit code is that of the run."""
    path: Path = options.result
    try:
        shown = read_json(path / REPORT_JSON if path.is_dir() else path)
    except FileNotFoundError:
        missing = f"there is no {REPORT_JSON} in it" if path.is_dir() else "there is no such file"
        complain(f"{path}: {missing}; {REMEDY}")
        return UNUSABLE
    except OSError as problem:
        complain(f"{path}: it cannot be read ({problem.strerror}); {REMEDY}")
        return UNUSABLE
    except ValueError as problem:
        complain(f"{path}: {problem}; {REMEDY}")
        return UNUSABLE
    for each in shown["scenarios"]:
        for line in _lines(each):
            tell(line)
    return exit_code(each["verdict"] for each in shown["scenarios"])


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """One call: its verdict, and all that did not hold."""
    yield f"{result['verdict']:<9} {result['name']} (seed {result['seed']})"
    if result.get("problem"):
        yield f"          {result['problem']}"
    for each in result["expectations"]:
        if each["verdict"] != "passed":
            yield f"          {each['text']}: {each['explanation']}"
    for each in result["violations"]:
        yield f"          {each['law']}: {each['text']}"
