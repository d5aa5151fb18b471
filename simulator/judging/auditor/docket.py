"""The auditor's findings: violations as values, bounded in number, exceptions set apart.

Owns what a finding is and which ones a scenario has excused. Knows no law's content.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.scenario.names import LAWS

KEPT_PER_LAW = 10
"""Findings kept in full per law; more are only counted."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A law was broken at `at_ms`. `detail` narrows the law; `evidence` are facts, one per line."""

    at_ms: float
    law: str
    text: str
    evidence: tuple[str, ...] = ()
    detail: str = ""


class Docket:
    """Collects violations. `excused` maps a law, or "law:detail", to the scenario's reason."""

    def __init__(self, excused: Mapping[str, str] | None = None) -> None:
        self._excused = dict(excused or {})
        self._kept: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.allowed: Counter[str] = Counter()

    def charge(self, at_ms: float, law: str, text: str, *evidence: str, detail: str = "") -> None:
        """Write down that `law` was broken, unless the scenario excuses it."""
        assert law in LAWS, law
        name = f"{law}:{detail}"
        if law in self._excused or name in self._excused:
            self.allowed[name if name in self._excused else law] += 1
            return
        self.counts[law] += 1
        if self.counts[law] <= KEPT_PER_LAW:
            self._kept.append(Violation(round(at_ms, 3), law, text, evidence, detail))

    @property
    def violations(self) -> list[Violation]:
        """The violations kept, in the order of time."""
        return sorted(self._kept, key=lambda violation: violation.at_ms)
