"""`callsim realtime --engine live`: the fake GPT-Live endpoint as a server."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from simulator.live.realtime_calls import Engine, RealtimeServer, default_script, trace_line
from simulator.live.realtime_server import introduction
from simulator.scenario.format import AutoReply, Item, ModelSetup, Reply
from simulator.sockets import Sockets
from simulator.sound import load_clip
from simulator.timeline import Timeline
from simulator.trace import Event
from tests.live_client import SESSION, speech
from tests.live_server import serving
from tests.test_realtime_server import KEY, PATIENCE_S, YES, command, until

TALKS = ModelSetup(replies=(Reply("greeting", 0.0, (Item(YES),)),))
SILENCE_100_MS = base64.b64encode(b"\xff" * 800).decode()
SCENARIO = """
agent: {settings: {ENGINE: live}}
caller: []
"""


def say_hello(client: Connection) -> bytes:
    """Start a session, ask for a greeting, and hear it out: all the sound that came."""
    client.send(json.dumps({"type": "session.start", "session": SESSION}))
    until(client, "session.started")
    asked = {"type": "session.commentary.append", "content": "Greet.", "delegation_id": None}
    client.send(json.dumps(asked))
    sound, words, wanted = b"", "", load_clip(YES)
    while words != wanted.words:
        client.send(json.dumps({"type": "session.input_audio.append", "audio": SILENCE_100_MS}))
        event: Any = json.loads(client.recv(timeout=PATIENCE_S))
        if event["type"] == "session.output_audio.delta":
            sound += base64.b64decode(event["delta"])
        elif event["type"] == "session.output_transcript.delta":
            words += event["delta"]
    while wanted.audio.strip(b"\xff\x7f") not in sound:
        sound += base64.b64decode(until(client, "session.output_audio.delta")["delta"])
    return sound


def test_a_client_is_talked_to() -> None:
    """A client starts a session and hears its greeting; the terminal and the trace tell of it."""
    said: list[str] = []
    written: list[bytes] = []

    def write(number: int, event: Event) -> None:
        written.append(trace_line(number, event))

    async def start(net: Sockets, timeline: Timeline) -> str:
        server = RealtimeServer(
            TALKS, engine="live", timeline=timeline, say=said.append, write=write
        )
        host, port = await net.listen(server.accept)
        return f"ws://{host}:{port}/v1/live/sessions"

    with serving(start) as url, connect(url, additional_headers=KEY) as client:
        sound = say_hello(client)
        client.send('{"type": "session.close"}')
        closed = until(client, "session.closed")

    assert speech(sound).strip(b"\xff\x7f") == load_clip(YES).audio.strip(b"\xff\x7f")
    assert closed["reason"] == "close_requested"
    assert said[0] == "call 1: connected, /v1/live/sessions"
    assert said[1].endswith(" s: 0 turns, 1 response")
    assert load_clip(YES).words not in b"".join(written).decode()


def test_the_introduction_points_a_bridge_at_it() -> None:
    """The settings that make our bridge speak GPT-Live to this address; no dialect."""
    lines = list(
        introduction(("127.0.0.1", 80), TALKS, engine="live", secure=False, authority=None)
    )

    assert lines[0].startswith("# fake GPT-Live endpoint on 127.0.0.1:80 ")
    assert lines[1:] == [
        "ENGINE=live",
        "LIVE_URL=ws://127.0.0.1:80/v1/live/sessions",
        "OPENAI_API_KEY=sk-callsim",
    ]


@pytest.mark.parametrize(
    ("arguments", "is_live"),
    [
        (["--engine", "live"], True),
        (["--scenario"], True),
        (["--scenario", "--engine", "realtime"], False),
        ([], False),
    ],
)
def test_which_engine(
    arguments: list[str], is_live: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The option says it, else the scenario's settings, else it is the Realtime API."""
    call = tmp_path / "one.call.yaml"
    call.write_text(SCENARIO, "utf-8")
    if arguments[:1] == ["--scenario"]:
        arguments = ["--scenario", str(call), *arguments[1:]]
    code = command("--for", "0.05", *arguments)

    assert code == 0
    assert ("ENGINE=live" in capsys.readouterr().out) == is_live


def test_gpt_live_has_no_dialects(capsys: pytest.CaptureFixture[str]) -> None:
    """A dialect beside it is a misunderstanding, and said to be."""
    code = command("--engine", "live", "--dialect", "beta", "--for", "0.05")

    assert code == 2
    assert "--dialect is the Realtime API's; GPT-Live has none" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["realtime", "live"])
def test_the_default_script_says_goodbye_once(engine: Engine) -> None:
    """The Realtime API's goodbye comes with `end_call`; GPT-Live is asked for it afterwards."""
    script = default_script(engine)
    last = next(reply for reply in script.replies if reply.calls)
    farewells = [reply for reply in script.replies if reply.on == "farewell"]

    assert script.auto == AutoReply()
    assert bool(last.items) == (engine == "realtime")
    assert len(farewells) == (1 if engine == "live" else 0)
