"""`callsim realtime`: the fake Realtime or GPT-Live endpoint as a server for anybody's bridge.

Owns the command: its arguments and its end. The calls are `realtime_calls`', listening is
`listening`'s.
"""

import argparse
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import trio

from simulator.cli.arguments import port, positive
from simulator.cli.exits import UNUSABLE, complain
from simulator.live.listening import (
    Unusable,
    Write,
    certificate_of,
    heading,
    one_scenario,
    reached_at,
    say,
    seconds,
    serve_until_told,
)
from simulator.live.realtime_calls import (
    CALLS_MAX,
    Engine,
    RealtimeServer,
    default_script,
    many,
    stands_alone,
    trace_line,
)
from simulator.scenario.format import ModelSetup
from simulator.sockets import open_sockets
from simulator.sockets.certificate import Certificate, CertificateProblem
from simulator.timeline import Timeline

SOME_KEY: Final = "sk-callsim"


def add_parser(subparsers: Any) -> None:
    """Add `realtime` to the commands; `command` is the function to call."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "realtime",
        description="A fake OpenAI Realtime or GPT-Live endpoint on a port, for any bridge.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: this machine only)")
    parser.add_argument("--port", type=port, default=0, help="port (default: a free one)")
    parser.add_argument(
        "--engine",
        choices=("realtime", "live"),
        help="Realtime API or GPT-Live (default: the scenario's ENGINE, else realtime)",
    )
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
        "--calls", type=positive, default=CALLS_MAX, help=f"most at once (default {CALLS_MAX})"
    )
    parser.add_argument(
        "--for", type=seconds, dest="for_s", metavar="SECONDS", help="end by itself (default: no)"
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write all events, JSON lines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    try:
        engine, setup = _served(options)
        tls = certificate_of(options, options.key_file, "--key-file")
    except (Unusable, CertificateProblem) as problem:
        complain(str(problem))
        return UNUSABLE
    return serve_until_told(
        lambda authority, write: trio.run(_serve, options, engine, setup, tls, authority, write),
        tls=tls,
        trace=options.trace,
        line=trace_line,
    )


async def _serve(
    options: argparse.Namespace,
    engine: Engine,
    setup: ModelSetup,
    tls: Certificate | None,
    authority: Path | None,
    write: Write,
) -> OSError | None:
    """Serve; an address that cannot be listened on is returned, not raised out of nurseries."""
    timeline = Timeline(datetime.now(UTC))
    server = RealtimeServer(
        setup,
        engine=engine,
        timeline=timeline,
        seed=options.seed,
        say=say,
        write=write,
        calls_max=options.calls,
    )
    context = None if tls is None else tls.context
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with open_sockets(timeline, tell=say) as net:
            try:
                address = await net.listen(
                    server.accept, host=options.host, port=options.port, tls=context
                )
            except OSError as problem:
                return problem
            for line in introduction(
                address, setup, engine=engine, secure=tls is not None, authority=authority
            ):
                say(line)
            with trio.move_on_after(options.for_s or float("inf")):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(timeline.run)
                    await anext(signals)
                    nursery.cancel_scope.cancel()
    say(f"# ended; {many(server.calls, 'call')} served")
    return None


def introduction(
    address: tuple[str, int],
    setup: ModelSetup,
    *,
    engine: Engine = "realtime",
    secure: bool,
    authority: Path | None,
) -> Iterator[str]:
    """What is said at the start: where this is, and the environment that points a bridge at it.

    The lines without `#` may be written into an environment file as they are.
    """
    is_live = engine == "live"
    yield heading(f"fake {'GPT-Live' if is_live else 'Realtime'} endpoint", address)
    for fault in setup.faults:
        if not stands_alone(fault.when):
            yield f"# line {fault.line}: never happens, there is no phone to see {fault.when.kind}"
    place = f"{'wss' if secure else 'ws'}://{reached_at(address)}"
    if is_live:
        yield "ENGINE=live"
        yield f"LIVE_URL={place}/v1/live/sessions"
    else:
        yield f"REALTIME_URL={place}/v1/realtime"
        yield f"REALTIME_DIALECT={setup.dialect}"
    if setup.require_key is None:
        yield f"OPENAI_API_KEY={SOME_KEY}"
    else:
        yield "# OPENAI_API_KEY: the required one, which is not shown"
    if authority is not None:
        yield f"SSL_CERT_FILE={authority}"


# -- what the arguments mean ----------------------------------------------------------------------


def _served(options: argparse.Namespace) -> tuple[Engine, ModelSetup]:
    """Which protocol, and what the model says.

    Raises:
        Unusable: the scenario cannot be read, or GPT-Live is asked for a dialect.
    """
    scenario = None if options.scenario is None else one_scenario(options.scenario)
    engine: Engine = options.engine or "realtime"
    if options.engine is None and scenario is not None:
        engine = "live" if scenario.agent.settings.get("ENGINE") == "live" else "realtime"
    if engine == "live" and options.dialect is not None:
        raise Unusable("--dialect is the Realtime API's; GPT-Live has none")
    setup = default_script(engine) if scenario is None else scenario.model
    if options.dialect is not None:
        setup = replace(setup, dialect=options.dialect)
    if options.key is not None:
        setup = replace(setup, require_key=options.key)
    return engine, setup
