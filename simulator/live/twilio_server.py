"""`callsim twilio`: the fake Twilio as a server: its REST API on a port, its calls to webhooks.

Owns the command: its arguments, the listening and the end. The calls are `twilio_calls`'.

Exit codes: 0 ended by Ctrl-C or --for · 2 unusable scenario or arguments · 3 could not listen.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from simulator.account.faults import RestFaults
from simulator.account.parameters import is_web_url
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
from simulator.scenario import load_scenarios
from simulator.scenario.format import Scenario
from simulator.sockets import certificate, open_sockets
from simulator.sockets.certificate import Certificate, CertificateProblem
from simulator.timeline import Timeline
from simulator.trace import Event

ENDED: Final = 0
UNUSABLE: Final = 2
COULD_NOT_LISTEN: Final = 3
PORT_MAX: Final = 65_535
GOODBYE_S: Final = 3.0
"""How long bridges may take to let go of their streams after every caller has hung up."""
ACCOUNT_SID: Final = re.compile(r"AC[0-9a-fA-F]{32}")
ANSWER: Final = re.compile(r"ok|timeout|lost|[45][0-9][0-9]")
REACHED_AT: Final = re.compile(r"(?P<host>[^=\s]+)=(?P<address>[^=\s]+):(?P<port>[0-9]{1,5})")


class _Unusable(Exception):  # noqa: N818 - never leaves this file
    """The arguments cannot be used; says why."""


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
        help="listen as Twilio's REST API and make calls to webhooks",
        description="A fake Twilio on a port: REST makes calls, which ring the webhook of any "
        "bridge and open its media stream.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address (default: this machine only)")
    add("--port", type=_port, default=0, help="port (default: a free one)")
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
    add("--limit", type=_seconds, default=LIMIT_S, metavar="SECONDS", help="the longest call")
    add("--calls", type=_positive, default=CALLS_MAX, help=f"most at once (default {CALLS_MAX})")
    add("--cps", type=_seconds, default=1.0, metavar="N", help="calls dialled a second (default 1)")
    add(
        "--rest-answers",
        type=_answers,
        default=[],
        metavar="LIST",
        help="answers to the first REST requests: ok, 429, 503, timeout, lost, with commas",
    )
    add("--rest-delay", type=_seconds, metavar="SECONDS", help="how long each REST answer takes")
    add("--rest-limit", type=_positive, metavar="N", help="REST requests a second before 20429")
    add("--tls", action="store_true", help="https, with a certificate made for it")
    add("--cert", type=Path, metavar="FILE", help="https, with this certificate")
    add("--key", "--key-file", type=Path, metavar="FILE", help="the certificate's key")
    add("--seed", type=int, help="of sids and everything drawn (default: another each time)")
    add("--for", type=_seconds, dest="for_s", metavar="SECONDS", help="end by itself")
    add("--trace", type=Path, metavar="FILE", help="write all events, JSON lines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    try:
        plan = _plan(options)
    except (_Unusable, CertificateProblem) as problem:
        _complain(str(problem))
        return UNUSABLE
    try:
        with ExitStack() as files:
            write = _trace_writer(options.trace, files)
            authority = files.enter_context(_authority_file(plan.tls))
            trouble = trio.run(_serve, options, plan, authority, write)
    except OSError as unwritable:
        trouble = unwritable
    if trouble is None:
        return ENDED
    _complain(f"{trouble.filename}: {trouble.strerror}")
    return COULD_NOT_LISTEN


async def _serve(
    options: argparse.Namespace, plan: _Plan, authority: Path | None, write: Write
) -> OSError | None:
    """Serve; an address that cannot be listened on is returned, not raised out of nurseries."""
    timeline = Timeline()
    context = None if plan.tls is None else plan.tls.context
    trouble: OSError | None = None
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery, open_sockets(timeline, tell=_say) as net:
            nursery.start_soon(timeline.run)
            server = TwilioServer(
                plan.scenario, plan.service, timeline=timeline, net=net, say=_say, write=write
            )
            try:
                address = await net.listen(
                    server.accept, host=options.host, port=options.port, tls=context
                )
            except OSError as problem:
                trouble = problem
            else:
                for line in introduction(address, plan, authority):
                    _say(line)
                with trio.move_on_after(options.for_s or float("inf")):
                    await _play(server, options.call, signals)
                await _end(server)
            nursery.cancel_scope.cancel()
    return trouble


async def _play(server: TwilioServer, webhook_url: str | None, signals: AsyncIterator[int]) -> None:
    """Ring the webhook, if one was given, and serve until a signal comes."""
    if webhook_url is not None:
        server.ring(webhook_url)
    await anext(signals)


async def _end(server: TwilioServer) -> None:
    """Every caller hangs up; bridges get a moment to let go."""
    server.hang_up()
    with trio.move_on_after(GOODBYE_S):
        await server.drained()
    _say(f"# ended; {many(server.calls, 'call')} made")


def introduction(address: tuple[str, int], plan: _Plan, authority: Path | None) -> Iterator[str]:
    """What is said at the start: where this is, and the environment that points a bridge at it.

    The lines without `#` may be written into an environment file as they are.
    """
    host, port = address
    reach = "this machine only" if _is_loopback(host) else "OTHER MACHINES CAN CONNECT"
    yield f"# fake Twilio REST API on {_joined(host, port)} ({reach}); Ctrl-C ends it"
    scheme = "http" if plan.tls is None else "https"
    yield f"TWILIO_API_URL={scheme}://{_joined(_here(host), port)}"
    yield f"TWILIO_ACCOUNT_SID={plan.service.account_sid}"
    if plan.shows_token:
        yield f"TWILIO_AUTH_TOKEN={plan.service.auth_token}"
    else:
        yield "# TWILIO_AUTH_TOKEN: the given one, which is not shown"
    if authority is not None:
        yield f"SSL_CERT_FILE={authority}"
    yield "# the twilio package: client.api.base_url = os.environ['TWILIO_API_URL']"
    network = plan.scenario.network
    legs = (network.twilio, network.rest, network.realtime)
    if any(link.faults for leg in legs for link in (leg.to_bridge, leg.from_bridge)):
        yield "# the scenario's `network:` plays no part here: the network is the real one"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _here(host: str) -> str:
    """Where a client on this machine finds what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
        faults=faults,
    )
    return _Plan(
        _scenario(options.scenario), service, _certificate(options), not options.auth_token
    )


