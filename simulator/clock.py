"""Virtual time and a seeded scheduler: the only module that touches trio's private doors.

trio shuffles tasks that are ready at the same instant, on purpose, with a generator of its own.
Seeding it makes a run a function of the seed: the same seed gives the same interleaving, another
seed explores another one. trio's own test (`test_scheduler_determinism`) and its hypothesis plugin
rely on the same two names.

When every task waits, `trio.testing.MockClock` jumps to the next deadline. `Jumper` takes that
decision over (its `_autojump`, trio issue 1587) and first fires the simulator's own callbacks up to
that deadline, without waking a task for each: a simulated second has some 150 of them, and a task
switch costs more than most of them do.
"""

import math
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import outcome
import trio
import trio.testing

_run: Any = sys.modules["trio._core._run"]

T = TypeVar("T")

MOVED = (
    "trio {version} no longer has trio._core._run.{name}: simulator/clock.py must learn where the "
    "scheduler lives now, or equal seeds stop giving equal calls"
)

NOTHING_DUE = "every task waits, and neither a deadline nor a callback is left to wait for"


class Agenda(Protocol):
    """Callbacks at times, as the clock sees them."""

    @property
    def next_s(self) -> float:
        """When the next callback is due, on the clock; infinity for none."""
        ...

    def fire(self) -> None:
        """Run the callbacks that are due."""
        ...


class Jumper:
    """Decides where a virtual clock goes next when every task waits."""

    def __init__(self) -> None:
        self.clock = trio.testing.MockClock(autojump_threshold=0)
        # MockClock may not be subclassed, and trio accepts no other clock that jumps. Its own
        # `current_time` converts real time at a rate of zero, some 2,000 times a second of call.
        vars(self.clock).update(_autojump=self._jump, current_time=self.now_s, jump=self._advance)
        self._now_s = 0.0
        self._agenda: Agenda | None = None
        self._broken = trio.Event()
        self._failure: outcome.Error | None = None

    async def drive(self, agenda: Agenda) -> None:
        """Fire `agenda` in virtual time until cancelled; what a callback raises is raised here."""
        self._agenda = agenda
        self._broken = trio.Event()
        try:
            await self._broken.wait()
        finally:
            self._agenda = None
        assert self._failure is not None
        self._failure.unwrap()

    def now_s(self) -> float:
        """What `trio.current_time` says, without the way through trio."""
        return self._now_s

    def _advance(self, seconds: float) -> None:
        self._now_s += seconds

    def _jump(self) -> None:
        """Everything waits: go on to the next callback or the next deadline, whichever is first."""
        # An exception here would end trio itself: it is carried to the task in `drive`.
        jumped = outcome.capture(self._fire_until_a_task_is_ready)
        if isinstance(jumped, outcome.Error):
            self._agenda = None
            self._failure = jumped
            self._broken.set()

    def _fire_until_a_task_is_ready(self) -> None:
        runner = _run.GLOBAL_RUN_CONTEXT.runner
        agenda = self._agenda
        while not runner.runq:
            deadline_s = runner.deadlines.next_deadline()
            next_s = math.inf if agenda is None else agenda.next_s
            if agenda is None or next_s > deadline_s:
                if self._now_s < deadline_s < math.inf:
                    self._now_s = deadline_s
                return
            if next_s == math.inf:
                raise RuntimeError(NOTHING_DUE)
            self._now_s = max(self._now_s, next_s)
            agenda.fire()


_JUMPERS: WeakKeyDictionary[trio.abc.Clock, Jumper] = WeakKeyDictionary()


def current_jumper() -> Jumper | None:
    """The jumper of the running virtual clock; None when time is real, or a plain MockClock."""
    return _JUMPERS.get(trio.lowlevel.current_clock())


def seed_scheduler(seed: int) -> None:
    """Make the order of simultaneously ready tasks a function of `seed`.

    Raises:
        RuntimeError: this version of trio keeps its scheduler elsewhere.
    """
    for name in ("_ALLOW_DETERMINISTIC_SCHEDULING", "_r", "GLOBAL_RUN_CONTEXT"):
        if not hasattr(_run, name):
            raise RuntimeError(MOVED.format(version=trio.__version__, name=name))
    vars(_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    vars(_run)["_r"].seed(seed)


def run_virtually(work: Callable[[], Awaitable[T]], *, seed: int) -> T:
    """Run `work` under trio on a clock that jumps whenever everything waits."""
    seed_scheduler(seed)
    jumper = Jumper()
    _JUMPERS[jumper.clock] = jumper
    return trio.run(work, clock=jumper.clock)
