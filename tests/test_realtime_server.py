"""`callsim realtime`: the fake Realtime endpoint as a server."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from simulator.live.realtime_calls import (
    RealtimeServer,
    default_script,
    shown_path,
    stands_alone,
    trace_line,
)
from simulator.live.realtime_server import add_parser, introduction
from simulator.scenario.format import Item, ModelFault, ModelSetup, Reply, Trigger
from simulator.sockets import Sockets
from simulator.sound import load_clip
from simulator.timeline import Timeline
from simulator.trace import Event
from tests.live_server import serving

ROOT = Path(__file__).parent.parent
YES = ROOT / "fixtures" / "clips" / "en" / "yes.wav"
QUICK = ModelSetup(replies=(Reply("greeting", 0.0, (Item(YES),), 100.0),))
KEY = {"Authorization": "Bearer sk-secret"}
PATIENCE_S = 10
IN_ITS_OWN_PROCESS = (
    "import sys; from tests.test_realtime_server import command; sys.exit(command(*sys.argv[1:]))"
)
SCENARIO = """
caller: []
model:
  replies:
    - on: greeting
      say: clips/en/yes.wav
  faults:
    - {error: server_error, when: at 0s}
    - {drop: true, when: agent_speaking}
"""


class Desk:
    """A server, what it said and what it wrote."""

    def __init__(self, setup: ModelSetup = QUICK, calls_max: int = 100) -> None:
        self.setup, self.calls_max = setup, calls_max
        self.said: list[str] = []
        self.written: list[tuple[int, Event]] = []
        self.url = ""

    async def start(self, net: Sockets, timeline: Timeline) -> str:
        """Listen."""
        server = RealtimeServer(
            self.setup,
            timeline=timeline,
            say=self.said.append,
            write=lambda number, event: self.written.append((number, event)),
            calls_max=self.calls_max,
        )
        host, port = await net.listen(server.accept)
        self.url = f"ws://{host}:{port}/v1/realtime?model=gpt-realtime-2.1"
        return self.url

    @contextmanager
    def open(self) -> Iterator["Desk"]:
        """Serve."""
        with serving(self.start):
            yield self

    def call(self) -> Connection:
        """A client, by a WebSocket library that is not ours."""
        return connect(self.url, additional_headers=KEY, close_timeout=PATIENCE_S)


def until(client: Connection, kind: str) -> Any:
    """The client's next event of a type."""
    while True:
        event = json.loads(client.recv(timeout=PATIENCE_S))
        if event["type"] == kind:
            return event


def ask(client: Connection) -> Any:
    """Request a response and wait for its end."""
    client.send('{"type": "response.create"}')
    return until(client, "response.done")["response"]


def test_each_call_has_a_script_of_its_own() -> None:
    """Two clients at once both get the first reply, and ids that differ."""
    with Desk().open() as desk, desk.call() as one, desk.call() as other:
        first, second = ask(one), ask(other)

    assert [each["status"] for each in (first, second)] == ["completed", "completed"]
    assert first["output"][0]["content"][0]["transcript"] == load_clip(YES).words
    assert second["output"][0]["content"][0]["transcript"] == load_clip(YES).words
    assert first["id"] != second["id"]


def test_the_same_seed_gives_the_same_ids() -> None:
    """A server that is started again answers its first call with equal ids."""
    ids = []
    for _ in range(2):
        with Desk().open() as desk, desk.call() as client:
            ids.append(until(client, "session.created")["session"]["id"])

    assert ids[0] == ids[1]


def test_a_call_is_told_in_a_few_lines() -> None:
    """The terminal hears of connecting, errors, unscripted requests and the end; never of a key."""
    with Desk(replace(QUICK, require_key="sk-secret")).open() as desk, desk.call() as client:
        ask(client)
        client.send('{"type": "nonsense"}')
        until(client, "error")
        ask(client)
    told = [line.split(" after ")[0] for line in desk.said]

    assert told[0] == "call 1: connected, /v1/realtime?model=gpt-realtime-2.1"
    assert told[1].startswith("call 1: error invalid_value: ")
    assert told[2] == "call 1: no reply is left in the script for: request"
    assert told[3] == "call 1: closed by the bridge (1000)"
    assert desk.said[3].endswith(" s: 0 turns, 2 responses")
    assert "sk-secret" not in " ".join(desk.said)


