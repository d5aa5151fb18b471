"""What is wrong with a scenario file, and where: the one kind of error this package produces.

Owns its printed form. Knows nothing of how problems are found.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MOST_SHOWN = 60
"""Characters of a value or a word that a message repeats; the rest is cut."""


@dataclass(frozen=True, slots=True)
class ScenarioProblem:
    """One mistake. `line` and `column` count from 1; both 0 = the file as a whole.

    `source` is the text of the line, `hint` says what to write instead ("" = nothing to add).
    """

    file: Path
    line: int
    column: int
    message: str
    hint: str = ""
    source: str = ""

    def __str__(self) -> str:
        """`path:12:7: message`, then the line with a caret below the column, then the hint."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)
        parts = [f"{place}: {self.message}"]
        if self.source.strip():
            parts += _excerpt(self.source, self.column)
        if self.hint:
            parts.append(f"    {self.hint}")
        return "\n".join(parts)


def _excerpt(source: str, column: int) -> list[str]:
    """The line around the column and a caret; one screen column per character."""
    start = max(0, column - 1 - MOST_SHOWN) if column > 2 * MOST_SHOWN else 0
    shown = "".join(c if c.isprintable() else " " for c in source[start : start + 100])
    return [f"    | {shown.rstrip()}", f"    | {' ' * (column - 1 - start)}^"]


def quoted(text: str) -> str:
    """`text` as a message repeats it: in backticks, shortened, on one line."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return f"`{line}`" if len(line) <= MOST_SHOWN else f"`{line[:MOST_SHOWN]}…`"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, if one is like it."""
    folded = {known_word.casefold(): known_word for known_word in known}
    near = difflib.get_close_matches(word[:MOST_SHOWN].casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question naming the known word nearest to `word`, or ""."""
    near = nearest(word, known)
    return f"did you mean {quoted(near)}?" if near else ""


def one_of(known: Iterable[str]) -> str:
    """The known words in a row: "it may be a, b or c"."""
    words = list(known)
    if len(words) < 2:
        return f"it may only be {''.join(words)}"
    return f"it may be {', '.join(words[:-1])} or {words[-1]}"
