"""The fake endpoint: takes connections, shares one script among them, brings on faults.

Owns what outlives a session. A bridge that reconnects finds the script where it left it.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from simulator.gpt_live.connection import Connection, Endpoint
from simulator.model.script import Script
from simulator.model.timing import Timing
from simulator.scenario.format import ModelFault, ModelSetup, Reply, Trigger
from simulator.sound import Clip
from simulator.trace import Trace
from simulator.wire import Wire

Cue = Callable[[Trigger, float, Callable[[], None]], None]


def _nothing_heard() -> str:
    return ""


class FakeGptLive:
    """OpenAI's GPT-Live endpoint, sans-IO; the arguments are those of `model.server.FakeRealtime`.

    Of the setup it knows nothing of: `dialect`, `stragglers`, `cancelled_done_late`, `delta_ms`,
    truncation and formats; of a reply: `burst`, `trickle`, `deliver` and `incomplete`, since its
    output is paced as it plays.
    """

    def __init__(
        self,
        setup: ModelSetup,
        *,
        timeline: Timing,
        trace: Trace,
        rng: random.Random,
        clips: Callable[[Path], Clip],
        library: Sequence[Path] = (),
        cue: Cue | None = None,
        words_heard: Callable[[], str] = _nothing_heard,
    ) -> None:
        self._script = Script(setup, rng, library)
        self._endpoint = Endpoint(setup, timeline, trace, rng, clips, self._script, words_heard)
        self.connections: list[Connection] = []
        self._accepted = 0
        if cue is not None:
            for fault in setup.faults:
                cue(fault.when, fault.wait_ms, partial(self.inject, fault))

    def accept(self, wire: Wire) -> Connection:
        """Take a connection: one WebSocket, one session."""
        self._accepted += 1
        self.connections = [known for known in self.connections if not known.over]
        connection = Connection(self._endpoint, wire, self._accepted)
        self.connections.append(connection)
        return connection

    def inject(self, fault: ModelFault) -> None:
        """Bring on a fault, on every connection that is up."""
        for connection in self.connections:
            connection.inject(fault)

    def unused_replies(self) -> tuple[Reply, ...]:
        """Replies of the script nobody asked for, the optional ones excepted."""
        return self._script.unused()
