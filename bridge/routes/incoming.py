"""What Twilio asks for: the webhook of a call that rings, and its media stream.

Owns the TwiML's contents and who gets a stream. Must not know how a call goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlencode

import trio
from quart import Response, request, websocket
from quart.wrappers import Websocket
from werkzeug.datastructures import MultiDict
from werkzeug.local import LocalProxy

from bridge import addresses, call_token, twiml
from bridge.agents.checking import REQUESTED
from bridge.agents.choosing import CallRefused
from bridge.agents.conduct import Conduct
from bridge.call_sid import CALL_SID
from bridge.guarded import refusal
from bridge.legs import TwilioLeg
from bridge.operations.admission import Refusal
from bridge.service import BridgeApp, is_twilio
from bridge.session import Session

WEBHOOK: Final = "/incoming-call"
STREAM: Final = "/media-stream"
HELD: Final = "Held"
"""In the address of a waiting call's webhook: for how many seconds. No name for a parameter."""
HOLD_STEP_S: Final = 5
"""How often it is looked whether there is a place."""
NO_HOST: Final = "the Host header is missing or is not a host name"


def add_routes(app: BridgeApp) -> None:
    """GET|POST /incoming-call, WS /media-stream."""

    @app.route(WEBHOOK, methods=["GET", "POST"])
    async def incoming_call() -> Response:
        return await _incoming_call(app)

    @app.websocket(STREAM)
    async def media_stream() -> Response | None:
        # Not the proxy: that looks its object up in a context at each use, 100 times a second.
        proxy = cast("LocalProxy[Websocket]", websocket)
        return await _media_stream(app, proxy._get_current_object())  # noqa: SLF001 - documented so


async def _incoming_call(app: BridgeApp) -> Response:
    """Answer the webhook with TwiML, or say in one sentence why not."""
    posted = await request.form
    query = request.query_string.decode("latin-1")
    path = f"{WEBHOOK}?{query}" if query else WEBHOOK
    origins = addresses.origins(app.settings.public_url, request.headers)
    if not origins:
        return refusal(app, 400, "webhook", NO_HOST)
    if not is_twilio(app, [origin + path for origin in origins], posted):
        return refusal(app, 403, "webhook", "the X-Twilio-Signature is missing or wrong")
    call_sid = posted.get("CallSid") or request.args.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        return refusal(app, 400, "webhook", "CallSid is missing or is not one of Twilio's")
    if app.calls.stopping:
        app.services.watch.refused("stopping")
        return refusal(app, 503, "webhook", "this service is stopping")
    try:
        answering = answering_for(app, posted or request.args)
    except CallRefused as why:
        app.services.watch.refused("agent")
        return refusal(app, 404, "webhook", str(why))
    busy = _busy(app, call_sid, posted.get("From") or request.args.get("From", ""))
    if busy is not None:
        return busy
    parameters = {call_token.PARAMETER: app.services.tokens.issue(call_sid), **answering.parameters}
    chosen = app.settings.public_url is not None
    document = twiml.answer(
        addresses.stream_origin(origins[0], chosen=chosen) + STREAM,
        parameters,
        answering.conduct.spoken_first(app.settings.twiml_greeting),
        app.settings.twiml_pause_seconds,
    )
    app.log.info("call_incoming", call_sid=call_sid, parameters=sorted(parameters))
    return Response(document, content_type="text/xml; charset=utf-8")


def _busy(app: BridgeApp, call_sid: str, caller: str) -> Response | None:
    """None: the call has a place now. Else what a caller too many meets.

    A waiting caller holds nothing here: Twilio asks again, and `HELD` in the address tells how long
    that has gone on. So any process may answer, and whoever hangs up leaves nothing behind.
    """
    why = app.services.places.reserve(call_sid, caller, trio.current_time())
    if why is None:
        return None
    settings = app.settings
    held_s = _held_s(request.args.get(HELD, ""))
    waits = settings.when_full == "queue" and held_s + HOLD_STEP_S <= settings.hold_seconds
    if waits and why is Refusal.FULL:
        app.log.info("call_waits", call_sid=call_sid, held_s=held_s)
        if not held_s:
            app.services.watch.refused("waits")
        query = urlencode({**request.args, HELD: held_s + HOLD_STEP_S})
        words = "" if held_s else settings.hold_message
        document = twiml.hold(words, HOLD_STEP_S, f"{WEBHOOK}?{query}")
    else:
        app.log.warning("call_turned_away", call_sid=call_sid, why=why.value)
        app.services.watch.refused(why.value)
        reject = settings.when_full == "reject"
        document = twiml.reject() if reject else twiml.message(settings.busy_message)
    return Response(document, content_type="text/xml; charset=utf-8")


def _held_s(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


async def _media_stream(app: BridgeApp, stream: Websocket) -> Response | None:
    """Carry one call. Refused before the WebSocket is accepted if it is not Twilio's."""
    origins = addresses.origins(app.settings.public_url, stream.headers)
    if not origins:
        return refusal(app, 400, "stream", NO_HOST)
    urls = [addresses.as_websocket(origin) + STREAM for origin in origins]
    if not is_twilio(app, urls, MultiDict(), stream):
        return refusal(app, 403, "stream", "the X-Twilio-Signature is missing or wrong")
    if app.calls.stopping and not app.services.places.reserved(trio.current_time()):
        return refusal(app, 503, "stream", "this service is stopping")
    leg = TwilioLeg(stream)
    await leg.accept()
    session = Session(app.services, leg)
    app.calls.running.add(session)
    try:
        await session.run()
    finally:
        app.calls.running.discard(session)
    return None


@dataclass(frozen=True)
class Answering:
    """How a call is answered.

    `parameters`: what the stream is told besides the token: whose call it is, who answers, what it
    brings. `conduct`: the rules of who answers.
    """

    parameters: Mapping[str, str]
    conduct: Conduct


def answering_for(app: BridgeApp, form: Mapping[str, str]) -> Answering:
    """How this call is answered. `form` has the webhook's fields.

    Raises:
        CallRefused: it asks for an agent that is not there, or brings too little for its agent.
    """
    given = _parameters(app, form)
    agents = app.services.agents
    choice = agents.of_call(form, given.pop(REQUESTED, "") if agents.from_files else "")
    choice.must_have(given)
    told = {**app.services.book.parameters(form), **choice.parameters, **given}
    return Answering(told, choice.agent.conduct)


def _parameters(app: BridgeApp, form: Mapping[str, str]) -> dict[str, str]:
    """Call parameters: the webhook URL's own query, and what the caller's own client sends.

    The URL is the operator's, so it wins. Twilio's names begin with a capital.
    """
    given = {
        name: value
        for name, value in {**form, **request.args}.items()
        if name[:1].islower() and name != call_token.PARAMETER
    }
    fitting = [name for name in given if twiml.fits(name, given[name])][: twiml.PARAMETERS_MAX]
    if len(fitting) < len(given):
        app.log.warning("parameters_dropped", count=len(given) - len(fitting))
    return {name: given[name] for name in fitting}
