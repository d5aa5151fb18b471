"""A page for people."""

import html

from quart import Response

from bridge.routes.incoming import WEBHOOK
from bridge.service import BridgeApp
from bridge.settings import Settings, missing_for_production


def add_routes(app: BridgeApp) -> None:
    """GET /."""

    @app.get("/")
    async def home() -> Response:
        return Response(_home_page(app.settings), content_type="text/html; charset=utf-8")


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
