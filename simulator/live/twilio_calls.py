"""Calls of the fake Twilio as a server: one phone for each, in real time, against bridges at URLs.

Owns which calls run, what a terminal is told of them, and how an event is written down. What a call
does is `simulator.phone`'s, what REST may do with it `simulator.account`'s. No audio, no key, no
phone number and nobody's words are told or written.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from simulator.account.account import Account
from simulator.account.faults import RestFaults
from simulator.account.http_server import HttpServer
from simulator.phone.call import FakePhone
from simulator.phone.identity import draw_sid
from simulator.phone.order import CallOrder, order_of
from simulator.scenario.format import HangUp, Say, Scenario, Step, Trigger
from simulator.sockets import Sockets
from simulator.sound import FIXTURES, load_clip
from simulator.timeline import Timeline
from simulator.trace import Event, Trace
from simulator.wire import Origin, Peer, Wire

CALLS_MAX: Final = 50
LIMIT_S: Final = 120.0
TOLD_MAX: Final = 20
"""Faults told of each call; a bridge that errs fifty times a second would hide everything else."""
REST_CALL: Final = 0
"""The number under which the account's own events are written."""
_SHOWN_OF_TWIML: Final = ("verb", "name", "tracks")
_HIDDEN: Final = frozenset({"digit", "digits", "to", "from", "words"})

Write = Callable[[int, Event], None]


def default_caller() -> Scenario:
    """Listens, asks for a person once the agent falls silent, hears the answer and hangs up."""
    request = FIXTURES / "clips" / "en" / "customer-advocate-please.wav"
    return Scenario(
        name="the default caller",
        path=Path("default"),
        caller=(
            Step(Say(request), when=Trigger("agent_silent"), wait_ms=600.0),
            Step(HangUp(), when=Trigger("agent_silent"), wait_ms=2_500.0),
        ),
    )


@dataclass(frozen=True, slots=True)
class Service:
    """How the server behaves, but for its scenario.

    `reached_at` = where a public host really listens, without TLS: as behind a proxy that takes it
    off. `plain` = hosts and ports that are reached without TLS, too. `limit_s` = when a caller who
    is still there hangs up.
    """

    account_sid: str
    auth_token: str
    seed: int = 0
    calls_max: int = CALLS_MAX
    calls_per_second: float = 1.0
    limit_s: float = LIMIT_S
    reached_at: Mapping[str, tuple[str, int]] | None = None
    plain: frozenset[tuple[str, int]] = frozenset()
    faults: RestFaults | None = None


class TwilioServer:
    """The account, its HTTP server (`accept`), and the calls that run."""

    def __init__(
        self,
        scenario: Scenario,
        service: Service,
        *,
        timeline: Timeline,
        net: Sockets,
        say: Callable[[str], None] = lambda _: None,
        write: Write = lambda _number, _event: None,
    ) -> None:
        """Set up.

        Args:
            scenario: who calls, or is called; its network and model play no part.
            service: the account and the limits.
            timeline: running, on the real clock.
            net: opens the connections to bridges.
            say: gets a line for people.
            write: gets each event with the number of its call.
        """
        self._scenario = scenario
        self._service = service
        self._timeline = timeline
        self._say = say
        self._write = write
        self._rng = random.Random(service.seed)
        self._outward = Outward(net, service.reached_at or {}, service.plain)
        self._running: dict[str, FakePhone] = {}
        self.calls = 0
        self._rung = ""
        self.unrung: int | None = None
        """The error with which the webhook of `ring` failed."""
        trace = Trace(lambda: timeline.now_ms)
        trace.subscribe(self._rest)
        self.account = Account(
            account_sid=service.account_sid,
            auth_token=service.auth_token,
            timeline=timeline,
            trace=trace,
            rng=self._rng,
            place=self._place,
            calls_per_second=service.calls_per_second,
            calls_max=service.calls_max,
            completions=scenario.phone.hangup_rest,
            faults=service.faults,
        )
        self.accept = HttpServer(self.account.ask, timeline).accept
        for step in scenario.caller:  # a file read in the middle of a call would make it late
            if isinstance(step.action, Say):
                for clip in step.action.clips:
                    load_clip(clip)

    def ring(self, webhook_url: str) -> str:
        """Call in at a number whose voice URL is `webhook_url`; the call's sid."""
        order = replace(order_of(self._scenario.call, webhook_url), direction="inbound")
        call = self._place(order, draw_sid("CA", self._rng))
        self._rung = call.sid
        call.dial()
        self.account.adopt(call)
        return call.sid

    def hang_up(self) -> None:
        """Every caller hangs up."""
        for call in list(self._running.values()):
            call.hang_up()

    async def drained(self) -> None:
        """Wait until no connection to a bridge is open."""
        await self._outward.drained()

    def _place(self, order: CallOrder, sid: str) -> FakePhone:
        self.calls += 1
        number, trace = self.calls, Trace(lambda: self._timeline.now_ms)
        call = FakePhone(
            self._scenario,
            timeline=self._timeline,
            trace=trace,
            rng=random.Random(f"{self._service.seed}/{number}"),
            connect=self._outward.connect,
            order=order,
            auth_token=self._service.auth_token,
            account_sid=self._service.account_sid,
            sid=sid,
        )
        self._running[sid] = call
        call.on_end.append(lambda: self._over(sid))
        trace.subscribe(lambda event: self._write(number, event))
        trace.subscribe(lambda event: self._limit(event, call))
        trace.subscribe(lambda event: self._note_failure(event, sid))
        trace.subscribe(_Narrator(number, sid, self._say).tell)
        return call

    def _limit(self, event: Event, call: FakePhone) -> None:
        if event.name == "rang":
            self._timeline.after(self._service.limit_s * 1000, call.hang_up)

    def _note_failure(self, event: Event, sid: str) -> None:
        if event.name == "twiml_error" and sid == self._rung:
            self.unrung = event.data["code"]

    def _over(self, sid: str) -> None:
        self._running.pop(sid, None)

    def _rest(self, event: Event) -> None:
        self._write(REST_CALL, event)
        data = event.data
        code = f" (error {data['code']})" if data["code"] else ""
        unknown = [repr(name) for name, how in data["form"].items() if how == "unknown"]
        ignored = f"; ignored, for no such parameter exists: {', '.join(unknown)}"
        status = data["status"] or "no answer"
        text = f"REST {data['method']} {data['path']}: {status}{code}"
        self._say(text + (ignored if unknown else ""))


