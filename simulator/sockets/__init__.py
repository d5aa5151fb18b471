"""Real connections for the fakes: TCP and TLS as `Wire` and `Peer`.

Owns sockets. Knows no message of anybody's; `simulator.network` is the same thing in memory.
"""

from simulator.sockets.net import Sockets, open_sockets

__all__ = ["Sockets", "open_sockets"]
