"""What becomes of a caller who was handed on, when that is over.

Owns the answer to Twilio's one question. Must not know how the call went before.
"""

import re
from typing import Final

from quart import Response, request

from bridge import twiml
from bridge.agents.choosing import DEFAULT, UnknownAgent
from bridge.call_sid import CALL_SID
from bridge.guarded import refusal
from bridge.service import BridgeApp, is_twilio
from bridge.settings.tools import LANGUAGE
from bridge.transfer import AFTER

# https://www.twilio.com/docs/voice/twiml/dial#dialcallstatus
REACHED: Final = frozenset({"completed", "answered"})
STATUSES: Final = REACHED | {"busy", "no-answer", "failed", "canceled"}


def add_routes(app: BridgeApp) -> None:
    """POST /transfer-ended."""

    @app.post(AFTER)
    async def transfer_ended() -> Response:
        posted = await request.form
        query = request.query_string.decode("latin-1")
        url = (app.settings.public_url or "") + AFTER + (f"?{query}" if query else "")
        if not is_twilio(app, [url], posted):
            return refusal(app, 403, "transfer", "the X-Twilio-Signature is missing or wrong")
        call_sid, status = posted.get("CallSid", ""), posted.get("DialCallStatus", "")
        if not CALL_SID.fullmatch(call_sid) or status not in STATUSES:
            return refusal(app, 400, "transfer", "CallSid or DialCallStatus is none of Twilio's")
        app.log.info("transfer_ended", call_sid=call_sid, status=status)
        words = "" if status in REACHED else _regrets(app, request.args.get("agent") or DEFAULT)
        language = request.args.get("language", "")
        known = language if re.fullmatch(LANGUAGE, language) else ""
        document = twiml.hand_on("", words, known)
        return Response(document, content_type="text/xml; charset=utf-8")


def _regrets(app: BridgeApp, agent: str) -> str:
    """What an agent has to say to somebody who reached nobody; "" = nothing."""
    try:
        return app.services.agents.named(agent).conduct.transfer_failed_text
    except UnknownAgent:  # its file is gone since the call
        return app.settings.transfer_failed_text