class Outward:
    """Opens connections to bridges, and counts those that are open.

    Where a bridge was reached without TLS before, its `wss` is reached without TLS as well: TwiML
    must say wss, and a bridge on a developer's machine has no certificate.
    """

    def __init__(
        self,
        net: Sockets,
        reached_at: Mapping[str, tuple[str, int]],
        plain: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self._net = net
        self._reached_at = reached_at
        self._plain = set(plain)
        self._open = 0
        self._fewer = trio.Event()

    def connect(self, origin: Origin, peer: Peer) -> Wire:
        """As `wire.Connect`."""
        self._open += 1
        at = self._reached_at.get(origin.host)
        place = origin.host, origin.port
        if origin.scheme == "http":
            self._plain.add(place)
        elif at is not None or place in self._plain:
            origin = Origin("http", *place)
        return self._net.connect(origin, _Counted(peer, self._gone), at=at)

    async def drained(self) -> None:
        """Wait until none is open."""
        while self._open:
            self._fewer = trio.Event()
            await self._fewer.wait()

    def _gone(self) -> None:
        self._open -= 1
        self._fewer.set()


class _Counted:
    """A peer that is missed when it is gone."""

    def __init__(self, peer: Peer, gone: Callable[[], None]) -> None:
        self.receive = peer.receive
        self._peer = peer
        self._gone = gone

    def closed(self, why: str) -> None:
        """The connection is over."""
        self._gone()
        self._peer.closed(why)


# -- what people are told -------------------------------------------------------------------------


Telling = Callable[[dict[str, Any]], str]


def _who(name: str) -> str:
    return "TwiML" if name == "twiml" else f"the {name}"


_STORY: Final[Mapping[str, Telling]] = {
    "phone.answered": lambda _: "answered",
    "phone.twiml": lambda data: f"TwiML <{data['verb']}>",
    "twilio.connected": lambda _: "the media stream is connected",
    "twilio.closed": lambda data: f"the media stream was closed by {_who(data['by'])}",
    "caller.step": lambda data: f"the caller: {data['action']}",
    "phone.ended": lambda data: f"over: {data['status']}, by {_who(data['by'])} ({data['how']})",
}
_FAULTS: Final[Mapping[str, Telling]] = {
    "phone.twiml_error": lambda data: f"error {data['code']}: {data['text']}",
    "phone.callback_failed": lambda data: f"error {data['code']}: {data['text']}",
    "twilio.warning": lambda data: f"error {data['code']}: {data['text']}",
    "twilio.refused": lambda data: f"the media stream was refused: HTTP {data['status']}",
}


class _Narrator:
    """Tells of one call in a few lines."""

    def __init__(self, number: int, sid: str, say: Callable[[str], None]) -> None:
        self._number = number
        self._sid = sid
        self._print = say
        self._faults = 0

    def tell(self, event: Event) -> None:
        """Take one event of the trace."""
        name, data = f"{event.who}.{event.name}", event.data
        if name == "phone.rang":
            self._say(f"{self._sid} rings ({data['direction']})")
        elif name in _STORY:
            self._say(_STORY[name](data))
        elif name in _FAULTS and data.get("first", True) and self._faults < TOLD_MAX:
            self._faults += 1
            self._say(_FAULTS[name](data))

    def _say(self, text: str) -> None:
        self._print(f"call {self._number}: {text}")


def trace_line(number: int, event: Event) -> bytes:
    """One event as a line of JSON: sound as its length, TwiML as its verb, no number, no key."""
    data: dict[str, Any] = {}
    for name, value in event.data.items():
        if event.name == "twiml" and name not in _SHOWN_OF_TWIML:
            continue
        if isinstance(value, bytes):
            data[f"{name}_bytes"] = len(value)
        elif name not in _HIDDEN:
            data[name] = value
    head = {"call": number, "at_ms": event.at_ms, "event": f"{event.who}.{event.name}"}
    return msgspec.json.encode({**data, **head}) + b"\n"
