"""Our bridge as a simulated world serves it, and the inner doors of hypercorn it goes through."""

import inspect
from importlib import metadata
from typing import cast

import pytest
import trio
import trio.testing
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext

from bridge.outside import Outside
from bridge.settings import UnusableSettings
from simulator.bridge_settings import settings_complaints
from simulator.bridge_target import OurBridge
from simulator.stream import BridgeStream, SimulatedSocket

DOORS = {
    TCPServer: ["app", "config", "context", "state", "stream"],
    WorkerContext: ["max_requests"],
    ASGIWrapper: ["app"],
}
MOVED = (
    "hypercorn {version} has moved an inner door: {door} now takes {now}, and not {before}. "
    "bridge/connections.py serves single connections through it and must learn the new way."
)


def outside() -> Outside:
    """No network at all: these tests make no call."""

    async def open_stream(host: str, port: int, tls: bool) -> trio.abc.Stream:
        raise OSError("there is no network here")

    return Outside(open_stream=open_stream, wall_clock=lambda: 0.0, log=lambda line: None)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_hypercorns_inner_doors_are_where_they_were(door: type) -> None:
    """A world needs hypercorn's server per connection, which no document promises."""
    now = list(inspect.signature(door).parameters)
    version = metadata.version("hypercorn")

    assert now == DOORS[door], MOVED.format(
        version=version, door=door.__name__, now=now, before=DOORS[door]
    )


async def test_one_connection_is_served(autojump_clock: trio.testing.MockClock) -> None:
    """The unchanged app answers over a stream that is no socket, and lets go of it."""
    bridge = OurBridge({}, outside())
    ours, theirs = trio.testing.memory_stream_pair()
    vars(theirs)["socket"] = SimulatedSocket()
    answer = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bridge.serve, cast(BridgeStream, theirs))
        await ours.send_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async for data in ours:
            answer += data
        await ours.aclose()

    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"status":"ok"' in answer


def test_a_worlds_bridge_is_complete_without_settings() -> None:
    """Key, public address and account are the world's; a scenario sets only what matters."""
    assert settings_complaints({}) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CALL_TOKEN_SECONDS", "5", "10"),
        ("VAD_THRESHOLD", "loud", "number"),
        ("TURN_DETECTION", "telepathy", "server_vad"),
        ("PORT", "http", "port"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, words: str) -> None:
    """The complaint has the variable's name, and says what it may be."""
    ((complained, text),) = settings_complaints({name: value})

    assert complained == name
    assert words in text
    with pytest.raises(UnusableSettings):
        OurBridge({name: value}, outside())


def test_two_wrong_settings_are_two_complaints() -> None:
    """All that is wrong is said at once."""
    complaints = settings_complaints({"VAD_THRESHOLD": "7", "END_CALL_GRACE_SECONDS": "-1"})

    assert sorted(name for name, _ in complaints) == ["END_CALL_GRACE_SECONDS", "VAD_THRESHOLD"]
