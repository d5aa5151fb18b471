"""From settings to the parts of calls out.

Owns what calls out cannot do without, and the words for what is missing.
"""

import httpx
import trio

from bridge.agents.choosing import Agents
from bridge.log import Log
from bridge.outbound.keys import CallKeys, ProcessKeys
from bridge.outbound.placing import OutboundCalls
from bridge.outbound.problems import Refusal
from bridge.outbound.rate import RateLimit
from bridge.outbound.request import Rules
from bridge.outbound.twilio_calls import TwilioCalls
from bridge.settings import Settings
from bridge.twilio_rest import TwilioRest


def rules_of(settings: Settings, agents: Agents) -> Rules:
    """What a request may ask for."""
    return Rules(
        default_from=settings.twilio_phone_number or "",
        allowed=settings.outbound_allowed,
        agents=agents,
    )


def rest_of(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> TwilioRest | Refusal:
    """The account's REST API, or what is missing."""
    token = settings.twilio_auth_token
    if settings.twilio_account_sid is None or token is None:
        return _unset("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
    return TwilioRest(
        settings.twilio_account_sid, token.get_secret_value(), transport, settings.twilio_api_url
    )


def outbound_of(
    settings: Settings,
    rest: TwilioRest | Refusal,
    log: Log,
    agents: Agents,
    keys: CallKeys | None = None,
) -> OutboundCalls | Refusal:
    """What makes calls, or why none can be made. Without `keys`, they are kept in this process."""
    if isinstance(rest, Refusal):
        return rest
    if settings.public_url is None:
        # Whoever asks for a call may reach us by another address than Twilio does.
        return _unset("PUBLIC_URL")
    return OutboundCalls(
        twilio=TwilioCalls(rest),
        keys=keys or ProcessKeys(trio.current_time),
        rate=RateLimit(settings.outbound_per_minute),
        rules=rules_of(settings, agents),
        origin=settings.public_url,
        log=log,
    )


def _unset(what: str) -> Refusal:
    return Refusal(503, f"this service is not set up for it: {what} must be set")