def test_a_wrong_key_is_told() -> None:
    """A client that is let in and thrown out again shows in the terminal."""
    with Desk(replace(QUICK, require_key="another")).open() as desk, desk.call() as client:
        until(client, "error")

    assert any("error invalid_api_key" in line for line in desk.said)
    assert any("closed by the server (3000)" in line for line in desk.said)


def test_too_many_calls_are_turned_away() -> None:
    """One call more than allowed gets a 429; when another has ended there is room again."""
    with Desk(calls_max=1).open() as desk:
        with desk.call() as client:
            until(client, "session.created")
            with pytest.raises(InvalidStatus) as refused:
                desk.call()
        with desk.call() as client:
            again = until(client, "session.created")

    assert refused.value.response.status_code == 429
    assert json.loads(refused.value.response.body)["error"]["type"] == "rate_limit_error"
    assert again["type"] == "session.created"
    assert "a connection too many: 1 are open (--calls)" in desk.said


def test_faults_count_from_the_connection() -> None:
    """Where there is no phone, a fault's time counts from the connection."""
    fault = ModelFault("close", Trigger("at", 10.0), close_code=1011)
    with (
        Desk(replace(QUICK, faults=(fault,))).open() as desk,
        desk.call() as client,
        pytest.raises(ConnectionClosedError, match="1011"),
    ):
        until(client, "nothing")

    assert any("closed by the server (1011)" in line for line in desk.said)


def test_a_fault_may_wait_for_a_tool() -> None:
    """A tool call happens without a phone; the agent's voice at the caller's ear does not."""
    assert stands_alone(Trigger("tool_called", name="end_call"))
    assert not stands_alone(Trigger("agent_speaking"))


def test_the_trace_holds_no_sound_and_no_words() -> None:
    """A line of the trace is JSON, with the length of sound, without words and query."""
    with Desk().open() as desk, desk.call() as client:
        ask(client)
    lines = [json.loads(trace_line(*each)) for each in desk.written]
    audio = [line for line in lines if line.get("type") == "response.output_audio.delta"]

    assert sum(line["audio_bytes"] for line in audio) == 6 * len(load_clip(YES).audio)
    assert lines[0]["event"] == "realtime.upgraded"
    assert {line["call"] for line in lines} == {1}
    assert load_clip(YES).words not in json.dumps(lines)
    assert not any({"delta", "transcript"} & line.keys() for line in lines)


def test_a_path_is_shown_without_secrets() -> None:
    """Of a query only the model's name is shown: some clients put their key there."""
    path = "/openai/realtime?api-version=1&deployment=ours&api-key=secret"

    assert shown_path(path) == "/openai/realtime?deployment=ours"
    assert shown_path("/v1/realtime?api-key=secret") == "/v1/realtime"


def test_the_default_script_ends_the_call() -> None:
    """Without a scenario turns are answered by themselves, and the fourth ends the call."""
    script = default_script()

    assert script.auto is not None
    assert [call.name for call in script.replies[-1].calls] == ["end_call"]
    assert script.replies[-1].number == 4


@pytest.mark.parametrize(
    ("host", "url", "reach"),
    [
        ("127.0.0.1", "ws://127.0.0.1:80/v1/realtime", "this machine only"),
        ("0.0.0.0", "ws://127.0.0.1:80/v1/realtime", "OTHER MACHINES CAN CONNECT"),
        ("::1", "ws://[::1]:80/v1/realtime", "this machine only"),
        ("calls.local", "ws://calls.local:80/v1/realtime", "OTHER MACHINES CAN CONNECT"),
    ],
)
def test_the_introduction(host: str, url: str, reach: str) -> None:
    """Who can connect is said first; then the environment that points a bridge here."""
    lines = list(introduction((host, 80), QUICK, secure=False, authority=None))

    assert reach in lines[0]
    assert lines[1:] == [f"REALTIME_URL={url}", "REALTIME_DIALECT=ga", "OPENAI_API_KEY=sk-callsim"]


