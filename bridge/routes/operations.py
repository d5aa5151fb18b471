"""What machines ask of the service itself: is it alive, does it take calls, how does it do.

Owns these answers and who may read them. Must not know how anything is measured.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final

import trio
from quart import Response, request
from quart_trio import QuartTrio

from bridge.guarded import GuardedApp, refusal
from bridge.service import BridgeApp
from bridge.version import version

METRICS: Final = "/metrics"


def add_routes(app: BridgeApp) -> None:
    """GET /health, /ready and, unless it has a port of its own, /metrics."""
    _add_probes(app, app)

    @app.get(METRICS)
    async def metrics() -> Response:
        why = _closed(app)
        return refusal(app, why[0], "metrics", why[1]) if why else _metrics(app)


def private_face(app: BridgeApp) -> QuartTrio:
    """The same three on METRICS_PORT, where nobody else looks."""
    face = GuardedApp(app.log)
    _add_probes(face, app)

    @face.get(METRICS)
    async def metrics() -> Response:
        if app.settings.metrics_token is not None and not _has_token(app):
            return refusal(app, 401, "metrics", "the bearer token is missing or wrong")
        return _metrics(app)

    return face


def _add_probes(face: QuartTrio, app: BridgeApp) -> None:
    @face.get("/health")
    async def health() -> Mapping[str, Any]:
        status = "stopping" if app.calls.stopping else "ok"
        return {"status": status, "version": version(), "calls": len(app.calls.running)}

    @face.get("/ready")
    async def ready() -> tuple[Mapping[str, str], int]:
        status = _readiness(app)
        # Where all machines are full, callers shall still hear so: a probe can ask for that.
        fine = status == "ready" or (status == "full" and request.args.get("full") == "ok")
        return {"status": status}, 200 if fine else 503


def _readiness(app: BridgeApp) -> str:
    if app.calls.stopping:
        return "stopping"
    return "full" if app.services.places.full(trio.current_time()) else "ready"


def _closed(app: BridgeApp) -> tuple[int, str] | None:
    """Why the public face shows no metrics, if it does not. They tell how business goes."""
    settings = app.settings
    if settings.metrics_port is not None:
        return 404, "metrics have a port of their own"
    if settings.metrics_token is not None:
        return None if _has_token(app) else (401, "the bearer token is missing or wrong")
    if settings.public_url is not None:
        return 403, "set METRICS_TOKEN or METRICS_PORT"
    return None


def _has_token(app: BridgeApp) -> bool:
    assert app.settings.metrics_token is not None
    wanted = f"Bearer {app.settings.metrics_token.get_secret_value()}"
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _metrics(app: BridgeApp) -> Response:
    if app.metrics is None:
        return refusal(app, 501, "metrics", "install callbridge[telemetry]")
    return Response(app.metrics.exposition(), content_type=app.metrics.content_type)
