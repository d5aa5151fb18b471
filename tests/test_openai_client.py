"""OpenAI's own Python client converses with the fake on a loopback port."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed

from simulator.scenario.format import Item, ModelSetup, Reply, ToolCall, Transcript
from simulator.sockets import certificate
from simulator.sound import SILENT_FRAME, load_clip
from tests.openai_talk import (
    DEADLINE_S,
    HELLO,
    MODEL,
    PHONE,
    PHONE_AND_TOOL,
    SCRIPT,
    SLOT,
    THANKS,
    WAIT,
    YES,
    Talk,
    endpoint,
    quickly,
    tell,
)


def test_a_turn_in_text() -> None:
    """A text item and a request are answered in text, event by event."""

    async def story(talk: Talk) -> None:
        await talk.until("session.created")
        session: Any = {"type": "realtime", "output_modalities": ["text"]}
        await talk.client.session.update(session=session)
        await talk.until("session.updated")
        content: Any = [{"type": "input_text", "text": "Are you there?"}]
        item: Any = {"type": "message", "role": "user", "content": content}
        await talk.client.conversation.item.create(item=item)
        await talk.client.response.create()
        await talk.until("response.done")

    talk = tell(story)
    done = talk.events[-1].response

    assert talk.kinds() == [
        "session.created",
        "session.updated",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert talk.text("response.output_text.delta") == "Yes."
    assert done.status == "completed"
    assert done.output[0].content[0].text == "Yes."
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens


async def a_spoken_turn(talk: Talk) -> Any:
    """Configure for a telephone, say hello, and hear the answer's end."""
    await talk.until("session.created")
    await talk.client.session.update(session=PHONE_AND_TOOL)
    updated = await talk.until("session.updated")
    await talk.hears(load_clip(HELLO).audio + SILENT_FRAME * 25)
    return updated, await talk.until("response.done")


def test_a_spoken_turn() -> None:
    """Real speech is heard, answered in speech, and the samples are those of the clip."""

    async def story(talk: Talk) -> None:
        updated, _ = await a_spoken_turn(talk)

        assert updated.session.audio.input.format.type == "audio/pcmu"
        assert updated.session.audio.input.turn_detection.silence_duration_ms == 300

    talk = tell(story)
    kinds = talk.kinds()
    started = next(each for each in talk.events if each.type.endswith("speech_started"))
    spoken = load_clip(HELLO)

    turn = [kind for kind in kinds if kind.startswith("input_audio_buffer.")]
    assert turn == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]
    assert kinds.index("input_audio_buffer.committed") < kinds.index("response.created")
    assert 0 <= started.audio_start_ms <= spoken.speech_end_ms
    assert talk.audio() == load_clip(WAIT).audio
    assert talk.text("response.output_audio_transcript.delta") == load_clip(WAIT).words


def test_the_usual_format_is_pcm() -> None:
    """A client that configures nothing gets 24 kHz PCM: three samples of two bytes for each."""

    async def story(talk: Talk) -> None:
        await talk.until("session.created")
        await talk.client.response.create()
        await talk.until("response.done")

    talk = tell(story)

    assert len(talk.audio()) == 6 * len(load_clip(YES).audio)


def test_a_tool_call() -> None:
    """The model calls a tool in a spoken turn; its output is answered with speech."""

    async def story(talk: Talk) -> None:
        _, done = await a_spoken_turn(talk)
        message, call = done.response.output
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "booked"}
        await talk.client.conversation.item.create(item=result)
        await talk.client.response.create()
        answered = await talk.until("response.done")

        assert message.type == "message"
        assert (call.type, call.name, call.status) == ("function_call", "book", "completed")
        assert answered.response.output[0].content[0].transcript == load_clip(THANKS).words

    talk = tell(story)
    arguments = [each for each in talk.events if each.type.endswith("call_arguments.done")]

    assert TypeAdapter(dict[str, Any]).validate_json(arguments[0].arguments) == SLOT
    assert talk.text("response.function_call_arguments.delta") == arguments[0].arguments
    assert talk.audio() == load_clip(WAIT).audio + load_clip(THANKS).audio


