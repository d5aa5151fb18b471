"""Simulated calls against real time, through the whole wire-level world, judged.

CPU time is one core's; the suite runs on two processes as `callsim run scenarios --jobs 2` does.
"""

import time
from collections.abc import Iterator

from benchmarks import calls
from benchmarks.figures import figure
from simulator.runner import Job, jobs_for, play, play_all


def measure(runs: int) -> Iterator[str]:
    """A full-duplex minute several times, the hour once, the shipped suite once."""
    minute = calls.written(calls.FULL_DUPLEX_MINUTE)
    play(Job(minute, 0))  # loads clips and code
    speeds, costs = [], []
    for _ in range(runs):
        began_s = time.process_time()
        simulated_s = play(Job(minute, 0)).simulated_s
        spent_s = time.process_time() - began_s
        speeds.append(simulated_s / spent_s)
        costs.append(spent_s / simulated_s * 1000)
    yield f"full-duplex minute: {figure(speeds, 'x real time', 0)}"
    yield f"                    {figure(costs, 'ms of CPU per second of call')}"
    for dtx, said in ((True, "as shipped, silence suppressed"), (False, "all 180,000 frames")):
        began_s = time.perf_counter()
        play(Job(calls.hour(dtx=dtx), 0))
        yield f"one-hour call, {said}: {time.perf_counter() - began_s:.1f} s"
    jobs = jobs_for(calls.shipped(), 0, None)
    began_s = time.perf_counter()
    results = play_all(jobs, 2, lambda _: None)
    wall_s = time.perf_counter() - began_s
    passed = sum(result.verdict == "passed" for result in results)
    simulated_s = sum(result.simulated_s for result in results)
    yield (
        f"shipped suite: {len(results)} calls, {simulated_s:.0f} s of call in {wall_s:.1f} s "
        f"on two processes, {passed} passed"
    )
