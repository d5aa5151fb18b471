"""How the bridge finds and reaches services: names, addresses, connections over the link.

Owns what a name leads to and what it takes to connect. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from simulator.network import Connection, Direction
from simulator.scenario.served import ServiceSetup
from simulator.services.service import FakeService
from simulator.timeline import Timeline
from simulator.trace import Trace

PUBLIC_NETWORK = "93.184.216"
"""Where hosts are of which nothing else is said."""


class ServiceNetwork:
    """The internet, as far as tools see it: the hosts of a scenario, and nobody else.

    Args:
        there: the link from the bridge.
        open_connection: makes a connection over the link.
    """

    def __init__(
        self,
        setups: Mapping[str, ServiceSetup],
        there: Direction,
        back: Direction,
        open_connection: Callable[[], Connection],
        timeline: Timeline,
        trace: Trace,
        secret: str | None,
    ) -> None:
        self._addresses = {
            host: setup.addresses or (f"{PUBLIC_NETWORK}.{number}",)
            for number, (host, setup) in enumerate(setups.items(), start=1)
        }
        self._round_trip = (there, back)
        self._open = open_connection
        self._trace = trace
        self._services = {
            host: FakeService(host, setup, timeline, trace, secret)
            for host, setup in setups.items()
        }

    async def resolve(self, host: str, _port: int) -> list[str]:
        """The addresses of a name.

        Raises:
            OSError: nobody has this name.
        """
        await self._there_and_back()
        self._trace.record("service", "resolved", host=host, known=host in self._addresses)
        if host not in self._addresses:
            raise OSError("no such name")
        return list(self._addresses[host])

    async def open_address(
        self, address: str, port: int, server_name: str | None
    ) -> trio.abc.Stream:
        """A connection to an address: one round trip for TCP, one for TLS 1.3.

        Raises:
            OSError: nobody is at this address.
        """
        hosts = [host for host, own in self._addresses.items() if address in own]
        host = server_name if server_name in hosts else next(iter(hosts), "")
        self._trace.record(
            "service",
            "connecting",
            host=host,
            address=address,
            port=port,
            tls=server_name is not None,
        )
        await self._there_and_back()
        if not host or server_name not in (None, host):
            raise OSError("refused")
        if server_name is not None:
            await self._there_and_back()
        connection = self._open()
        connection.attach(self._services[host].accept(connection))
        return connection.stream

    async def _there_and_back(self) -> None:
        for direction in self._round_trip:
            arrived = trio.Event()
            direction.carry(arrived.set)
            await arrived.wait()
