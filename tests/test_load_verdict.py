"""Thresholds of a load run, and when it may not judge."""

import json
from io import StringIO

import pytest
from rich.console import Console

from simulator.load.books import METRICS, Books
from simulator.load.generator import Measured, Sample
from simulator.load.report import LoadResult, as_json, print_result
from simulator.load.usage import Usage
from simulator.load.verdict import Judgement, Unusable, judge, metrics_of, read_threshold


def a_run(*, late_ms: float = 1.0, busy: float = 0.3, errors: int = 0) -> tuple[Books, Measured]:
    """Ten calls, two seconds."""
    books = Books()
    books.totals.update({"calls": 10, "up_bytes": 160_000, "up_bytes_lost": 1600})
    for number in range(100):
        books.relay_up_ms.add(float(number))
        books.send_late_ms.add(late_ms)
    for _ in range(errors):
        books.wrong("stream_closed", "the bridge closed the stream during the call")
    samples = [Sample(10, 30.0, percent, Usage(1.0, 102_400, 1)) for percent in (40.0, 60.0)]
    measured = Measured(samples, Usage(0.0, 51_200, 1), 2.0, 10.0, 1.0, busy)
    return books, measured


def judged(books: Books, measured: Measured, *thresholds: str) -> Judgement:
    """The verdict."""
    metrics = metrics_of(books, measured)
    return judge(books, measured, metrics, [read_threshold(each) for each in thresholds])


def test_thresholds_hold_or_do_not() -> None:
    """Percentiles, counts and what is computed per call are compared as k6 does."""
    passing = judged(
        *a_run(),
        "relay_up_ms: p(95)<96",
        "calls: count==10",
        "bridge_cpu_percent_per_call: max==5",
        "bridge_memory_kib_per_call: max<=5120",
    )
    failing = judged(*a_run(), "relay_up_ms: p(95)<90", "calls: count==10")

    assert passing.verdict == "passed"
    assert failing.verdict == "failed"
    assert [each.passed for each in failing.thresholds] == [True, True, False, True]


def test_what_was_not_measured_fails() -> None:
    """A metric without a measurement does not hold."""
    result = judged(*a_run(), "relay_down_ms: max<1000")

    assert result.verdict == "failed"
    assert result.thresholds[-1].measured is None


def test_errors_fail_a_run_unless_they_have_a_threshold_of_their_own() -> None:
    """Nobody passes with broken calls without having said so."""
    assert judged(*a_run(errors=1)).verdict == "failed"
    assert judged(*a_run(errors=1), "errors: count<=2").verdict == "passed"


@pytest.mark.parametrize(
    ("books_and_measured", "word"),
    [(a_run(late_ms=25.0), "late"), (a_run(busy=0.95), "bottleneck")],
    ids=["late", "busy"],
)
def test_a_generator_that_was_too_slow_refuses_to_judge(
    books_and_measured: tuple[Books, Measured], word: str
) -> None:
    """Late frames or no reserve: inconclusive, whether thresholds hold or not."""
    result = judged(*books_and_measured, "relay_up_ms: p(95)<1")

    assert result.verdict == "inconclusive"
    assert word in result.why_not[0]


def test_a_run_without_calls_shows_nothing() -> None:
    """Nothing sent, nothing wrong: inconclusive."""
    books, measured = Books(), Measured()

    assert judged(books, measured).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("relay_up: p(95)<50", "relay_up_ms"),
        ("relay_up_ms: 95<50", "unknown aggregate"),
        ("relay_up_ms", "threshold is expected"),
        ("errors: max<1", "count"),
    ],
)
def test_an_unusable_threshold_says_what_would_be_usable(text: str, hint: str) -> None:
    """The complaint names what was meant."""
    with pytest.raises(Unusable, match=hint):
        read_threshold(text)


def test_the_report_names_every_metric_and_error() -> None:
    """People and machines read the same verdict, losses and errors."""
    books, measured = a_run(errors=2)
    metrics = metrics_of(books, measured)
    result = LoadResult(
        target="some bridge", scenario="a call", calls=10, ramp_s=1.0, for_s=2.0, books=books,
        measured=measured, metrics=metrics, judgement=judge(books, measured, metrics, ()),
        batch_ms={},
    )  # fmt: skip
    written = json.loads(json.dumps(as_json(result)))
    page = StringIO()
    print_result(Console(file=page, width=160), result)

    assert set(written["metrics"]) == set(METRICS)
    assert written["verdict"] == "failed"
    assert written["lost_percent"]["up"] == 1.0
    assert written["errors"]["stream_closed"]["count"] == 2
    assert "2 x stream_closed" in page.getvalue()
    assert all(name in page.getvalue() for name in METRICS)
