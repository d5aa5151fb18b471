"""Runs a bridge as a process of its own: start, wait until ready, keep its last lines, end it.

Owns the process group and its end: whatever happens here, nothing of it is left behind. Knows no
call.
"""

import math
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import trio

from simulator.live.target import Target, command_of, filled

TAIL_LINES = 40
LINE_CHARACTERS_MAX = 16_384
"""A longer line of output is cut; the record of a call takes some two thousand characters."""
PROBE_EVERY_S = 0.05
PROBE_S_MAX = 2.0
GOODBYE_S_MAX = 8.0
"""From SIGTERM to SIGKILL: our own bridge needs up to five seconds to end its calls."""

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")
"""All that a bridge gets of the developer's own environment: no key, no token, no setting."""

ENDPOINTS = {"REALTIME_URL": "realtime_url", "LIVE_URL": "live_url"}
"""Settings of our bridge that name an endpoint, and what stands in braces for the fake's."""

Told = Callable[[str], None]


class BridgeProblem(Exception):  # noqa: N818 - of another program
    """The bridge could not be started, was never ready, or has died; says so for a person."""


@dataclass(slots=True)
class RunningBridge:
    """A bridge that is ready. `pid` None: it was running before. `address`: where it listens.

    `webhook_url` and `media_url` are as Twilio names them; `public` is their scheme and authority.
    `on_line` is called with each line of output; `exited` is set when the process has ended.
    """

    target: Target
    port: int
    pid: int | None = None
    on_line: list[Told] = field(default_factory=list)
    exited: trio.Event = field(default_factory=trio.Event)
    returncode: int | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    @property
    def public(self) -> str:
        """Where Twilio believes the bridge to be."""
        return self.target.public_base(self.port)

    @property
    def public_address(self) -> str:
        """The URL by whose host Twilio knows the bridge."""
        return self.webhook_url or self.media_url or self.public

    @property
    def webhook_url(self) -> str | None:
        """What Twilio asks for TwiML; None = there is no webhook."""
        return self.target.webhook_url(self.port)

    @property
    def media_url(self) -> str | None:
        """What the stream connects to if there is no webhook."""
        return self.target.media_url(self.port)

    @property
    def address(self) -> tuple[str, int]:
        """Where it really listens."""
        return self.target.address(self.port)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines it printed."""
        return tuple(self.lines)

    def death(self) -> str:
        """What is to be said of a process that has ended by itself, with its last lines."""
        how = f"exit code {self.returncode}"
        if self.returncode is not None and self.returncode < 0:
            how = f"signal {signal.Signals(-self.returncode).name}"
        said = "\n".join(f"  | {line}" for line in self.lines) or "  (it printed nothing)"
        return f"the bridge {self.target.name} ended by itself: {how}; its last lines:\n{said}"


@asynccontextmanager
async def running(
    target: Target, values: Mapping[str, str], settings: Mapping[str, str] | None = None
) -> AsyncIterator[RunningBridge]:
    """The bridge, ready; ended when the block is left, however it is left.

    Args:
        target: what to start; without a command it is only waited for.
        values: what stands in braces: realtime_url, twilio_api_url, account_sid, auth_token, ...
        settings: further variables of its environment, which outweigh the target's own.

    Raises:
        BridgeProblem: it cannot be started, or is not ready in time. Everything else that is raised
            in the block comes in an exception group, as from a nursery.
    """
    bridge = RunningBridge(target, target.port or _free_port())
    process = await _start(bridge, values, settings or {}) if target.command else None
    problem: str | None = None
    try:
        async with trio.open_nursery() as nursery:
            if process is not None:
                nursery.start_soon(_listen, process, bridge)
                nursery.start_soon(_wait, process, bridge)
            problem = await _until_ready(bridge)
            if problem is None:
                yield bridge
            nursery.cancel_scope.cancel()
    finally:
        if process is not None:
            await _end(process)
    if problem is not None:
        raise BridgeProblem(problem)


def environment_of(
    bridge: RunningBridge, values: Mapping[str, str], settings: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of the process: a little of ours, the target's, the scenario's.

    Of an endpoint in the scenario only the path counts: whoever is asked must be the fake.
    """
    names = (*INHERITED, *bridge.target.inherit)
    known = _values(bridge, values)
    given = {name: filled(text, known) for name, text in bridge.target.environment.items()}
    wanted = {
        name: _at(values[ENDPOINTS[name]], text) if name in ENDPOINTS else text
        for name, text in settings.items()
    }
    return {name: os.environ[name] for name in names if name in os.environ} | given | wanted


def _at(door: str, wanted: str) -> str:
    """The URL ``wanted`` at the scheme, host and port of ``door``."""
    ours = urlsplit(door)
    return urlsplit(wanted)._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()


