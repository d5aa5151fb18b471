"""What is wrong with an agent's file, and where.

Owns the printed form. Must not know how problems are found.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.errors import BridgeError

SHOWN_CHARS_MAX: Final = 60


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. `line` and `column` count from 1; both 0 = the file as a whole."""

    file: Path
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """`path:12:7: message (hint)`, on one line."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class UnusableAgents(BridgeError):  # noqa: N818 - it is made of problems
    """One or more agent files are wrong; one readable line for each mistake in `lines`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.lines = [str(problem) for problem in sorted(set(problems))]
        super().__init__("\n".join(self.lines))


def quoted(text: str) -> str:
    """`text` as a message repeats it: in backticks, shortened, on one line."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return f"`{line}`" if len(line) <= SHOWN_CHARS_MAX else f"`{line[:SHOWN_CHARS_MAX]}…`"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question naming the known word nearest to `word`, or ""."""
    small = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word[:SHOWN_CHARS_MAX].lower(), small, n=1, cutoff=0.6)
    return f"did you mean {quoted(small[close[0]])}?" if close else ""
