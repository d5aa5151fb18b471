"""`callsim run`: plays scenarios, in virtual time or, with `--live` or `--target`, in real time.

Owns arguments, progress and the reports' places. Plays and judges nothing itself.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.cli.arguments import add_paths, positive, up_to, whole
from simulator.cli.choosing import load, nothing_to_play
from simulator.cli.console import Output, output
from simulator.cli.destinations import why_no_file, why_no_folder
from simulator.cli.exits import COULD_NOT_RUN, UNUSABLE, VIOLATED, complain, exit_code
from simulator.cli.live import add_live_arguments, live_run_for
from simulator.live.lacks import why_unplayable
from simulator.live.playing import JOBS_DEFAULT, LiveRun, Stopped, play_live
from simulator.live.target import UnusableTarget
from simulator.playable import load_playable
from simulator.report import (
    ScenarioResult,
    print_report,
    print_results,
    write_html,
    write_json,
    write_junit,
)
from simulator.report.files import REPORT_JSON, REPORT_PAGE
from simulator.runner import Job, jobs_for, play_all
from simulator.scenario import Scenario, load_scenarios
from simulator.scenario.loading import SEEDS_MAX

JOBS_MAX: Final = 64

Tell = Callable[[ScenarioResult], None]


def add_parser(commands: Any) -> None:
    """Add the command."""
    run = commands.add_parser("run")
    add_paths(run)
    run.add_argument("--seed", type=whole, default=0, help="first seed (default 0)")
    seeds = f"seeds per scenario, {SEEDS_MAX} at most (default: its own number)"
    run.add_argument("--seeds", type=up_to(SEEDS_MAX), help=seeds)
    run.add_argument("--tag", action="append", default=[], help="only scenarios with this tag")
    run.add_argument(
        "--jobs",
        type=positive,
        help=f"processes; in real time, calls at once (default: {JOBS_DEFAULT} there)",
    )
    run.add_argument("--report", type=Path, metavar="DIR", help="write an HTML report there")
    run.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    run.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    run.add_argument(
        "--check-determinism",
        action="store_true",
        help="play each call again, in another process, and compare the traces",
    )
    add_live_arguments(run)
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        live = live_run_for(options)
    except (UnusableTarget, ValueError) as unusable:
        complain(str(unusable))
        return UNUSABLE
    if live is not None and options.check_determinism:
        complain("--check-determinism: calls in real time are never the same twice")
        return UNUSABLE
    if not _can_write(options):
        return UNUSABLE
    ours = live is None or live.target.log is not None
    scenarios = load(options.paths, options.tag, load_playable if ours else load_scenarios)
    if scenarios is None:
        return UNUSABLE
    jobs = _jobs(options, scenarios, live)
    if not jobs:
        return UNUSABLE
    started_s = time.perf_counter()
    try:
        results = _play(jobs, options, live)
    except Stopped:
        complain("stopped; the bridge's processes are ended")
        return COULD_NOT_RUN
    except BrokenProcessPool:
        complain("a process that played calls has died; with --jobs 1 it would be this one")
        return COULD_NOT_RUN
    _report(results, options, time.perf_counter() - started_s)
    if options.check_determinism and _differ(jobs, results, options):
        return VIOLATED
    return exit_code(result.verdict for result in results)


def _can_write(options: argparse.Namespace) -> bool:
    """Whether the reports can be written, known before hours are played for them."""
    for option, path, why_not in (
        ("--report", options.report, why_no_folder),
        ("--json", options.json, why_no_file),
        ("--junit", options.junit, why_no_file),
    ):
        reason = "" if path is None else why_not(path)
        if reason:
            complain(f"{option} {path}: {reason}")
            return False
    return True


def _jobs(
    options: argparse.Namespace, scenarios: Sequence[Scenario], live: LiveRun | None
) -> list[Job]:
    """What is to be played; what is not, and why, is said."""
    jobs = jobs_for(scenarios, options.seed, options.seeds)
    if not jobs:
        complain(nothing_to_play(options.paths, options.tag, scenarios))
        return jobs
    for call in scenarios:
        if call.skip is not None:
            complain(f"skipped: {call.name}: {call.skip}")
    if live is None:
        return jobs
    playable = []
    for job in jobs:
        why = why_unplayable(job.scenario, live.target.lacks)
        if not why:
            playable.append(job)
        elif job.seed == options.seed:
            complain(f"skipped: {job.scenario.name}: {why}")
    if not playable:
        complain(f"no scenario is left that {live.target.name} could play")
    return playable


def _play(
    jobs: Sequence[Job], options: argparse.Namespace, live: LiveRun | None, *, here: bool = True
) -> list[ScenarioResult]:
    if live is not None:
        return _with_progress(len(jobs), lambda tell: play_live(jobs, live, tell))
    processes = options.jobs or min(os.cpu_count() or 1, JOBS_MAX)
    return _with_progress(len(jobs), lambda tell: play_all(jobs, processes, tell, here=here))


def _with_progress(
    total: int, play: Callable[[Tell], list[ScenarioResult]]
) -> list[ScenarioResult]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[last]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("playing calls", total=total, last="")

        def tell(result: ScenarioResult) -> None:
            progress.update(task, advance=1, last=result.name[:60])
            if not console.is_terminal:
                said = f"{result.verdict:<9} {result.name}"
                console.print(said, markup=False, highlight=False, soft_wrap=True)

        return play(tell)


def _differ(
    jobs: Sequence[Job], results: Sequence[ScenarioResult], options: argparse.Namespace
) -> bool:
    """Play everything once more, in new processes; say which calls are not the same."""
    again = _play(jobs, options, None, here=False)
    different = [
        f"{one.name} (seed {one.seed})"
        for one, two in zip(results, again, strict=True)
        if (one.digest, one.verdict) != (two.digest, two.verdict)
    ]
    for call in different:
        complain(f"not deterministic: {call}: equal seeds, different traces")
    if not different:
        Output(highlight=False).print(f"deterministic: {len(jobs)} calls, each played twice")
    return bool(different)


def _report(results: Sequence[ScenarioResult], options: argparse.Namespace, wall_s: float) -> None:
    """Verdicts first: a disk that is full costs the files only."""
    console = output()
    print_results(console, results, wall_s=wall_s)
    folder: Path | None = options.report
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_html(results, folder / REPORT_PAGE, wall_s=wall_s)
        write_json(results, folder / REPORT_JSON, seed=options.seed, wall_s=wall_s)
    if options.json is not None:
        write_json(results, options.json, seed=options.seed, wall_s=wall_s)
    if options.junit is not None:
        write_junit(results, options.junit, wall_s=wall_s)
    if folder is not None:
        print_report(console, str((folder / REPORT_PAGE).resolve()))
