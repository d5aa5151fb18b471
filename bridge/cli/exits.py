"""Exit codes of `callbridge`, and how it complains."""

import sys
from typing import Final

FINE: Final = 0
COULD_NOT_RUN: Final = 1
WRONG_SETTINGS: Final = 2


def complain(line: str) -> None:
    """Say what is wrong; standard output is for results."""
    print(line, file=sys.stderr)  # noqa: T201
