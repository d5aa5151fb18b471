"""Rings at the bridge: a signed webhook, and the stream its TwiML names.

Owns the request and the little of TwiML that a load run obeys: the first `<Stream>`, its URL and
its parameters. Knows nothing of what is said in the call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit
from xml.etree import ElementTree as ET

import h11
import trio

from simulator.load.phone import StreamPlace
from simulator.phone.signature import sign
from simulator.scenario.format import CallSetup

TIMEOUT_S: Final = 15.0  # twilio.md 2.2
BODY_BYTES_MAX: Final = 64 * 1024
_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class CannotRing(Exception):  # noqa: N818 - the bridge's state
    """The bridge did not lead to a stream. `kind` is for counting."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Line:
    """How the bridge is reached: as Twilio names it, and where it really listens.

    Without `webhook_url` the stream at `media_url` is opened directly.
    """

    address: tuple[str, int]
    webhook_url: str | None
    media_url: str | None
    account_sid: str
    auth_token: str
    setup: CallSetup = field(default_factory=CallSetup)

    def form(self, call_sid: str) -> tuple[tuple[str, str], ...]:
        """What Twilio posts about a call, but for places and the CallToken."""
        # fidelity: observed twilio.md 2.1 - fields of an inbound call (not all of them)
        setup = self.setup
        fields = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call_sid,
            "CallStatus": "ringing",
            "Called": setup.to,
            "CalledCountry": "US",
            "Caller": setup.from_,
            "CallerCountry": "US",
            "Direction": "inbound" if setup.direction == "inbound" else "outbound-api",
            "From": setup.from_,
            "FromCountry": "US",
            "To": setup.to,
            "ToCountry": "US",
        }
        return tuple((fields | dict(setup.parameters)).items())


async def ring(line: Line, call_sid: str) -> StreamPlace:
    """Ask the webhook, and say where the stream is.

    Raises:
        CannotRing: there is no usable answer.
    """
    if line.webhook_url is None:
        assert line.media_url is not None
        return await _place(line, line.media_url, line.media_url, {})
    try:
        with trio.fail_after(TIMEOUT_S):
            document = await _ask(line, line.webhook_url, call_sid)
    except trio.TooSlowError:
        raise CannotRing("webhook_timeout", f"no answer within {TIMEOUT_S:g} s") from None
    except (OSError, trio.BrokenResourceError) as error:
        why = getattr(error, "strerror", None) or "the connection was broken"
        raise CannotRing("webhook_unreachable", why) from error
    except h11.RemoteProtocolError as error:
        raise CannotRing("webhook_no_http", str(error)) from error
    stream = stream_of(document)
    parameters = {each.get("name", ""): each.get("value", "") for each in stream.iter("Parameter")}
    return await _place(line, line.webhook_url, stream.get("url", ""), parameters)


async def _ask(line: Line, url: str, call_sid: str) -> bytes:
    """One request over a connection of its own; the answer's body."""
    parts = urlsplit(url)
    form = line.form(call_sid)
    body = urlencode(form).encode()
    headers = {
        "host": parts.netloc,
        "user-agent": "TwilioProxy/1.1",
        "content-length": str(len(body)),
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "accept": "*/*",
        "x-twilio-signature": sign(url, form, line.auth_token),
        **_proxied(parts.scheme, parts.netloc),
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    http = h11.Connection(our_role=h11.CLIENT)
    request = h11.Request(method="POST", target=target, headers=list(headers.items()))
    data = [http.send(each) for each in (request, h11.Data(data=body), h11.EndOfMessage())]
    stream = await trio.open_tcp_stream(*line.address)
    async with stream:
        await stream.send_all(b"".join(each or b"" for each in data))
        status, answer = await _answer(http, stream)
    if not 200 <= status < 300:
        raise CannotRing(f"webhook_status_{status}", answer[:200].decode("utf-8", "replace"))
    return answer


async def _answer(http: h11.Connection, stream: trio.SocketStream) -> tuple[int, bytes]:
    status, body = 0, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await stream.receive_some())
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY_BYTES_MAX:
                raise CannotRing("twiml_invalid", "11750: the answer is too long")
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return status, body


def stream_of(document: bytes) -> ET.Element:
    """The first `<Stream>` of a TwiML document.

    Raises:
        CannotRing: it is no document, or has none.
    """
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise CannotRing("twiml_invalid", "a document type is not TwiML")
    try:
        root = ET.fromstring(document)  # noqa: S314 - bounded, and without entities
    except ET.ParseError as error:
        raise CannotRing("twiml_invalid", f"12100: {error}") from error
    stream = root.find("./Connect/Stream") if root.tag == "Response" else None
    if stream is None:
        raise CannotRing("twiml_no_stream", "the TwiML has no <Connect><Stream>")
    return stream


async def _place(line: Line, base: str, url: str, parameters: dict[str, str]) -> StreamPlace:
    web = base.replace("http", "ws", 1) if base.startswith("http") else base
    parts = urlsplit(urljoin(base, url) if "://" not in url else url)
    if "://" not in url:
        parts = parts._replace(scheme=urlsplit(web).scheme)
    public = urlsplit(base)
    address = line.address
    try:
        other = (parts.hostname, parts.port or _PORTS.get(parts.scheme)) != (
            public.hostname,
            public.port or _PORTS[public.scheme],
        )
    except ValueError:
        raise CannotRing("stream_url", f"unusable: {url[:80]}") from None
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise CannotRing("stream_url", f"not a WebSocket URL: {url[:80]}")
    if other:
        if parts.scheme == "wss":
            raise CannotRing("stream_tls", f"load speaks no TLS, and {parts.netloc} is elsewhere")
        address = await resolve(parts.hostname, parts.port or 80)
    full = parts.geturl()
    headers = {
        "user-agent": "Twilio.TmeWs/1.0",
        "x-twilio-signature": sign(full, (), line.auth_token),
        **_proxied(parts.scheme, parts.netloc),
    }
    return StreamPlace(address, parts.netloc, parts.path or "/", headers, parameters)


async def resolve(host: str, port: int) -> tuple[str, int]:
    """The numeric address.

    Raises:
        CannotRing: there is none.
    """
    try:
        found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    except OSError as error:
        raise CannotRing("unresolved", f"{host}: {error.strerror}") from error
    address, number = found[0][4][:2]
    return str(address), int(number)


def _proxied(scheme: str, netloc: str) -> dict[str, str]:
    """TLS is not spoken: this stands in for the proxy that takes it off."""
    secure = scheme in ("https", "wss")
    return {
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-proto": "https" if secure else "http",
        "x-forwarded-host": netloc,
    }
