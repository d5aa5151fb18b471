"""Which scenarios a command works on, said in full when none can be used."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from simulator.cli.exits import complain
from simulator.playable import load_playable
from simulator.scenario import Scenario, ScenarioProblem

Load = Callable[[Sequence[Path]], tuple[list[Scenario], list[ScenarioProblem]]]


def load(
    paths: Sequence[Path], tags: Sequence[str] = (), how: Load = load_playable
) -> list[Scenario] | None:
    """The scenarios asked for; None, and everything said, when one of them cannot be used."""
    scenarios, problems = how(paths)
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    if problems:
        files = len({problem.file for problem in problems})
        complain(f"{len(problems)} problem(s) in {files} file(s); nothing was played")
        return None
    if tags:
        scenarios = [each for each in scenarios if set(tags) & set(each.tags)]
    return scenarios


def nothing_to_play(
    paths: Sequence[Path], tags: Sequence[str], scenarios: Sequence[Scenario]
) -> str:
    """Why nothing is left to play, in a sentence."""
    if scenarios:
        reasons = "; ".join(sorted({each.skip for each in scenarios if each.skip}))
        return f"every scenario is skipped: {reasons}"
    known, _ = load_playable(paths)
    found = ", ".join(sorted({tag for each in known for tag in each.tags})) or "none"
    return f"no scenario has the tag {' or '.join(tags)}; the tags are: {found}"
