"""Metrics: what a caller would have experienced, in numbers.

`catalogue` names them, `measure` collects facts while a call runs, `computed` defines each metric,
`turns` pairs words with replies, `samples` and `intervals` are arithmetic.
"""

from simulator.metrics.catalogue import CATALOGUE, MetricInfo
from simulator.metrics.measure import Metrics
from simulator.metrics.samples import Sample, Samples, aggregate, percentile

__all__ = [
    "CATALOGUE",
    "MetricInfo",
    "Metrics",
    "Sample",
    "Samples",
    "aggregate",
    "percentile",
]
