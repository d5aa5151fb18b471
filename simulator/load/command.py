"""`callsim load`: arguments, the run, the exit code.

Owns what a user writes and what comes back: 0 passed, 1 a threshold failed, 2 unusable arguments,
3 could not run, or the generator was too slow to say.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import trio

from simulator.cli.arguments import port, positive, whole
from simulator.cli.console import output
from simulator.cli.destinations import why_no_file
from simulator.live.process import BridgeProblem, RunningBridge, running
from simulator.live.stopping import until_told
from simulator.live.target import Target, UnusableTarget, live_target, load_target
from simulator.load.caller import left_out
from simulator.load.generator import Generator
from simulator.load.report import LoadResult, as_json, print_result
from simulator.load.usage import pin
from simulator.load.verdict import Unusable, judge, metrics_of, read_threshold
from simulator.load.webhook import CannotRing, Line, resolve
from simulator.scenario.durations import duration_ms
from simulator.scenario.environment import bridge_environment
from simulator.scenario.format import Scenario, Threshold
from simulator.scenario.loading import load_scenario

PASSED: Final = 0
FAILED: Final = 1
UNUSABLE: Final = 2
COULD_NOT_RUN: Final = 3
CALLS_MAX: Final = 2000
CONVERSATION: Final = Path(__file__).with_name("conversation.call.yaml")
ACCOUNT_SID: Final = "AC" + "5" * 32
NOWHERE: Final = "http://127.0.0.1:9"
"""Twilio's REST interface: there is none in a load run, connections to it are refused."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What is to be run."""

    target: Target
    scenario: Scenario
    calls: int = 10
    ramp_s: float = 5.0
    for_s: float = 30.0
    thresholds: tuple[Threshold, ...] = ()
    model_cpu: int | None = None
    bridge_cpu: int | None = None
    pid: int | None = None
    realtime_port: int = 0
    auth_token: str = ""


def add_parser(commands: Any) -> None:
    """Add `load` to the commands of `callsim`."""
    parser = commands.add_parser(
        "load",
        description="Plays a scenario's caller many times at once against a bridge process and "
        "reports latency, loss, CPU and memory. Phones and model are lean ones: no tool calls, no "
        "faults, no network but the machine's own; what a scenario has of these is not played.",
        epilog="exit codes: 0 passed, 1 a threshold failed, 2 unusable arguments, 3 could not run "
        "or inconclusive: the generator itself was too slow",
    )
    add = parser.add_argument
    add("target", help="a target file, a shipped target's name, or a bridge's URL")
    add("--calls", type=positive, default=10, help="at once (default 10)")
    add("--ramp", type=_seconds, default=5.0, metavar="TIME", help="until all are up (5s)")
    hold = "how long is measured after that (30s)"
    add("--for", type=_seconds, default=30.0, dest="hold", metavar="TIME", help=hold)
    whose = "whose caller and model are played (default: questions and answers)"
    add("--scenario", type=Path, default=CONVERSATION, metavar="FILE", help=whose)
    threshold = "like 'relay_up_ms: p(95)<50'; any number of them"
    add("--threshold", action="append", nargs="+", default=[], metavar="T", help=threshold)
    add("--json", type=Path, metavar="FILE", help="write the result as JSON")
    model_cpu = "keep phones and model (this process) on processor N"
    add("--model-cpu", type=whole, metavar="N", help=model_cpu)
    add("--bridge-cpu", type=whole, metavar="N", help="keep the bridge on processor N")
    pid = "of a bridge at a URL: measure this process and its children"
    add("--pid", type=positive, metavar="PID", help=pid)
    model_port = "where the model listens (default: any free port)"
    add("--realtime-port", type=port, default=0, metavar="PORT", help=model_port)
    token = "of a bridge at a URL: signs what Twilio sends"  # noqa: S105 - says what it is
    add("--auth-token", default="", metavar="TOKEN", help=token)
    parser.set_defaults(command=run_command)


def run_command(options: argparse.Namespace) -> int:
    """`callsim load` with parsed arguments."""
    try:
        plan = _plan(options)
    except (Unusable, UnusableTarget, ValueError) as wrong:
        _complain(str(wrong))
        return UNUSABLE
    for part in left_out(plan.scenario):
        _complain(f"not played: {part}")
    code = COULD_NOT_RUN
    try:
        result = trio.run(_run_until_told, plan)
    except* (BridgeProblem, CannotRing, OSError) as group:
        for problem in _leaves(group):
            _complain(str(problem))
    else:
        if result is None:
            _complain("stopped; the bridge's process is ended")
            return code
        print_result(output(), result)
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(as_json(result), indent=2) + "\n", "utf-8")
        verdicts = {"passed": PASSED, "failed": FAILED, "inconclusive": COULD_NOT_RUN}
        code = verdicts[result.judgement.verdict]
    return code


