"""Ctrl-C and SIGTERM end what is being played in order, so that no process is left behind.

Owns the signals. What is to be ended is the surrounding block's business.
"""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio


@dataclass(slots=True)
class Stopping:
    """Whether somebody asked to stop."""

    told: bool = False


@asynccontextmanager
async def until_told() -> AsyncIterator[Stopping]:
    """Cancel the block at SIGINT or SIGTERM; afterwards `told` says that this happened.

    What the block raises comes in an exception group, as from a nursery.
    """
    stopping = Stopping()

    async def listen(*, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                stopping.told = True
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        await nursery.start(listen)
        yield stopping
        nursery.cancel_scope.cancel()