def _scenario(path: Path | None) -> Scenario:
    if path is None:
        return default_caller()
    scenarios, problems = load_scenarios([path])
    if problems:
        raise _Unusable("\n".join(str(problem) for problem in problems))
    if len({scenario.path for scenario in scenarios}) != 1:
        raise _Unusable(f"{path}: {len(scenarios)} scenarios; name one file")
    return scenarios[0]


def _certificate(options: argparse.Namespace) -> Certificate | None:
    if (options.cert is None) != (options.key is None):
        raise _Unusable("--cert and --key belong together")
    if options.cert is not None:
        return certificate.given(options.cert, options.key)
    return certificate.made(*certificate.names_for(options.host)) if options.tls else None


@contextmanager
def _authority_file(tls: Certificate | None) -> Iterator[Path | None]:
    """A file with what clients must trust, while we serve; None when there is nothing to trust."""
    if tls is None or tls.authority_pem is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="callsim-", suffix=".pem") as file:
        file.write(tls.authority_pem)
        file.flush()
        yield Path(file.name)


def _trace_writer(path: Path | None, files: ExitStack) -> Callable[[int, Event], None]:
    if path is None:
        return lambda _number, _event: None
    file = files.enter_context(path.open("wb"))

    def write(number: int, event: Event) -> None:
        file.write(trace_line(number, event))

    return write


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (0 to {PORT_MAX})")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _account_sid(text: str) -> str:
    if not ACCOUNT_SID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not AC and 32 hexadecimal digits")
    return text


def _web_url(text: str) -> str:
    if not is_web_url(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no http or https URL")
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
    return found["host"].lower(), (found["address"].strip("[]"), _port(found["port"]))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _complain(text: str) -> None:
    print(f"callsim: {text}", file=sys.stderr)  # noqa: T201
