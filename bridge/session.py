"""One call in trio: one nursery, two readers, two writers, one driver, one exit.

Owns the tasks and queues of a call and how it ends. Must not know what a barge-in is: `Call` does.

    Twilio ──► read ──►┐                          ┌◄── read ◄── Realtime
                       ├─ inbox ─► driver (Call) ─┤
    Twilio ◄── write ◄─┴── outbox        outbox ──┴──► write ──► Realtime

Only readers receive, only writers send, and the driver waits for its inbox and for nothing else. It
also ends the Realtime session itself and waits for no writer to do so, because a writer can be
stuck in a send that the server shields.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never, cast

import msgspec
import trio

from bridge.agents.choosing import Agents, CallRefused
from bridge.call_token import PARAMETER, CallTokens
from bridge.core import realtime, twilio
from bridge.core.call import Call
from bridge.core.commands import End, EndReason, LineReleased, Note, OpenRealtime, ReleaseLine
from bridge.core.record import CallRecord
from bridge.flight.flight import Flights
from bridge.legs import RealtimeEndpoint, RealtimeLeg, TwilioLeg
from bridge.log import Log
from bridge.operations.admission import Places
from bridge.operations.running import QUEUES
from bridge.operations.watch import TOLD, Told, Watch
from bridge.outside import OpenStream
from bridge.recording.recording import Recordings
from bridge.records.book import CallBook
from bridge.release import LineReleaser

# Full: the readers wait, and TCP tells the peer to wait.
INBOX_MAX: Final = 256
# Full: the peer is too slow, and the call ends (SLOW_PEER). An answer of 60 s may arrive in one
# burst: some 500 pieces of audio with a mark each.
TWILIO_OUTBOX_MAX: Final = 2048
# Full: the same. At most 15 s of kept caller audio, 750 frames, go out at once.
REALTIME_OUTBOX_MAX: Final = 1024

CALL_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")

Inbound = twilio.Inbound | realtime.Inbound | LineReleased
OurCommand = OpenRealtime | ReleaseLine | End | Note
Command = twilio.Outbound | realtime.Outbound | OurCommand


@dataclass(frozen=True)
class Services:
    """What all calls of a process share. `releaser` is None without REST credentials."""

    agents: Agents
    endpoint: RealtimeEndpoint
    open_stream: OpenStream
    tokens: CallTokens
    releaser: LineReleaser | None
    log: Log
    log_event_types: frozenset[str] = frozenset()
    book: CallBook = field(default_factory=CallBook)
    places: Places = field(default_factory=Places)
    watch: Watch = field(default_factory=Watch)
    flights: Flights = field(default_factory=Flights)
    recordings: Recordings = field(default_factory=Recordings)


class Session:
    """The tasks of one call. `run` it once."""

    def __init__(self, services: Services, leg: TwilioLeg) -> None:
        self._services = services
        self._twilio = leg
        self._realtime = RealtimeLeg(services.endpoint, services.open_stream)
        self._began = trio.current_time()
        self._call = Call(services.agents.settings_plan, self._began)
        self._page = services.book.page()
        self._watch = services.watch.call(self._began)
        self._place: str | None = None
        self._flight = services.flights.begin(self._began)
        listening = (self._flight, services.recordings.begin())
        self._taps = tuple(tap for tap in listening if tap is not None)
        self._log = services.log
        self._scope = trio.CancelScope()
        self._timer = trio.CancelScope()
        self._stopped = False
        self._ended = False
        self._post, self._inbox = trio.open_memory_channel[Inbound](INBOX_MAX)
        self._play, self._to_twilio = trio.open_memory_channel[twilio.Outbound](TWILIO_OUTBOX_MAX)
        self._tell, self._to_realtime = trio.open_memory_channel[realtime.Outbound](
            REALTIME_OUTBOX_MAX
        )
        self.gone = trio.Event()

    async def run(self) -> CallRecord:
        """Carry the call until it ends. Returning closes Twilio's socket, and so the call."""
        try:
            with self._scope:
                async with trio.open_nursery() as self._nursery:
                    self._nursery.start_soon(self._read_twilio)
                    self._nursery.start_soon(self._write_twilio)
                    await self._drive()
                    self._nursery.cancel_scope.cancel()
        finally:
            if not self._ended:
                # A bug of ours: the app logs the traceback; the call still gets its last line.
                self._write_down("crashed")
            if self._place is not None:
                self._services.places.free(self._place)
            self.gone.set()
        return self._call.record

    @property
    def phase(self) -> str:
        """How far the call has come."""
        return self._call.phase

    @property
    def queues(self) -> Mapping[str, int]:
        """How many messages wait, by queue."""
        waiting = (self._inbox, self._to_twilio, self._to_realtime)
        depths = (queue.statistics().current_buffer_used for queue in waiting)
        return dict(zip(QUEUES, depths, strict=True))

    def wind_up(self) -> None:
        """The process stops soon: say goodbye, and end the call with SHUTDOWN."""
        self._obey(self._call.wind_up(EndReason.SHUTDOWN, trio.current_time()))
        self._timer.deadline = -math.inf  # the driver sleeps towards a later one than there is now

    def stop(self) -> None:
        """The process stops: end the call with SHUTDOWN."""
        self._stopped = True
        self._scope.cancel()

    # -------------------------------------------------------------------------- the driver
    async def _drive(self) -> None:
        try:
            while not self._ended:
                await self._take_messages_until_a_deadline()
                self._obey(self._call.expire(trio.current_time()))
            await self._realtime.aclose()
        except trio.Cancelled:
            # The caller is gone or the process stops: no manners, only the close below.
            self._settle()
            raise
        finally:
            await trio.aclose_forcefully(self._realtime)

    async def _take_messages_until_a_deadline(self) -> None:
        """Return when a deadline may be due, or a nearer one was set; too early does no harm.

        Deadlines mostly move away with each message. One timer for as long as none comes nearer is
        a tenth cheaper for the whole call than one for each message.
        """
        call = self._call
        with trio.CancelScope(deadline=call.deadline) as timer:
            self._timer = timer
            while not self._ended and call.deadline >= timer.deadline:
                self._receive(await self._inbox.receive())
                self._receive_waiting()

    def _receive_waiting(self) -> None:
        """Take what else has come, without going to sleep in between."""
        for _ in range(INBOX_MAX):
            if self._ended:
                return
            try:
                message = self._inbox.receive_nowait()
            except trio.WouldBlock:
                return
            self._receive(message)

    def _receive(self, message: Inbound) -> None:
        now = trio.current_time()
        if type(message) is twilio.Start:
            if self._place is None and not self._let_in(message, now):
                self._obey(self._call.end(EndReason.STREAM_REFUSED, now))
                return
            self._log = self._log.bind(call_sid=message.call_sid)
            for tap in self._taps:
                tap.name(message.call_sid)
            self._page.answered(message.custom_parameters, now)
        elif type(message) is realtime.SpeechStopped:
            self._page.speech_stopped(now)
        elif type(message) is realtime.SpeechStarted:
            self._page.speech_started()
        if type(message) in TOLD:
            self._watch.received(cast("Told", message), now)
        self._obey(self._call.receive(message, now))

    def _let_in(self, start: twilio.Start, now: float) -> bool:
        """Whether this is a stream that we asked for, for the first time, and has a place."""
        token = start.custom_parameters.get(PARAMETER, "")
        why = ""
        if not self._services.tokens.use(token, start.call_sid):
            why = "token"
        elif not self._find_agent(start.custom_parameters):
            why = "agent"
        elif not self._services.places.take(start.call_sid, now):
            why = "full"
        if why:
            self._services.watch.refused(why)
            self._line("start_refused", why=why)
            return False
        self._place = start.call_sid
        return True

    def _find_agent(self, parameters: Mapping[str, str]) -> bool:
        """Make this the call that its agent wants it to be, if there is such an agent."""
        services = self._services
        try:
            choice = services.agents.of_stream(parameters)
            plan = choice.plan(parameters)
        except CallRefused as refused:
            self._line("agent_refused", why=str(refused))
            return False
        if choice.parameters:
            self._line("agent_chosen", agent=choice.agent.name, direction=choice.direction)
            self._call.follow(plan)
            self._page.spoken_by(choice.agent.name, plan.model)
            endpoint = replace(services.endpoint, model=plan.model)
            self._realtime = RealtimeLeg(endpoint, services.open_stream)
        return True

    def _settle(self) -> None:
        """End a cancelled call. What had arrived before still counts, a `stop` above all."""
        if not self._stopped:
            self._receive_waiting()
        now = trio.current_time()
        if self._stopped:
            self._obey(self._call.end(EndReason.SHUTDOWN, now))
        else:
            self._obey(self._call.receive(twilio.Closed(), now))

    # -------------------------------------------------------------------------- commands
    def _obey(self, commands: Sequence[Command]) -> None:
        full = False
        for command in commands:
            try:
                if isinstance(command, realtime.Outbound):
                    self._tell.send_nowait(command)
                    if type(command) is realtime.ConversationItemCreate:
                        self._note_tool(command.item)
                elif isinstance(command, twilio.Outbound):
                    self._play.send_nowait(command)
                    if self._page.awaits_sound and type(command) is twilio.SendMedia:
                        self._page.sounded(trio.current_time())
                else:
                    self._do(command)
            except trio.WouldBlock:
                full = True
        if full:
            self._obey(self._call.end(EndReason.SLOW_PEER, trio.current_time()))

    def _do(self, command: OurCommand) -> None:
        match command:
            case Note(event=event, fields=fields):
                self._line(event, **fields)
            case OpenRealtime():
                self._nursery.start_soon(self._live_with_realtime)
            case ReleaseLine():
                self._nursery.start_soon(self._release_line)
            case End(reason=reason):
                self._write_down(reason.value)
            case _:
                assert_never(command)

    def _note_tool(self, item: realtime.UserMessage | realtime.FunctionCallOutput) -> None:
        if isinstance(item, realtime.FunctionCallOutput):
            self._watch.tool_answered(item.call_id, trio.current_time())

    def _write_down(self, reason: str) -> None:
        """The last line of a call: why it ended and its record."""
        self._ended = True
        record = self._call.record
        self._line("call_ended", reason=reason, record=msgspec.to_builtins(record))
        now = trio.current_time()
        self._page.close(reason, record, now)
        self._watch.ended(reason, record, self._page.latencies_ms, now)
        for tap in self._taps:
            tap.close(reason, record, trio.current_time())

    def _line(self, event: str, **fields: Any) -> None:
        now = trio.current_time()
        self._log.info(event, ms=math.floor((now - self._began) * 1000), **fields)
        if self._flight is not None:
            self._flight.note("call", event, now, **fields)

    def _show(self, text: str | None, event: realtime.Inbound) -> None:
        """Log an event the operator asked to see, without audio."""
        if text is None or isinstance(event, realtime.Malformed | realtime.Closed):
            return
        kind = realtime.wire_type(event)
        if kind in self._services.log_event_types:
            body = msgspec.json.decode(text)
            if kind.endswith("audio.delta"):
                body["audio"] = body.pop("delta", "")
            item = body.get("item")
            if isinstance(item, dict) and item.get("role") == "user":
                item["content"] = "***"  # may be pressed keys
            self._line("realtime_event", type=kind, body=body)

    # -------------------------------------------------------------------------- peers
    async def _read_twilio(self) -> None:
        message: twilio.Inbound | None = None
        while type(message) is not twilio.Closed:
            message = await self._twilio.receive()
            for tap in self._taps:
                tap.twilio("in", message, trio.current_time())
            await self._deliver(message)

    async def _write_twilio(self) -> None:
        while True:
            message = await self._to_twilio.receive()
            for tap in self._taps:
                tap.twilio("out", message, trio.current_time())
            await self._twilio.send(message)

    async def _live_with_realtime(self) -> None:
        if self._flight is not None:
            self._flight.note("realtime", "connecting", trio.current_time())
        closed = await self._realtime.run(self._read_realtime, self._write_realtime)
        if self._flight is not None:
            now = trio.current_time()
            self._flight.note("realtime", "closed", now, code=closed.code, reason=closed.reason)
        if not self._ended:
            self._line("realtime_disconnected", code=closed.code, reason=closed.reason)
        await self._deliver(closed)

    async def _read_realtime(self, leg: RealtimeLeg) -> None:
        while True:
            text = await leg.receive()
            for tap in self._taps:
                tap.realtime("in", text, trio.current_time())
            event = leg.decode(text)
            if self._services.log_event_types:
                self._show(text, event)
            await self._deliver(event)

    async def _write_realtime(self, leg: RealtimeLeg) -> None:
        while True:
            event = await self._to_realtime.receive()
            for tap in self._taps:
                tap.realtime("out", event, trio.current_time())
            await leg.send(event)

    async def _release_line(self) -> None:
        releaser, call_sid = self._services.releaser, self._call.record.call_sid
        assert releaser is not None
        assert call_sid is not None
        if self._flight is not None:
            self._flight.note("call", "release_line", trio.current_time())
        released = await releaser.release(call_sid)
        self._line("line_released", outcome=released.outcome, why=released.why)
        await self._deliver(LineReleased(released.outcome))

    async def _deliver(self, message: Inbound) -> None:
        """Hand over, without a pause if there is room: a cancellation there would lose it."""
        try:
            self._post.send_nowait(message)
        except trio.WouldBlock:
            await self._post.send(message)
