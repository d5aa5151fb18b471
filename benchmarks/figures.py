"""A figure: the median of several measurements, with their range."""

import statistics
from collections.abc import Sequence


def figure(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """`median unit (min-max)`."""
    low, high = min(values), max(values)
    median = statistics.median(values)
    return f"{median:.{digits}f} {unit} ({low:.{digits}f}-{high:.{digits}f})"
