"""`callbridge call` and `callbridge token`.

Owns their options, and the sentences for what is wrong. The call is made in this process, as
`POST /outbound` makes it in the server's; the server then answers Twilio, so both need the same
settings. Exit codes are the command line's: 0 fine, 1 could not, 2 wrong arguments.
"""

import argparse
import sys
from typing import Final

import httpx
import trio

from bridge.agents.choosing import Agents
from bridge.log import Log
from bridge.outbound.problems import Refusal
from bridge.outbound.request import OutboundRequest, checked
from bridge.outbound.setup import outbound_of, rest_of, rules_of
from bridge.outbound.twilio_calls import Placed
from bridge.outside import Outside
from bridge.settings import Settings

FINE: Final = 0
COULD_NOT: Final = 1
WRONG: Final = 2
UNPROCESSABLE: Final = 422


def add_options(call: argparse.ArgumentParser) -> None:
    """The options of `callbridge call`."""
    call.add_argument("to_number", metavar="NUMBER", help="whom to call, such as +15550100001")
    call.add_argument(
        "--from",
        dest="from_number",
        metavar="NUMBER",
        help="whom the call comes from (default: TWILIO_PHONE_NUMBER)",
    )
    call.add_argument("--agent", metavar="NAME", help="who speaks (default: default)")
    call.add_argument(
        "--parameter",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=TEXT",
        help="a parameter of the call; may be repeated",
    )
    call.add_argument(
        "--machine-detection",
        action=argparse.BooleanOptionalAction,
        help="find out whether a machine answers (default: MACHINE_DETECTION)",
    )


def place_call(
    options: argparse.Namespace,
    settings: Settings,
    agents: Agents,
    log: Log,
    outside: Outside | None = None,
) -> int:
    """Have one call made; print its sid. Nothing is tried twice."""
    given = {
        "to_number": options.to_number,
        "from_number": options.from_number,
        "agent": options.agent,
        "parameters": dict(options.parameter),
        "machine_detection": options.machine_detection,
    }
    transport = None if outside is None else outside.http_transport
    try:
        request = checked(given, rules_of(settings, agents))
        placed = trio.run(_place, settings, transport, log, request, agents)
    except Refusal as refusal:
        print(refusal.detail, file=sys.stderr)  # noqa: T201 - this is what it is for
        return WRONG if refusal.status == UNPROCESSABLE else COULD_NOT
    print(placed.call_sid)  # noqa: T201 - the same
    return FINE


async def _place(
    settings: Settings,
    transport: httpx.AsyncBaseTransport | None,
    log: Log,
    request: OutboundRequest,
    agents: Agents,
) -> Placed:
    calls = outbound_of(settings, rest_of(settings, transport), log, agents)
    if isinstance(calls, Refusal):
        raise calls
    return await calls.place(request, None)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=TEXT")
    return name, value
