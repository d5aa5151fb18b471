"""Exit codes of `callsim`, and how it complains."""

import sys
from collections.abc import Iterable
from typing import Final

from simulator.report import ScenarioResult

PASSED: Final = 0
FAILED: Final = 1
UNUSABLE: Final = 2
COULD_NOT_RUN: Final = 3
VIOLATED: Final = 4


def complain(text: str) -> None:
    """Say something on standard error."""
    print(f"callsim: {text}", file=sys.stderr)  # noqa: T201


def exit_code(results: Iterable[ScenarioResult]) -> int:
    """What the verdicts of a run come to: the gravest one counts; no verdict is graver than bad."""
    verdicts = {result.verdict for result in results}
    if "violation" in verdicts:
        return VIOLATED
    if verdicts & {"error", "inconclusive"}:
        return COULD_NOT_RUN
    return FAILED if "failed" in verdicts else PASSED
