"""A fake endpoint: takes connections, shares one script among them, brings on faults.

Owns what outlives a session. A bridge that reconnects finds the script where it left it.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from simulator.model.client_link import ClientLink, Endpoint
from simulator.model.script import Script
from simulator.model.timing import Timing
from simulator.scenario.format import ModelFault, ModelSetup, Reply, Trigger
from simulator.sound import Clip
from simulator.trace import Trace
from simulator.wire import Wire

Cue = Callable[[Trigger, float, Callable[[], None]], None]


def _nothing_heard() -> str:
    return ""


C = TypeVar("C", bound=ClientLink)


class ModelServer(ABC, Generic[C]):
    """A fake endpoint, sans-IO, whatever is said over its connections.

    Args:
        setup: what the scenario says of the model.
        timeline: the world's clock.
        trace: where everything is recorded, as `realtime.*`.
        rng: the model's stream of randomness: ids, masks, automatic replies.
        clips: finds the sound of a path.
        library: speech for automatic replies that name no clips.
        cue: `Cues.when`: arms the setup's faults; without it, `inject` brings them on.
        words_heard: the caller's words since it was asked last, for input transcription.
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
        self.connections: list[C] = []
        self._accepted = 0
        if cue is not None:
            for fault in setup.faults:
                cue(fault.when, fault.wait_ms, partial(self.inject, fault))

    @abstractmethod
    def _connection(self, wire: Wire, number: int) -> C:
        """Take a connection, and give it this number."""

    def accept(self, wire: Wire) -> C:
        """Take a connection: one WebSocket, one session."""
        self._accepted += 1
        self.connections = [known for known in self.connections if not known.over]
        connection = self._connection(wire, self._accepted)
        self.connections.append(connection)
        return connection

    def inject(self, fault: ModelFault) -> None:
        """Bring on a fault, on every connection that is up."""
        for connection in self.connections:
            connection.inject(fault)

    def unused_replies(self) -> tuple[Reply, ...]:
        """Replies of the script nobody asked for, the optional ones excepted."""
        return self._script.unused()
