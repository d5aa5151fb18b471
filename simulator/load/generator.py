"""Dials, paces and hangs up: many calls at once, and nothing left when it is over.

Owns the ramp, the 20 ms beat and the end of a run. Frames of all calls of one millisecond of the
beat go out together, so a thousand frames cost fifty wake-ups, not a thousand. Judges nothing.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

from simulator.load.books import Books
from simulator.load.endpoint import Endpoint
from simulator.load.histogram import Histogram
from simulator.load.phone import LoadCall
from simulator.load.reactor import Reactor
from simulator.load.session import Session, Voice
from simulator.load.usage import Usage, usage_of
from simulator.load.webhook import CannotRing, Line, ring
from simulator.scenario.format import Scenario
from simulator.timeline import Timeline

FRAME_MS: Final = 20.0
GROUPS: Final = 20
"""The beat is spread over so many moments, a millisecond apart."""
TURN_S: Final = 0.001
"""So long the sockets and timers have the process to themselves before other tasks run."""
REDIAL_S: Final = 1.0
SAMPLE_S: Final = 1.0
LEAK_S: Final = 5.0
GOODBYE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a run. CPU in percent of one processor; `bridge` None = not known."""

    calls: int
    own_cpu_percent: float
    bridge_cpu_percent: float | None
    bridge: Usage | None


@dataclass(slots=True)
class Measured:
    """What a run brought beside the books."""

    samples: list[Sample] = field(default_factory=list)
    """Of the measured time alone."""
    before: Usage | None = None
    """The bridge before the first call."""
    held_s: float = 0.0
    calls_up: float = 0.0
    """On the average of the measured time."""
    bridge_cpu_s: float | None = None
    """In the measured time."""
    own_cpu_share: float = 0.0
    """In the measured time, of one processor."""
    leaked: int = 0
    """Sessions that were open `LEAK_S` after their caller hung up."""
    bridge_died: str = ""


class Group:
    """The calls whose frames are due in the same millisecond of the beat."""

    def __init__(self, offset_ms: float, timeline: Timeline, books: Books) -> None:
        self._offset_ms = offset_ms
        self._timeline = timeline
        self._books = books
        self._calls: list[LoadCall] = []
        self._running = False
        self._due_ms = 0.0

    def add(self, call: LoadCall) -> None:
        """Begin to pace a call."""
        self._calls.append(call)
        if not self._running:
            self._running = True
            beat = self._timeline.now_ms // FRAME_MS
            self._due_ms = beat * FRAME_MS + FRAME_MS + self._offset_ms
            self._timeline.at(self._due_ms, self._tick)

    def _tick(self) -> None:
        ended = False
        for call in self._calls:
            if call.state == "streaming":
                call.frame()
            else:
                ended = True
        if self._books.recording:
            late_ms = self._timeline.now_ms - self._due_ms  # of the group's last frame
            self._books.send_late_ms.add(late_ms, len(self._calls))
        if ended:
            self._calls = [call for call in self._calls if call.state == "streaming"]
        self._running = bool(self._calls)
        if self._running:
            self._due_ms += FRAME_MS
            self._timeline.at(self._due_ms, self._tick)


