"""The HTTP face: the webhook, the media stream, a page for people, health for machines.

Owns routes, limits and who is let in. Must not know how a call goes.
"""

import html
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final, cast

from quart import Response, request, websocket
from quart.wrappers import Websocket
from quart_trio import QuartTrio
from werkzeug.datastructures import MultiDict
from werkzeug.local import LocalProxy

from bridge import addresses, call_token, twiml
from bridge.legs import TwilioLeg
from bridge.media_socket import UnreadConnection
from bridge.outside import Outside
from bridge.session import CALL_SID, Calls, Services, Session
from bridge.settings import Settings, missing_for_production
from bridge.signature import SIGNATURE_HEADER, is_signed
from bridge.wiring import auth_token_of, log_for, services_for

# A webhook's form is some 1.5 kB; CallToken and AddOns can add a few more.
BODY_BYTES_MAX: Final = 64 * 1024
BODY_S_MAX: Final = 10
WEBHOOK: Final = "/incoming-call"
STREAM: Final = "/media-stream"


class BridgeApp(QuartTrio):
    """The application and its calls. It needs no lifespan."""

    asgi_websocket_class = UnreadConnection

    def __init__(self, settings: Settings, outside: Outside) -> None:
        super().__init__("bridge", static_folder=None, template_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
        self.config["BODY_TIMEOUT"] = BODY_S_MAX
        self.settings = settings
        self.log = log_for(settings, outside)
        self.services: Services = services_for(settings, outside, self.log)
        self.calls = Calls()
        self.auth_token = auth_token_of(settings)

    def log_exception(self, *given: Any) -> None:
        """A bug of ours: logged once, where all lines go, and without the request's data.

        The exception's info comes last; from Quart 0.23 on, a context comes before it.
        """
        self.log.error("crashed", exc_info=given[-1])


def make_app(settings: Settings, *, outside: Outside | None = None) -> BridgeApp:
    """The bridge as an ASGI application: GET|POST /incoming-call, WS /media-stream, /, /health."""
    app = BridgeApp(settings, outside or Outside())

    @app.route(WEBHOOK, methods=["GET", "POST"])
    async def incoming_call() -> Response:
        return await _incoming_call(app)

    @app.websocket(STREAM)
    async def media_stream() -> Response | None:
        # Not the proxy: that looks its object up in a context at each use, 100 times a second.
        proxy = cast("LocalProxy[Websocket]", websocket)
        return await _media_stream(app, proxy._get_current_object())  # noqa: SLF001 - documented so

    @app.get("/health")
    async def health() -> Mapping[str, Any]:
        status = "stopping" if app.calls.stopping else "ok"
        return {"status": status, "version": version(), "calls": len(app.calls.running)}

    @app.get("/")
    async def home() -> Response:
        return Response(_home_page(settings), content_type="text/html; charset=utf-8")

    return app


def version() -> str:
    """The installed version."""
    try:
        return metadata.version("callbridge")
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"


async def _incoming_call(app: BridgeApp) -> Response:
    """Answer the webhook with TwiML, or say in one sentence why not."""
    posted = await request.form
    query = request.query_string.decode("latin-1")
    path = f"{WEBHOOK}?{query}" if query else WEBHOOK
    origins = addresses.origins(app.settings.public_url, request.headers)
    if not _is_twilio(app, [origin + path for origin in origins], posted):
        return _refusal(app, 403, "webhook", "the X-Twilio-Signature is missing or wrong")
    call_sid = posted.get("CallSid") or request.args.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        return _refusal(app, 400, "webhook", "CallSid is missing or is not one of Twilio's")
    if not origins:
        return _refusal(app, 400, "webhook", "the Host header is missing or is not a host name")
    if app.calls.stopping:
        return _refusal(app, 503, "webhook", "this service is stopping")
    parameters = {call_token.PARAMETER: app.services.tokens.issue(call_sid), **_parameters(app)}
    chosen = app.settings.public_url is not None
    document = twiml.answer(
        addresses.stream_origin(origins[0], chosen=chosen) + STREAM,
        parameters,
        app.settings.twiml_greeting,
        app.settings.twiml_pause_seconds,
    )
    app.log.info("call_incoming", call_sid=call_sid, parameters=sorted(parameters))
    return Response(document, content_type="text/xml; charset=utf-8")


async def _media_stream(app: BridgeApp, stream: Websocket) -> Response | None:
    """Carry one call. Refused before the WebSocket is accepted if it is not Twilio's."""
    origins = addresses.origins(app.settings.public_url, stream.headers)
    urls = [addresses.as_websocket(origin) + STREAM for origin in origins]
    if not _is_twilio(app, urls, MultiDict(), stream):
        return _refusal(app, 403, "stream", "the X-Twilio-Signature is missing or wrong")
    if app.calls.stopping:
        return _refusal(app, 503, "stream", "this service is stopping")
    leg = TwilioLeg(stream)
    await leg.accept()
    session = Session(app.services, leg)
    app.calls.running.add(session)
    try:
        await session.run()
    finally:
        app.calls.running.discard(session)
    return None


def _is_twilio(
    app: BridgeApp,
    urls: list[str],
    form: MultiDict[str, str],
    stream: Websocket | None = None,
) -> bool:
    """Whether the request is signed for one of these URLs; without an auth token, anyone's."""
    if app.auth_token is None:
        return True
    headers = request.headers if stream is None else stream.headers
    return is_signed(app.auth_token, urls, form, headers.get(SIGNATURE_HEADER, ""))


def _parameters(app: BridgeApp) -> dict[str, str]:
    """Call parameters: the webhook URL's own query. Twilio's names begin with a capital."""
    given = {
        name: value
        for name, value in request.args.items()
        if name[:1].islower() and name != call_token.PARAMETER
    }
    fitting = [name for name in given if twiml.fits(name, given[name])][: twiml.PARAMETERS_MAX]
    if len(fitting) < len(given):
        app.log.warning("parameters_dropped", count=len(given) - len(fitting))
    return {name: given[name] for name in fitting}


def _refusal(app: BridgeApp, status: int, what: str, why: str) -> Response:
    app.log.warning("request_refused", what=what, status=status, why=why)
    return Response(f"{why}\n", status=status, content_type="text/plain; charset=utf-8")


def _home_page(settings: Settings) -> str:
    """What this is, for a person. It does not say what is missing: anyone may read it."""
    whom = f" of {html.escape(settings.company_name)}" if settings.company_name else ""
    complete = not missing_for_production(settings)
    state = (
        "It is configured."
        if complete
        else ("Its configuration is not complete: run <code>callbridge check</code> on the server.")
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>callbridge</title></head>
<body><h1>callbridge</h1>
<p>The telephone agent{whom}: Twilio calls in, the OpenAI Realtime API answers. {state}</p>
<p>In the Twilio console, set the number's voice webhook to <code>{WEBHOOK}</code> of this host.
Health: <a href="health">health</a>.</p></body></html>
"""
