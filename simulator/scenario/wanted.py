"""What must hold in a call, as values: thresholds, rules for events, the way it ends.

Part of `format`, which gives these names on; knows nothing of how anything is measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

INFINITE_MS = float("inf")

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Aggregate = Literal["p", "min", "max", "avg", "med", "count"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """`aggregate` of `metric` `op` `value`, in the metric's unit. `text` as written: "p(95)<900".

    `percentile` 0..100 is given when `aggregate` is "p".
    """

    metric: str
    aggregate: Aggregate
    op: Operator
    value: float
    text: str
    line: int = 0
    percentile: float | None = None


@dataclass(frozen=True, slots=True)
class EventRule:
    """How often an event may occur: filter the trace, then count.

    An event counts if its name is `name` (see names.EVENTS), all fields of `where` are equal
    (compared as JSON text: true, 20, mark), it comes after the first `after` and before the first
    `before`, and, with `of`, at most `within_ms` after the latest `of` before it. Then `min` <=
    number <= `max`. `no` means max 0. `text` is the rule in words, for reports.
    """

    name: str
    no: bool = False
    min: int = 1
    max: int | None = None
    within_ms: float = INFINITE_MS
    of: str | None = None
    after: str | None = None
    before: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    line: int = 0

    @property
    def count(self) -> int | None:
        """The exact number asked for, or None if a range is."""
        return self.min if self.min == self.max else None


@dataclass(frozen=True, slots=True)
class Ended:
    """`by`: one of names.ENDED_BY. `reason`: one of names.END_REASONS. None = not asked for."""

    by: str | None = None
    reason: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Expect:
    """`allow`: name of a law of the audit -> why this scenario breaks it on purpose.

    `replies_used` = a reply of the script that is neither used nor optional is a failure.
    `unscripted` = so many responses may find no reply in the script, and are silent.
    """

    thresholds: Mapping[str, tuple[Threshold, ...]] = field(default_factory=dict)
    events: tuple[EventRule, ...] = ()
    ended: Ended | None = None
    allow: Mapping[str, str] = field(default_factory=dict)
    replies_used: bool = True
    unscripted: int = 0
