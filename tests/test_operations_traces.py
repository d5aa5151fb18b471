"""bridge.operations.traces: a call, its turns and tools as spans, with the conventions' names."""

import gzip
import http.server
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from bridge.core import realtime
from bridge.core.record import CallRecord, Tokens
from bridge.operations.traces import OPEN_MAX, Traces, exported, provider_at
from bridge.operations.watch import CallWatch, Several, Watch
from bridge.wiring import TelemetryMissing, traces_for
from tests.calls import START
from tests.far_ends import NOW, settings


class Kept:
    """Traces into a list."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = Traces(provider.get_tracer("test"), "gpt-realtime-2.1", lambda: NOW)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """The finished spans by name."""
        return {span.name: span for span in self._exporter.get_finished_spans()}

    @property
    def count(self) -> int:
        """How many are finished."""
        return len(self._exporter.get_finished_spans())


def facts(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


def called(name: str, call_id: str | None = "call_1", kind: str = "function_call") -> Any:
    """An item of the response is complete."""
    item = realtime.OutputItem(type=kind, name=name, call_id=call_id)
    return realtime.OutputItemDone("r1", item)


def over(call: CallWatch, reason: str = "agent_hung_up", now: float = 30.0) -> None:
    """The call is over."""
    tokens = Tokens(input_total=70, output_total=30)
    record = CallRecord(began=0.0, barge_ins=1, tokens=tokens, response_latencies_ms=[400, 900])
    call.ended(reason, record, now)


def test_call_turn_and_tool() -> None:
    """The tool belongs to the turn, the turn to the call; a turn begins with the silence."""
    kept = Kept()
    call = kept.traces.call(100.0)
    call.received(START, 100.0)
    call.received(realtime.SpeechStarted(), 101.0)
    call.received(realtime.SpeechStopped(), 102.0)
    call.received(realtime.ResponseCreated(realtime.Response("r1")), 102.5)
    call.received(called("look_up"), 103.0)
    usage = realtime.Usage(input_tokens=7, output_tokens=3)
    call.received(realtime.ResponseDone(realtime.FinishedResponse("r1", usage=usage)), 103.2)
    call.tool_answered("call_1", 104.0)
    over(call, now=130.0)
    spans = kept.spans
    root = spans["invoke_agent callbridge"]
    turn, tool = spans["chat gpt-realtime-2.1"], spans["execute_tool look_up"]

    assert turn.parent is not None
    assert turn.parent.span_id == root.context.span_id
    assert tool.parent is not None
    assert tool.parent.span_id == turn.context.span_id
    assert root.parent is None
    assert turn.kind is SpanKind.CLIENT
    assert (turn.start_time, turn.end_time) == ((NOW + 2) * 1e9, (NOW + 3.2) * 1e9)
    assert (tool.start_time, tool.end_time) == ((NOW + 3) * 1e9, (NOW + 4) * 1e9)
    assert facts(turn)["gen_ai.usage.input_tokens"] == 7
    assert facts(turn)["gen_ai.response.finish_reasons"] == ("completed",)
    assert facts(tool)["gen_ai.tool.name"] == "look_up"
    assert facts(root)["callbridge.end_reason"] == "agent_hung_up"
    assert facts(root)["callbridge.response_latency_ms_max"] == 900
    assert facts(root)["gen_ai.provider.name"] == "openai"
    assert root.status.status_code is StatusCode.UNSET
    assert [event.name for event in root.events] == ["speech_started", "speech_stopped"]


def test_an_agent_has_its_own_name_and_model() -> None:
    """On the call's span and on those of its turns."""
    kept = Kept()
    call = kept.traces.call(0.0)
    call.spoken_by("sales", "gpt-realtime-2.1-mini")
    call.received(realtime.ResponseCreated(realtime.Response("r1")), 1.0)
    call.received(realtime.ResponseDone(realtime.FinishedResponse("r1")), 2.0)
    over(call)
    root, turn = kept.spans["invoke_agent sales"], kept.spans["chat gpt-realtime-2.1-mini"]

    assert facts(root)["gen_ai.agent.name"] == "sales"
    assert facts(root)["gen_ai.request.model"] == "gpt-realtime-2.1-mini"
    assert facts(turn)["gen_ai.request.model"] == "gpt-realtime-2.1-mini"


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("wss://api.openai.com/v1/realtime", "openai"),
        ("wss://mine.openai.azure.com/openai/v1/realtime", "azure.ai.openai"),
        ("wss://api.x.ai/v1/realtime", "x_ai"),
        ("ws://localhost:8000/v1/realtime", "openai"),
    ],
)
def test_the_provider_has_the_conventions_name(url: str, provider: str) -> None:
    """Servers that speak OpenAI's language and are nobody known count as such."""
    assert provider_at(url) == provider


