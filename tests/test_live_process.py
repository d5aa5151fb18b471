"""A bridge as a process: ready, dead, silent; and that nothing of it is left behind."""

import os
import sys

import pytest
import trio

from simulator.live.process import (
    INHERITED,
    LINE_CHARACTERS_MAX,
    TAIL_LINES,
    BridgeProblem,
    RunningBridge,
    environment_of,
    running,
)
from simulator.live.target import Ready, Target

SERVES = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *given): pass
for line in range(100): print("line", line)
print("x" * 100_000, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
DIES = "import sys; print('no such setting', file=sys.stderr); sys.exit(7)"
IS_DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
import socket
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""

LISTENS = Ready()


def python(program: str, ready: Ready = LISTENS) -> Target:
    """A target that runs a Python program."""
    return Target("some", webhook="/x", command=(sys.executable, "-c", program, "{port}"),
                  ready=ready)  # fmt: skip


async def _gone(pid: int) -> bool:
    """Whether the process ends; an orphan is waited for by init, which may take a moment."""
    for _ in range(500):
        try:
            text = await trio.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if text.rpartition(")")[2].split()[0] == "Z":
            return True
        await trio.sleep(0.01)
    return False


async def test_a_bridge_that_answers_its_probe_is_ready() -> None:
    """Its address is what it was told; its last lines are kept, in bounds; it ends by SIGTERM."""
    async with running(python(SERVES, Ready("/health")), {}) as bridge:
        pid = bridge.pid
        long = trio.Event()
        bridge.on_line.append(lambda line: long.set() if line.startswith("x") else None)
        if not any(line.startswith("x") for line in bridge.lines):
            await long.wait()

    assert bridge.webhook_url == f"http://127.0.0.1:{bridge.port}/x"
    assert bridge.address == ("127.0.0.1", bridge.port)
    assert len(bridge.tail) == TAIL_LINES
    assert len(bridge.tail[-1]) == LINE_CHARACTERS_MAX
    assert pid is not None
    assert await _gone(pid)


async def test_a_bridge_that_dies_says_why() -> None:
    """Its exit code and its last lines are in the message."""
    with pytest.raises(BridgeProblem, match=r"exit code 7[\s\S]*no such setting"):
        async with running(python(DIES), {}):
            pass


async def test_a_bridge_that_dies_later_is_noticed() -> None:
    """`exited` is set, and the signal that ended it is named."""
    async with running(python(SERVES), {}) as bridge:
        assert bridge.pid is not None
        os.kill(bridge.pid, 9)
        await bridge.exited.wait()

    assert "signal SIGKILL" in bridge.death()


async def test_a_bridge_that_never_answers() -> None:
    """What was asked, how long, and that nobody was there at all."""
    target = python("import time; time.sleep(60)", Ready("/health", within_ms=200))
    words = r"/health was not ready within 0\.2 s: the connection was refused, for nobody listens"
    with pytest.raises(BridgeProblem, match=words):
        async with running(target, {}):
            pass


async def test_a_bridge_that_hangs_up_on_its_probe() -> None:
    """It listens, and resets what comes."""
    resets = (
        "import socket, struct, sys\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "while True:\n"
        "    one, _ = listener.accept()\n"
        "    one.recv(1)\n"
        "    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n"
        "    one.close()\n"
    )
    with pytest.raises(BridgeProblem, match="the connection was broken"):
        async with running(python(resets, Ready("/health", within_ms=1500)), {}):
            pass


async def test_a_bridge_that_answers_otherwise() -> None:
    """Another status is quoted."""
    target = python(SERVES, Ready("/health", status=204, within_ms=1500))
    with pytest.raises(BridgeProblem, match=r"HTTP/1\.0 200 OK', not 204"):
        async with running(target, {}):
            pass


async def test_a_command_that_does_not_exist() -> None:
    """The command is named."""
    target = Target("some", webhook="/x", command=("/no/such/program",))
    with pytest.raises(BridgeProblem, match="/no/such/program: No such file"):
        async with running(target, {}):
            pass


async def test_a_deaf_bridge_and_its_children_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL follows SIGTERM, for the whole process group, even if the block is cancelled."""
    monkeypatch.setattr("simulator.live.process.GOODBYE_S_MAX", 0.1)
    pids: list[int] = []
    with trio.CancelScope() as scope:
        async with running(python(IS_DEAF), {}) as bridge:
            assert bridge.pid is not None
            pids += [bridge.pid, int(bridge.tail[0])]
            scope.cancel()
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert [await _gone(pid) for pid in pids] == [True, True]


def test_the_environment_is_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own keys stay away; what the target inherits, and the settings, come."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("NODE_PATH", "/modules")
    target = Target("some", webhook="/x", command=("x",), inherit=("NODE_PATH",),
                    environment={"URL": "{realtime_url}", "AT": "{public_url}/x"})  # fmt: skip
    found = environment_of(RunningBridge(target, 7), {"realtime_url": "ws://r"}, {"GREETING": ""})

    assert found["URL"] == "ws://r"
    assert found["AT"] == "http://127.0.0.1:7/x"
    assert found["NODE_PATH"] == "/modules"
    assert found["GREETING"] == ""
    assert set(found) <= {*INHERITED, "URL", "AT", "NODE_PATH", "GREETING"}


def test_of_a_scenarios_endpoint_the_path_counts() -> None:
    """A bridge in a process of its own would ask the vendor, and pay for it."""
    target = Target("ours", webhook="/x", command=("x",), environment={"A": "{realtime_url}"})
    values = {
        "realtime_url": "ws://127.0.0.1:9/v1/realtime",
        "live_url": "ws://127.0.0.1:9/v1/live",
    }
    settings = {"REALTIME_URL": "wss://a.example.com/openai/v1/realtime?model=m",
                "LIVE_URL": "wss://b.example.com/openai/v1/live/sessions"}  # fmt: skip
    found = environment_of(RunningBridge(target, 7), values, settings)

    assert found["REALTIME_URL"] == "ws://127.0.0.1:9/openai/v1/realtime?model=m"
    assert found["LIVE_URL"] == "ws://127.0.0.1:9/openai/v1/live/sessions"
