"""A call is a function of its scenario and its seed: the same in every process, every time.

The other process has another hash seed and plays other calls before, so neither the order of sets
nor anything a call leaves behind may show. Every value of a `matrix` is played, and every seed.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from simulator.report import failure_text
from simulator.runner import Job, jobs_for, play
from simulator.scenario import load_scenarios

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FILES = sorted(str(path.relative_to(SCENARIOS)) for path in SCENARIOS.rglob("*.call.yaml"))
SHORT = ("barge-in/mid-answer", "greeting/agent-greets-first", "hangup/goodbye-asked-for")


def jobs_of(file: str) -> list[Job]:
    """The calls of a shipped file, as `callsim run` plays them."""
    calls, problems = load_scenarios([SCENARIOS / file])
    assert not problems, problems
    return list(jobs_for(calls, 0, None))


def with_seed(name: str, seed: int) -> Job:
    """A shipped call, the file's first, with this seed."""
    return Job(jobs_of(f"{name}.call.yaml")[0].scenario, seed)


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """Another process, with another hash seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "4242")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(len, "begin now, in this environment").result()
            yield pool


@pytest.mark.parametrize("file", FILES)
def test_shipped_calls_pass_and_are_the_same_elsewhere(
    file: str, elsewhere: ProcessPoolExecutor
) -> None:
    """The healthy bridge passes; equal seeds give equal traces, across processes."""
    jobs = jobs_of(file)
    futures = [elsewhere.submit(play, job) for job in jobs]
    for job, future in zip(jobs, futures, strict=True):
        here, there = play(job), future.result()

        assert here.verdict == "passed", failure_text(here)
        assert (there.verdict, there.digest) == (here.verdict, here.digest), job


def test_a_call_leaves_nothing_behind_that_the_next_one_notices() -> None:
    """The same call, with another one in between, is the same call."""
    first, other = (with_seed(name, 3) for name in SHORT[:2])
    before, _, after = play(first).digest, play(other), play(first).digest

    assert before == after


@pytest.mark.parametrize("name", SHORT)
def test_another_seed_is_another_call(name: str) -> None:
    """Five seeds give five traces: jitter, ids and the order of simultaneous things differ."""
    digests = {play(with_seed(name, seed)).digest for seed in range(5)}

    assert len(digests) == 5
