"""Playing scenarios: which jobs there are, in which order results come, what a crash becomes."""

from pathlib import Path

import pytest

from simulator import runner
from simulator.report.result import ScenarioResult
from simulator.runner import Job, jobs_for, play, play_all
from simulator.scenario import load_scenarios
from simulator.scene import Scene
from tests.small_calls import FAILS, PASSES, SKIPPED, small_call, write


def test_a_scenario_has_its_own_number_of_seeds(tmp_path: Path) -> None:
    """Seeds are counted from the first one; a number given overrides the scenario's own."""
    call = small_call(tmp_path, f"{PASSES}seeds: 3\n")
    own = [job.seed for job in jobs_for([call], 5, None)]
    given = [job.seed for job in jobs_for([call], 5, 2)]

    assert own == [5, 6, 7]
    assert given == [5, 6]


def test_a_skipped_scenario_has_no_job(tmp_path: Path) -> None:
    """What is skipped is not played."""
    jobs = jobs_for([small_call(tmp_path, SKIPPED), small_call(tmp_path, PASSES)], 0, None)

    assert [job.scenario.name for job in jobs] == ["a caller who says nothing"]


def test_a_result_says_what_was_played(tmp_path: Path) -> None:
    """Name, path, seed, lengths, digest and the command that repeats it."""
    call = small_call(tmp_path, PASSES)
    result = play(Job(call, 4))

    assert (result.name, result.seed, result.verdict) == (call.name, 4, "passed")
    assert result.path == str(call.path)
    assert result.command == f"callsim run {call.path} --seed 4"
    assert 0.3 < result.simulated_s < 5
    assert len(result.digest) == 64


def test_results_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    """One process or two: the same results in the order asked for, each told once."""
    for number, text in enumerate([PASSES, FAILS, f"{PASSES}seeds: 2\n"]):
        write(tmp_path, str(number), text.replace("tags: [small]", "tags: [long]"))
    jobs = jobs_for(load_scenarios([tmp_path])[0], 0, None)
    told: list[ScenarioResult] = []
    one = play_all(jobs, 1, lambda result: None)
    two = play_all(jobs, 2, told.append)

    assert [(each.path, each.seed) for each in one] == [
        (str(tmp_path / "0.call.yaml"), 0),
        (str(tmp_path / "1.call.yaml"), 0),
        (str(tmp_path / "2.call.yaml"), 0),
        (str(tmp_path / "2.call.yaml"), 1),
    ]
    assert [(each.digest, each.verdict) for each in one] == [
        (each.digest, each.verdict) for each in two
    ]
    assert sorted(each.digest for each in told) == sorted(each.digest for each in two)


def test_one_job_needs_no_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single call is played here, where a debugger can see it."""
    monkeypatch.setattr(runner, "ProcessPoolExecutor", None)
    results = play_all([Job(small_call(tmp_path, PASSES), 0)], 8, lambda result: None)

    assert [each.verdict for each in results] == ["passed"]


def test_a_crash_of_the_world_is_an_error_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What breaks the simulator itself is told with its traceback; nobody's expectation failed."""

    def crash(scene: Scene) -> None:
        nothing: list[None] = []
        scene.timeline.after(5, nothing.pop)

    monkeypatch.setattr(Scene, "_guard", crash)
    result = play(Job(small_call(tmp_path, PASSES), 0))

    assert result.verdict == "error"
    assert "pop from empty list" in result.problem
    assert "Traceback" in result.problem
    assert result.command.endswith("--seed 0")


def test_ctrl_c_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt ends the run."""

    def interrupt(scene: Scene) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Scene, "_guard", interrupt)
    call = small_call(tmp_path, PASSES)

    with pytest.raises(KeyboardInterrupt):
        play(Job(call, 0))
