"""Calls out: the API with which they are ordered and looked up, and the TwiML they fetch.

Owns who is let in, the JSON of answers, and what an answered call is told. Must not know how a call
is made or how it goes.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import trio
from quart import Response, request
from werkzeug.exceptions import HTTPException

from bridge import call_token, twiml
from bridge.addresses import stream_origin
from bridge.agents.choosing import CallRefused
from bridge.api_tokens import ApiTokens
from bridge.call_sid import CALL_SID
from bridge.guarded import refusal
from bridge.outbound import keys, machine
from bridge.outbound.placing import PATH as TWIML
from bridge.outbound.placing import OutboundCalls
from bridge.outbound.problems import Refusal, wrong_field
from bridge.outbound.rate import RateLimit
from bridge.outbound.request import E164, E164_WORDS, read_body
from bridge.outbound.setup import outbound_of, rest_of
from bridge.outbound.twilio_calls import (
    PAGE_SIZE,
    PAGE_SIZE_MAX,
    STATUSES,
    CallFilter,
    TwilioCalls,
)
from bridge.outside import Outside
from bridge.routes.incoming import STREAM, Answering, answering_for
from bridge.service import BridgeApp, is_twilio

Json = dict[str, Any]
T = TypeVar("T")

STATUS_FIELDS: Final = (
    *("call_sid", "status", "direction", "to", "from_"),
    *("duration", "start_time", "end_time"),
)
PAGE_TOKEN_CHARS_MAX: Final = 200


def add_routes(app: BridgeApp, outside: Outside, call_keys: keys.CallKeys | None = None) -> None:
    """POST /outbound, /outbound-twiml; GET /call-status/SID, /calls, /calls/SID."""
    rest = rest_of(app.settings, outside.http_transport)
    calls = outbound_of(app.settings, rest, app.log, app.services.agents, call_keys)
    reading = rest if isinstance(rest, Refusal) else TwilioCalls(rest)
    door = _Door(ApiTokens(app.settings.token_hashes), app.settings.api_per_minute)

    @app.post("/outbound")
    async def outbound() -> Response:
        return await _for_owner(app, door, lambda owner: _place(app, _or_raise(calls), owner))

    @app.post(TWIML)
    async def outbound_twiml() -> Response:
        return await _twiml(app)

    @app.get("/call-status/<call_sid>")
    async def call_status(call_sid: str) -> Response:
        async def answer(_owner: str) -> Json:
            facts = await _fetch(_or_raise(reading), call_sid)
            return {name: facts[name] for name in STATUS_FIELDS}

        return await _for_owner(app, door, answer)

    @app.get("/calls")
    async def list_calls() -> Response:
        return await _for_owner(app, door, lambda _: _list(_or_raise(reading)))

    @app.get("/calls/<call_sid>")
    async def one_call(call_sid: str) -> Response:
        return await _for_owner(app, door, lambda _: _fetch(_or_raise(reading), call_sid))


# ------------------------------------------------------------------------------ the API
class _Door:
    """Who may come in, and how often. Owners are those of tokens, so there are not many."""

    def __init__(self, tokens: ApiTokens, per_minute: int) -> None:
        self.owner = tokens.owner
        self._rates: defaultdict[str, RateLimit] = defaultdict(lambda: RateLimit(per_minute))

    def come_in(self, owner: str) -> None:
        """Count a request of this owner.

        Raises:
            Refusal: 429, too many.
        """
        wait_s = self._rates[owner].take(trio.current_time())
        if wait_s:
            detail = "too many requests in this minute (API_PER_MINUTE)"
            raise Refusal(429, detail, retry_after_s=wait_s)


async def _for_owner(
    app: BridgeApp, door: _Door, answer: Callable[[str], Awaitable[Json]]
) -> Response:
    """Answer whoever shows an API token; a refusal is JSON, too."""
    owner = door.owner(request.headers.get("Authorization", ""))
    if owner is None:
        app.log.warning("request_refused", what="api", status=401, why="no valid API token")
        return _json(
            401,
            {"detail": "show an API token: Authorization: Bearer ..."},
            {"WWW-Authenticate": "Bearer"},
        )
    try:
        door.come_in(owner)
        return _json(200, await answer(owner))
    except Refusal as refused:
        app.log.info("api_refused", status=refused.status, field=refused.field, code=refused.code)
        headers = {}
        if refused.retry_after_s is not None:
            headers["Retry-After"] = str(refused.retry_after_s)
        return _json(refused.status, refused.body, headers)
    except HTTPException as refused:
        # The framework's own: a body that is too large, or does not come.
        return _json(refused.code or 400, {"detail": refused.name})


async def _place(app: BridgeApp, calls: OutboundCalls, owner: str) -> Json:
    if app.calls.stopping:
        raise Refusal(503, "this service is stopping; nothing rang", retry_after_s=5)
    if app.services.places.full(trio.current_time()):
        detail = "this service has all the calls it can take (MAX_CALLS); nothing rang"
        raise Refusal(503, detail, retry_after_s=5)
    body = await request.get_data()
    assert isinstance(body, bytes)
    wanted = read_body(body, calls.rules)
    keyed, key = None, request.headers.get(keys.HEADER)
    if key is not None:
        keyed = keys.KeyedRequest.of(keys.checked_key(key), owner, wanted.content)
    placed = await calls.place(wanted, keyed)
    return {
        "success": True,
        "call_sid": placed.call_sid,
        "status": placed.status,
        "to": wanted.to_number,
        "from": wanted.from_number,
        "webhook_url": calls.webhook_url(wanted),
    }


async def _fetch(calls: TwilioCalls, call_sid: str) -> Json:
    if not CALL_SID.fullmatch(call_sid):
        raise Refusal(404, "a call sid is CA and 32 hexadecimal digits")
    return await calls.fetch(call_sid)


async def _list(calls: TwilioCalls) -> Json:
    wanted = _filter(request.args)
    page = await calls.page(wanted)
    return {"calls": page.calls, "page_size": wanted.page_size, "next_page": page.next_page}


def _filter(given: Mapping[str, str]) -> CallFilter:
    known = ("to", "from", "status", "started_after", "started_before", "page_size", "page")
    for name in given:
        if name not in known:
            raise wrong_field(name[:60], f"is no filter; there are {', '.join(known)}")
    status, token = given.get("status"), given.get("page")
    if status is not None and status not in STATUSES:
        raise wrong_field("status", f"must be one of {', '.join(STATUSES)}")
    if token is not None and not 0 < len(token) <= PAGE_TOKEN_CHARS_MAX:
        raise wrong_field("page", "must be the next_page of an answer")
    return CallFilter(
        to=_number(given, "to"),
        from_=_number(given, "from"),
        status=status,
        started_after=_date(given, "started_after"),
        started_before=_date(given, "started_before"),
        page_size=_page_size(given.get("page_size", str(PAGE_SIZE))),
        page_token=token,
    )


def _number(given: Mapping[str, str], name: str) -> str | None:
    """A number; the plus of a query that nobody encoded comes as a space."""
    text = given.get(name)
    if text is None:
        return None
    number = "+" + text[1:] if text.startswith(" ") else text
    if not E164.fullmatch(number):
        raise wrong_field(name, E164_WORDS)
    return number


def _date(given: Mapping[str, str], name: str) -> dt.datetime | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise wrong_field(name, "must be a date in UTC, such as 2026-11-20") from None
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= PAGE_SIZE_MAX):
        raise wrong_field("page_size", f"must be a whole number from 1 to {PAGE_SIZE_MAX}")
    return int(text)


def _or_raise(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        raise found
    return found


def _json(status: int, body: Json, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status=status, headers=headers, content_type="application/json")


# ------------------------------------------------------------------------------ the TwiML
async def _twiml(app: BridgeApp) -> Response:
    """What Twilio does with a call that was answered; only Twilio may ask."""
    posted = await request.form
    origin = app.settings.public_url
    if origin is None or app.auth_token is None:
        return refusal(app, 503, "outbound", "this service makes no calls")
    query = request.query_string.decode("latin-1")
    url = origin + TWIML + (f"?{query}" if query else "")
    if not is_twilio(app, [url], posted):
        return refusal(app, 403, "outbound", "the X-Twilio-Signature is missing or wrong")
    call_sid = posted.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        return refusal(app, 400, "outbound", "CallSid is missing or is not one of Twilio's")
    if app.calls.stopping:
        return refusal(app, 503, "outbound", "this service is stopping")
    try:
        answering = answering_for(app, posted)
    except CallRefused as why:
        # It was not so when the call was ordered: another process has other agents.
        app.services.watch.refused("agent")
        return refusal(app, 404, "outbound", str(why))
    answered_by = posted.get("AnsweredBy", "")
    treatment = machine.treatment(answered_by, answering.conduct.machine_detected)
    app.log.info("call_answered", call_sid=call_sid, answered_by=answered_by, treatment=treatment)
    if treatment == "talk":
        document = _conversation(app, origin, call_sid, answering)
    else:
        words = answering.conduct.machine_message if treatment == "message" else ""
        document = twiml.message(words)
    return Response(document, content_type="text/xml; charset=utf-8")


def _conversation(app: BridgeApp, origin: str, call_sid: str, answering: Answering) -> str:
    # The caller is we ourselves, who may have as many calls as there are places.
    full = app.services.places.reserve(call_sid, "", trio.current_time())
    if full is not None:
        app.log.warning("call_turned_away", call_sid=call_sid, why=full.value)
        app.services.watch.refused(full.value)
        return twiml.message(app.settings.busy_message)
    parameters = {call_token.PARAMETER: app.services.tokens.issue(call_sid), **answering.parameters}
    return twiml.answer(
        stream_origin(origin, chosen=True) + STREAM,
        parameters,
        answering.conduct.spoken_first(app.settings.twiml_greeting),
        app.settings.twiml_pause_seconds,
    )
