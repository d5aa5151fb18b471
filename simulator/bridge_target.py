"""Our own bridge, unchanged, served on memory streams: the only module that starts it.

Owns which doors of the bridge a simulated world uses. Knows nothing of scenarios or of judging.
"""

from collections.abc import Mapping

from hypercorn.config import Config

from bridge.app import make_app
from bridge.connections import Connections
from bridge.outside import Outside
from bridge.recording.recording import SoundPiece
from bridge.service import BridgeApp
from bridge.settings import settings_from
from simulator.bridge_settings import WORLD_SETTINGS
from simulator.stream import BridgeStream


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
        self.use(make_app(given, outside=outside, recordings=_NoDisk()))

    def use(self, app: BridgeApp) -> None:
        """Serve with this app from now on."""
        self._app = app
        self._connections = Connections(app, Config(), app.log)

    async def drain(self) -> None:
        """Stop as at SIGTERM: no new calls, time for the running ones, a goodbye, the end."""
        await self._app.drain()

    async def serve(self, stream: BridgeStream) -> None:
        """Serve one connection until it is over."""
        await self._connections.serve(stream)
