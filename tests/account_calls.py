"""An account with calls made of a few lines: what stands behind REST in the tests of `account`."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import trio

from simulator.account.account import Account
from simulator.phone.order import CallOrder
from simulator.phone.signature import Form
from simulator.phone.streams import StreamState
from simulator.phone.twiml import Document
from simulator.phone.verbs.verb import StreamRequest
from simulator.timeline import Timeline
from simulator.trace import Event, Trace

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-of-nobody"
CALLS = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Calls"
TO, FROM = "+15550100002", "+15550100001"
URL = "https://bridge.example.com/incoming-call"
ORDER = {"To": TO, "From": FROM, "Url": URL}
SAY = "<Response><Say>one two</Say></Response>"
RING_MS = 2_000.0


class ScriptedStreams:
    """A call's listening streams: they run from `open` to `stop`, and listen to nothing."""

    def __init__(self, timeline: Timeline) -> None:
        self.opened: list[StreamRequest] = []
        self._timeline = timeline
        self._states: list[StreamState] = []

    def name_is_taken(self, request: StreamRequest) -> bool:
        """By one that runs."""
        return any(each.running and each.name == request.name != "" for each in self._states)

    def is_a_track_too_many(self, request: StreamRequest) -> bool:
        """More than four."""
        running = [
            len(asked.tracks)
            for asked, state in zip(self.opened, self._states, strict=True)
            if state.running
        ]
        return sum(running) + len(request.tracks) > 4

    def open(self, request: StreamRequest) -> StreamState:
        """Open one."""
        self.opened.append(request)
        sid = f"MZ{len(self.opened):032x}"
        self._states.append(StreamState(sid, request.name, True, self._timeline.now_ms))
        return self._states[-1]

    def find(self, name: str) -> StreamState | None:
        """By sid or name."""
        return next((each for each in self._states if name in (each.sid, each.name)), None)

    def stop(self, name: str) -> bool:
        """By sid or name."""
        for at, each in enumerate(self._states):
            if name in (each.sid, each.name) and each.running:
                self._states[at] = StreamState(each.sid, each.name, False, self._timeline.now_ms)
                return True
        return False


class ScriptedCall:
    """A `CallControl` that answers after `RING_MS` and remembers what was asked of it."""

    def __init__(self, order: CallOrder, sid: str, timeline: Timeline) -> None:
        self.on_end: list[Callable[[], None]] = []
        self.order = order
        self.sid = sid
        self.status = "ringing"
        self.answered_by: str | None = None
        self.asked: list[tuple[object, ...]] = []
        self.streams = ScriptedStreams(timeline)
        self._timeline = timeline
        self._moments_ms: dict[str, float] = {}

    @property
    def times_ms(self) -> tuple[float, float | None, float | None]:
        """When it rang, was answered and ended."""
        moments_ms = self._moments_ms
        return moments_ms["rang"], moments_ms.get("answered"), moments_ms.get("ended")

    def dial(self) -> None:
        """Ring."""
        self._moments_ms["rang"] = self._timeline.now_ms
        self._timeline.after(RING_MS, self._answer)

    def _answer(self) -> None:
        if self.status == "ringing":
            self.status = "in-progress"
            self._moments_ms["answered"] = self._timeline.now_ms

    def end(self, status: str) -> None:
        """The call ends."""
        self.status = status
        self._moments_ms["ended"] = self._timeline.now_ms
        for do in self.on_end:
            do()

    def end_by_rest(self, status: str) -> None:
        """By REST."""
        self.asked.append(("end", status))
        self.end(status)

    def was_over(self) -> None:
        """By the caller, before."""
        self.asked.append(("was_over",))
        self.end("completed")

    def redirect(self, document: Document) -> None:
        """To a document."""
        self.asked.append(("redirect", [verb.tag for verb in document.verbs]))

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """To a URL."""
        self.asked.append(("fetch", url, method, extra))

    def amend(self, order: CallOrder) -> None:
        """Another order."""
        self.order = order


class Office:
    """An account, its clock, its calls and its trace."""

    def __init__(self, timeline: Timeline | None = None, **account: Any) -> None:
        self.timeline = timeline or Timeline()
        self.trace = Trace(lambda: self.timeline.now_ms)
        self.events: list[Event] = []
        self.trace.subscribe(self.events.append)
        self.placed: list[ScriptedCall] = []
        self.account = Account(
            account_sid=ACCOUNT,
            auth_token=TOKEN,
            timeline=self.timeline,
            trace=self.trace,
            rng=random.Random(1),
            **{"place": self.place, **account},
        )

    def place(self, order: CallOrder, sid: str) -> ScriptedCall:
        """Make a call."""
        self.placed.append(ScriptedCall(order, sid, self.timeline))
        return self.placed[-1]

    def ask(
        self,
        method: str,
        path: str = "",
        form: dict[str, Any] | None = None,
        *,
        query: dict[str, str] | None = None,
        auth: tuple[str, str] | None = (ACCOUNT, TOKEN),
    ) -> tuple[int, Any]:
        """Ask about `Calls{path}.json`: status and decoded body."""
        fields = {
            name: value if isinstance(value, list) else [value]
            for name, value in (form or {}).items()
        }
        url = f"{CALLS}{path}.json" + (f"?{urlencode(query)}" if query else "")
        status, _, body = self.account.answer(method, url, fields, auth)
        return status, json.loads(body) if body else None

    def create(self, **changed: Any) -> tuple[int, Any]:
        """Create a call; None leaves a parameter out."""
        form = {name: value for name, value in (ORDER | changed).items() if value is not None}
        return self.ask("POST", "", form)

    def update(self, sid: str, **form: str) -> tuple[int, Any]:
        """Change a call."""
        return self.ask("POST", f"/{sid}", dict(form))

    async def until(self, at_s: float) -> None:
        """Let time pass."""
        await trio.sleep_until(at_s)

    async def answered(self) -> str:
        """The sid of a new call, which is in progress."""
        sid: str = self.create()[1]["sid"]
        await self.until(self.timeline.now_ms / 1000 + 3)
        return sid


@asynccontextmanager
async def office(**account: Any) -> AsyncIterator[Office]:
    """An open account whose clock runs."""
    async with trio.open_nursery() as nursery:
        opened = Office(**account)
        nursery.start_soon(opened.timeline.run)
        yield opened
        nursery.cancel_scope.cancel()
