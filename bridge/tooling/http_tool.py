"""A tool that asks a service over HTTP.

Owns its headers, the signature, what is tried again, and what the model is told of an answer. Must
not know how connections are made and checked (`guarded_door`).
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from bridge.tooling.definition import Call, Definition, ToolFailed
from bridge.tooling.guarded_door import AddressRefused, GuardedDoor, NotConnected
from bridge.tooling.http_exchange import (
    Answer,
    AnswerTooLarge,
    ExchangeBroken,
    Request,
    exchange,
)
from bridge.tooling.http_recipe import SAFE, Method, Place, UnusableArgument, filled

BACKOFF_S: Final = (0.2, 0.6)
"""Before the second and the third attempt: a caller waits on the telephone."""
PASSING: Final = frozenset({502, 503, 504})
TIMESTAMP: Final = "Callbridge-Timestamp"
SIGNATURE: Final = "Callbridge-Signature"
CALL_SID: Final = "Callbridge-Call-Sid"
AGENT: Final = "Callbridge-Agent"
ERROR_CHARS_MAX: Final = 2_000
"""How much of an error's own words the model is told."""

_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True)
class HttpTool:
    """A request for each call. `headers` hold secrets: they are never shown."""

    definition: Definition
    place: Place
    method: Method = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retries: int = len(BACKOFF_S)
    """Of a safe method."""

    @property
    def described(self) -> str:
        """In one line, for an operator; no secret."""
        place, tool = self.place, self.definition
        url = f"{'https' if place.tls else 'http'}://{place.authority}{place.path}"
        return f"{tool.name}: {self.method} {url}, {tool.timeout_s:g} s"


class HttpCaller:
    """Carries out the calls of HTTP tools.

    Args:
        secret: signs the requests; None = they are not signed.
        wall_clock: dates them, in seconds since the epoch.
    """

    def __init__(
        self, door: GuardedDoor, secret: bytes | None, wall_clock: Callable[[], float]
    ) -> None:
        self._door = door
        self._secret = secret
        self._wall_clock = wall_clock

    async def answer(self, tool: HttpTool, call: Call) -> Any:
        """What the service answers, as a JSON value.

        Raises:
            ToolFailed: it refuses, cannot be reached, or says what cannot be used.
        """
        try:
            target, body = filled(tool.place, tool.method, call.arguments)
        except UnusableArgument as why:
            raise ToolFailed(str(why), "unusable argument") from None
        attempts = 1 + (tool.retries if tool.method in SAFE else 0)
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= attempts
            try:
                answer = await self._ask(tool, target, body, call)
            except (NotConnected, ExchangeBroken) as why:
                if last:
                    raise ToolFailed("the service cannot be reached", str(why)) from None
            except AddressRefused as why:
                raise ToolFailed("the service cannot be reached", str(why)) from None
            except AnswerTooLarge as why:
                raise ToolFailed(str(why), str(why)) from None
            else:
                if last or answer.status not in PASSING:
                    return told(answer)
            await trio.sleep(BACKOFF_S[attempt - 1])

    async def _ask(self, tool: HttpTool, target: str, body: bytes, call: Call) -> Answer:
        place = tool.place
        request = Request(tool.method, target, self._headers(tool, target, body, call), body)
        stream = await self._door.open(place.host, place.port, tls=place.tls)
        try:
            return await exchange(stream, request)
        finally:
            await trio.aclose_forcefully(stream)

    def _headers(
        self, tool: HttpTool, target: str, body: bytes, call: Call
    ) -> list[tuple[str, str]]:
        """All headers. Nothing that the model wrote is among them."""
        headers = [
            ("Host", tool.place.authority),
            ("User-Agent", "callbridge"),
            ("Accept", "application/json, text/plain"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            ("Idempotency-Key", idempotency_key(call)),
            (CALL_SID, call.facts.call_sid),
            (AGENT, call.facts.agent),
            *tool.headers.items(),
        ]
        if body:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        elif tool.method not in SAFE:
            headers.append(("Content-Length", "0"))
        if self._secret is not None:
            timestamp = str(int(self._wall_clock()))
            signed = signature(self._secret, tool.method, target, timestamp, body)
            headers += [(TIMESTAMP, timestamp), (SIGNATURE, f"v1={signed}")]
        return headers


def signature(secret: bytes, method: str, target: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal digits, over these four, a line feed after each of the first."""
    head = f"{method}\n{target}\n{timestamp}\n".encode()
    return hmac.new(secret, head + body, hashlib.sha256).hexdigest()


def idempotency_key(call: Call) -> str:
    """The same for each attempt of one call of a tool, another for any other."""
    key = f"{call.facts.call_sid}-{call.call_id}"
    return key if _KEY.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()


def told(answer: Answer) -> Any:
    """What the model is told of an answer, as a JSON value.

    Raises:
        ToolFailed: it is not a success, or cannot be read.
    """
    why = f"HTTP {answer.status}"
    if 300 <= answer.status < 400:
        raise ToolFailed("the service answers with a redirect; none is followed", why)
    if not 200 <= answer.status < 300:
        own = _own_words(answer)
        raise ToolFailed(f"{why}: {own}" if own else why, why)
    if not answer.body.strip():
        return {"status": "ok"}
    if _is_json(answer):
        try:
            return json.loads(
                answer.body, parse_constant=lambda _constant: None, parse_float=_finite
            )
        except (ValueError, RecursionError):
            raise _unusable("is not valid JSON") from None
    if answer.content_type.startswith("text/") or not answer.content_type:
        try:
            return {"text": answer.body.decode()}
        except UnicodeDecodeError:
            raise _unusable("is not UTF-8 text") from None
    raise _unusable("is neither JSON nor text")


def _finite(text: str) -> float | None:
    """1e999 is no better than Infinity."""
    value = float(text)
    return value if math.isfinite(value) else None


def _unusable(how: str) -> ToolFailed:
    return ToolFailed(f"the service's answer {how}", f"the answer {how}")


def _is_json(answer: Answer) -> bool:
    return answer.content_type == "application/json" or answer.content_type.endswith("+json")


def _own_words(answer: Answer) -> str:
    """Why a service refuses: useful to the model where it is the caller's fault, and short."""
    wanted = 400 <= answer.status < 500 and (
        _is_json(answer) or answer.content_type == "text/plain"
    )
    return answer.body.decode("utf-8", "replace")[:ERROR_CHARS_MAX].strip() if wanted else ""
