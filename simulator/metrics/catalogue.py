"""The metrics by name: what each means, its unit, and whether it measures or counts.

Owns names and words only. A `trend` has a sample per occasion, none if there was no occasion; a
`total` has exactly one sample per call; a `counter` is a total whose `count` is its value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["trend", "total", "counter"]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric. `unit` is ms, usd or "" (a number of occasions)."""

    kind: Kind
    unit: str
    meaning: str


def _trend(meaning: str) -> MetricInfo:
    return MetricInfo("trend", "ms", meaning)


def _total(meaning: str, unit: str = "ms") -> MetricInfo:
    return MetricInfo("total", unit, meaning)


def _counter(meaning: str) -> MetricInfo:
    return MetricInfo("counter", "", meaning)


CATALOGUE: Mapping[str, MetricInfo] = {
    "time_to_first_audio_ms": _trend("stream start until the caller first hears the agent"),
    "response_latency_ms": _trend(
        "the caller's last speech of a turn until the reply is heard (negative = talk-over)"
    ),
    "barge_in_stop_ms": _trend("the interrupting clip's first speech until the agent's last sound"),
    "clear_delay_ms": _trend("speech_started reaches the bridge until its clear is on the wire"),
    "memory_drift_ms": _trend("per item heard only in part: remembered minus heard"),
    "memory_error_ms": _trend("the same without its sign: how far the memory is off"),
    "farewell_cut_ms": _trend("farewell audio made but never heard"),
    "hangup_delay_ms": _trend("the farewell's last sound until the line is released"),
    "dead_air_ms": _trend("the longest silence on both sides"),
    "talk_over_ms": _total("both sides audible at once, all together"),
    "caller_audio_lost_ms": _trend("caller audio that never reached a model that was there"),
    "caller_padding_ms": _total("silence the bridge added to the caller's audio"),
    "leaked_session_ms": _trend("the line is released until the Realtime socket is closed"),
    "call_duration_ms": _trend("stream start until the line is released"),
    "cost_usd": _total("from the tokens used and a price table with its date", "usd"),
    "caller_turns": _counter("times the caller began to speak"),
    "agent_turns": _counter("times the agent's voice became audible"),
    "barge_ins": _counter("times the caller began to speak while the agent was audible"),
    "clears": _counter("clear messages Twilio got"),
    "truncations": _counter("truncations the model carried out"),
    "responses": _counter("responses the model began"),
    "tool_calls": _counter("function calls the model completed"),
    "model_errors": _counter("error events the model's server sent"),
    "twilio_warnings": _counter("warnings of Twilio, each occurrence"),
}
