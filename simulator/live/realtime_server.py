"""`callsim realtime`: the fake Realtime endpoint as a server for anybody's bridge.

Owns the command: its arguments, the listening and the end. The calls are `realtime_calls`'.

Exit codes: 0 ended by Ctrl-C or --for · 2 unusable scenario or arguments · 3 could not listen.
"""

import argparse
import ipaddress
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import trio

from simulator.live.realtime_calls import (
    CALLS_MAX,
    RealtimeServer,
    default_script,
    many,
    stands_alone,
    trace_line,
)
from simulator.scenario import load_scenarios
from simulator.scenario.format import ModelSetup
from simulator.sockets import certificate, open_sockets
from simulator.sockets.certificate import Certificate, CertificateProblem
from simulator.timeline import Timeline
from simulator.trace import Event

ENDED: Final = 0
UNUSABLE: Final = 2
COULD_NOT_LISTEN: Final = 3
SOME_KEY: Final = "sk-callsim"
PORT_MAX: Final = 65_535

Write = Callable[[int, Event], None]


class _Unusable(Exception):  # noqa: N818 - never leaves this file
    """The arguments cannot be used; says why."""


def add_parser(subparsers: Any) -> None:
    """Add `realtime` to the commands; `command` is the function to call."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "realtime",
        help="listen as an OpenAI Realtime endpoint",
        description="A fake OpenAI Realtime endpoint on a port, for any bridge.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: this machine only)")
    parser.add_argument("--port", type=_port, default=0, help="port (default: a free one)")
    parser.add_argument("--dialect", choices=("ga", "beta"), help="event names (default: ga)")
    parser.add_argument(
        "--scenario", type=Path, metavar="FILE", help="answer as its `model:` section says"
    )
    parser.add_argument("--key", help="refuse every other API key (default: any will do)")
    parser.add_argument("--tls", action="store_true", help="wss, with a certificate made for it")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="wss, with this certificate")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="the certificate's key")
    parser.add_argument("--seed", type=int, default=0, help="of ids and automatic replies")
    parser.add_argument(
        "--calls", type=_positive, default=CALLS_MAX, help=f"most at once (default {CALLS_MAX})"
    )
    parser.add_argument(
        "--for", type=_seconds, dest="for_s", metavar="SECONDS", help="end by itself (default: no)"
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write all events, JSON lines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    try:
        setup = _setup(options)
        tls = _certificate(options)
    except (_Unusable, CertificateProblem) as problem:
        _complain(str(problem))
        return UNUSABLE
    try:
        with ExitStack() as files:
            write = _trace_writer(options.trace, files)
            authority = files.enter_context(_authority_file(tls))
            trouble = trio.run(_serve, options, setup, tls, authority, write)
    except OSError as unwritable:
        trouble = unwritable
    if trouble is None:
        return ENDED
    _complain(f"{trouble.filename}: {trouble.strerror}")
    return COULD_NOT_LISTEN


async def _serve(
    options: argparse.Namespace,
    setup: ModelSetup,
    tls: Certificate | None,
    authority: Path | None,
    write: Write,
) -> OSError | None:
    """Serve; an address that cannot be listened on is returned, not raised out of nurseries."""
    timeline = Timeline()
    server = RealtimeServer(
        setup,
        timeline=timeline,
        seed=options.seed,
        say=_say,
        write=write,
        calls_max=options.calls,
    )
    context = None if tls is None else tls.context
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with open_sockets(timeline, tell=_say) as net:
            try:
                address = await net.listen(
                    server.accept, host=options.host, port=options.port, tls=context
                )
            except OSError as problem:
                return problem
            for line in introduction(address, setup, secure=tls is not None, authority=authority):
                _say(line)
            with trio.move_on_after(options.for_s or float("inf")):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(timeline.run)
                    await anext(signals)
                    nursery.cancel_scope.cancel()
    _say(f"# ended; {many(server.calls, 'call')} served")
    return None


def introduction(
    address: tuple[str, int], setup: ModelSetup, *, secure: bool, authority: Path | None
) -> Iterator[str]:
    """What is said at the start: where this is, and the environment that points a bridge at it.

    The lines without `#` may be written into an environment file as they are.
    """
    host, port = address
    reach = "this machine only" if _is_loopback(host) else "OTHER MACHINES CAN CONNECT"
    yield f"# fake Realtime endpoint on {_joined(host, port)} ({reach}); Ctrl-C ends it"
    for fault in setup.faults:
        if not stands_alone(fault.when):
            yield f"# line {fault.line}: never happens, there is no phone to see {fault.when.kind}"
    scheme = "wss" if secure else "ws"
    yield f"REALTIME_URL={scheme}://{_joined(_reached_at(host), port)}/v1/realtime"
    yield f"REALTIME_DIALECT={setup.dialect}"
    if setup.require_key is None:
        yield f"OPENAI_API_KEY={SOME_KEY}"
    else:
        yield "# OPENAI_API_KEY: the required one, which is not shown"
    if authority is not None:
        yield f"SSL_CERT_FILE={authority}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reached_at(host: str) -> str:
    """Where a client on this machine finds what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# -- what the arguments mean ----------------------------------------------------------------------


def _setup(options: argparse.Namespace) -> ModelSetup:
    setup = default_script()
    if options.scenario is not None:
        scenarios, problems = load_scenarios([options.scenario])
        if problems:
            raise _Unusable("\n".join(str(problem) for problem in problems))
        if len({scenario.path for scenario in scenarios}) != 1:
            raise _Unusable(f"{options.scenario}: {len(scenarios)} scenarios; name one file")
        setup = scenarios[0].model
    if options.dialect is not None:
        setup = replace(setup, dialect=options.dialect)
    if options.key is not None:
        setup = replace(setup, require_key=options.key)
    return setup


def _certificate(options: argparse.Namespace) -> Certificate | None:
    if (options.cert is None) != (options.key_file is None):
        raise _Unusable("--cert and --key-file belong together")
    if options.cert is not None:
        return certificate.given(options.cert, options.key_file)
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


def _trace_writer(path: Path | None, files: ExitStack) -> Write:
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
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _complain(text: str) -> None:
    print(f"callsim: {text}", file=sys.stderr)  # noqa: T201
