"""A call is a function of its scenario and its seed: the same in every process, every time.

The other process has another hash seed and plays other calls before, so neither the order of sets
nor anything a call leaves behind may show. `callsim run --check-determinism` asks the same of every
value of a `matrix`, of every seed, and of the whole hour of the longest call.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from simulator.report import failure_text
from simulator.runner import LONG_TAG, Job, play
from simulator.scenario import Scenario, load_scenarios

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FILES = sorted(str(path.relative_to(SCENARIOS)) for path in SCENARIOS.rglob("*.call.yaml"))
LONG_MS = 240_000.0
"""So much is compared of a call with the tag `long`."""
SHORT = ("barge-in/mid-answer", "greeting/agent-greets-first", "hangup/goodbye-asked-for")


def first_call(file: str) -> Scenario:
    """The first call of a shipped file."""
    calls, problems = load_scenarios([SCENARIOS / file])
    assert not problems, problems
    return calls[0]


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """Another process, with another hash seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "4242")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(len, "begin now, in this environment").result()
            yield pool


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_call_passes_and_is_the_same_elsewhere(
    file: str, elsewhere: ProcessPoolExecutor
) -> None:
    """The healthy bridge passes; equal seeds give equal traces, across processes."""
    call = first_call(file)
    long = LONG_TAG in call.tags
    job = Job(replace(call, stop_after_ms=LONG_MS) if long else call, 0)
    future = elsewhere.submit(play, job)
    here, there = play(job), future.result()

    assert long or here.verdict == "passed", failure_text(here)
    assert not here.violations
    assert (there.verdict, there.digest) == (here.verdict, here.digest)


def test_a_call_leaves_nothing_behind_that_the_next_one_notices() -> None:
    """The same call, with another one in between, is the same call."""
    first, other = (Job(first_call(f"{name}.call.yaml"), 3) for name in SHORT[:2])
    before, _, after = play(first).digest, play(other), play(first).digest

    assert before == after


@pytest.mark.parametrize("name", SHORT)
def test_another_seed_is_another_call(name: str) -> None:
    """Five seeds give five traces: jitter, ids and the order of simultaneous things differ."""
    call = first_call(f"{name}.call.yaml")
    digests = {play(Job(call, seed)).digest for seed in range(5)}

    assert len(digests) == 5
