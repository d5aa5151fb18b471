"""Plays many calls in real time and judges each.

Owns the order, how many are played at once, and what becomes of a call that could not be played or
that this machine was too slow for.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from simulator.jobs import Job
from simulator.judging.judge import Judge, repeat_command, shown_path
from simulator.judging.terms import SCHEDULING_MS, Terms
from simulator.live.doors import Doors
from simulator.live.lateness import Lateness
from simulator.live.pool import Pool, open_pool
from simulator.live.process import BridgeProblem
from simulator.live.stopping import until_told
from simulator.live.target import Target
from simulator.live.world import LiveWorld
from simulator.report.result import ScenarioResult
from simulator.scenario.environment import bridge_environment
from simulator.scenario.format import Say, Scenario
from simulator.sound import load_clip, speech_library
from simulator.trace import Trace

JOBS_DEFAULT = 4
Tell = Callable[[ScenarioResult], None]
MakeLateness = Callable[[], Lateness]


@dataclass(frozen=True, slots=True)
class LiveRun:
    """How calls are played. `ports`: of the fake Realtime endpoint and of REST, 0 = any.

    `flag`: the option which names the target, for the command that repeats a call. `on_doors` is
    told where a bridge finds its peers before it is started; `on_trace` gets each call's trace.
    """

    target: Target
    at_once: int = JOBS_DEFAULT
    ports: tuple[int, int] = (0, 0)
    flag: str = ""
    make_lateness: MakeLateness = Lateness
    on_doors: Callable[[Doors], None] | None = None
    on_trace: Callable[[Job, Trace], None] | None = None

    @property
    def terms(self) -> Terms:
        """On what terms these calls are judged."""
        target = self.target
        return Terms(SCHEDULING_MS, log_is_read=target.log is not None, lacks=target.lacks)


class Stopped(Exception):  # noqa: N818 - asked for
    """SIGINT or SIGTERM came; everything has been ended."""


def play_live(jobs: Sequence[Job], run: LiveRun, tell: Tell) -> list[ScenarioResult]:
    """Play `jobs` in real time; `tell` each result as it comes, return them in their order.

    Raises:
        Stopped: a signal asked to stop.
    """
    return trio.run(_play_all, jobs, run, tell)


async def _play_all(jobs: Sequence[Job], run: LiveRun, tell: Tell) -> list[ScenarioResult]:
    for job in jobs:
        _preload(job.scenario)
    gc.collect()
    gc.freeze()  # a look through all that is loaded would take a tenth of a second of a call
    results: dict[int, ScenarioResult] = {}
    async with (
        until_told() as stopping,
        open_pool(run.target, run.at_once, ports=run.ports, told=run.on_doors) as pool,
    ):
        await _share_out(jobs, run, pool, results, tell)
    if stopping.told:
        raise Stopped
    return [results[at] for at in range(len(jobs))]


async def _share_out(
    jobs: Sequence[Job],
    run: LiveRun,
    pool: Pool,
    results: dict[int, ScenarioResult],
    tell: Tell,
) -> None:
    """As many workers as bridges; calls with equal settings follow each other."""
    order = sorted(
        range(len(jobs)), key=lambda at: sorted(bridge_environment(jobs[at].scenario).items())
    )

    async def work() -> None:
        while order:
            at = order.pop(0)
            results[at] = await play_one(jobs[at], run, pool)
            tell(results[at])

    async with trio.open_nursery() as nursery:
        for _ in range(min(pool.most, len(jobs))):
            nursery.start_soon(work)


async def play_one(job: Job, run: LiveRun, pool: Pool) -> ScenarioResult:
    """Play one call in real time and judge it."""
    started_s = time.perf_counter()
    command = repeat_command(shown_path(job.scenario.path), job.seed) + run.flag
    try:
        async with pool.bridge(bridge_environment(job.scenario)) as place:
            world = LiveWorld(job.scenario, job.seed, place, run.make_lateness())
            judge = Judge(job.scenario, world.trace, run.terms)
            if run.on_trace is not None:
                run.on_trace(job, world.trace)
            await world.play()
            simulated_ms = world.timeline.now_ms
            died = place.bridge.death() if place.bridge.exited.is_set() else ""
        if world.left_behind or died:
            await pool.retire(place)
    except BridgeProblem as problem:
        return _unplayed(job, run, command, str(problem), time.perf_counter() - started_s)
    wall_s = time.perf_counter() - started_s
    result = judge.result(seed=job.seed, simulated_ms=simulated_ms, wall_s=wall_s, command=command)
    return _with_lateness(replace(result, target=run.target.name), world.lateness, died)


def _with_lateness(result: ScenarioResult, lateness: Lateness, died: str) -> ScenarioResult:
    """Whatever the verdict was: a bridge that died is an error, a late harness proves nothing."""
    result = replace(result, lateness=lateness.summary())
    if died:
        return replace(result, verdict="error", problem=died)
    late = lateness.verdict()
    return replace(result, verdict="inconclusive", problem=late) if late else result


def _unplayed(job: Job, run: LiveRun, command: str, problem: str, wall_s: float) -> ScenarioResult:
    return ScenarioResult(
        name=job.scenario.name,
        path=shown_path(job.scenario.path),
        seed=job.seed,
        verdict="error",
        wall_s=wall_s,
        problem=problem,
        command=command,
        why=job.scenario.why,
        target=run.target.name,
    )


def _preload(scenario: Scenario) -> None:
    """Read every sound of the call before it begins: no file is read while frames are due."""
    sounds: list[Path] = list(speech_library())
    for reply in scenario.model.replies:
        sounds += [clip for item in reply.items for clip in item.clips]
    for step in scenario.caller:
        if isinstance(step.action, Say):
            sounds += step.action.clips
    if scenario.model.auto is not None:
        sounds += scenario.model.auto.clips
    sounds += [scenario.phone.room_tone] if scenario.phone.room_tone is not None else []
    sounds += [scenario.replay.clip] if scenario.replay is not None else []
    for sound in dict.fromkeys(sounds):
        load_clip(sound)
