"""Our own bridge, unchanged, served on memory streams: the only module that reaches into it.

Owns which doors of the bridge and of hypercorn a simulated world uses. Knows nothing of scenarios
or of judging. hypercorn's `TCPServer` is an inner door (as of hypercorn 0.18), so
`tests/test_bridge_target.py` says in plain words when it has moved.
"""

from collections.abc import Mapping
from typing import cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework

from bridge.agents.problem import UnusableAgents
from bridge.api_tokens import hash_of
from bridge.app import make_app
from bridge.outside import Outside
from bridge.recording.recording import SoundPiece
from bridge.settings import UnusableSettings, settings_from
from bridge.wiring import agents_for
from simulator.pretended import (
    ACCOUNT_SID,
    API_KEY,
    API_TOKEN,
    AUTH_TOKEN,
    PUBLIC_HOST,
    TOOL_SIGNING_SECRET,
)
from simulator.stream import BridgeStream

WORLD_SETTINGS: Mapping[str, str] = {
    "OPENAI_API_KEY": API_KEY,
    "PUBLIC_URL": f"https://{PUBLIC_HOST}",
    "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
    "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    "API_TOKENS": hash_of(API_TOKEN),
    "TOOL_SIGNING_SECRET": TOOL_SIGNING_SECRET,
}


def settings_complaints(settings: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the bridge refuses of `settings`: the variable's name, and what it may be."""
    try:
        agents_for(settings_from({**WORLD_SETTINGS, **settings}))
    except UnusableAgents as unusable:
        return [("AGENTS_DIR", line) for line in unusable.lines]
    except UnusableSettings as unusable:
        return [(name, text) for name, _, text in (x.partition(": ") for x in unusable.lines)]
    return []


class _NoDisk:
    """Where recordings go in a world without disks: they are made, and not kept."""

    def take(self, piece: SoundPiece) -> bool:
        """There is room for everything."""
        return bool(piece)


class OurBridge:
    """The bridge's app behind hypercorn's per-connection server."""

    def __init__(self, settings: Mapping[str, str], outside: Outside) -> None:
        """Make the app.

        Raises:
            UnusableSettings: a setting is wrong; its lines say which and what it may be.
        """
        given = settings_from({**WORLD_SETTINGS, **settings})
        self._app = make_app(given, outside=outside, recordings=_NoDisk())
        self._config = Config()
        self._context = WorkerContext(None)

    async def drain(self) -> None:
        """Stop as at SIGTERM: no new calls, time for the running ones, a goodbye, the end."""
        await self._app.drain()

    async def serve(self, stream: BridgeStream) -> None:
        """Serve one connection until it is over."""
        wrapper = ASGIWrapper(cast(ASGIFramework, self._app))
        socket_stream = cast("trio.SSLStream[trio.SocketStream]", stream)
        await TCPServer(wrapper, self._config, self._context, {}, socket_stream)
