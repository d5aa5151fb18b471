"""`callsim twilio`: the fake Twilio as a server: its REST API on a port, its calls to webhooks.

Owns the command: its arguments and its end. The calls are `twilio_calls`', listening is
`listening`'s.
"""

from __future__ import annotations

import argparse
import re
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import trio

from simulator.account.faults import RestFaults
from simulator.account.parameters import is_web_url
from simulator.cli.arguments import port, positive
from simulator.cli.exits import UNUSABLE, complain
from simulator.live.listening import (
    Unusable,
    calls_a_second,
    certificate_of,
    heading,
    one_scenario,
    reached_at,
    say,
    seconds,
    serve_until_told,
)
from simulator.live.public_address import known_as, public_url
from simulator.live.realtime_calls import many
from simulator.live.twilio_calls import (
    CALLS_MAX,
    LIMIT_S,
    Service,
    TwilioServer,
    Write,
    default_caller,
    trace_line,
)
from simulator.scenario.format import Scenario
from simulator.sockets import open_sockets
from simulator.sockets.certificate import Certificate, CertificateProblem
from simulator.timeline import Timeline
from simulator.wire import Origin

GOODBYE_S: Final = 3.0
"""How long bridges may take to let go of their streams after every caller has hung up."""
ACCOUNT_SID: Final = re.compile(r"AC[0-9a-fA-F]{32}")
ANSWER: Final = re.compile(r"ok|timeout|lost|[45][0-9][0-9]")
REACHED_AT: Final = re.compile(r"(?P<host>[^=\s]+)=(?P<address>[^=\s]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the arguments come to."""

    scenario: Scenario
    service: Service
    tls: Certificate | None
    shows_token: bool


def add_parser(subparsers: Any) -> None:
    """Add `twilio` to the commands; `command` is the function to call."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "twilio",
        description="A fake Twilio on a port: REST makes calls, which ring the webhook of any "
        "bridge and open its media stream.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address (default: this machine only)")
    add("--port", type=port, default=0, help="port (default: a free one)")
    add("--account-sid", type=_account_sid, help="AC and 32 hex digits (default: made up)")
    add("--auth-token", help="the account's token (default: made up and shown)")
    add("--call", metavar="WEBHOOK_URL", type=_web_url, help="ring that webhook at once, inbound")
    add("--scenario", type=Path, metavar="FILE", help="the caller of every call")
    add(
        "--at",
        action="append",
        default=[],
        type=_reached_at,
        metavar="HOST=ADDRESS:PORT",
        help="reach a bridge's public host there instead, without TLS, as behind a proxy",
    )
    add("--limit", type=seconds, default=LIMIT_S, metavar="SECONDS", help="the longest call")
    add("--calls", type=positive, default=CALLS_MAX, help=f"most at once (default {CALLS_MAX})")
    add(
        "--cps",
        type=calls_a_second,
        default=1.0,
        metavar="N",
        help="calls dialled a second (default 1)",
    )
    add(
        "--rest-answers",
        type=_answers,
        default=[],
        metavar="LIST",
        help="answers to the first REST requests: ok, 429, 503, timeout, lost, with commas",
    )
    add("--rest-delay", type=seconds, metavar="SECONDS", help="how long each REST answer takes")
    add("--rest-limit", type=positive, metavar="N", help="REST requests a second before 20429")
    add("--tls", action="store_true", help="https, with a certificate made for it")
    add("--cert", type=Path, metavar="FILE", help="https, with this certificate")
    add("--key", "--key-file", type=Path, metavar="FILE", help="the certificate's key")
    add("--seed", type=int, help="of sids and everything drawn (default: another each time)")
    add("--for", type=seconds, dest="for_s", metavar="SECONDS", help="end by itself")
    add("--trace", type=Path, metavar="FILE", help="write all events, JSON lines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    try:
        plan = _plan(options)
    except (Unusable, CertificateProblem) as problem:
        complain(str(problem))
        return UNUSABLE
    return serve_until_told(
        lambda authority, write: trio.run(_serve, options, plan, authority, write),
        tls=plan.tls,
        trace=options.trace,
        line=trace_line,
    )


async def _serve(
    options: argparse.Namespace, plan: _Plan, authority: Path | None, write: Write
) -> OSError | str | None:
    """Serve; an address that cannot be listened on is returned, not raised out of nurseries.

    So is a sentence, when the webhook that was to be rung did not do its part.
    """
    timeline = Timeline(datetime.now(UTC))
    context = None if plan.tls is None else plan.tls.context
    trouble: OSError | str | None = None
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery, open_sockets(timeline, tell=say) as net:
            nursery.start_soon(timeline.run)
            server = TwilioServer(
                plan.scenario, plan.service, timeline=timeline, net=net, say=say, write=write
            )
            try:
                address = await net.listen(
                    server.accept, host=options.host, port=options.port, tls=context
                )
            except OSError as problem:
                trouble = problem
            else:
                for line in introduction(address, plan, authority, options.call):
                    say(line)
                with trio.move_on_after(options.for_s or float("inf")):
                    await _play(server, options.call, signals)
                await _end(server)
                if server.unrung is not None:
                    trouble = _unrung(options.call, server.unrung)
            nursery.cancel_scope.cancel()
    return trouble


async def _play(server: TwilioServer, webhook_url: str | None, signals: AsyncIterator[int]) -> None:
    """Ring the webhook, if one was given, and serve until a signal comes."""
    if webhook_url is not None:
        server.ring(known_as(webhook_url))
    await anext(signals)


def _unrung(webhook_url: str, code: int) -> str:
    return f"--call {webhook_url}: the call found no document to carry out (error {code})"


async def _end(server: TwilioServer) -> None:
    """Every caller hangs up; bridges get a moment to let go."""
    server.hang_up()
    with trio.move_on_after(GOODBYE_S):
        await server.drained()
    say(f"# ended; {many(server.calls, 'call')} made")


def introduction(
    address: tuple[str, int], plan: _Plan, authority: Path | None, webhook_url: str | None
) -> Iterator[str]:
    """What is said at the start: where this is, and the environment that points a bridge at it.

    The lines without `#` may be written into an environment file as they are.
    """
    yield heading("fake Twilio REST API", address)
    scheme = "http" if plan.tls is None else "https"
    yield f"TWILIO_API_URL={scheme}://{reached_at(address)}"
    yield f"TWILIO_ACCOUNT_SID={plan.service.account_sid}"
    if plan.shows_token:
        yield f"TWILIO_AUTH_TOKEN={plan.service.auth_token}"
    else:
        yield "# TWILIO_AUTH_TOKEN: the given one, which is not shown"
    if authority is not None:
        yield f"SSL_CERT_FILE={authority}"
        yield f"REQUESTS_CA_BUNDLE={authority}"
    if webhook_url is None:
        yield "# PUBLIC_URL=https://HOST:PORT: the bridge's own; its stream's URL must be wss"
    else:
        yield f"PUBLIC_URL={public_url(webhook_url)}"
    yield "# the twilio package: client.api.base_url = os.environ['TWILIO_API_URL']"
    network = plan.scenario.network
    legs = (network.twilio, network.rest, network.realtime)
    if any(link.faults for leg in legs for link in (leg.to_bridge, leg.from_bridge)):
        yield "# the scenario's `network:` plays no part here: the network is the real one"


# -- what the arguments mean ----------------------------------------------------------------------


def _plan(options: argparse.Namespace) -> _Plan:
    faults = RestFaults(
        answers=list(options.rest_answers),
        delay_ms=(options.rest_delay or 0.0) * 1000,
        requests_per_second_max=options.rest_limit or 0,
    )
    service = Service(
        account_sid=options.account_sid or f"AC{secrets.token_hex(16)}",
        auth_token=options.auth_token or secrets.token_hex(16),
        seed=secrets.randbits(32) if options.seed is None else options.seed,
        calls_max=options.calls,
        calls_per_second=options.cps,
        limit_s=options.limit,
        reached_at=dict(options.at),
        plain=_plain(options.call),
        faults=faults,
    )
    path = options.scenario
    return _Plan(
        scenario=default_caller() if path is None else one_scenario(path),
        service=service,
        tls=certificate_of(options, options.key, "--key"),
        shows_token=not options.auth_token,
    )


def _plain(webhook_url: str | None) -> frozenset[tuple[str, int]]:
    """The place that is reached without TLS: of a webhook whose URL says so."""
    if webhook_url is None or urlsplit(webhook_url).scheme != "http":
        return frozenset()
    origin = Origin.of(webhook_url)
    return frozenset({(origin.host, origin.port)})


def _account_sid(text: str) -> str:
    if not ACCOUNT_SID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not AC and 32 hexadecimal digits")
    return text


def _web_url(text: str) -> str:
    if not is_web_url(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no http or https URL")
    try:
        Origin.of(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r}: {problem}") from None
    return text


def _answers(text: str) -> list[int | str]:
    words = text.split(",")
    for word in words:
        if not ANSWER.fullmatch(word):
            raise argparse.ArgumentTypeError(
                f"{word!r} is none of ok, timeout, lost, and no HTTP status from 400 to 599"
            )
    return [int(word) if word.isdecimal() else word for word in words]


def _reached_at(text: str) -> tuple[str, tuple[str, int]]:
    found = REACHED_AT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like example.com=127.0.0.1:8080")
    return found["host"].lower(), (found["address"].strip("[]"), port(found["port"]))