def test_truncating_what_was_not_heard() -> None:
    """A truncation inside the item is confirmed; beyond its end it is an error, and harmless."""

    async def story(talk: Talk) -> None:
        _, done = await a_spoken_turn(talk)
        item = talk.client.conversation.item
        item_id = done.response.output[0].id
        await item.truncate(item_id=item_id, content_index=0, audio_end_ms=200)
        truncated = await talk.until("conversation.item.truncated")
        await item.retrieve(item_id=item_id)
        retrieved = await talk.until("conversation.item.retrieved")
        await item.truncate(item_id=item_id, content_index=0, audio_end_ms=9_000, event_id="far")
        problem = await talk.until("error")
        await item.delete(item_id=item_id)
        deleted = await talk.until("conversation.item.deleted")

        assert (truncated.item_id, truncated.audio_end_ms) == (item_id, 200)
        assert retrieved.item.id == item_id
        assert problem.error.event_id == "far"
        assert "already shorter than" in problem.error.message
        assert deleted.item_id == item_id

    tell(story)


def test_interrupting_by_hand() -> None:
    """A response is cancelled by the client and ends as cancelled, with what was said so far."""
    slow = ModelSetup(replies=(Reply("greeting", 0.0, (Item(WAIT),), 1.0),))

    async def story(talk: Talk) -> None:
        await talk.until("session.created")
        await talk.client.session.update(session=PHONE)
        await talk.client.response.create()
        await talk.until("response.output_audio.delta")
        await talk.client.response.cancel()
        done = await talk.until("response.done")
        await talk.client.response.cancel()
        problem = await talk.until("error")

        assert done.response.status == "cancelled"
        assert done.response.status_details.reason == "client_cancelled"
        assert done.response.output[0].status == "incomplete"
        assert problem.error.code == "response_cancel_not_active"

    talk = tell(story, slow)

    assert 0 < len(talk.audio()) < len(load_clip(WAIT).audio)


def test_errors_leave_the_session_open() -> None:
    """What the server does not understand is an error with the event's id; the session goes on."""

    async def story(talk: Talk) -> None:
        await talk.until("session.created")
        stranger: Any = {"type": "response.please", "event_id": "one"}
        await talk.client.send(stranger)
        unknown = await talk.until("error")
        await talk.client.send_raw("{not JSON")
        broken = await talk.until("error")
        await talk.client.input_audio_buffer.commit(event_id="two")
        empty = await talk.until("error")
        await talk.client.input_audio_buffer.clear()
        await talk.until("input_audio_buffer.cleared")

        assert (unknown.error.code, unknown.error.event_id) == ("invalid_value", "one")
        assert broken.error.code == "invalid_json"
        assert empty.error.code == "input_audio_buffer_commit_empty"
        assert empty.error.event_id == "two"

    tell(story)


def test_a_session_that_only_transcribes() -> None:
    """`intent=transcription`: what is said is written down, and not answered."""

    async def story(talk: Talk) -> None:
        created = await talk.until("session.created")
        heard = {**PHONE["audio"]["input"], "transcription": {"model": "gpt-4o-transcribe"}}
        session: Any = {"type": "transcription", "audio": {"input": heard}}
        await talk.client.session.update(session=session)
        await talk.until("session.updated")
        await talk.hears(load_clip(HELLO).audio + SILENT_FRAME * 25)
        completed = await talk.until("conversation.item.input_audio_transcription.completed")

        assert created.session.type == "transcription"
        assert completed.transcript == "Hello?"

    setup = ModelSetup(transcripts=(Transcript("Hello?"),), transcript_delay_ms=10)
    talk = tell(story, setup, extra_query={"intent": "transcription"})

    assert "response.created" not in talk.kinds()


