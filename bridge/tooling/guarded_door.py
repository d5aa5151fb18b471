"""Connections for HTTP tools: to the internet, and to hosts the operator names.

Owns the order of things: a name is resolved, its addresses are checked, and the connection goes to
an address that was checked. Nobody resolves the name a second time, so that an answer that changes
in between (DNS rebinding) changes nothing. Must not know HTTP.
"""

from typing import Final

import trio

from bridge.errors import BridgeError
from bridge.outside import OpenAddress, Resolve
from bridge.tooling.addresses import is_public

CONNECT_S_MAX: Final = 3.0
"""For one address; a name with several addresses has the next one tried."""
ADDRESSES_MAX: Final = 4


class AddressRefused(BridgeError):  # noqa: N818 - the base is the error
    """The host has no address a tool may be sent to."""


class NotConnected(BridgeError):  # noqa: N818 - the base is the error
    """The host has no address, or nobody answers there."""


class GuardedDoor:
    """Opens byte streams to hosts.

    Args:
        private_hosts: names and addresses, as a URL has them, that may be private.
    """

    def __init__(
        self, resolve: Resolve, open_address: OpenAddress, private_hosts: frozenset[str]
    ) -> None:
        self._resolve = resolve
        self._open = open_address
        self._private_hosts = private_hosts

    async def open(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        """A stream to the host, with TLS in its name.

        Raises:
            AddressRefused: it is not on the internet, and not among the private hosts.
            NotConnected: there is no connection.
        """
        try:
            found = await self._resolve(host, port)
        except OSError:
            raise NotConnected("the host's name is unknown") from None
        anywhere = host in self._private_hosts
        allowed = [address for address in found if anywhere or is_public(address)]
        if found and not allowed:
            raise AddressRefused("the host is not on the public internet")
        for address in allowed[:ADDRESSES_MAX]:
            try:
                with trio.fail_after(CONNECT_S_MAX):
                    return await self._open(address, port, host if tls else None)
            except (OSError, trio.BrokenResourceError, trio.TooSlowError):
                continue
        raise NotConnected("no connection to the host")
