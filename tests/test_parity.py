"""Parity: what counts as the same, and that our own bridge is the same in both kinds of time."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.live.lateness import Lateness
from simulator.parity.command import calm
from simulator.parity.comparing import TOLERANCE_MS, compare
from simulator.parity.facts import Facts
from simulator.report.result import ScenarioResult
from simulator.scenario import load_scenarios
from simulator.scenario.names import METRICS
from simulator.trace import Trace
from tests.small_calls import PASSES, small_call, write

ROOT = Path(__file__).resolve().parents[1]
LATE = "law caller_relay_delayed broken"
"""The one law of time: where everything is late, the bridge is, too."""
HANGS_UP = """
name: the caller hangs up after the answer
tags: [parity]
network: {twilio: {latency: 40ms, jitter: 10ms}, realtime: {latency: 20ms}}
model: [{on: turn, say: clips/en/yes.wav}]
caller:
  - wait: 200ms
    say: clips/en/hello.wav
  - when: agent_silent
    hang_up: true
expect: {ended: {by: caller, reason: caller_hung_up}}
"""


def result(
    metrics: Mapping[str, float] | None = None, verdict: str = "passed", problem: str = ""
) -> ScenarioResult:
    """A result with these medians."""
    summary: dict[str, dict[str, float]] = {name: {"count": 0} for name in METRICS}
    summary |= {name: {"count": 1, "p50": value} for name, value in (metrics or {}).items()}
    made = ScenarioResult("a call", "a.call.yaml", 0, "passed", metrics=summary, problem=problem)
    return replace(made, verdict=verdict)  # type: ignore[arg-type]


def differences(
    virtual: ScenarioResult, real: ScenarioResult, facts: tuple[dict[str, str], dict[str, str]]
) -> list[str]:
    """Names of the results that do not agree."""
    return [
        row.name for row in compare("a call", [(virtual, facts[0])], [(real, facts[1])]).differences
    ]


@pytest.mark.parametrize(
    ("metric", "virtual", "real", "agrees"),
    [
        ("response_latency_ms", 900.0, 900.0 + TOLERANCE_MS, True),
        ("response_latency_ms", 900.0, 900.1 + TOLERANCE_MS, False),
        ("response_latency_ms", 900.0, 899.9 - TOLERANCE_MS, False),
        ("call_duration_ms", 60_000.0, 60_000.0 + TOLERANCE_MS, True),
        ("call_duration_ms", 60_000.0, 60_000.1 + TOLERANCE_MS, False),
        ("clears", 1.0, 1.0, True),
        ("clears", 1.0, 2.0, False),
    ],
)
def test_times_agree_within_25_ms_and_a_frame_and_all_else_exactly(
    metric: str, virtual: float, real: float, agrees: bool
) -> None:
    """Either way."""
    found = differences(result({metric: virtual}), result({metric: real}), ({}, {}))

    assert (found == []) is agrees


def test_money_may_differ_by_a_token_per_response() -> None:
    """Audio is counted in tokens of 100 ms in and 50 ms out."""
    one = result({"cost_usd": 0.010, "responses": 2})

    assert differences(one, result({"cost_usd": 0.01005, "responses": 2}), ({}, {})) == []
    assert differences(one, result({"cost_usd": 0.012, "responses": 2}), ({}, {})) == ["cost_usd"]


def test_a_sample_in_one_kind_of_time_only_is_a_difference() -> None:
    """Nothing measured and something measured are not the same."""
    found = differences(result(), result({"barge_in_stop_ms": 200.0}), ({}, {}))

    assert found == ["barge_in_stop_ms"]


def test_facts_are_the_same_or_not() -> None:
    """Each one, also one that is only there."""
    found = differences(
        result(), result(), ({"ended by": "caller"}, {"ended by": "bridge", "x": "1"})
    )

    assert found == ["ended by", "x"]


def test_a_call_without_a_verdict_compares_with_nothing() -> None:
    """Its problem is told instead."""
    parity = compare(
        "a call", [(result(), {})], [(result(verdict="inconclusive", problem="too slow"), {})]
    )

    assert not parity.agrees
    assert parity.problem == "too slow"


@pytest.mark.parametrize(("late", "problem"), [(0, ""), (1, ""), (2, "too slow"), (3, "too slow")])
def test_a_run_that_was_too_slow_does_not_count(late: int, problem: str) -> None:
    """Of three, one may be; with two there is no verdict."""
    slow = result({"dead_air_ms": 9_000.0}, verdict="inconclusive", problem="too slow"), {"a": "2"}
    well = result({"dead_air_ms": 1_000.0}), {"a": "1"}
    parity = compare("a call", [well] * 3, [slow] * late + [well] * (3 - late))

    assert parity.problem == problem
    assert parity.agrees is not bool(problem)


def test_of_several_runs_the_medians_count() -> None:
    """One of three runs may be an outlier."""
    virtual = [(result({"dead_air_ms": 1000.0}), {"a": "1"})]
    real = [(result({"dead_air_ms": ms}), {"a": "1"}) for ms in (1010.0, 1500.0, 1020.0)]

    assert compare("a call", virtual * 3, real).agrees


def test_facts_of_a_trace() -> None:
    """Marks count behind audio only; truncated items are known by their order."""
    facts = Facts()
    trace = Trace(lambda: 0.0)
    trace.subscribe(facts.observe)
    delta = {"type": "response.output_audio.delta", "audio": b"", "response_id": "r"}
    for item in ("item_a", "item_b"):
        trace.record("realtime", "sent", item_id=item, **delta)
    for event in ({"event": "media", "audio": b""}, {"event": "mark", "name": "m"}):
        trace.record("twilio", "received", **event)
    trace.record("twilio", "received", event="mark", name="probe")
    for name in ("m", "probe"):
        trace.record("twilio", "sent", event="mark", name=name, played=True)
    trace.record(
        "realtime", "received", type="conversation.item.truncate", item_id="item_b", audio_end_ms=1
    )
    trace.record("phone", "ended", by="caller", how="hangup")
    found = facts.of(result())

    assert found["marks behind audio"] == found["marks behind audio returned"] == "1"
    assert found["items truncated"] == "spoken item 2"
    assert found["truncate events"] == "1"
    assert (found["ended by"], found["ended how"]) == ("caller", "hangup")


def test_jitter_is_left_out(tmp_path: Path) -> None:
    """Latency and all else stay."""
    link = calm(small_call(tmp_path, HANGS_UP)).network.twilio.to_bridge

    assert (link.latency_ms, link.jitter_ms) == (40.0, 0.0)


def test_the_default_set() -> None:
    """About ten shipped calls, none longer than a quarter of a minute to play."""
    calls, problems = load_scenarios([ROOT / "scenarios"])
    chosen = [each for each in calls if "parity" in each.tags]

    assert not problems
    assert 8 <= len(chosen) <= 12


def test_our_bridge_is_the_same_in_both_kinds_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that has nothing to do with time is; times are compared, whatever this machine's speed.

    How far apart they are is for `callsim parity scenarios` on a machine with nothing else to do.
    """
    monkeypatch.setattr(Lateness, "verdict", lambda _: "")
    folder = tmp_path / "calls"
    folder.mkdir()
    write(folder, "hangs-up", HANGS_UP)
    write(folder, "other", PASSES)
    out = tmp_path / "parity.json"
    code = cli.main(["parity", str(folder), "--runs", "1", "--json", str(out)])
    shown: dict[str, Any] = json.loads(out.read_text("utf-8"))
    (call,) = shown["scenarios"]
    apart = [row["name"] for row in call["results"] if not row["agrees"]]
    rows = {row["name"]: row for row in call["results"]}

    assert call["name"] == "the caller hangs up after the answer"
    assert set(apart) <= {name for name, info in METRICS.items() if info.unit} | {"verdict", LATE}
    assert rows["end reason"]["real"] == "caller_hung_up"
    assert (rows["verdict"]["real"] == "passed") is (LATE not in apart)
    assert rows["response_latency_ms"]["difference"] is not None
    assert code == (0 if shown["agrees"] else 1)
    assert "results without a time are the same" in capsys.readouterr().out