def test_a_call_on_an_mcp_server() -> None:
    """The server lists its tools, calls one by itself, and speaks about it."""
    look_up = ToolCall("look_up", SLOT, server="docs", output="free", takes_ms=10)

    async def story(talk: Talk) -> None:
        await talk.until("session.created")
        docs: Any = {"type": "mcp", "server_label": "docs", "require_approval": "never"}
        docs["server_url"] = "https://mcp.example.com"
        session: Any = {**PHONE, "tools": [docs]}
        await talk.client.session.update(session=session)
        await talk.until("mcp_list_tools.completed")
        listed = await talk.until("conversation.item.done")
        await talk.client.response.create()
        done = await talk.until("response.done")
        call, message = done.response.output

        assert [tool.name for tool in listed.item.tools] == ["look_up"]
        assert (call.type, call.output) == ("mcp_call", "free")
        assert message.type == "message"

    setup = ModelSetup(replies=(quickly("greeting", YES, calls=(look_up,), calls_first=True),))
    talk = tell(story, setup)

    assert "response.mcp_call.completed" in talk.kinds()


def test_a_sideband_of_no_call() -> None:
    """`call_id` names a SIP or WebRTC call, and the fake has none: an error and the close."""

    async def story(talk: Talk) -> None:
        problem = await talk.until("error")

        assert problem.error.code == "call_id_not_found"
        with pytest.raises(ConnectionClosed):
            await talk.next()

    tell(story, call_id="rtc_1")


def test_a_wrong_key() -> None:
    """The upgrade succeeds; then come the error and the close, as from the real endpoint."""

    async def story(talk: Talk) -> None:
        problem = await talk.until("error")
        with pytest.raises(ConnectionClosed) as closed:
            await talk.next()

        assert problem.error.code == "invalid_api_key"
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 3000

    tell(story, replace(SCRIPT, require_key="sk-right"), "sk-wrong")


def test_reconnecting_after_a_drop() -> None:
    """When the server goes away the client connects anew, as its own policy is, and goes on."""

    async def converse(authority: str) -> list[str]:
        client = AsyncOpenAI(api_key="sk-test", websocket_base_url=f"ws://{authority}/v1")
        kinds: list[str] = []
        asked = False
        connecting = client.realtime.connect(
            model=MODEL, on_reconnecting=lambda _: None, initial_delay=0.01
        )
        async with connecting as connection:
            async for event in connection:
                kinds.append(event.type)
                if event.type == "session.created" and not asked:
                    asked = True
                    await connection.response.create()
                elif event.type == "session.created":
                    return kinds
        return kinds

    breaks = ModelSetup(replies=(quickly("greeting", WAIT, drop_after_ms=0.0),))
    with endpoint(breaks) as authority:
        kinds = asyncio.run(asyncio.wait_for(converse(authority), DEADLINE_S))

    assert kinds.count("session.created") == 2
    assert "response.created" in kinds


def test_the_blocking_client() -> None:
    """The package's synchronous client gets the same answers."""
    with endpoint() as authority:
        client = OpenAI(api_key="sk-test", websocket_base_url=f"ws://{authority}/v1")
        with client.realtime.connect(model=MODEL) as connection:
            connection.response.create()
            done: Any = next(event for event in connection if event.type == "response.done")

    assert done.response.output[0].content[0].transcript == "Yes."


def test_over_tls() -> None:
    """The client reaches the fake over wss and checks its certificate."""
    made = certificate.made()
    options: Any = {"ssl": made.trusting()}

    async def converse(authority: str) -> str:
        client = AsyncOpenAI(api_key="sk-test", websocket_base_url=f"wss://{authority}/v1")
        connecting = client.realtime.connect(model=MODEL, websocket_connection_options=options)
        async with connecting as connection:
            return (await connection.recv()).type

    with endpoint(tls=made.context) as authority:
        kind = asyncio.run(asyncio.wait_for(converse(authority), DEADLINE_S))

    assert kind == "session.created"


def test_the_azure_client() -> None:
    """The package's Azure client, with its own path and header for the key, is let in."""

    async def converse(authority: str) -> Any:
        client = AsyncAzureOpenAI(
            api_key="azure-key",
            api_version="2025-04-01-preview",
            azure_endpoint="https://example.openai.azure.com",
            websocket_base_url=f"ws://{authority}/openai",
        )
        async with client.realtime.connect(model="our-deployment") as connection:
            return await connection.recv()

    with endpoint(replace(SCRIPT, dialect="beta", require_key="azure-key")) as authority:
        event = asyncio.run(asyncio.wait_for(converse(authority), DEADLINE_S))

    assert event.type == "session.created"
