"""Bridges that do things wrong: each call ends in a verdict which says what, with the code for it.

Most are played in virtual time, where the same scripts meet the same fakes; a few over sockets.
"""

from pathlib import Path
from typing import Any

import pytest

from simulator.report.result import ScenarioResult
from simulator.websocket import BINARY, CONTINUATION, frame
from tests.bad_bridges import TEXT, Script, Talk, connect_stream, http, judged, judged_live


def said(result: ScenarioResult) -> str:
    """All that a person is told of what went wrong."""
    failures = [f"{each.text}: {each.explanation}" for each in result.failures]
    return "\n".join([*failures, *(f"{each.law}: {each.text}" for each in result.violations)])


# -- the webhook ----------------------------------------------------------------------------------

WEBHOOKS = {
    "a page for people": (http("<html><body>hello</body></html>", kind="text/html"), "12100"),
    "no XML": (http("<Response><Connect>"), "12100"),
    "no TwiML": (http('{"ok": true}', kind="application/json"), "12300"),
    "nothing": (http(""), "12100"),
    "a crash": (http("Internal Server Error", "500 Internal Server Error"), "11200"),
    "not found": (http("Not Found", "404 Not Found"), "11200"),
    "an unknown verb": (http("<Response><Dance/></Response>"), "12200"),
    "an address without TLS": (http(connect_stream("ws://bridge.example.com/media")), "31922"),
    "a foreign host": (http(connect_stream("wss://nobody.invalid/media")), "31901"),
    "a redirect to itself": (
        http("", "302 Found", more="location: https://bridge.example.com/voice\r\n"),
        "11215",
    ),
    "a document that redirects to itself": (
        http("<Response><Redirect>/voice</Redirect></Response>"),
        "11215",
    ),
    "not HTTP": (b"220 smtp.example.com ready\r\n", "11200"),
    "half an answer": (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n<Resp", "11200"),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_that_twilio_cannot_use(name: str, tmp_path: Path) -> None:
    """Twilio's code stands in a failed expectation, and the stream is never blamed."""
    answer, code = WEBHOOKS[name]
    result = judged(Script(webhook=answer), tmp_path)

    assert result.verdict in ("failed", "violation")
    assert code in said(result)


def test_a_relative_address_is_no_fault(tmp_path: Path) -> None:
    """Twilio takes a stream's address relative to the document's."""
    result = judged(Script(webhook=http(connect_stream("/media"))), tmp_path)

    assert result.verdict == "passed", said(result)


# -- the media stream -----------------------------------------------------------------------------


async def binary(talk: Talk) -> None:
    """Audio as a binary message."""
    await talk.raw(frame(BINARY, b"\xff" * 160))
    await talk.listen()


async def masked(talk: Talk) -> None:
    """A server must not mask."""
    await talk.raw(frame(TEXT, b'{"event":"clear"}', mask=b"abcd"))
    await talk.listen()


async def loose_end(talk: Talk) -> None:
    """A continuation of nothing."""
    await talk.raw(frame(CONTINUATION, b"half a message"))
    await talk.listen()


async def oversized(talk: Talk) -> None:
    """A frame of a size which no message has."""
    await talk.raw(bytes((0x81, 127)) + (1 << 40).to_bytes(8, "big"))
    await talk.listen()


async def no_json(talk: Talk) -> None:
    """Half of a JSON text."""
    await talk.text('{"event": "media", ')
    await talk.listen()


async def wrong_stream(talk: Talk) -> None:
    """The sid of some other stream."""
    await talk.text('{"event":"clear","streamSid":"MZ00000000000000000000000000000000"}')
    await talk.listen()


async def unknown_event(talk: Talk) -> None:
    """An event which Twilio does not know."""
    await talk.text('{"event":"pause","streamSid":"SID"}')
    await talk.listen()


async def no_base64(talk: Talk) -> None:
    """A payload which is none."""
    await talk.text('{"event":"media","streamSid":"SID","media":{"payload":"*"}}')
    await talk.listen()


async def early_close(talk: Talk) -> None:
    """The bridge closes in the middle of the call."""
    await talk.close()


async def vanishes(talk: Talk) -> None:
    """The connection ends without a close frame."""


STREAMS = {
    "refused": (Script(refused=True), "31902"),
    "refused by HTTP": (Script(upgrade=http("no", "403 Forbidden", "text/plain")), "31920"),
    "answered like a page": (Script(upgrade=http("<html/>", kind="text/html")), "31920"),
    "half open": (Script(silent=True), "31901"),
    "a binary message": (Script(stream=binary), "31950"),
    "a masked frame": (Script(stream=masked), "31924"),
    "a fragment of nothing": (Script(stream=loose_end), "31924"),
    "a frame of a terabyte": (Script(stream=oversized), "31924"),
    "no JSON": (Script(stream=no_json), "31951"),
    "a wrong streamSid": (Script(stream=wrong_stream), "31951"),
    "an unknown event": (Script(stream=unknown_event), "31951"),
    "no base64": (Script(stream=no_base64), "31951"),
    "an early close": (Script(stream=early_close), "31921"),
    "a lost connection": (Script(stream=vanishes), "31903"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_goes_wrong(name: str, tmp_path: Path) -> None:
    """Twilio's code for it is told; a message of an open stream breaks a law besides."""
    script, code = STREAMS[name]
    result = judged(script, tmp_path)

    assert result.verdict in ("failed", "violation")
    assert code in said(result)


def test_fragments_are_no_fault(tmp_path: Path) -> None:
    """RFC 6455 lets a message come in pieces, and Twilio reads it."""

    async def in_pieces(talk: Talk) -> None:
        mark = f'{{"event":"mark","streamSid":"{talk.stream_sid}","mark":{{"name":"m"}}}}'.encode()
        await talk.raw(bytes((0x01, 20)) + mark[:20])
        await talk.raw(frame(CONTINUATION, mark[20:]))
        await talk.listen()
        await talk.close()

    result = judged(Script(stream=in_pieces), tmp_path)

    assert result.verdict == "passed", said(result)


def test_a_bridge_that_does_not_let_go(tmp_path: Path) -> None:
    """Ten seconds after the line's release the connection is still served: that is a leak."""
    result = judged(Script(hangs_on=True), tmp_path)

    assert result.verdict == "violation"
    assert "session_leaked: the bridge still serves 1 connection(s)" in said(result)


# -- the Realtime endpoint ------------------------------------------------------------------------

UPDATE = (
    '{"type":"session.update","session":{"type":"realtime","audio":'
    '{"input":{"format":{"type":"audio/pcmu"}},"output":{"format":{"type":"audio/pcmu"}}}}}'
)

ANSWER = (
    '{"type": "conversation.item.create", "item": {"type": "function_call_output", '
    '"call_id": "call_x", "output": "1"}}'
)

MODELS: dict[str, tuple[tuple[str | bytes, ...], str]] = {
    "no JSON": (("{",), "invalid_json"),
    "an unknown event": (('{"type": "response.pause"}',), "invalid_value"),
    "an event without a type": (("{}",), "missing_required_parameter"),
    "a binary message": ((frame(BINARY, b"audio", mask=b"abcd"),), "invalid_event"),
    "an unknown field": (
        ('{"type": "session.update", "session": {"type": "realtime", "temperature": 1}}',),
        "unknown_parameter",
    ),
    "a beta session": (
        ('{"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}}',),
        "unknown_parameter",
    ),
    "audio that is none": (
        ('{"type": "input_audio_buffer.append", "audio": "*"}',),
        "invalid_value",
    ),
    "an answer to no tool call": (
        (ANSWER,),
        "invalid_tool_call_id",
    ),
    "nothing to cancel": (('{"type": "response.cancel"}',), "response_cancel_not_active"),
    "an empty commit": ((UPDATE, '{"type": "input_audio_buffer.commit"}'), "commit_empty"),
    "a strange item": (
        ('{"type": "conversation.item.delete", "item_id": "item_x"}',),
        "item_delete_invalid_item_id",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_openai_refuses(name: str, tmp_path: Path) -> None:
    """The error code of OpenAI's server stands in the broken law."""
    messages, code = MODELS[name]
    result = judged(Script(to_model=messages), tmp_path)

    assert result.verdict == "violation"
    assert "provoked_error" in said(result)
    assert code in said(result)


USES_MCP = """
name: a call whose model asks an MCP server
model: [{on: greeting, after: 0ms, call: {name: find, server: docs, takes: 9ms}}]
caller: [{when: at 1500ms, hang_up: true}]
expect:
  ended: {by: caller}
  model_errors: count==0
  events: [{realtime.sent: {count: 1, where: {type: response.mcp_call.completed}}}]
"""
WITH_MCP = UPDATE.replace(
    '"audio"',
    '"tools": [{"type": "mcp", "server_label": "docs", "require_approval": "never"}], "audio"',
)


def test_an_mcp_server_is_no_fault(tmp_path: Path) -> None:
    """Its tools are listed and called by OpenAI's server; the bridge has nothing to answer."""
    speaks = Script(to_model=(WITH_MCP, 0.3, '{"type": "response.create"}'))
    result = judged(speaks, tmp_path, USES_MCP)

    assert result.verdict == "passed", said(result)


ADMISSIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong key": ({"model_headers": {"authorization": "Bearer sk-wrong"}}, "invalid_api_key"),
    "no model": ({"model_path": "/v1/realtime"}, "missing_model"),
    "an unknown model": ({"model_path": "/v1/realtime?model=gpt-nope"}, "invalid_model"),
    "a call that is not there": ({"model_path": "/v1/realtime?call_id=x"}, "call_id_not_found"),
    "the beta header": (
        {"model_headers": {"authorization": "Bearer sk-right", "openai-beta": "realtime=v1"}},
        "beta_api_shape_disabled",
    ),
}


@pytest.mark.parametrize("name", ADMISSIONS)
def test_a_session_that_is_not_admitted(name: str, tmp_path: Path) -> None:
    """OpenAI's code for it is told."""
    call = "caller: [{when: at 1500ms, hang_up: true}]\nmodel: {require_key: sk-right}\n"
    given, code = ADMISSIONS[name]
    headers = {"model_headers": {"authorization": "Bearer sk-right"}}
    result = judged(Script(to_model=(UPDATE,), **{**headers, **given}), tmp_path, call)

    assert code in "\n".join(result.tail)


# -- over sockets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a page for people", "a crash", "not HTTP"])
async def test_a_webhook_over_a_socket(name: str, tmp_path: Path) -> None:
    """The same verdict over TCP, in real time."""
    answer, code = WEBHOOKS[name]
    result = await judged_live(Script(webhook=answer), tmp_path)

    assert result.verdict == "failed"
    assert code in said(result)


@pytest.mark.parametrize("name", ["refused by HTTP", "a masked frame", "a lost connection"])
async def test_a_stream_over_a_socket(name: str, tmp_path: Path) -> None:
    """The stream's address is that of the socket; TLS is taken off as by a proxy."""
    script, code = STREAMS[name]
    webhook = http(connect_stream("wss://PUBLIC/media")).replace(b"content-length", b"x-unused")
    result = await judged_live(
        Script(webhook=webhook, upgrade=script.upgrade, stream=script.stream), tmp_path
    )

    assert result.verdict in ("failed", "violation")
    assert code in said(result)