class Generator:
    """One run: `begin` listening, then `run` against a bridge that knows `realtime_url`."""

    def __init__(self, scenario: Scenario, calls: int, *, realtime_port: int = 0) -> None:
        self.books = Books()
        self.measured = Measured()
        self._scenario = scenario
        self._slots = calls
        self._timeline = Timeline()
        self._reactor = Reactor()
        self._endpoint = Endpoint(
            self._reactor, self._timeline, self._make_session, self._left, port=realtime_port
        )
        groups = min(GROUPS, calls)
        self._groups = [
            Group(FRAME_MS * index / groups, self._timeline, self.books) for index in range(groups)
        ]
        self._up: dict[int, LoadCall] = {}
        self._waiting: deque[LoadCall] = deque()
        self._ended: set[Session] = set()
        self._leaks: set[Session] = set()
        self._numbers = 0
        self._stopping = False

    @property
    def realtime_url(self) -> str:
        """Where the lean Realtime endpoint listens."""
        return self._endpoint.url

    @property
    def batch_ms(self) -> dict[str, float]:
        """How long the batches of sockets took."""
        return self._reactor.batch_ms.summary()

    def close(self) -> None:
        """Close every socket. Always to be called."""
        self._reactor.close()

    async def run(
        self, line: Line, *, ramp_s: float, for_s: float, pid: int | None, died: trio.Event
    ) -> None:
        """Ramp up, hold, hang up, look for leaks. `died` ends it early."""
        self.measured.before = usage_of(pid) if pid is not None else None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve)
            nursery.start_soon(self._cancel_when, died, nursery.cancel_scope)
            for slot in range(self._slots):
                nursery.start_soon(self._slot, line, slot, ramp_s * slot / self._slots)
            await trio.sleep(ramp_s)
            await self._hold(for_s, pid)
            self._stopping = True
            await self._goodbye()
            nursery.cancel_scope.cancel()

    # -- the calls -----------------------------------------------------------------------------

    async def _slot(self, line: Line, slot: int, wait_s: float) -> None:
        """One caller after another, for ever."""
        await trio.sleep(wait_s)
        while not self._stopping:
            went_well = await self._one_call(line, slot)
            if not went_well:
                await trio.sleep(REDIAL_S)

    async def _one_call(self, line: Line, slot: int) -> bool:
        self._numbers += 1
        group = self._groups[slot % len(self._groups)]
        call = LoadCall(self._numbers, self._scenario, self.books, group.add, self._timeline.after)
        try:
            place = await ring(line, call.call_sid)
        except CannotRing as wrong:
            self.books.wrong(wrong.kind, str(wrong))
            return False
        if self._stopping:
            return True
        self._up[call.number] = call
        self._waiting.append(call)
        call.open(self._reactor, place, line.account_sid)
        await call.over.wait()
        del self._up[call.number]
        if call.session is not None:
            assert isinstance(call.session, Session)
            if not call.session.is_closed:
                self._ended.add(call.session)
            self._timeline.after(LEAK_S * 1000, lambda: self._leaked(call.session))
        elif call in self._waiting:
            self._waiting.remove(call)
        return call.hung_up_s is not None and call.session is not None

    def _make_session(self, number: int, send: object) -> Session:
        assert callable(send)
        return Session(number, send, self._scenario.model, self, self.books, self._timeline)

    def tagged(self, number: int) -> Voice | None:
        """The call of this number, if it is up."""
        call = self._up.get(number)
        if call is not None and call in self._waiting:
            self._waiting.remove(call)
        return call

    def next_in_order(self) -> Voice | None:
        """The call that has waited longest for a session."""
        while self._waiting:
            call = self._waiting.popleft()
            if call.session is None and call.state == "streaming":
                return call
        return None

    def _left(self, session: Session) -> None:
        """A session's connection is gone."""
        self._ended.discard(session)
        if isinstance(session.call, LoadCall):
            session.call.session_gone()

    def _leaked(self, session: object) -> None:
        if isinstance(session, Session) and session in self._ended:
            self._ended.discard(session)
            self._leaks.add(session)

    # -- the time ------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Timers and sockets, for ever.

        It waits in our epoll and not in trio's, a millisecond at most, and then lets everybody else
        run: a wake-up through trio costs a hundred microseconds, this one a quarter of that.
        """
        timeline, reactor = self._timeline, self._reactor
        while True:
            until_s = trio.current_time() + TURN_S
            while (now_s := trio.current_time()) < until_s:
                timeline.fire()
                reactor.turn(max(0.0, min(timeline.next_s, until_s) - now_s))
            await trio.lowlevel.checkpoint()

    async def _hold(self, for_s: float, pid: int | None) -> None:
        """Measure."""
        measured, books = self.measured, self.books
        began_s, own_began_s = time.perf_counter(), time.process_time()
        first = before = usage_of(pid) if pid is not None else None
        self._reactor.batch_ms = Histogram()
        books.recording = True
        at_s, own_s = began_s, own_began_s
        while (left_s := for_s - (at_s - began_s)) > 0:
            await trio.sleep(min(SAMPLE_S, left_s))
            took_s, at_s = time.perf_counter() - at_s, time.perf_counter()
            own_took_s, own_s = time.process_time() - own_s, time.process_time()
            now = usage_of(pid) if pid is not None else None
            cpu = (now.cpu_s - before.cpu_s) / took_s * 100 if now and before else None
            up = sum(call.state == "streaming" for call in self._up.values())
            measured.samples.append(Sample(up, own_took_s / took_s * 100, cpu, now))
            before = now
        books.recording = False
        measured.held_s = at_s - began_s
        measured.own_cpu_share = (own_s - own_began_s) / measured.held_s
        measured.calls_up = sum(each.calls for each in measured.samples) / len(measured.samples)
        if first is not None and before is not None:
            measured.bridge_cpu_s = before.cpu_s - first.cpu_s

    async def _goodbye(self) -> None:
        """All hang up; then every session must be closed, or is counted as leaked."""
        for call in list(self._up.values()):
            call.hang_up()
        with trio.move_on_after(GOODBYE_S):
            for call in list(self._up.values()):
                await call.over.wait()
        with trio.move_on_after(LEAK_S):
            while self._endpoint.open:  # noqa: ASYNC110 - once a run, for a few seconds
                await trio.sleep(0.05)
        left = {each.session for each in self._endpoint.open if each.session is not None}
        self._leaks |= left
        self.measured.leaked = len(self._leaks)

    @staticmethod
    async def _cancel_when(died: trio.Event, scope: trio.CancelScope) -> None:
        await died.wait()
        scope.cancel()
