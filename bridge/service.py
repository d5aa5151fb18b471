"""The application object: what all routes share, and who is let in.

Owns what lives as long as the application, and the check of Twilio's signature. Must not know any
route.
"""

from typing import Any

import trio
from quart import request
from quart.wrappers import Websocket
from werkzeug.datastructures import MultiDict

from bridge.core.line import RELEASE_TIMEOUT_S
from bridge.flight.flight import FlightSink
from bridge.guarded import GuardedApp
from bridge.media_socket import UnreadConnection
from bridge.operations.loop_lag import LoopLag
from bridge.operations.running import Calls, Snapshot
from bridge.operations.used_tokens import UsedTokens
from bridge.operations.watch import Several, Watch
from bridge.outside import Outside
from bridge.recording.recording import RecordingSink
from bridge.records.book import CallRecords
from bridge.services import Services
from bridge.settings import Settings
from bridge.signature import SIGNATURE_HEADER, is_signed
from bridge.version import version
from bridge.wiring import auth_token_of, entra_for, log_for, metrics_for, services_for


class BridgeApp(GuardedApp):
    """The application and its calls. It needs no lifespan: `records` live longer than it does."""

    asgi_websocket_class = UnreadConnection

    def __init__(
        self,
        settings: Settings,
        outside: Outside,
        records: CallRecords | None = None,
        flights: FlightSink | None = None,
        recordings: RecordingSink | None = None,
        traces: Watch | None = None,
        used_tokens: UsedTokens | None = None,
    ) -> None:
        super().__init__(log_for(settings, outside))
        self.settings = settings
        self.calls = Calls()
        self.loop_lag = LoopLag()
        self.metrics = metrics_for(settings, version(), self.snapshot)
        watch = Several([one for one in (self.metrics, traces) if one is not None])
        self.entra = entra_for(settings, outside)
        self.services: Services = services_for(
            settings,
            outside,
            self.log,
            records,
            flights,
            recordings,
            watch,
            used_tokens,
            entra=self.entra,
        )
        self.auth_token = auth_token_of(settings)

    def snapshot(self) -> Snapshot:
        """The process at this moment."""
        now = trio.current_time()
        return self.calls.snapshot(self.services.places, self.loop_lag.worst_s, now)

    async def drain(self) -> None:
        """Stop politely, as at SIGTERM; return when no call is left."""
        self.calls.stopping = True
        drain_s = self.settings.drain_seconds
        self.log.info("stopping", calls=len(self.calls.running), drain_s=drain_s)
        goodbye_s = self.settings.max_call_farewell_seconds + RELEASE_TIMEOUT_S
        await self.calls.drain(self.services.places, drain_s, goodbye_s)

    def log_exception(self, *given: Any) -> None:
        """A bug of ours: logged once, where all lines go, and without the request's data.

        The exception's info comes last; from Quart 0.23 on, a context comes before it.
        """
        self.log.error("crashed", exc_info=given[-1])


def is_twilio(
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
