"""The buckets of a load run: each value to a percent, in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from simulator.load.histogram import Histogram, bucket_of, value_of

VALUES = st.floats(-1e6, 1e6, allow_nan=False)


@given(VALUES)
def test_a_bucket_knows_its_value_to_a_percent(value: float) -> None:
    """The middle of a value's bucket is within 1 % of it, or within 0.01."""
    assert abs(value_of(bucket_of(value)) - value) <= max(0.01, abs(value) * 0.01)


@given(st.lists(VALUES, min_size=1, max_size=300), st.floats(0, 100))
def test_a_percentile_is_that_of_the_values(values: list[float], percent: float) -> None:
    """It is the nearest rank's value, to the width of a bucket; the ends are exact."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    ordered = sorted(values)
    rank = max(1, -(-len(values) * percent // 100))
    exact = ordered[int(rank) - 1]

    assert abs(histogram.percentile(percent) - exact) <= max(0.02, abs(exact) * 0.02)
    assert histogram.aggregate("min") == ordered[0]
    assert histogram.aggregate("max") == histogram.percentile(100) == ordered[-1]
    assert histogram.aggregate("count") == len(values)


def test_a_million_measurements_take_a_few_thousand_buckets() -> None:
    """Memory is bounded by the range of values, not by their number."""
    histogram = Histogram()
    for number in range(100_000):
        histogram.add((number % 5000) * 0.37, 10)

    assert histogram.count == 1_000_000
    assert len(histogram._buckets) < 1_000
