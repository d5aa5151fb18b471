"""Tools in the transcript of a recording: which one, when, with what outcome."""

import json
from typing import Any

from bridge.core import realtime
from bridge.recording.transcript import Transcript


def _called(call_id: Any, name: str, kind: str = "function_call") -> str:
    item = {"type": kind, "call_id": call_id, "name": name, "arguments": '{"number": "555"}'}
    return json.dumps({"type": "response.output_item.done", "response_id": "r", "item": item})


def _answered(call_id: str, output: str) -> realtime.ConversationItemCreate:
    item = realtime.FunctionCallOutput(call_id, output)
    return realtime.ConversationItemCreate("cb_1", item)


def test_tools_stand_among_the_words() -> None:
    """In the order of time, without arguments and outputs; each call once."""
    words = Transcript()
    words.realtime("in", _called("a", "order_status"), 500)
    words.realtime("in", _called("b", "book_table"), 501)
    words.realtime("in", _called("c", "end_call"), 502)
    words.realtime("in", _called("d", "words", kind="message"), 503)
    words.realtime("in", _called(7, "no_id"), 503)
    words.realtime("in", '{"type": "response.output_item.done", "item": 1}', 503)
    said = {"type": "response.output_audio_transcript.done", "item_id": "i", "transcript": "One."}
    words.realtime("in", json.dumps(said), 600)
    words.realtime("out", _answered("a", '{"state":"on its way, 555"}'), 800)
    words.realtime("out", _answered("b", '{"error":"HTTP 503"}'), 900)
    words.realtime("out", _answered("a", '{"error":"told again"}'), 5000)
    words.realtime("out", _answered("unknown", "{}"), 5000)

    entries = words.entries()
    assert [entry for entry in entries if entry["who"] == "tool"] == [
        {"at_ms": 500, "who": "tool", "name": "order_status", "outcome": "done", "took_ms": 300},
        {"at_ms": 501, "who": "tool", "name": "book_table", "outcome": "failed", "took_ms": 399},
        {"at_ms": 502, "who": "tool", "name": "end_call", "outcome": "unanswered"},
    ]
    assert entries[-1]["heard"] == "One."
    assert "555" not in str(entries)
