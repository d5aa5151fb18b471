"""bridge.operations.workers, and serving: processes that start, die, drain and stop, for real."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio

from bridge.operations import workers
from bridge.operations.workers import Workers
from tests.far_ends import KEY
from tests.socket_ends import unused_port

ROOT = Path(__file__).resolve().parents[1]
LIVES = "import sys, pathlib; pathlib.Path(sys.argv[1]).touch(); sys.stdin.buffer.read()"
DIES_ONCE = """
import sys, pathlib
first = pathlib.Path(sys.argv[1])
if not first.exists():
    first.touch()
    sys.exit(0)
pathlib.Path(sys.argv[2]).touch()
sys.stdin.buffer.read()
"""


def python(program: str, *arguments: Path) -> list[str]:
    """A command that runs a Python program."""
    return [sys.executable, "-c", program, *map(str, arguments)]


async def there(path: Path) -> None:
    """Wait until a process has said that it runs."""
    while not await trio.Path(path).exists():  # noqa: ASYNC110 - a process says so
        await trio.sleep(0.01)


async def test_workers_are_told_to_stop_and_waited_for(tmp_path: Path) -> None:
    """SIGTERM reaches each of them; then the parent is done, too."""
    said: list[str] = []
    files = [tmp_path / "a", tmp_path / "b"]
    codes = []
    with socket.socket() as listener:
        commands = [python(LIVES, path) for path in files]
        many = Workers(commands, listener.fileno(), said.append)

        async def run() -> None:
            codes.append(await many.run())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            for path in files:
                await there(path)
            os.kill(os.getpid(), signal.SIGTERM)

    assert codes == [0]
    assert said == []


async def test_a_worker_that_dies_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause, and with a sentence."""
    monkeypatch.setattr(workers, "RESTART_S_FIRST", 0.01)
    said: list[str] = []
    again = tmp_path / "again"
    with socket.socket() as listener:
        command = python(DIES_ONCE, tmp_path / "first", again)
        many = Workers([command], listener.fileno(), said.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(many.run)
            await there(again)
            os.kill(os.getpid(), signal.SIGINT)

    assert said == ["worker 0 ended with code 0; again in 0.01 s"]


async def test_workers_that_cannot_start_are_not_tried_for_ever(tmp_path: Path) -> None:
    """A wrong setting is wrong for all of them: the others stop, and its code is the parent's."""
    with socket.socket() as listener:
        commands = [python(LIVES, tmp_path / "a"), python("raise SystemExit(2)")]
        code = await Workers(commands, listener.fileno(), lambda _line: None).run()

    assert code == 2


async def _answers(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """Ask until somebody answers."""
    while True:
        try:
            return await client.get(url)
        except httpx.TransportError:
            await trio.sleep(0.05)


async def test_two_workers_behind_one_port(tmp_path: Path) -> None:
    """Each with metrics and a log of its own; killing the parent leaves none of them behind."""
    port, metrics_port = unused_port(), unused_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ},
        "OPENAI_API_KEY": KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "WORKERS": "2",
        "DATABASE_URL": "off",
        "FLIGHT_RECORD": "never",
        "LOG_FORMAT": "json",
        "LOG_FILE": str(tmp_path / "calls.log"),
    }
    command = [sys.executable, "-m", "bridge", "serve", "--env-file", os.devnull]
    process = await trio.lowlevel.open_process(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with trio.fail_after(30):
            async with httpx.AsyncClient(trust_env=False) as client:
                base = "http://127.0.0.1"
                health = await _answers(client, f"{base}:{port}/health")
                own = [await _answers(client, f"{base}:{metrics_port + n}/ready") for n in (0, 1)]
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()
                gone = False
                while not gone:
                    try:
                        await client.get(f"{base}:{metrics_port + 1}/ready")
                    except httpx.TransportError:
                        gone = True
                    await trio.sleep(0.05)
    finally:
        if process.returncode is None:
            process.kill()
    logs = [
        path.name for path in (tmp_path / "calls-1.log", tmp_path / "calls.log") if path.exists()
    ]

    assert health.json()["status"] == "ok"
    assert [answer.json()["status"] for answer in own] == ["ready", "ready"]
    assert logs == ["calls-1.log", "calls.log"]
