"""Two bridges behind nginx: one is killed in the middle of its calls, the other drained under load.

The proxy's configuration is the shipped one, `deploy/nginx.conf`, with loopback addresses. It needs
nginx (Debian: `apt-get install nginx-light`); where that is missing this test fails and says so;
`--ignore` this file to do without. It takes real seconds, because callers do.
"""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import trio

from simulator.live.realtime_calls import RealtimeServer
from simulator.live.twilio_calls import Service, TwilioServer
from simulator.scenario.format import AutoReply, HangUp, ModelSetup, Scenario, Step, Trigger
from simulator.sockets import open_sockets
from simulator.timeline import Timeline
from simulator.trace import Event
from tests.socket_ends import unused_port

ROOT: Final = Path(__file__).resolve().parents[1]
PUBLIC: Final = "bridge.example.com"
ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "0123456789abcdef0123456789abcdef"
PATIENCE_S: Final = 90
CALL_MS: Final = 6_000.0


def nginx() -> str:
    """The program."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert found, "nginx is not installed (Debian: apt-get install nginx-light)"
    return found


def proxy_config(port: int, bridges: list[int]) -> str:
    """The shipped configuration, without TLS and with these addresses."""
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    text = re.sub(r"^ *ssl_.*\n", "", text, flags=re.MULTILINE)
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("bridge-1:5050", f"127.0.0.1:{bridges[0]}"),
        ("bridge-2:5050", f"127.0.0.1:{bridges[1]}"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


class Bridge:
    """One machine: a process with a port, a metrics port and settings of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port, self.metrics_port = unused_port(), unused_port()
        self._log = folder / f"bridge-{self.port}.log"
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **environment,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "METRICS_PORT": str(self.metrics_port),
        }
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "bridge", "serve", "--env-file", os.devnull]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - takes a moment once
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )
        while not await self._is_ready():
            assert self.process.poll() is None, self._log.read_text()
            await trio.sleep(0.1)

    async def calls(self) -> int:
        """How many it carries."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{self.metrics_port}/health")
        return int(answer.json()["calls"])

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self.process is not None
        while self.process.poll() is None:  # noqa: ASYNC110 - no event of ours
            await trio.sleep(0.05)
        return int(self.process.returncode)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Whatever state it is in."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def _is_ready(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"http://127.0.0.1:{self.metrics_port}/ready")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK


class Phones:
    """The callers, and what became of each."""

    def __init__(self) -> None:
        self.server: TwilioServer | None = None
        self.connected: set[int] = set()
        self.endings: dict[int, dict[str, Any]] = {}
        self.faults: list[tuple[int, str]] = []

    def write(self, number: int, event: Event) -> None:
        """Take an event of call `number`."""
        name = f"{event.who}.{event.name}"
        if name == "twilio.connected":
            self.connected.add(number)
        elif name == "phone.ended":
            self.endings[number] = dict(event.data)
        elif name in ("phone.twiml_error", "twilio.refused"):
            self.faults.append((number, str(event.data)))

    async def ring(self, count: int) -> range:
        """So many more calls, one after the other; their numbers."""
        assert self.server is not None
        first = self.server.calls + 1
        for _ in range(count):
            self.server.ring(f"https://{PUBLIC}/incoming-call")
            await trio.sleep(0.2)
        return range(first, first + count)

    async def all_connected(self, numbers: range) -> None:
        """Wait until their streams are there."""
        while not set(numbers) <= self.connected | set(self.endings):  # noqa: ASYNC110 - the same
            await trio.sleep(0.05)

    async def all_over(self, numbers: range) -> None:
        """Wait until they have ended."""
        while not set(numbers) <= set(self.endings):  # noqa: ASYNC110 - the same
            await trio.sleep(0.05)

    def how(self, numbers: range) -> list[str]:
        """How they ended: `caller: hangup` and the like."""
        return [f"{self.endings[n]['by']}: {self.endings[n]['how']}" for n in numbers]


def caller() -> Scenario:
    """Listens for some seconds and hangs up."""
    steps = (Step(HangUp(), when=Trigger("at", CALL_MS)),)
    return Scenario(name="many", path=Path("many"), caller=steps)


@asynccontextmanager
async def proxy(folder: Path, port: int, bridges: list[int]) -> AsyncIterator[None]:
    """nginx, in the foreground and in a folder of its own."""
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = proxy_config(port, bridges).replace("http {", f"http {{ access_log off; {temporary}", 1)
    (folder / "nginx.conf").write_text(text)
    first = f"daemon off; pid {folder}/pid; " + ("user root;" if os.getuid() == 0 else "")
    command = [nginx(), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr", "-g", first]
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220 - the same
    try:
        while not listens(port):
            assert process.poll() is None, (folder / "nginx.log").read_text()
            await trio.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[tuple[Phones, list[Bridge]]]:
    """The vendors, two bridges, the proxy between them and the callers."""
    timeline, phones, port = Timeline(), Phones(), unused_port()
    bridges: list[Bridge] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timeline.run)
        async with open_sockets(timeline) as net:
            answers = ModelSetup(auto=AutoReply())  # and never hangs up
            model = await net.listen(RealtimeServer(answers, timeline=timeline).accept)
            phones.server = TwilioServer(
                caller(),
                Service(ACCOUNT, TOKEN, reached_at={PUBLIC: ("127.0.0.1", port)}),
                timeline=timeline,
                net=net,
                write=phones.write,
            )
            rest = await net.listen(phones.server.accept)
            environment = {
                "OPENAI_API_KEY": "sk-pretended-0123456789",
                "TWILIO_ACCOUNT_SID": ACCOUNT,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "PUBLIC_URL": f"https://{PUBLIC}",
                "REALTIME_URL": "ws://{}:{}/v1/realtime".format(*model),
                "TWILIO_API_URL": "http://{}:{}".format(*rest),
                "DATABASE_URL": f"sqlite:///{folder}/calls.db",
                "RECORDS_SPOOL": f"{folder}/spool",
                "FLIGHT_RECORD": "never",
                "STREAM_WITHIN_SECONDS": "3",
                "DRAIN_SECONDS": "30",
                "LOG_FORMAT": "json",
            }
            bridges += [Bridge(folder, environment) for _ in range(2)]
            try:
                for bridge in bridges:
                    await bridge.start()
                async with proxy(folder, port, [bridge.port for bridge in bridges]):
                    yield phones, bridges
                    phones.server.hang_up()
                    await phones.server.drained()
            finally:
                for bridge in bridges:
                    bridge.kill()
        nursery.cancel_scope.cancel()


def recorded(folder: Path) -> list[str]:
    """The end reasons in the database, one for each recorded call."""
    with sqlite3.connect(folder / "calls.db") as database:
        rows = database.execute("SELECT call_sid, end_reason FROM call_records").fetchall()
    assert len({sid for sid, _ in rows}) == len(rows)
    return [reason for _, reason in rows]


async def test_a_killed_machine_and_a_drained_one(tmp_path: Path) -> None:
    """A machine's death costs its own calls and no other; a drained one costs nobody anything."""
    with trio.fail_after(PATIENCE_S):
        async with stage(tmp_path) as (phones, (first, second)):
            # Both carry calls; one dies. The next calls are the other's.
            before = await phones.ring(8)
            await phones.all_connected(before)
            shared = await first.calls(), await second.calls()
            first.tell(signal.SIGKILL)
            await first.ended()
            after = await phones.ring(4)
            await phones.all_connected(after)
            left = await second.calls()
            await phones.all_over(range(1, after.stop))
            # It comes back, and the other one is drained while calls run and come.
            await first.start()
            during = await phones.ring(6)
            await phones.all_connected(during)
            drained = await second.calls()
            second.tell(signal.SIGTERM)
            new = await phones.ring(6)
            await phones.all_connected(new)
            code = await second.ended()
            await phones.all_over(new)
            first.tell(signal.SIGTERM)
            await first.ended()
            reasons = recorded(tmp_path)

    died = [how for how in phones.how(before) if how != "caller: hangup"]
    assert min(shared) > 0
    assert sum(shared) == len(before)
    assert len(died) == shared[0]
    assert left >= shared[1]
    assert drained > 0
    assert phones.faults == []
    assert set(phones.how(after) + phones.how(during) + phones.how(new)) == {"caller: hangup"}
    assert code == 0
    # Every call has its record, but for those that died with their machine.
    assert reasons.count("caller_hung_up") == len(phones.endings) - shared[0]
