"""The fake GPT-Live endpoint.

Owns what kind of connection it takes; all else is `simulator.model.model_server`'s.
"""

from simulator.gpt_live.connection import Connection
from simulator.model.model_server import ModelServer
from simulator.wire import Wire


class FakeGptLive(ModelServer[Connection]):
    """OpenAI's GPT-Live endpoint, sans-IO.

    Of the setup it knows nothing of: `dialect`, `stragglers`, `cancelled_done_late`, `delta_ms`,
    truncation and formats; of a reply: `burst`, `trickle`, `deliver` and `incomplete`, since its
    output is paced as it plays.
    """

    def _connection(self, wire: Wire, number: int) -> Connection:
        return Connection(self._endpoint, wire, number)
