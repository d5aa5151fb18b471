"""An application on the open network: what is no request at all, and how a refusal is said.

Owns the limits of a request's body, what is answered before a route is looked for, and the words of
a refusal in the answer and in the log. Must not know any route.
"""

from typing import Any, Final

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
    WebsocketScope,
)
from quart import Response
from quart.utils import encode_headers
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection, TrioASGIWebsocketConnection
from werkzeug.exceptions import HTTPException

from bridge.addresses import is_host
from bridge.log import Log

# A webhook's form is some 1.5 kB; CallToken and AddOns can add a few more.
BODY_BYTES_MAX: Final = 64 * 1024
BODY_S_MAX: Final = 10
BAD_HOST: Final = "the Host header is not a host name"
BAD_ADDRESS: Final = "the address of the request cannot be read"


class GuardedApp(QuartTrio):
    """An application that answers a malformed request with 400 before anything else sees it.

    Quart builds a request and its context outside of all that answers for an exception: a Host it
    cannot route, a target that is no URL, a query that is no text would be an empty 500, and a
    traceback past the log.
    """

    def __init__(self, log: Log) -> None:
        super().__init__("bridge", static_folder=None, template_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
        self.config["BODY_TIMEOUT"] = BODY_S_MAX
        self.log = log

    async def asgi_app(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve a request that can be understood."""
        if scope["type"] != "lifespan":
            why = self._fault(scope, send)
            if why is not None:
                await _answer(scope, send, refusal(self, 400, scope["type"], why))
                return
        await super().asgi_app(scope, receive, send)

    def _fault(self, scope: HTTPScope | WebsocketScope, send: ASGISendCallable) -> str | None:
        """What is wrong with it, if anything is."""
        # Built here once as Quart will build it: what that raises, nobody else can say.
        request: BaseRequestWebsocket
        try:
            if scope["type"] == "http":
                http = TrioASGIHTTPConnection(self, scope)
                request = http._create_request_from_scope(send)  # noqa: SLF001 - see above
            else:
                stream = TrioASGIWebsocketConnection(self, scope)
                request = stream._create_websocket_from_scope(send)  # noqa: SLF001 - see above
            host = request.headers.get("Host", "")
            # An empty one is allowed; who needs a host says so.
            if host and not is_host(host):
                return BAD_HOST
            self.create_url_adapter(request)
        except (HTTPException, ValueError, LookupError):
            return BAD_ADDRESS
        return None


async def _answer(
    scope: HTTPScope | WebsocketScope, send: ASGISendCallable, response: Response
) -> None:
    """Send an answer past Quart; a WebSocket is not accepted then (ASGI's own extension)."""
    tell: Any = send
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    headers = encode_headers(response.headers)
    await tell({"type": f"{kind}.start", "status": response.status_code, "headers": headers})
    body = await response.get_data(as_text=False)
    await tell({"type": f"{kind}.body", "body": body, "more_body": False})


def refusal(app: GuardedApp, status: int, what: str, why: str) -> Response:
    """Refuse a request in one sentence, and write that down."""
    app.log.warning("request_refused", what=what, status=status, why=why)
    return Response(f"{why}\n", status=status, content_type="text/plain; charset=utf-8")
