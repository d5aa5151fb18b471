"""The fake Realtime endpoint.

Owns what kind of connection it takes; all else is `model_server`'s.
"""

from simulator.model.connection import Connection
from simulator.model.model_server import ModelServer
from simulator.wire import Wire


class FakeRealtime(ModelServer[Connection]):
    """OpenAI's Realtime endpoint, sans-IO."""

    def _connection(self, wire: Wire, number: int) -> Connection:
        return Connection(self._endpoint, wire, number)
