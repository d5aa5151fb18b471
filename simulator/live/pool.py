"""The bridges of a run: one process per set of settings, kept for the next call like it.

Owns how many there are and which one is free. A process plays one call at a time, so there are as
many as calls are played at once; one that has left something behind is not used again.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from simulator.live.doors import Doors, open_doors
from simulator.live.process import BridgeProblem, running
from simulator.live.target import Target
from simulator.live.world import Place

Settings = frozenset[tuple[str, str]]


@dataclass(slots=True, eq=False)
class _Kept:
    """One bridge. It lives until `leave` is set; `gone` is set afterwards."""

    settings: Settings
    busy: bool = True
    place: Place | None = None
    leave: trio.Event = field(default_factory=trio.Event)
    gone: trio.Event = field(default_factory=trio.Event)


class Pool:
    """Made by `open_pool`."""

    def __init__(
        self,
        target: Target,
        most: int,
        ports: tuple[int, int],
        nursery: trio.Nursery,
        told: Callable[[Doors], None] | None,
    ) -> None:
        self._target = target
        self._most = most if target.command and target.port is None else 1
        self._ports = ports
        self._nursery = nursery
        self._told = told
        self._kept: list[_Kept] = []
        self._room = trio.Semaphore(self._most)

    @property
    def most(self) -> int:
        """How many calls may be played at once."""
        return self._most

    @asynccontextmanager
    async def bridge(self, settings: Mapping[str, str]) -> AsyncIterator[Place]:
        """A bridge with these settings, for one call.

        Raises:
            BridgeProblem: it cannot be started.
        """
        key = frozenset(settings.items())
        async with self._room:
            kept = await self._free_one(key)
            assert kept.place is not None
            try:
                yield kept.place
            finally:
                kept.busy = False

    async def retire(self, place: Place) -> None:
        """Do not use this bridge again."""
        for kept in [each for each in self._kept if each.place is place]:
            await self._dismiss(kept)

    async def _free_one(self, key: Settings) -> _Kept:
        idle = [kept for kept in self._kept if not kept.busy]
        for kept in idle:
            assert kept.place is not None
            if kept.settings == key and not kept.place.bridge.exited.is_set():
                kept.busy = True
                return kept
        if len(self._kept) >= self._most:
            await self._dismiss(idle[0])
        kept = _Kept(key)
        self._kept.append(kept)
        try:
            await self._nursery.start(self._live, kept)
        finally:
            if kept.place is None:
                self._kept.remove(kept)
        return kept

    async def _dismiss(self, kept: _Kept) -> None:
        self._kept.remove(kept)
        kept.leave.set()
        await kept.gone.wait()

    async def _live(
        self, kept: _Kept, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """One bridge, from its start until it is dismissed."""
        settings = dict(kept.settings)
        problem: BridgeProblem | None = None
        try:
            async with open_doors(*self._ports) as doors:
                if self._told is not None:
                    self._told(doors)
                try:
                    async with running(self._target, doors.values, settings) as bridge:
                        kept.place = Place(bridge, doors)
                        task_status.started()
                        await kept.leave.wait()
                except BridgeProblem as found:
                    problem = found
            if problem is not None:
                raise problem
        finally:
            kept.gone.set()


@asynccontextmanager
async def open_pool(
    target: Target,
    most: int,
    *,
    ports: tuple[int, int] = (0, 0),
    told: Callable[[Doors], None] | None = None,
) -> AsyncIterator[Pool]:
    """Bridges of `target`, at most `most` of them; all are ended with the block.

    Args:
        target: what to start.
        most: how many of them, and so how many calls at once.
        ports: of the fake Realtime endpoint and of REST; 0 = the system chooses.
        told: is told where a bridge finds its peers, before it is started.
    """
    async with trio.open_nursery() as nursery:
        yield Pool(target, most, ports, nursery, told)
        nursery.cancel_scope.cancel()
