"""`callsim run | validate | schema | show`: the harness from a terminal and in CI.

Owns arguments, progress and exit codes. Plays, judges and reports nothing itself.

Exit codes: 0 passed · 1 an expectation failed · 2 unusable scenario or arguments · 3 could not run
· 4 a law was broken, or equal seeds gave different calls.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.playable import load_playable
from simulator.report import (
    ScenarioResult,
    print_results,
    read_json,
    write_html,
    write_json,
    write_junit,
)
from simulator.runner import Job, jobs_for, play_all
from simulator.scenario import Scenario
from simulator.scenario.schema import schema_text

PASSED: Final = 0
FAILED: Final = 1
UNUSABLE: Final = 2
COULD_NOT_RUN: Final = 3
VIOLATED: Final = 4
JOBS_MAX: Final = 64
WIDTH_WITHOUT_TERMINAL: Final = 180
REPORT_PAGE: Final = "index.html"
REPORT_JSON: Final = "result.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        _complain("stopped")
    except BrokenProcessPool:
        _complain("a process that played calls has died; with --jobs 1 it would be this one")
    except OSError as problem:
        _complain(f"{problem.filename or 'a file'}: {problem.strerror}")
    return COULD_NOT_RUN


def _complain(text: str) -> None:
    print(f"callsim: {text}", file=sys.stderr)  # noqa: T201


# -- run ------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    scenarios = _load(options)
    if scenarios is None:
        return UNUSABLE
    jobs = jobs_for(scenarios, options.seed, options.seeds)
    if not jobs:
        _complain(_nothing_to_play(options, scenarios))
        return UNUSABLE
    for call in scenarios:
        if call.skip is not None:
            _complain(f"skipped: {call.name}: {call.skip}")
    started_s = time.perf_counter()
    results = _play(jobs, options.jobs)
    _report(results, options, time.perf_counter() - started_s)
    different = options.check_determinism and _differ(jobs, results, options.jobs)
    verdicts = {result.verdict for result in results}
    if different or "violation" in verdicts:
        return VIOLATED
    if "error" in verdicts:
        return COULD_NOT_RUN
    return FAILED if "failed" in verdicts else PASSED


def _differ(jobs: Sequence[Job], results: Sequence[ScenarioResult], processes: int) -> bool:
    """Play everything once more, in new processes; say which calls are not the same."""
    again = _play(jobs, processes, here=False)
    different = [
        f"{one.name} (seed {one.seed})"
        for one, two in zip(results, again, strict=True)
        if (one.digest, one.verdict) != (two.digest, two.verdict)
    ]
    for call in different:
        _complain(f"not deterministic: {call}: equal seeds, different traces")
    if not different:
        Console(highlight=False).print(f"deterministic: {len(jobs)} calls, each played twice")
    return bool(different)


def _load(options: argparse.Namespace) -> list[Scenario] | None:
    """The scenarios asked for; None, and everything said, when one of them cannot be used."""
    scenarios, problems = load_playable(options.paths)
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    if problems:
        files = len({problem.file for problem in problems})
        _complain(f"{len(problems)} problem(s) in {files} file(s); nothing was played")
        return None
    if options.tag:
        scenarios = [each for each in scenarios if set(options.tag) & set(each.tags)]
    return scenarios


def _nothing_to_play(options: argparse.Namespace, scenarios: Sequence[Scenario]) -> str:
    if scenarios:
        reasons = "; ".join(sorted({each.skip for each in scenarios if each.skip}))
        return f"every scenario is skipped: {reasons}"
    known, _ = load_playable(options.paths)
    tags = ", ".join(sorted({tag for each in known for tag in each.tags})) or "none"
    return f"no scenario has the tag {' or '.join(options.tag)}; the tags are: {tags}"


def _play(jobs: Sequence[Job], processes: int, *, here: bool = True) -> list[ScenarioResult]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[last]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("playing calls", total=len(jobs), last="")

        def tell(result: ScenarioResult) -> None:
            progress.update(task, advance=1, last=result.name[:60])
            if not console.is_terminal:
                said = f"{result.verdict:<9} {result.name}"
                console.print(said, markup=False, highlight=False, soft_wrap=True)

        return play_all(jobs, processes, tell, here=here)


def _report(results: Sequence[ScenarioResult], options: argparse.Namespace, wall_s: float) -> None:
    folder: Path | None = options.report
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_html(results, folder / REPORT_PAGE)
        write_json(results, folder / REPORT_JSON, seed=options.seed, wall_s=wall_s)
    if options.json is not None:
        write_json(results, options.json, seed=options.seed, wall_s=wall_s)
    if options.junit is not None:
        write_junit(results, options.junit)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_WITHOUT_TERMINAL)
    page = "" if folder is None else str((folder / REPORT_PAGE).resolve())
    print_results(console, results, report=page, wall_s=wall_s)


# -- the other commands ---------------------------------------------------------------------------


def _validate(options: argparse.Namespace) -> int:
    options.tag = []
    scenarios = _load(options)
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
        _complain(f"{path}: {problem}")
        return UNUSABLE
    for each in shown["scenarios"]:
        _show_one(each)
    return PASSED if all(each["verdict"] == "passed" for each in shown["scenarios"]) else FAILED


def _show_one(result: dict[str, Any]) -> None:
    print(f"{result['verdict']:<9} {result['name']} (seed {result['seed']})")  # noqa: T201
    for each in result["expectations"]:
        if each["verdict"] != "passed":
            print(f"          {each['text']}: {each['explanation']}")  # noqa: T201
    for each in result["violations"]:
        print(f"          {each['law']}: {each['text']}")  # noqa: T201


# -- arguments ------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callsim",
        description="Plays whole phone calls through the bridge and judges what the caller heard.",
        epilog="exit codes: 0 passed, 1 an expectation failed, 2 unusable scenario or arguments, "
        "3 could not run, 4 a law was broken or equal seeds differed",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="play scenarios in virtual time")
    _paths(run)
    run.add_argument("--seed", type=_whole, default=0, help="first seed (default 0)")
    run.add_argument("--seeds", type=_positive, help="seeds per scenario (default: its own number)")
    run.add_argument("--tag", action="append", default=[], help="only scenarios with this tag")
    run.add_argument(
        "--jobs", type=_positive, default=min(os.cpu_count() or 1, JOBS_MAX), help="processes"
    )
    run.add_argument("--report", type=Path, metavar="DIR", help="write an HTML report there")
    run.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    run.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    run.add_argument(
        "--check-determinism",
        action="store_true",
        help="play each call again, in another process, and compare the traces",
    )
    run.set_defaults(command=_run)
    validate = commands.add_parser("validate", help="check scenario files without playing them")
    _paths(validate)
    validate.set_defaults(command=_validate)
    schema = commands.add_parser("schema", help="print the JSON Schema of a scenario, for editors")
    schema.set_defaults(command=_schema)
    show = commands.add_parser("show", help="print the verdicts of a report made earlier")
    show.add_argument("result", type=Path, help="a report's folder, or a JSON result")
    show.set_defaults(command=_show)
    return parser


def _paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="files or folders")


def _whole(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return value


def _positive(text: str) -> int:
    value = _whole(text)
    if not value:
        raise argparse.ArgumentTypeError("0 is too few: 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
