"""One HTTP/1.1 request and its answer over a byte stream.

Owns the bytes of HTTP (through h11) and the bound of an answer, which is counted while it comes.
Must not know who is asked, nor how long that may take. Redirects, cookies, proxies and compression
do not exist here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h11
import trio

from bridge.errors import BridgeError

HEAD_BYTES_MAX: Final = 16 * 1024
ANSWER_BYTES_MAX: Final = 32 * 1024
"""More is nothing to tell on the telephone, and costs tokens in every later response."""
CHUNK_BYTES: Final = 16 * 1024
INFORMATIONAL_MAX: Final = 8


class ExchangeBroken(BridgeError):  # noqa: N818 - the base is the error
    """The connection broke, or what came is no HTTP."""


class AnswerTooLarge(BridgeError):  # noqa: N818 - the base is the error
    """The answer is larger than ANSWER_BYTES_MAX."""


@dataclass(frozen=True)
class Request:
    """A request; `target` is path and query, `headers` have the host among them."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """A complete answer; `content_type` in lower case, without parameters."""

    status: int
    content_type: str
    body: bytes


async def exchange(stream: trio.abc.Stream, request: Request) -> Answer:
    """Send a request and wait for its answer; the stream is of no use afterwards.

    Raises:
        ExchangeBroken: no usable answer came.
        AnswerTooLarge: it is larger than we take; the rest is not read.
    """
    http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    try:
        await _send(http, stream, request)
        return await _receive(http, stream)
    except (h11.ProtocolError, trio.BrokenResourceError) as why:
        raise ExchangeBroken("the connection broke off") from why


async def _send(http: h11.Connection, stream: trio.abc.Stream, request: Request) -> None:
    head = h11.Request(method=request.method, target=request.target, headers=list(request.headers))
    parts = [http.send(head)]
    if request.body:
        parts.append(http.send(h11.Data(data=request.body)))
    parts.append(http.send(h11.EndOfMessage()))
    await stream.send_all(b"".join(part for part in parts if part))


async def _receive(http: h11.Connection, stream: trio.abc.Stream) -> Answer:
    head: h11.Response | None = None
    informational = 0
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(CHUNK_BYTES)))
        elif isinstance(event, h11.InformationalResponse):
            informational += 1
            if informational > INFORMATIONAL_MAX:
                raise ExchangeBroken("only preliminary answers came")
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > ANSWER_BYTES_MAX:
                raise AnswerTooLarge(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return Answer(head.status_code, _content_type(head), bytes(body))
        else:
            raise ExchangeBroken("the connection ended before the answer")


def _content_type(head: h11.Response) -> str:
    for name, value in head.headers:
        if name == b"content-type":
            return value.decode("latin-1").partition(";")[0].strip().lower()
    return ""