def test_the_introduction_shows_no_key() -> None:
    """A required key is the user's secret; with TLS the file to be trusted is named."""
    setup = replace(QUICK, require_key="sk-secret", dialect="beta")
    lines = list(introduction(("127.0.0.1", 80), setup, secure=True, authority=Path("/x/ca.pem")))

    assert lines[1:3] == ["REALTIME_URL=wss://127.0.0.1:80/v1/realtime", "REALTIME_DIALECT=beta"]
    assert lines[-1] == "SSL_CERT_FILE=/x/ca.pem"
    assert "sk-secret" not in " ".join(lines)


def command(*arguments: str) -> int:
    """Run `callsim realtime` in this process."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["realtime", *arguments])
    code: int = options.command(options)
    return code


def test_ending_by_itself(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`--for` ends the server; with TLS the authority's file is there only while it runs."""
    call = tmp_path / "one.call.yaml"
    call.write_text(SCENARIO, "utf-8")
    code = command("--for", "0.05", "--tls", "--scenario", str(call), "--key", "sk-secret")
    said = capsys.readouterr().out.splitlines()
    authority = said[-2].removeprefix("SSL_CERT_FILE=")

    assert code == 0
    assert said[-1] == "# ended; 0 calls served"
    assert said[1] == "# line 9: never happens, there is no phone to see agent_speaking"
    assert not Path(authority).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--cert", "a.pem"], 2, "--cert and --key-file belong together"),
        (["--cert", "a.pem", "--key-file", "b.pem"], 2, "a.pem: No such file or directory"),
        (["--scenario", "gone.call.yaml"], 2, "gone.call.yaml"),
        (["--scenario", "scenarios/barge-in"], 2, "name one file"),
        (["--trace", "gone/trace.jsonl"], 3, "gone/trace.jsonl: No such file or directory"),
        (["--host", "192.0.2.1"], 3, "192.0.2.1:0: Cannot assign requested address"),
    ],
)
def test_what_cannot_be_done(
    arguments: list[str],
    code: int,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unusable arguments end with 2, an address or file that cannot be had with 3; both say why."""
    monkeypatch.chdir(ROOT)
    ended = command(*arguments, "--for", "1")

    assert ended == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--port", "70000"], ["--port", "x"], ["--calls", "0"], ["--for", "0"], ["--for", "soon"]],
)
def test_arguments_are_checked(arguments: list[str]) -> None:
    """Numbers that cannot be are refused by the parser."""
    with pytest.raises(SystemExit) as refused:
        command(*arguments)

    assert refused.value.code == 2


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody listens there already: exit code 3, and the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = command("--port", str(port))

    assert code == 3
    assert f"127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


def test_interrupted_from_the_keyboard(tmp_path: Path) -> None:
    """As a process of its own it serves a call, and Ctrl-C ends it orderly, trace written."""
    trace = tmp_path / "trace.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", IN_ITS_OWN_PROCESS, "--trace", str(trace)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(4)]
        environment = dict(line.split("=", 1) for line in said[1:])
        url = f"{environment['REALTIME_URL']}?model=gpt-realtime-2.1"
        key = {"Authorization": f"Bearer {environment['OPENAI_API_KEY']}"}
        with connect(url, additional_headers=key) as client:
            until(client, "session.created")
        said += [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        said += process.stdout.read().splitlines()
        code = process.wait(PATIENCE_S)

    assert code == 0
    assert said[4] == "call 1: connected, /v1/realtime?model=gpt-realtime-2.1"
    assert said[5].startswith("call 1: closed by the bridge (1000)")
    assert said[6] == "# ended; 1 call served"
    assert trace.read_text("utf-8").count("\n") == 3
