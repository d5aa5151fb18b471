"""bridge.operations.metrics and loop_lag: what is counted, and under how many names."""

import re

import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from bridge.core import realtime
from bridge.core.record import CallRecord, Tokens
from bridge.operations.loop_lag import KEPT, LoopLag
from bridge.operations.metrics import NAMES_MAX, TOOLS_PENDING_MAX, BoundedNames, Metrics
from bridge.operations.running import QUEUES, Snapshot

NOTHING = Snapshot({}, dict.fromkeys(QUEUES, 0), 0, 0, True, 0.0)
USED = Tokens(input_text=10, input_audio=20, output_text=5, output_audio=7)


def metrics(model: str = "gpt-realtime-2.1") -> Metrics:
    """Metrics of a process in which nothing happens."""
    return Metrics(model, "1.2.3", lambda: NOTHING)


def samples(of: Metrics) -> dict[tuple[str, str], float]:
    """Value by name and labels."""
    families = text_string_to_metric_families(of.exposition().decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def tool_call(name: str, call_id: str) -> realtime.OutputItemDone:
    """The model calls a function."""
    item = realtime.OutputItem(type="function_call", name=name, call_id=call_id)
    return realtime.OutputItemDone("resp_1", item)


def test_tokens_and_money() -> None:
    """Each kind of token; dollars at the model's price."""
    counted = metrics()
    counted.call(0.0).ended("agent_hung_up", CallRecord(began=0.0, tokens=USED), 30.0)
    found = samples(counted)

    assert found["callbridge_tokens_total", "input_audio"] == 20
    assert found["callbridge_tokens_total", "output_audio"] == 7
    # 10 and 20 tokens in at 4 and 32 dollars a million, 5 and 7 out at 24 and 64.
    assert round(found["callbridge_cost_usd_total", ""] * 1e6) == 40 + 640 + 120 + 448
    assert found["callbridge_calls_unpriced_total", ""] == 0
    assert found["callbridge_call_duration_seconds_sum", ""] == 30.0


def test_tools_and_sessions_that_failed() -> None:
    """What a call met on the way, by how it went."""
    counted = metrics()
    record = CallRecord(
        began=0.0, tools_failed=1, tools_timed_out=2, renewals=3, reconnects=4, attempts_failed=5
    )
    counted.call(0.0).ended("limit", record, 1.0)
    found = samples(counted)

    assert found["callbridge_tool_failures_total", "failed"] == 1
    assert found["callbridge_tool_failures_total", "timed_out"] == 2
    assert found["callbridge_sessions_total", "renewed"] == 3
    assert found["callbridge_sessions_total", "reconnected"] == 4
    assert found["callbridge_sessions_total", "not_had"] == 5


def test_an_agent_with_a_model_of_its_own() -> None:
    """Its calls cost what that model does."""
    counted = metrics()
    call = counted.call(0.0)
    call.spoken_by("sales", "gpt-realtime-2.1-mini")
    call.ended("agent_hung_up", CallRecord(began=0.0, tokens=USED), 30.0)

    # 10 and 20 tokens in at 0.60 and 10 dollars a million, 5 and 7 out at 2.40 and 20.
    assert round(samples(counted)["callbridge_cost_usd_total", ""] * 1e6) == 6 + 200 + 12 + 140


def test_a_model_without_a_price() -> None:
    """Money that is not known is not counted as nothing."""
    counted = metrics("somebody-elses")
    counted.call(0.0).ended("limit", CallRecord(began=0.0, tokens=USED), 1.0)

    assert samples(counted)["callbridge_calls_unpriced_total", ""] == 1


def test_a_peer_cannot_make_a_counter_fall() -> None:
    """Its negative numbers count as none."""
    counted = metrics()
    wrong = CallRecord(began=0.0, tokens=Tokens(input_text=-5), responses=1, responses_failed=2)
    counted.call(0.0).ended("limit", wrong, 1.0)
    found = samples(counted)

    assert found["callbridge_tokens_total", "input_text"] == 0
    assert found["callbridge_responses_total", "ok"] == 0


def test_peers_cannot_make_up_series_without_end() -> None:
    """Tools and error codes have names that the other side chose: the first few, then `other`."""
    counted = metrics()
    for number in range(3 * NAMES_MAX):
        call = counted.call(0.0)
        call.received(tool_call(f"tool_{number}", "call_1"), 1.0)
        call.tool_answered("call_1", 1.5)
        errors = {f"code_{number}": 1}
        call.ended("limit", CallRecord(began=0.0, realtime_errors=errors), 2.0)
    names = [name for name, _ in samples(counted)]

    assert names.count("callbridge_tool_seconds_count") == NAMES_MAX + 1
    assert names.count("callbridge_realtime_errors_total") == NAMES_MAX + 1
    assert samples(counted)["callbridge_tool_seconds_count", "other"] == 2 * NAMES_MAX


def test_a_call_that_calls_tools_without_end_holds_a_few() -> None:
    """Those that were never answered are forgotten with the call."""
    counted = metrics()
    call = counted.call(0.0)
    for number in range(TOOLS_PENDING_MAX + 5):
        call.received(tool_call("t", f"call_{number}"), 1.0)
    for number in range(TOOLS_PENDING_MAX + 5):
        call.tool_answered(f"call_{number}", 2.0)

    assert samples(counted)["callbridge_tool_seconds_count", "t"] == TOOLS_PENDING_MAX


def test_long_names_are_cut() -> None:
    """A label is a word, not a text."""
    assert len(BoundedNames().label("x" * 5000)) == 64


def test_two_applications_share_nothing() -> None:
    """No global registry: each counts for itself, in one process."""
    one, other = metrics(), metrics()
    one.refused("full")

    assert samples(one)["callbridge_calls_refused_total", "full"] == 1
    assert ("callbridge_calls_refused_total", "full") not in samples(other)


def test_no_label_is_a_number_or_a_sid() -> None:
    """Whatever the call was: its sid and its numbers are in no line."""
    counted = metrics()
    record = CallRecord(began=0.0, call_sid="CA" + "1" * 32, stream_sid="MZ" + "2" * 32)
    counted.call(0.0).ended("caller_hung_up", record, 1.0)
    text = counted.exposition().decode()

    assert not re.search(r"CA1{32}|MZ2{32}|\+\d{7,}", text)


async def test_lag_is_what_sleep_took_too_long(autojump_clock: MockClock) -> None:
    """On time is 0; the worst counts until it is a quarter of a minute old."""
    lag = LoopLag()
    assert lag.worst_s == 0.0
    with trio.move_on_after(1.1):
        await lag.run()
    assert lag.worst_s == 0.0
    lag.note(0.4)
    worst = lag.worst_s
    for _ in range(KEPT):
        lag.note(-0.1)

    assert worst == 0.4
    assert lag.worst_s == 0.0
