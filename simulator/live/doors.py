"""The two ports at which a bridge finds its peers: the Realtime endpoint and Twilio's REST API.

Owns the listening sockets, which stay while call after call is played with the same bridge; the
call that is played now answers. Between calls nobody does: a connection is reset.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import trio

from simulator.pretended import ACCOUNT_SID, API_KEY, AUTH_TOKEN
from simulator.sockets import Sockets, open_sockets
from simulator.timeline import Timeline
from simulator.wire import Peer, Wire

LOOPBACK = "127.0.0.1"


class Host(Protocol):
    """Whose call is played now."""

    def accept_realtime(self, wire: Wire) -> Peer:
        """The bridge connects to the Realtime endpoint."""
        ...

    def accept_rest(self, wire: Wire) -> Peer:
        """The bridge connects to Twilio's REST API."""
        ...


class _Nobody:
    """Hears nothing."""

    def receive(self, data: bytes) -> None:
        """Forget it."""

    def closed(self, why: str) -> None:
        """Forget it."""


class Doors:
    """Both listening sockets. `host` answers; None = nobody is in."""

    def __init__(self) -> None:
        self.host: Host | None = None
        self.realtime = (LOOPBACK, 0)
        self.twilio = (LOOPBACK, 0)

    @property
    def values(self) -> dict[str, str]:
        """What a target file may name in braces."""
        return {
            "realtime_url": "ws://{}:{}/v1/realtime".format(*self.realtime),
            "live_url": "ws://{}:{}/v1/live/sessions".format(*self.realtime),
            "twilio_api_url": "http://{}:{}".format(*self.twilio),
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "api_key": API_KEY,
        }

    @property
    def advice(self) -> list[str]:
        """Environment lines for a bridge that somebody else has started."""
        values = self.values
        return [
            f"REALTIME_URL={values['realtime_url']}",
            f"LIVE_URL={values['live_url']}",
            f"OPENAI_API_KEY={values['api_key']}",
            f"TWILIO_API_URL={values['twilio_api_url']}",
            f"TWILIO_ACCOUNT_SID={values['account_sid']}",
            f"TWILIO_AUTH_TOKEN={values['auth_token']}",
        ]

    async def listen(self, net: Sockets, realtime_port: int, twilio_port: int) -> None:
        """Open the ports; 0 = the system chooses.

        Raises:
            OSError: a port is taken.
        """
        self.realtime = await net.listen(self._realtime, host=LOOPBACK, port=realtime_port)
        self.twilio = await net.listen(self._rest, host=LOOPBACK, port=twilio_port)

    def _realtime(self, wire: Wire) -> Peer:
        return _nobody(wire) if self.host is None else self.host.accept_realtime(wire)

    def _rest(self, wire: Wire) -> Peer:
        return _nobody(wire) if self.host is None else self.host.accept_rest(wire)


def _nobody(wire: Wire) -> Peer:
    wire.abort()
    return _Nobody()


@asynccontextmanager
async def open_doors(realtime_port: int = 0, twilio_port: int = 0) -> AsyncIterator[Doors]:
    """Both ports on loopback, for as long as the block lasts."""
    timeline = Timeline()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timeline.run)
        async with open_sockets(timeline) as net:
            doors = Doors()
            await doors.listen(net, realtime_port, twilio_port)
            yield doors
        nursery.cancel_scope.cancel()
