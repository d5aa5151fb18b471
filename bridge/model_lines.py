"""The connections of one call to the model's API: the one in use, and perhaps one beside it.

Owns which of them is spoken to, a bounded queue for each, and that all of them are closed. Must not
know what is said, nor when one shall be replaced.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import trio

from bridge.core import realtime
from bridge.legs import RealtimeEndpoint, RealtimeLeg
from bridge.outside import OpenStream

# Full: the model's server is too slow. A conversation that is restored is some 400 events at most,
# kept caller audio is one.
REALTIME_OUTBOX_MAX: Final = 1024


@dataclass(eq=False)
class ModelLine:
    """One connection. Cancelling `scope` ends it wherever it is; `to_send` is its writer's."""

    number: int
    leg: RealtimeLeg
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    def __post_init__(self) -> None:
        channel = trio.open_memory_channel[realtime.Outbound](REALTIME_OUTBOX_MAX)
        self.send, self.to_send = channel

    async def live(self, *tasks: Callable[["ModelLine"], Awaitable[None]]) -> realtime.Closed:
        """Connect, run the tasks until the connection ends, and say how it ended."""
        with self.scope:
            return await self.leg.run(*(_with(task, self) for task in tasks))
        return realtime.Closed()

    async def hang_up(self) -> None:
        """Close it, with manners if it was up."""
        await self.leg.aclose()
        self.scope.cancel()


class ModelLines(trio.abc.AsyncResource):
    """All connections of a call; `aclose` closes what is left of them."""

    def __init__(self, endpoint: RealtimeEndpoint, open_stream: OpenStream) -> None:
        self.endpoint = endpoint
        """Where the next one goes."""
        self.in_use = 0
        self._open_stream = open_stream
        self._lines: dict[int, ModelLine] = {}
        self._beside = 0

    @property
    def waiting(self) -> int:
        """How many events wait to be sent."""
        queues = (line.send.statistics() for line in self._lines.values())
        return sum(queue.current_buffer_used for queue in queues)

    def open(self, number: int, *, beside: bool) -> ModelLine:
        """One more. Unless it is ``beside`` another one, it is spoken to from now on."""
        line = ModelLine(number, RealtimeLeg(self.endpoint, self._open_stream))
        self._lines[number] = line
        if beside:
            self._beside = number
        else:
            self.in_use = number
        return line

    def use(self, number: int) -> int:
        """Speak to this one from now on. Returns the number of the one before."""
        before, self.in_use = self.in_use, number
        return before

    def forget(self, number: int) -> ModelLine | None:
        """This one is to be closed, or is; None: it was forgotten before."""
        return self._lines.pop(number, None)

    def tell(self, event: realtime.Outbound) -> None:
        """Send to the one in use.

        Raises:
            trio.WouldBlock: its queue is full.
        """
        self._tell(self.in_use, event)

    def tell_beside(self, event: realtime.Outbound) -> None:
        """Send to the one beside it.

        Raises:
            trio.WouldBlock: its queue is full.
        """
        self._tell(self._beside, event)

    def _tell(self, number: int, event: realtime.Outbound) -> None:
        line = self._lines.get(number)
        if line is not None:  # its end is on the way to the driver
            line.send.send_nowait(event)

    async def aclose(self) -> None:
        """Say goodbye on all that are left; when cancelled, close them now."""
        async with trio.open_nursery() as nursery:
            for line in self._lines.values():
                nursery.start_soon(line.leg.aclose)


def _with(
    task: Callable[[ModelLine], Awaitable[None]], line: ModelLine
) -> Callable[[RealtimeLeg], Awaitable[None]]:
    async def bound(_: RealtimeLeg) -> None:
        await task(line)

    return bound
