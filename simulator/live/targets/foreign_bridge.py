"""A bridge in the style of the public samples, to be judged: Starlette, websockets, uvicorn.

`python foreign_bridge.py PORT` with REALTIME_URL and OPENAI_API_KEY in the environment. It
relays, sends a mark after each delta, and lets the caller interrupt while marks are outstanding. It
truncates by the clock: at the time since the answer's first audio was sent, as if what is sent were
heard at once. That is its known fault.
"""

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

PCMU = {"type": "audio/pcmu"}
VAD = {"type": "server_vad", "silence_duration_ms": 500}
SESSION = {
    "type": "realtime",
    "instructions": "You answer the telephone.",
    "output_modalities": ["audio"],
    "audio": {
        "input": {"format": PCMU, "turn_detection": VAD},
        "output": {"format": PCMU, "voice": "marin"},
    },
}


async def incoming(request: Request) -> Response:
    """The webhook: connect the call to the media stream."""
    url = f"wss://{request.headers['host']}/media"
    twiml = f'<Response><Connect><Stream url="{url}"/></Connect></Response>'
    return Response(twiml, media_type="text/xml")


class Call:
    """What is known of one call."""

    stream_sid = ""
    ready = False
    marks = 0
    timestamp_ms = 0
    answer_began_ms: int | None = None
    item_id = ""


async def media(phone: WebSocket) -> None:
    """One call: two relays, side by side."""
    await phone.accept()
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    url = os.environ["REALTIME_URL"] + "?model=gpt-realtime"
    async with websockets.connect(url, additional_headers=headers) as model:
        await model.send(json.dumps({"type": "session.update", "session": SESSION}))
        call = Call()
        answering = asyncio.create_task(to_phone(phone, model, call))
        with contextlib.suppress(WebSocketDisconnect):
            await to_model(phone, model, call)
        answering.cancel()


async def to_model(phone: WebSocket, model: websockets.ClientConnection, call: Call) -> None:
    """The caller's audio, until the call is over."""
    async for text in phone.iter_text():
        message: dict[str, Any] = json.loads(text)
        if message["event"] == "start":
            call.stream_sid = message["start"]["streamSid"]
        elif message["event"] == "media" and call.ready:
            call.timestamp_ms = int(message["media"]["timestamp"])
            audio = message["media"]["payload"]
            await model.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        elif message["event"] == "mark":
            call.marks -= 1
        elif message["event"] == "stop":
            return


async def to_phone(phone: WebSocket, model: websockets.ClientConnection, call: Call) -> None:
    """The model's audio, and what becomes of it when the caller interrupts."""
    async for text in model:
        event: dict[str, Any] = json.loads(text)
        if event["type"] == "session.updated":
            call.ready = True
        elif event["type"] == "response.output_audio.delta":
            if event["item_id"] != call.item_id:
                call.item_id, call.answer_began_ms = event["item_id"], call.timestamp_ms
            await tell(phone, call, event="media", media={"payload": event["delta"]})
            await tell(phone, call, event="mark", mark={"name": "part"})
            call.marks += 1
        elif event["type"].endswith("speech_started") and call.marks and call.answer_began_ms:
            await tell(phone, call, event="clear")
            end = {"item_id": call.item_id, "content_index": 0}
            end["audio_end_ms"] = call.timestamp_ms - call.answer_began_ms
            await model.send(json.dumps({"type": "conversation.item.truncate", **end}))
            call.answer_began_ms = None


async def tell(phone: WebSocket, call: Call, **message: Any) -> None:
    """One message to Twilio."""
    await phone.send_text(json.dumps({"streamSid": call.stream_sid, **message}))


async def health(_: Request) -> Response:
    """Whether it is up."""
    return PlainTextResponse("ok")


app = Starlette(
    routes=[
        Route("/incoming", incoming, methods=["GET", "POST"]),
        Route("/health", health),
        WebSocketRoute("/media", media),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
