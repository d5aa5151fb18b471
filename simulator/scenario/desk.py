"""The desk at which one file is read: its problems, and the folders its sounds are in.

Owns how a problem found in a node gets its place. Knows no key of a scenario.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from simulator.scenario.problem import ScenarioProblem, did_you_mean, one_of, quoted
from simulator.scenario.sounds import SoundFolders
from simulator.scenario.tree import Node, Scalar, Source

PROBLEMS_MAX = 100


class Refused(Exception):  # noqa: N818 - what was done to a node
    """A node could not be read; its problems are on the desk already."""


class Desk:
    """Collects the problems of one file; a problem is noted once however often it is met."""

    def __init__(self, source: Source, sounds: SoundFolders) -> None:
        self.source = source
        self.sounds = sounds
        self._problems: dict[tuple[Path, int, int, str], ScenarioProblem] = {}

    @property
    def problems(self) -> list[ScenarioProblem]:
        """What was found, in the order of the file."""
        return sorted(self._problems.values(), key=lambda p: (p.file, p.line, p.column))

    def note(self, node: Node, message: str, hint: str = "") -> None:
        """Write down a problem and go on."""
        self.add(self.source.problem(node.line, node.column, message, hint))

    def add(self, problem: ScenarioProblem) -> None:
        """Write down a problem which knows its place already."""
        if len(self._problems) < PROBLEMS_MAX:
            key = (problem.file, problem.line, problem.column, problem.message)
            self._problems.setdefault(key, problem)

    def refuse(self, node: Node, message: str, hint: str = "") -> NoReturn:
        """Write down a problem and give this node up.

        Raises:
            Refused: always.
        """
        self.note(node, message, hint)
        raise Refused

    def refuse_word(self, node: Scalar, what: str, known: Iterable[str]) -> NoReturn:
        """Give up a word which is not among the known ones: "unknown metric `x`".

        Raises:
            Refused: always.
        """
        words = list(known)
        hint = did_you_mean(node.text, words) or one_of(words)
        self.refuse(node, f"unknown {what} {quoted(node.text)}", hint)
