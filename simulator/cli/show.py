"""`callsim validate | schema | show`: commands that play nothing."""

import argparse
from pathlib import Path
from typing import Any

from simulator.cli.arguments import add_paths
from simulator.cli.choosing import load
from simulator.cli.exits import FAILED, PASSED, UNUSABLE, complain
from simulator.cli.run import REPORT_JSON
from simulator.report import read_json
from simulator.scenario.schema import schema_text


def add_parser(commands: Any) -> None:
    """Add the three commands."""
    validate = commands.add_parser("validate", help="check scenario files without playing them")
    add_paths(validate)
    validate.set_defaults(command=_validate)
    schema = commands.add_parser("schema", help="print the JSON Schema of a scenario, for editors")
    schema.set_defaults(command=_schema)
    show = commands.add_parser("show", help="print the verdicts of a report made earlier")
    show.add_argument("result", type=Path, help="a report's folder, or a JSON result")
    show.set_defaults(command=_show)


def _validate(options: argparse.Namespace) -> int:
    scenarios = load(options.paths)
    if scenarios is None:
        return UNUSABLE
    files = len({each.path for each in scenarios})
    print(f"{files} file(s), {len(scenarios)} call(s): all can be played")  # noqa: T201
    return PASSED


def _schema(_: argparse.Namespace) -> int:
    print(schema_text(), end="")  # noqa: T201
    return PASSED


def _show(options: argparse.Namespace) -> int:
    """Print the verdicts of a result written earlier."""
    path: Path = options.result
    if path.is_dir():
        path /= REPORT_JSON
    try:
        shown = read_json(path)
    except (OSError, ValueError) as problem:
        complain(f"{path}: {problem}")
        return UNUSABLE
    for each in shown["scenarios"]:
        _show_one(each)
    return PASSED if all(each["verdict"] == "passed" for each in shown["scenarios"]) else FAILED


def _show_one(result: dict[str, Any]) -> None:
    print(f"{result['verdict']:<9} {result['name']} (seed {result['seed']})")  # noqa: T201
    if result.get("problem"):
        print(f"          {result['problem']}")  # noqa: T201
    for each in result["expectations"]:
        if each["verdict"] != "passed":
            print(f"          {each['text']}: {each['explanation']}")  # noqa: T201
    for each in result["violations"]:
        print(f"          {each['law']}: {each['text']}")  # noqa: T201
