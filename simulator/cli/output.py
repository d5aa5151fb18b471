"""Standard output whose reader may leave before the end, as `head` does.

Owns that this is no failure: what is still to be said goes nowhere, and the exit code stays what
the verdicts came to.
"""

import os
import sys


def tell(text: str) -> None:
    """Say a line."""
    try:
        print(text)  # noqa: T201
    except BrokenPipeError:
        nobody_reads()


def flush() -> None:
    """Hand over what is still held back, before Python does it at its end and complains."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()


def nobody_reads() -> None:
    """The reader has left: what is still to come is thrown away."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
