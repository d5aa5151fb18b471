"""Metrics: what a caller would have experienced, in numbers.

Their names are `scenario.names.METRICS`. `measure` collects facts while a call runs, `computed`
defines each metric, `turns` pairs words with replies, `samples` and `intervals` are arithmetic.
"""

from simulator.judging.metrics.measure import Metrics
from simulator.judging.metrics.samples import Sample, Samples, aggregate, percentile

__all__ = [
    "Metrics",
    "Sample",
    "Samples",
    "aggregate",
    "percentile",
]
