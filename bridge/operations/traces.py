"""Calls as OpenTelemetry traces: the call, its turns, the tools of a turn.

Owns the spans' names and attributes: those of the semantic conventions for generative AI where
there are any (opentelemetry.io/docs/specs/semconv/gen-ai), ours else. No words, no numbers, no
arguments of tools. Sending them is the SDK's business, in a thread of its own.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from bridge.core import realtime, twilio
from bridge.core.record import CallRecord
from bridge.flight.anomaly import GOOD_ENDS
from bridge.operations.watch import CallWatch, Told, Watch

PROVIDERS: Final = {"azure.com": "azure.ai.openai", "x.ai": "x_ai"}
"""The conventions' names of providers, by the end of the endpoint's host; else it is `openai`."""
EXPORT_S_MAX: Final = 3.0
CLOSE_S_MAX: Final = 5.0
OPEN_MAX: Final = 64
"""Turns or tools of one call that are not over; a peer could begin any number."""

Attributes = Mapping[str, str | int | float | Sequence[str]]


@contextmanager
def exported(
    endpoint: str,
    service: str,
    version: str,
    model: str,
    wall_clock: Callable[[], float],
    provider: str = "openai",
) -> Iterator["Traces"]:
    """Traces that are sent to an OTLP endpoint over HTTP; what waits is sent at the end.

    Headers and the like come from the SDK's own variables, such as OTEL_EXPORTER_OTLP_HEADERS.
    """
    resource = Resource.create({SERVICE_NAME: service, SERVICE_VERSION: version})
    spans = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_S_MAX)
    spans.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield Traces(spans.get_tracer("callbridge", version), model, wall_clock, provider)
    finally:
        # A collector that is gone must not keep the process: what is not sent by then is lost.
        closing = threading.Thread(target=spans.shutdown, name="last traces", daemon=True)
        closing.start()
        closing.join(CLOSE_S_MAX)


def provider_at(url: str) -> str:
    """Who answers at this Realtime endpoint, in the conventions' words."""
    host = urlsplit(url).hostname or ""
    return next((name for end, name in PROVIDERS.items() if host.endswith(f".{end}")), "openai")


class Traces(Watch):
    """Begins a trace for each call.

    Args:
        tracer: makes the spans.
        model: what the settings' agent speaks with.
        wall_clock: seconds since the epoch; asked once a call.
        provider: whose model it is.
    """

    def __init__(
        self,
        tracer: Tracer,
        model: str,
        wall_clock: Callable[[], float],
        provider: str = "openai",
    ) -> None:
        self.tracer = tracer
        self.model = model
        self.provider = provider
        self._wall_clock = wall_clock

    def call(self, now: float) -> CallWatch:
        """Trace one more call."""
        return _CallTrace(self, self._wall_clock() - now, now)


class _CallTrace(CallWatch):
    def __init__(self, traces: Traces, epoch_s: float, now: float) -> None:
        self._traces = traces
        self._epoch_s = epoch_s
        self._silent_since: float | None = None
        self._turns: dict[str, Span] = {}
        self._tools: dict[str, Span] = {}
        self._model = traces.model
        self._call = self._begin(
            "invoke_agent callbridge", None, now, {"gen_ai.operation.name": "invoke_agent"}
        )

    def spoken_by(self, agent: str, model: str) -> None:
        self._model = model
        self._call.update_name(f"invoke_agent {agent}")
        self._call.set_attributes({"gen_ai.agent.name": agent, "gen_ai.request.model": model})

    def received(self, message: Told, now: float) -> None:
        match message:
            case twilio.Start():
                self._call.set_attribute("callbridge.call_sid", message.call_sid)
            case realtime.SpeechStarted():
                self._silent_since = None
                self._call.add_event("speech_started", timestamp=self._ns(now))
            case realtime.SpeechStopped():
                self._silent_since = now
                self._call.add_event("speech_stopped", timestamp=self._ns(now))
            case realtime.ResponseCreated(response=response):
                self._turn_begins(response.id, now)
            case realtime.OutputItemDone():
                self._tool_begins(message, now)
            case realtime.ResponseDone(response=response):
                self._turn_ends(response, now)

    def tool_answered(self, call_id: str, now: float) -> None:
        span = self._tools.pop(call_id, None)
        if span is not None:
            span.end(self._ns(now))

    def ended(self, reason: str, record: CallRecord, now: float) -> None:
        for span in (*self._tools.values(), *self._turns.values()):
            span.set_status(Status(StatusCode.ERROR, "the call ended first"))
            span.end(self._ns(now))
        self._call.set_attributes(
            {
                "callbridge.end_reason": reason,
                "callbridge.barge_ins": record.barge_ins,
                "callbridge.truncations": record.truncations,
                "callbridge.response_latency_ms_max": max(record.response_latencies_ms, default=0),
                "gen_ai.usage.input_tokens": record.tokens.input_total,
                "gen_ai.usage.output_tokens": record.tokens.output_total,
            }
        )
        if reason not in GOOD_ENDS:
            self._call.set_status(Status(StatusCode.ERROR, reason))
        self._call.end(self._ns(now))

    def _turn_begins(self, response_id: str, now: float) -> None:
        """A turn begins with the silence that it answers, if it answers one."""
        began, self._silent_since = self._silent_since or now, None
        if len(self._turns) < OPEN_MAX and response_id not in self._turns:
            what = {"gen_ai.operation.name": "chat", "gen_ai.response.id": response_id}
            name = f"chat {self._model}"
            self._turns[response_id] = self._begin(name, self._call, began, what, SpanKind.CLIENT)

    def _turn_ends(self, response: realtime.FinishedResponse, now: float) -> None:
        span = self._turns.pop(response.id, None)
        if span is None:
            return
        span.set_attribute("gen_ai.response.finish_reasons", [response.status])
        if response.usage is not None:
            span.set_attribute("gen_ai.usage.input_tokens", response.usage.input_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", response.usage.output_tokens)
        if response.status == "failed":
            span.set_status(Status(StatusCode.ERROR, response.status))
        span.end(self._ns(now))

    def _tool_begins(self, done: realtime.OutputItemDone, now: float) -> None:
        item = done.item
        if item.type != "function_call" or item.call_id is None or len(self._tools) >= OPEN_MAX:
            return
        name = (item.name or "")[:64]
        what = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": item.call_id,
            "gen_ai.tool.type": "function",
        }
        parent = self._turns.get(done.response_id, self._call)
        if item.call_id not in self._tools:
            self._tools[item.call_id] = self._begin(f"execute_tool {name}", parent, now, what)

    def _begin(
        self,
        name: str,
        parent: Span | None,
        at: float,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        return self._traces.tracer.start_span(
            name,
            context=set_span_in_context(parent) if parent is not None else None,
            kind=kind,
            attributes={
                "gen_ai.provider.name": self._traces.provider,
                "gen_ai.request.model": self._model,
                **attributes,
            },
            start_time=self._ns(at),
        )

    def _ns(self, now: float) -> int:
        """Nanoseconds since the epoch."""
        return round((self._epoch_s + now) * 1_000_000_000)
