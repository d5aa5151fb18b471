"""`callsim parity`: plays scenarios in virtual and in real time, prints results side by side.

Owns the command. What agrees is decided in `comparing`.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table

from simulator.cli.arguments import add_paths, positive, whole
from simulator.cli.choosing import load, nothing_to_play
from simulator.cli.console import Output
from simulator.cli.destinations import why_no_file
from simulator.cli.exits import COULD_NOT_RUN, FAILED, PASSED, UNUSABLE, complain
from simulator.judging.terms import Terms
from simulator.live.lacks import why_unplayable
from simulator.live.playing import LiveRun, Stopped, play_live
from simulator.live.target import UnusableTarget, load_target
from simulator.parity.comparing import TOLERANCE_MS, Parity, Row, compare
from simulator.parity.facts import Facts
from simulator.report import ScenarioResult
from simulator.runner import Job, play
from simulator.scenario import Scenario
from simulator.scenario.format import LegSetup, NetworkSetup
from simulator.scenario.names import METRICS
from simulator.trace import Trace

TAG = "parity"
RUNS = 3
"""The least with a median that one unlucky run does not move."""
AT_ONCE = 2
"""More calls at once than processors make each other late."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("parity")
    add_paths(parser)
    parser.add_argument(
        "--target", default="ours", metavar="FILE", help="a *.target.yaml (default: ours)"
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        help=f"only scenarios with this tag (default: {TAG}, if one of several has it)",
    )
    parser.add_argument(
        "--runs", type=positive, default=RUNS, help=f"of each; medians count (default {RUNS})"
    )
    parser.add_argument("--seed", type=whole, default=0, help="seed of the first run (default 0)")
    parser.add_argument(
        "--jobs", type=positive, default=AT_ONCE, help=f"calls at once (default {AT_ONCE})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the comparison as JSON")
    parser.set_defaults(command=_parity)


def _parity(options: argparse.Namespace) -> int:
    unwritable = "" if options.json is None else why_no_file(options.json)
    if unwritable:
        complain(f"--json {options.json}: {unwritable}")
        return UNUSABLE
    try:
        target = load_target(options.target)
    except UnusableTarget as unusable:
        complain(str(unusable))
        return UNUSABLE
    scenarios = load(options.paths, options.tag)
    if scenarios is None:
        return UNUSABLE
    run = LiveRun(target, at_once=options.jobs)
    chosen = _chosen(scenarios, options.tag, run)
    if not chosen:
        complain(nothing_to_play(options.paths, options.tag or [TAG], scenarios))
        return UNUSABLE
    try:
        compared = compare_all(chosen, run, runs=options.runs, seed=options.seed)
    except Stopped:
        complain("stopped; the bridge's processes are ended")
        return COULD_NOT_RUN
    _print(compared)
    if options.json is not None:
        text = json.dumps(json_object(compared, target.name, options.runs), indent=2)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", "utf-8")
    if any(each.problem for each in compared):
        return COULD_NOT_RUN
    return PASSED if all(each.agrees for each in compared) else FAILED


def _chosen(scenarios: Sequence[Scenario], tags: Sequence[str], run: LiveRun) -> list[Scenario]:
    """Of several scenarios those made for this, unless tags were given."""
    tagged = [each for each in scenarios if TAG in each.tags]
    chosen = tagged if tagged and not tags else scenarios
    return [
        each for each in chosen if each.skip is None and not why_unplayable(each, run.target.lacks)
    ]


def compare_all(
    scenarios: Sequence[Scenario], run: LiveRun, *, runs: int = 1, seed: int = 0
) -> list[Parity]:
    """Play each scenario `runs` times in each kind of time, and compare.

    Raises:
        Stopped: a signal asked to stop.
    """
    jobs = [Job(calm(each), seed + number) for each in scenarios for number in range(runs)]
    virtual = [_play_virtually(job, run.terms) for job in jobs]
    listening: dict[int, Facts] = defaultdict(Facts)

    def listen(job: Job, trace: Trace) -> None:
        trace.subscribe(listening[id(job)].observe)

    results = play_live(jobs, replace(run, on_trace=listen), _silently)
    real = [
        (result, listening[id(job)].of(result)) for job, result in zip(jobs, results, strict=True)
    ]
    return [
        compare(each.name, virtual[at * runs : (at + 1) * runs], real[at * runs : (at + 1) * runs])
        for at, each in enumerate(scenarios)
    ]


def calm(scenario: Scenario) -> Scenario:
    """The call on links without jitter.

    Jitter is drawn for each piece of a connection's bytes, and sockets cut these otherwise than
    memory does: the same seed is another jitter there, which says nothing about time.
    """
    legs = {
        name: LegSetup(
            replace(leg.to_bridge, jitter_ms=0.0), replace(leg.from_bridge, jitter_ms=0.0)
        )
        for name, leg in (
            ("twilio", scenario.network.twilio),
            ("realtime", scenario.network.realtime),
            ("rest", scenario.network.rest),
        )
    }
    return replace(scenario, network=NetworkSetup(**legs))


def _play_virtually(job: Job, terms: Terms) -> tuple[ScenarioResult, dict[str, str]]:
    """Measured with the same ruler: what real time grants to schedulers is granted here, too."""
    facts = Facts()
    result = play(job, lambda trace: trace.subscribe(facts.observe), terms)
    return result, facts.of(result)


def _silently(_: ScenarioResult) -> None:
    """Say nothing before all is compared."""


def json_object(compared: Sequence[Parity], target: str, runs: int) -> dict[str, Any]:
    """The comparison as plain values."""
    return {
        "schema_version": 1,
        "target": target,
        "runs": runs,
        "tolerance_ms": TOLERANCE_MS,
        "agrees": all(each.agrees for each in compared),
        "scenarios": [
            {
                "name": each.scenario,
                "agrees": each.agrees,
                "problem": each.problem,
                "results": [_row(row) for row in each.rows],
            }
            for each in compared
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "virtual": row.virtual,
        "real": row.real,
        "difference": row.difference,
        "agrees": row.agrees,
    }


def _print(compared: Sequence[Parity]) -> None:
    console = Output(highlight=False)
    for each in compared:
        if each.problem:
            console.print(f"\n{each.scenario}: no verdict", style="yellow", markup=False)
            console.print(each.problem, markup=False)
            continue
        console.print(_table(each))
        same = sum(row.agrees for row in each.rows if row.name not in METRICS)
        console.print(f"{same} results without a time are the same", style="dim")
    agreeing = sum(each.agrees for each in compared)
    style = "green" if agreeing == len(compared) else "red"
    console.print(f"\n[{style}]{agreeing} of {len(compared)} scenarios agree[/] (medians, times "
                  f"within {TOLERANCE_MS:g} ms)")  # fmt: skip


def _table(parity: Parity) -> Table:
    """The metrics that were measured, and whatever else does not agree."""
    table = Table(title=parity.scenario, title_justify="left", box=None, header_style="dim")
    table.add_column("result")
    for heading in ("virtual", "real", "difference"):
        table.add_column(heading, justify="right")
    for row in parity.rows:
        if row.agrees and (row.name not in METRICS or row.virtual is None):
            continue
        style = "" if row.agrees else "red"
        table.add_row(row.name, _value(row.virtual), _value(row.real), _value(row.difference),
                      style=style)  # fmt: skip
    return table


def _value(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.6g}"
