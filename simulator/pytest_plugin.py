"""pytest collects `*.call.yaml`: one item per call and seed, so `-k`, `-n`, JUnit and IDEs work.

Owns the translation of files into items and of results into failures. Imports the simulator only
when a scenario is collected, so that installing it costs other test runs nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simulator.runner import Job

SUFFIX = ".call.yaml"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ScenarioFile | None":
    """Take the scenarios, leave the rest."""
    if not file_path.name.endswith(SUFFIX):
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


class ScenarioFile(pytest.File):
    """One `*.call.yaml`."""

    def collect(self) -> Iterator["CallItem"]:
        """One item per call of the file (its matrix) and seed.

        Raises:
            CollectError: the file cannot be used; all that is wrong, with its places.
        """
        from simulator.playable import load_playable
        from simulator.runner import Job, jobs_for

        scenarios, problems = load_playable([self.path])
        if problems:
            raise self.CollectError("\n".join(str(problem) for problem in problems))
        for scenario in scenarios:
            jobs = jobs_for([scenario], 0, None) or [Job(scenario, 0)]
            for job in jobs:
                name = scenario.name if len(jobs) == 1 else f"{scenario.name} [seed {job.seed}]"
                yield CallItem.from_parent(self, name=name, job=job)


class CallItem(pytest.Item):
    """One call."""

    def __init__(self, *, job: "Job", **given: Any) -> None:
        super().__init__(**given)
        self.obj = None  # pytest-trio and others look for the test's function on every item
        self.job = job
        for tag in job.scenario.tags:
            marker = "".join(each if each.isalnum() else "_" for each in tag)
            self.config.addinivalue_line("markers", f"{marker}: calls with the tag {tag}")
            self.add_marker(marker)
        if job.scenario.skip is not None:
            self.add_marker(pytest.mark.skip(reason=job.scenario.skip))

    def runtest(self) -> None:
        """Play the call; fail with the words of `callsim run`."""
        from simulator.runner import play

        result = play(self.job)
        if result.verdict != "passed":
            raise CallFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A failed call speaks for itself; anything else is a traceback."""
        if isinstance(excinfo.value, CallFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the item stands."""
        return self.path, 0, self.name


class CallFailed(Exception):  # noqa: N818 - a verdict, not an error
    """A call did not go as its scenario says."""

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        """The failure as `callsim run` prints it."""
        from simulator.report import failure_text

        return failure_text(self.result)