async def _run_until_told(plan: LoadPlan) -> LoadResult | None:
    """None = Ctrl-C or SIGTERM came."""
    results: list[LoadResult] = []
    async with until_told():
        results.append(await run_load(plan, _complain))
    return results[0] if results else None


async def run_load(plan: LoadPlan, say: Any = lambda _: None) -> LoadResult:
    """Start the bridge if the target does, put the load on it, judge.

    Raises:
        BridgeProblem, CannotRing, OSError: it could not be run; perhaps in an exception group.
    """
    generator = Generator(plan.scenario, plan.calls, realtime_port=plan.realtime_port)
    token = plan.auth_token or secrets.token_hex(16)
    values = {
        "realtime_url": generator.realtime_url,
        "live_url": generator.realtime_url,  # its endpoint speaks Realtime only
        "twilio_api_url": NOWHERE,
        "account_sid": ACCOUNT_SID,
        "auth_token": token,
        "api_key": "sk-" + secrets.token_hex(16),
    }
    if not plan.target.command:
        say(f"the model listens; the bridge needs REALTIME_URL={generator.realtime_url}")
    try:
        async with running(plan.target, values, bridge_environment(plan.scenario)) as bridge:
            await _load(generator, plan, bridge, token)
    finally:
        generator.close()
    measured, books = generator.measured, generator.books
    metrics = metrics_of(books, measured)
    return LoadResult(
        target=plan.target.name,
        scenario=plan.scenario.name,
        calls=plan.calls,
        ramp_s=plan.ramp_s,
        for_s=plan.for_s,
        books=books,
        measured=measured,
        metrics=metrics,
        judgement=judge(books, measured, metrics, plan.thresholds),
        batch_ms=generator.batch_ms,
    )


async def _load(generator: Generator, plan: LoadPlan, bridge: RunningBridge, token: str) -> None:
    pid = bridge.pid if bridge.pid is not None else plan.pid
    if plan.bridge_cpu is not None and pid is not None:
        pin(pid, plan.bridge_cpu)
    if plan.model_cpu is not None:  # after the bridge has started: it would inherit this
        os.sched_setaffinity(0, {plan.model_cpu})
    line = Line(
        address=await resolve(*bridge.address),
        webhook_url=bridge.webhook_url,
        media_url=bridge.media_url,
        account_sid=ACCOUNT_SID,
        auth_token=token,
        setup=plan.scenario.call,
    )
    await generator.run(line, ramp_s=plan.ramp_s, for_s=plan.for_s, pid=pid, died=bridge.exited)
    if bridge.exited.is_set():
        generator.measured.bridge_died = bridge.death()
        generator.books.wrong("bridge_died", "the bridge's process ended during the run")


def _plan(options: argparse.Namespace) -> LoadPlan:
    unwritable = "" if options.json is None else why_no_file(options.json)
    if unwritable:
        raise Unusable(f"--json {options.json}: {unwritable}")
    _check_processor("--model-cpu", options.model_cpu)
    _check_processor("--bridge-cpu", options.bridge_cpu)
    thresholds = [text for group in options.threshold for text in group]
    return LoadPlan(
        target=_target(options.target),
        scenario=_scenario(options.scenario),
        calls=options.calls,
        ramp_s=options.ramp,
        for_s=options.hold,
        thresholds=tuple(read_threshold(text) for text in thresholds),
        model_cpu=options.model_cpu,
        bridge_cpu=options.bridge_cpu,
        pid=options.pid,
        realtime_port=options.realtime_port,
        auth_token=options.auth_token,
    )


def _check_processor(option: str, number: int | None) -> None:
    """Refuse a processor that is not there, or not for us."""
    there = sorted(os.sched_getaffinity(0))
    if number is not None and number not in there:
        raise Unusable(f"{option} {number}: the processors here are {', '.join(map(str, there))}")


def _target(given: str) -> Target:
    target = live_target(given) if "://" in given else load_target(given)
    urls = (target.webhook, target.media)
    if not target.command and any(urlsplit(url or "").scheme in ("https", "wss") for url in urls):
        raise Unusable(f"{target.name}: load speaks no TLS; give it the address behind your proxy")
    if target.dialect != "ga":
        raise Unusable(f"{target.name}: the model of a load run speaks the GA dialect only")
    return target


def _scenario(path: Path) -> Scenario:
    scenarios, problems = load_scenario(path)
    if problems:
        raise Unusable("\n".join(map(str, problems)))
    return scenarios[0]


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _complain(text: str) -> None:
    print(f"callsim load: {text}", file=sys.stderr)  # noqa: T201


def _seconds(text: str) -> float:
    value = duration_ms(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 10s or 1m30s")
    return value / 1000
