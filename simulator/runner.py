"""Plays scenarios: one call in this process, or many side by side in several.

Owns the mapping of scenarios and seeds to results. Each call is a pure function of its scenario and
seed, so processes share nothing and the order of results does not depend on their number.
"""

import multiprocessing
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

import outcome

from simulator.clock import run_virtually
from simulator.jobs import Job, OnTrace, jobs_for
from simulator.judging.judge import Judge, repeat_command, shown_path
from simulator.judging.terms import IN_A_WORLD, Terms
from simulator.report.result import ScenarioResult
from simulator.world import World

__all__ = ["Job", "OnTrace", "jobs_for", "play", "play_all"]

LONG_TAG = "long"
"""Scenarios with this tag start first, so that no process is left alone with an hour of call."""


def play(job: Job, on_trace: OnTrace | None = None, terms: Terms = IN_A_WORLD) -> ScenarioResult:
    """Play one call in virtual time and judge it. What breaks the world itself is an `error`.

    Args:
        job: what to play.
        on_trace: given the call's trace before it begins.
        terms: on what terms it is judged.
    """
    started_s = time.perf_counter()

    async def one_call() -> ScenarioResult:
        world = World(job.scenario, job.seed)
        judge = Judge(job.scenario, world.trace, terms)
        if on_trace is not None:
            on_trace(world.trace)
        await world.play()
        return judge.result(
            seed=job.seed,
            simulated_ms=world.timeline.now_ms,
            wall_s=time.perf_counter() - started_s,
        )

    played = outcome.capture(run_virtually, one_call, seed=job.seed)
    if isinstance(played, outcome.Value):
        return played.value
    if not isinstance(played.error, Exception):
        raise KeyboardInterrupt from played.error  # out of the groups of trio's nurseries
    return _broken(job, played.error, time.perf_counter() - started_s)


def _broken(job: Job, error: Exception, wall_s: float) -> ScenarioResult:
    path = shown_path(job.scenario.path)
    return ScenarioResult(
        name=job.scenario.name,
        path=path,
        seed=job.seed,
        verdict="error",
        wall_s=wall_s,
        problem="".join(traceback.format_exception(error)),
        command=repeat_command(path, job.seed),
        why=job.scenario.why,
    )


def play_all(
    jobs: Sequence[Job],
    processes: int,
    tell: Callable[[ScenarioResult], None],
    *,
    here: bool = True,
) -> list[ScenarioResult]:
    """Play `jobs` on so many processes; `tell` each result as it comes, return them in order.

    If one process is enough it is this one, unless `here` is False. All others are new ones.

    Raises:
        BrokenProcessPool: a process has died.
    """
    if here and (processes == 1 or len(jobs) == 1):
        results = []
        for job in jobs:
            results.append(play(job))
            tell(results[-1])
        return results
    done: dict[int, ScenarioResult] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context) as pool:
        order = sorted(range(len(jobs)), key=lambda at: LONG_TAG not in jobs[at].scenario.tags)
        running: dict[Future[ScenarioResult], int] = {
            pool.submit(play, jobs[at]): at for at in order
        }
        try:
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    at = running.pop(future)
                    done[at] = future.result()
                    tell(done[at])
        finally:
            pool.shutdown(cancel_futures=True)  # Ctrl-C: what has not begun shall not begin
    return [done[at] for at in range(len(jobs))]
