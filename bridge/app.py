"""Puts the application and its routes together."""

from bridge.flight.flight import FlightSink
from bridge.operations.used_tokens import UsedTokens
from bridge.operations.watch import Watch
from bridge.outbound.keys import CallKeys
from bridge.outside import Outside
from bridge.recording.recording import RecordingSink
from bridge.records.book import CallRecords
from bridge.routes import incoming, operations, outbound, pages, transferred
from bridge.service import BridgeApp
from bridge.settings import Settings


def make_app(
    settings: Settings,
    *,
    outside: Outside | None = None,
    records: CallRecords | None = None,
    flights: FlightSink | None = None,
    recordings: RecordingSink | None = None,
    call_keys: CallKeys | None = None,
    used_tokens: UsedTokens | None = None,
    traces: Watch | None = None,
) -> BridgeApp:
    """The bridge as an ASGI application; `bridge.routes` says which paths there are."""
    outside = outside or Outside()
    app = BridgeApp(settings, outside, records, flights, recordings, traces, used_tokens)
    for routes in (incoming, operations, pages, transferred):
        routes.add_routes(app)
    outbound.add_routes(app, outside, call_keys)
    return app