def test_what_is_open_when_the_call_ends_ends_with_it() -> None:
    """With an error; and an end that is a fault of somebody's is one of the whole call."""
    kept = Kept()
    call = kept.traces.call(0.0)
    call.received(realtime.ResponseCreated(realtime.Response("r1")), 1.0)
    call.received(called("look_up"), 2.0)
    over(call, "realtime_lost")

    assert {span.status.status_code for span in kept.spans.values()} == {StatusCode.ERROR}
    assert kept.count == 3


def test_a_failed_response_is_an_error() -> None:
    """A cancelled one is not: that is what an interruption looks like."""
    kept = Kept()
    call = kept.traces.call(0.0)
    statuses = {}
    for status in ("failed", "cancelled"):
        call.received(realtime.ResponseCreated(realtime.Response(status)), 1.0)
        done = realtime.FinishedResponse(status, status)
        call.received(realtime.ResponseDone(done), 2.0)
        statuses[status] = kept.spans["chat gpt-realtime-2.1"].status.status_code

    assert statuses == {"failed": StatusCode.ERROR, "cancelled": StatusCode.UNSET}


def test_what_makes_no_sense_makes_no_span() -> None:
    """Ends without a beginning, items that are no calls, a beginning twice."""
    kept = Kept()
    call = kept.traces.call(0.0)
    call.received(realtime.ResponseDone(realtime.FinishedResponse("never")), 1.0)
    call.received(called("x", call_id=None), 1.0)
    call.received(called("x", kind="message"), 1.0)
    call.tool_answered("never", 1.0)
    for _ in range(2):
        call.received(called("y"), 1.0)
        call.received(realtime.ResponseCreated(realtime.Response("r")), 1.0)
    over(call)

    assert sorted(kept.spans) == [
        "chat gpt-realtime-2.1",
        "execute_tool y",
        "invoke_agent callbridge",
    ]
    assert kept.count == 3


def test_a_peer_cannot_begin_spans_without_end() -> None:
    """So many turns and tools are open at once, and no more."""
    kept = Kept()
    call = kept.traces.call(0.0)
    for number in range(2 * OPEN_MAX):
        call.received(realtime.ResponseCreated(realtime.Response(f"r{number}")), 1.0)
        call.received(called("x", call_id=f"c{number}"), 1.0)
    over(call)

    assert kept.count == 2 * OPEN_MAX + 1


def test_what_waits_is_sent_when_the_process_ends() -> None:
    """To the collector's path for traces, whether its address ends with a slash or not."""
    asked: list[tuple[str, bool]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            asked.append((self.path, b"invoke_agent callbridge" in body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *given: object) -> None:  # noqa: A002 - its name there
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}/"
        with exported(endpoint, "callbridge", "1", "m", lambda: NOW) as traces:
            over(traces.call(0.0))
        server.shutdown()

    assert asked == [("/v1/traces", True)]


def test_a_collector_that_is_not_there_harms_nobody() -> None:
    """Nothing is raised, and the process ends."""
    with exported("http://127.0.0.1:9/", "callbridge", "1", "m", lambda: NOW) as traces:
        over(traces.call(0.0))


def test_several_watches_hear_the_same() -> None:
    """Metrics and traces at once; a watch of nobody does nothing."""
    first, second = Kept(), Kept()
    watch = Several([first.traces, second.traces, Watch()])
    watch.refused("full")
    call = watch.call(0.0)
    call.received(called("x"), 1.0)
    call.tool_answered("call_1", 2.0)
    over(call)

    assert first.count == second.count == 2


def test_no_endpoint_no_traces() -> None:
    """Nothing of the SDK is even imported then."""
    with traces_for(settings(), "1", lambda: NOW) as traces:
        assert traces is None


def test_an_endpoint_without_the_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any call, and with what to install."""
    monkeypatch.setitem(__import__("sys").modules, "bridge.operations.traces", None)
    wanted = settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318")
    with (
        pytest.raises(TelemetryMissing, match=r"callbridge\[telemetry\]"),
        traces_for(wanted, "1", lambda: NOW),
    ):
        pass
