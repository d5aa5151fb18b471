"""The options of `callsim run` for real time: which bridge, and where it finds its peers."""

import argparse
import shlex
import sys

from simulator.cli.arguments import port
from simulator.live.doors import Doors
from simulator.live.playing import JOBS_DEFAULT, LiveRun
from simulator.live.public_address import public_url
from simulator.live.target import Target, live_target, load_target


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """`--live`, `--target` and the ports."""
    bridge = parser.add_mutually_exclusive_group()
    bridge.add_argument(
        "--live",
        metavar="URL",
        help="play in real time with the bridge at this webhook (http, https) or stream (ws, wss)",
    )
    bridge.add_argument(
        "--target",
        metavar="FILE",
        help="play in real time with the bridge of a *.target.yaml, or a shipped one by its name",
    )
    parser.add_argument(
        "--realtime-port", type=port, default=0, help="with --live: the fake Realtime endpoint's"
    )
    parser.add_argument(
        "--twilio-port", type=port, default=0, help="with --live: the fake REST API's"
    )


def live_run_for(options: argparse.Namespace) -> LiveRun | None:
    """How to play in real time; None = in virtual time.

    Raises:
        UnusableTarget: the target file cannot be used.
        ValueError: the URL is none, or an option makes no sense.
    """
    if options.live is None and options.target is None:
        if options.realtime_port or options.twilio_port:
            raise ValueError("--realtime-port and --twilio-port are only for real time")
        return None
    if options.live is not None:
        target, flag = live_target(options.live), f" --live {shlex.quote(options.live)}"
    else:
        target, flag = load_target(options.target), f" --target {shlex.quote(options.target)}"
    ports = (options.realtime_port, options.twilio_port)
    if any(ports):
        flag += f" --realtime-port {ports[0]} --twilio-port {ports[1]}"
    return LiveRun(
        target,
        at_once=options.jobs or JOBS_DEFAULT,
        ports=ports,
        flag=flag,
        on_doors=None if target.command else _Advice(target),
    )


class _Advice:
    """Tells, once, what a bridge must be told that this program has not started."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._told = False

    def __call__(self, doors: Doors) -> None:
        if self._told:
            return
        self._told = True
        lines = [f"callsim: {self._target.name} must have been started with:"]
        lines += [f"  {line}" for line in doors.advice]
        if self._target.webhook is not None:
            public = self._target.public_url or public_url(self._target.webhook)
            lines.append(f"  PUBLIC_URL={public}")
        print("\n".join(lines), file=sys.stderr)  # noqa: T201
