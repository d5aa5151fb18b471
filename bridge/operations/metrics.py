"""Numbers for Prometheus: counted when a call ends, read from the process when asked for.

Owns names, labels and buckets. A label is one of a bounded set of words: no numbers, no sids, and
of names that a peer chose the first `NAMES_MAX`. Each application has a registry of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from bridge.core import realtime
from bridge.core.phases import Phase
from bridge.core.record import CallRecord
from bridge.operations.running import Snapshot
from bridge.operations.watch import CallWatch, Told, Watch
from bridge.records.prices import cost_usd

NAMES_MAX: Final = 32
OTHER: Final = "other"
TOOLS_PENDING_MAX: Final = 64

LATENCY_S: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
TOOL_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
CALL_S: Final = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
TOKEN_KINDS: Final = ("input_text", "input_audio", "input_cached", "output_text", "output_audio")


class BoundedNames:
    """The first `NAMES_MAX` distinct names; every later one is ``other``."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def label(self, name: str) -> str:
        """The name as a label."""
        name = name[:64]
        if name not in self._names:
            if len(self._names) >= NAMES_MAX:
                return OTHER
            self._names.add(name)
        return name


class _Now:
    """A collector that asks the process when it is asked."""

    def __init__(self, snapshot: Callable[[], Snapshot], version: str) -> None:
        self._snapshot = snapshot
        self._version = version

    def collect(self) -> Iterator[Metric]:
        now = self._snapshot()
        calls = GaugeMetricFamily("callbridge_calls", "Calls in progress", labels=["phase"])
        for phase in Phase:
            if phase is not Phase.ENDED:
                calls.add_metric([phase.value], now.phases.get(phase.value, 0))
        yield calls
        active = sum(now.phases.values())
        yield GaugeMetricFamily("callbridge_calls_active", "The sum of these", active)
        queues = GaugeMetricFamily(
            "callbridge_queue_depth", "Messages in the fullest queue of any call", labels=["queue"]
        )
        for queue, depth in sorted(now.queues.items()):
            queues.add_metric([queue], depth)
        yield queues
        for name, says, value in (
            ("places_reserved", "Places that wait for their stream", now.places_reserved),
            ("places_max", "MAX_CALLS; 0 = any number", now.places_max),
            ("ready", "1: new calls are let in", now.ready),
            ("loop_lag_seconds", "Longest delay of the last 15 s", now.loop_lag_s),
        ):
            yield GaugeMetricFamily(f"callbridge_{name}", says, float(value))
        info = GaugeMetricFamily("callbridge_build_info", "What runs here", labels=["version"])
        info.add_metric([self._version], 1)
        yield info