def _values(bridge: RunningBridge, values: Mapping[str, str]) -> dict[str, str]:
    return {"port": str(bridge.port), "public_url": bridge.public, **values}


def _free_port() -> int:
    """A port nobody listens on now; the bridge takes it a moment later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _start(
    bridge: RunningBridge, values: Mapping[str, str], settings: Mapping[str, str]
) -> trio.Process:
    command = command_of(bridge.target, _values(bridge, values))
    try:
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at a terminal is for us; its children end with it
            env=environment_of(bridge, values, settings),
        )
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BridgeProblem(f"cannot start {bridge.target.name}: {command[0]}: {why}") from error
    bridge.pid = process.pid
    return process


async def _listen(process: trio.Process, bridge: RunningBridge) -> None:
    """Cut the output into lines."""
    assert process.stdout is not None
    rest = b""
    async for data in process.stdout:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _take_line(bridge, line)
        rest = rest[:LINE_CHARACTERS_MAX]
    if rest:
        _take_line(bridge, rest)


def _take_line(bridge: RunningBridge, line: bytes) -> None:
    text = line[:LINE_CHARACTERS_MAX].decode("utf-8", "replace").rstrip("\r")
    bridge.lines.append(text)
    for told in bridge.on_line:
        told(text)


async def _wait(process: trio.Process, bridge: RunningBridge) -> None:
    bridge.returncode = await process.wait()
    await trio.sleep(PROBE_EVERY_S)  # its last lines are still in the pipe
    bridge.exited.set()


async def _until_ready(bridge: RunningBridge) -> str | None:
    """Ask until it is ready; None, or what is wrong, for a person."""
    ready = bridge.target.ready
    said = "nobody listens there"
    with trio.move_on_after(ready.within_ms / 1000):
        while not bridge.exited.is_set():
            said = await _probe(bridge) or ""
            if not said:
                return None
            await trio.sleep(PROBE_EVERY_S)
    if bridge.exited.is_set():
        return bridge.death()
    host, port = bridge.address
    lines = "".join(f"\n  | {line}" for line in bridge.lines)
    within = f"{ready.within_ms / 1000:g} s"
    what = f"{bridge.target.name} at {host}:{port}{ready.get}"
    return f"{what} was not ready within {within}: {said}{lines}"


async def _probe(bridge: RunningBridge) -> str | None:
    """One attempt; None = ready, else why not."""
    host, port = bridge.address
    ready = bridge.target.ready
    try:
        with trio.fail_after(PROBE_S_MAX):
            stream = await trio.open_tcp_stream(host, port)
            async with stream:
                if not ready.get:
                    return None
                await stream.send_all(_probe_request(bridge))
                return await _probe_answer(stream, ready.status)
    except OSError as error:
        return _unreached(error)
    except trio.BrokenResourceError:
        return "the connection was broken"
    except trio.TooSlowError:
        return f"no answer in {PROBE_S_MAX:g} s"


def _unreached(error: OSError) -> str:
    """Why there is no connection; trio's own error has those of the kernel behind it."""
    group = error.__cause__
    causes = group.exceptions if isinstance(group, BaseExceptionGroup) else (error,)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "the connection was refused, for nobody listens there"
    said = (cause.strerror for cause in causes if isinstance(cause, OSError))
    return next(filter(None, said), "it cannot be reached")


def _probe_request(bridge: RunningBridge) -> bytes:
    host = bridge.public.partition("://")[2]
    lines = (f"GET {bridge.target.ready.get} HTTP/1.1", f"host: {host}", "connection: close")
    return "\r\n".join((*lines, "accept: */*", "", "")).encode()


async def _probe_answer(stream: trio.SocketStream, wanted: int) -> str | None:
    data = b""
    while b"\r\n" not in data and len(data) < LINE_CHARACTERS_MAX:
        more = await stream.receive_some()
        if not more:
            break
        data += more
    words = data.split(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) > 1 and words[0].startswith("HTTP/") and words[1] == str(wanted):
        return None
    return f"the answer was {' '.join(words)[:80]!r}, not {wanted}"


async def _end(process: trio.Process) -> None:
    """SIGTERM to the whole group, SIGKILL to what is left of it."""
    with trio.CancelScope(shield=True):
        if process.returncode is None:
            _signal_group(process, signal.SIGTERM)
            with trio.move_on_after(GOODBYE_S_MAX):
                await process.wait()
        _signal_group(process, signal.SIGKILL)
        await process.wait()
        if process.stdout is not None:
            with trio.CancelScope(deadline=-math.inf):
                await process.stdout.aclose()


def _signal_group(process: trio.Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # all of it is gone
