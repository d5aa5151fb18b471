"""Exit codes of `callsim`, and how it complains."""

import sys
from collections.abc import Iterable
from typing import Final

PASSED: Final = 0
FAILED: Final = 1
UNUSABLE: Final = 2
COULD_NOT_RUN: Final = 3
VIOLATED: Final = 4


def complain(text: str) -> None:
    """Say something on standard error."""
    print(f"callsim: {text}", file=sys.stderr)  # noqa: T201


def exit_code(verdicts: Iterable[str]) -> int:
    """What the verdicts of a run come to: the gravest one counts; no verdict is graver than bad."""
    found = set(verdicts)
    if "violation" in found:
        return VIOLATED
    if found & {"error", "inconclusive"}:
        return COULD_NOT_RUN
    return FAILED if "failed" in found else PASSED
