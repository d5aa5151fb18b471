"""The app's HTTP face seen from outside: Twilio's webhook, its signature, a stream's handshake."""

import socket
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from quart.testing.connections import WebsocketResponseError
from quart.wrappers import Response
from twilio.request_validator import RequestValidator

from bridge.app import make_app
from bridge.outside import Outside
from bridge.service import BridgeApp
from bridge.settings import Settings
from tests.far_ends import (
    ACCOUNT,
    AUTH_TOKEN,
    CALL,
    NOW,
    FarRest,
    Lines,
)

FORM = {
    "CallSid": CALL,
    "AccountSid": ACCOUNT,
    "From": "+15550100123",
    "To": "+15550100199",
    "FromCity": "",
    "CallStatus": "ringing",
}


def signed(url: str, form: dict[str, str] | None = None) -> dict[str, str]:
    """The header Twilio would send."""
    signature = RequestValidator(AUTH_TOKEN).compute_signature(url, form or {})
    return {"X-Twilio-Signature": signature}


def app_with(given: Settings, lines: Lines | None = None) -> BridgeApp:
    """The app with these settings, logging into a list."""
    lines = Lines() if lines is None else lines
    return make_app(
        given, outside=Outside(http_transport=FarRest(), wall_clock=lambda: NOW, log=lines.append)
    )


async def webhook(app: BridgeApp, path: str = "/incoming-call", **given: Any) -> Response:
    """POST a call to the webhook."""
    given = {"form": FORM, **given}
    return await app.test_client().post(path, **given)


async def stream_of(response: Response) -> tuple[str, dict[str, str]]:
    """URL and parameters of the answer's <Stream>."""
    text = await response.get_data(as_text=True)
    (stream,) = ET.fromstring(text).iter("Stream")
    return stream.attrib["url"], {p.attrib["name"]: p.attrib["value"] for p in stream}


async def handshake_status(app: BridgeApp, headers: dict[str, str] | None = None) -> int:
    """The HTTP status with which a stream is refused before it is accepted."""
    with pytest.raises(ExceptionGroup) as refused:
        async with app.test_client().websocket("/media-stream", headers=headers) as websocket:
            await websocket.receive()
    (error,) = refused.value.exceptions
    assert isinstance(error, WebsocketResponseError)
    return error.response.status_code


class Loopback:
    """What hypercorn asks of a stream's socket."""

    family = socket.AF_INET

    def getpeername(self) -> tuple[str, int]:
        """Twilio's end."""
        return ("127.0.0.1", 50000)

    def getsockname(self) -> tuple[str, int]:
        """Our end."""
        return ("127.0.0.1", 5050)