class Metrics(Watch):
    """The metrics of one application.

    Args:
        model: what the settings' agent speaks with: its tokens' prices are used.
        snapshot: tells the process's state, at each scrape.
    """

    def __init__(self, model: str, version: str, snapshot: Callable[[], Snapshot]) -> None:
        registry = CollectorRegistry(auto_describe=False)
        self.registry = registry
        self.model = model
        self.tool_names = BoundedNames()
        self._error_codes = BoundedNames()

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"callbridge_{name}", says, labels, registry=registry)

        def histogram(name: str, says: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"callbridge_{name}", says, labels, registry=registry, buckets=buckets)

        self._ended = counter("calls_ended", "Calls that are over", "reason")
        self._refused = counter("calls_refused", "Calls not let in, or made to wait", "why")
        self._call_s = histogram("call_duration_seconds", "Stream's begin to end", CALL_S)
        self._latency_s = histogram(
            "response_latency_seconds", "Caller's last word to first sound sent", LATENCY_S
        )
        self.tool_s = histogram("tool_seconds", "Function call to its output", TOOL_S, "tool")
        self._barge_ins = counter("barge_ins", "Times a caller spoke over the agent")
        self._truncations = counter("truncations", "Items cut to what was heard")
        self._tool_calls = counter("tool_calls", "Function calls of the model")
        self._tool_failures = counter("tool_failures", "Tools that gave no result", "how")
        self._sessions = counter("sessions", "Realtime sessions besides a call's first", "how")
        self._responses = counter("responses", "Responses of the model", "outcome")
        self._errors = counter("realtime_errors", "Errors of the Realtime API", "code")
        self._audio_s = counter("audio_seconds", "Audio relayed", "from")
        self._tokens = counter("tokens", "Tokens used, of the kinds the vendor tells", "kind")
        self._cost = counter("cost_usd", "What they cost, as far as prices are known")
        self._billed_s = counter("billed_seconds", "Seconds of sessions that are billed by time")
        self._unpriced = counter("calls_unpriced", "Calls of a model whose price is not known")
        registry.register(_Now(snapshot, version))
        ProcessCollector(registry=registry)

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)

    def call(self, now: float) -> CallWatch:
        """Count one more call when it ends."""
        return _CallMetrics(self, now)

    def refused(self, why: str) -> None:
        """Count a call that was not let in."""
        self._refused.labels(why).inc()

    def add(self, reason: str, record: CallRecord, model: str) -> None:
        """Count a call that is over."""
        self._ended.labels(reason).inc()
        for latency_ms in record.response_latencies_ms:
            self._latency_s.observe(latency_ms / 1000)
        self._barge_ins.inc(record.barge_ins)
        self._truncations.inc(record.truncations)
        self._tool_calls.inc(record.tool_calls)
        self._tool_failures.labels("failed").inc(record.tools_failed)
        self._tool_failures.labels("timed_out").inc(record.tools_timed_out)
        self._sessions.labels("renewed").inc(record.renewals)
        self._sessions.labels("reconnected").inc(record.reconnects)
        self._sessions.labels("not_had").inc(record.attempts_failed)
        self._responses.labels("ok").inc(max(0, record.responses - record.responses_failed))
        self._responses.labels("failed").inc(record.responses_failed)
        for code, count in record.realtime_errors.items():
            self._errors.labels(self._error_codes.label(code)).inc(count)
        self._audio_s.labels("caller").inc(record.caller_audio_ms / 1000)
        self._audio_s.labels("agent").inc(record.agent_audio_ms / 1000)
        self._add_tokens(record, model)

    def lasted(self, seconds: float) -> None:
        """Count a call's length."""
        self._call_s.observe(seconds)

    def _add_tokens(self, record: CallRecord, model: str) -> None:
        for kind in TOKEN_KINDS:
            # A peer's numbers: a counter only grows.
            self._tokens.labels(kind).inc(max(0, getattr(record.tokens, kind)))
        self._billed_s.inc(max(0.0, record.billed_s))
        cost = cost_usd(record.tokens, model, record.billed_s)
        if cost is None:
            self._unpriced.inc()
        else:
            self._cost.inc(max(0.0, cost))


class _CallMetrics(CallWatch):
    """One call. Tools are timed as the model sees them: from its call to our output."""

    def __init__(self, metrics: Metrics, began: float) -> None:
        self._metrics = metrics
        self._began = began
        self._model = metrics.model
        self._tools: dict[str, tuple[str, float]] = {}

    def spoken_by(self, agent: str, model: str) -> None:
        _ = agent
        self._model = model

    def received(self, message: Told, now: float) -> None:
        if type(message) is realtime.OutputItemDone:
            item = message.item
            if item.call_id is not None and len(self._tools) < TOOLS_PENDING_MAX:
                self._tools[item.call_id] = (item.name or "", now)

    def tool_answered(self, call_id: str, now: float) -> None:
        name, began = self._tools.pop(call_id, ("", None))
        if began is not None:
            label = self._metrics.tool_names.label(name)
            self._metrics.tool_s.labels(label).observe(now - began)

    def ended(self, reason: str, record: CallRecord, now: float) -> None:
        self._metrics.add(reason, record, self._model)
        self._metrics.lasted(now - self._began)
