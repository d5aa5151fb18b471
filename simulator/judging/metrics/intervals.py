"""Arithmetic on stretches of time: pairs `(from_ms, to_ms)`.

Owns union, overlap and gaps. Knows no call.
"""

from collections.abc import Iterable, Sequence

Interval = tuple[float, float]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time covered by disjoint intervals in ascending order; empty ones vanish."""
    joined: list[Interval] = []
    for began, ended in sorted(intervals):
        if ended <= began:
            continue
        if joined and began <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ended))
        else:
            joined.append((began, ended))
    return joined


def intersection(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """The time covered by both; each side disjoint and ascending, as `union` gives it."""
    common = []
    left = right = 0
    while left < len(some) and right < len(others):
        began = max(some[left][0], others[right][0])
        ended = min(some[left][1], others[right][1])
        if began < ended:
            common.append((began, ended))
        if some[left][1] < others[right][1]:
            left += 1
        else:
            right += 1
    return common


def longest_gap(covered: Sequence[Interval], from_ms: float, to_ms: float) -> Interval:
    """The longest stretch of `from_ms..to_ms` which `covered` (disjoint, ascending) leaves free.

    The first of equally long ones; an empty one if all is covered.
    """
    longest = (from_ms, from_ms)
    free_ms = from_ms
    for began, ended in (*covered, (to_ms, to_ms)):
        until_ms = min(began, to_ms)
        if until_ms - free_ms > longest[1] - longest[0]:
            longest = (free_ms, until_ms)
        free_ms = max(free_ms, ended)
    return longest


def length(intervals: Iterable[Interval]) -> float:
    """Milliseconds covered by disjoint intervals."""
    return sum(ended - began for began, ended in intervals)
