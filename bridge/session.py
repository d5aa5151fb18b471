"""One call in trio: one nursery, two readers, two writers, one driver, one exit.

Owns the tasks and queues of a call and how it ends. Must not know what a barge-in is: `Call` does.

    Twilio ──► read ──►┐                          ┌◄── read ◄── Realtime
                       ├─ inbox ─► driver (Call) ─┤
    Twilio ◄── write ◄─┴── outbox        outbox ──┴──► write ──► Realtime

Only readers receive, only writers send, and the driver waits for its inbox and for nothing else. It
also ends the Realtime sessions itself (two for a moment, when one is renewed: `model_lines`) and
waits for no writer to do so, because a writer can be stuck in a send that the server shields.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, assert_never, cast

import msgspec
import trio

from bridge.agents.choosing import DEFAULT, CallRefused
from bridge.call_token import PARAMETER
from bridge.core import realtime, twilio
from bridge.core.call import Call
from bridge.core.commands import (
    CallTool,
    CloseRealtime,
    End,
    EndReason,
    FromSession,
    LineReleased,
    LineTransferred,
    Note,
    OpenRealtime,
    ReleaseLine,
    ToBeside,
    ToolAnswered,
    TransferLine,
    UseRealtime,
)
from bridge.core.outbox import Command, OurCommand
from bridge.core.record import CallRecord
from bridge.engines.engine import Told
from bridge.errands import Errand, run_errand
from bridge.flight.flight import Flight
from bridge.flight.line import LegName
from bridge.legs import TwilioLeg
from bridge.mistakes import tell_of_mistakes
from bridge.model_lines import ModelLine, ModelLines
from bridge.operations.running import QUEUES
from bridge.operations.watch import TOLD
from bridge.operations.watch import Told as Watched
from bridge.recording.recording import Recording
from bridge.services import Services
from bridge.shown_event import shown_event
from bridge.taking import take
from bridge.tooling.running import CallFacts, Direction

# Full: the readers wait, and TCP tells the peer to wait.
INBOX_MAX: Final = 256
# Full: the peer is too slow, and the call ends (SLOW_PEER). An answer of 60 s may arrive in one
# burst: some 500 pieces of audio with a mark each.
TWILIO_OUTBOX_MAX: Final = 2048

Inbound = twilio.Inbound | FromSession | LineReleased | LineTransferred | ToolAnswered


class Session:
    """The tasks of one call. `run` it once."""

    def __init__(self, services: Services, leg: TwilioLeg) -> None:
        self._services = services
        self._twilio = leg
        self._lines = ModelLines(services.endpoint, services.open_stream)
        self._began = trio.current_time()
        self._call = Call(services.agents.settings_plan, self._began)
        self._page = services.book.page()
        self._watch = services.watch.call(self._began)
        self._place: str | None = None
        self._flight = services.flights.begin(self._began)
        self._recording: Recording | None = None
        self._agent = DEFAULT
        self._direction: Direction = "inbound"
        self._taps: tuple[Flight | Recording, ...] = () if self._flight is None else (self._flight,)
        self._log = services.log
        self._scope = trio.CancelScope()
        self._timer = trio.CancelScope()
        self._stopped = False
        self._crashed = False
        self._ended = False
        self._post, self._inbox = trio.open_memory_channel[Inbound](INBOX_MAX)
        self._play, self._to_twilio = trio.open_memory_channel[twilio.Outbound](TWILIO_OUTBOX_MAX)
        self.gone = trio.Event()

    async def run(self) -> CallRecord:
        """Carry the call until it ends. Returning closes Twilio's socket, and so the call."""
        try:
            with self._scope:
                async with trio.open_nursery() as self._nursery:
                    self._start(self._read_twilio)
                    self._start(self._write_twilio)
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
        waiting = (self._inbox.statistics(), self._to_twilio.statistics())
        depths = [*(queue.current_buffer_used for queue in waiting), self._lines.waiting]
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
            await self._lines.aclose()
        except trio.Cancelled:
            # The caller is gone or the process stops: no manners, only the close below.
            self._settle()
            raise
        finally:
            await trio.aclose_forcefully(self._lines)

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
        if type(message) is twilio.Start and self._place is None:
            if not self._let_in(message, now):
                self._obey(self._call.end(EndReason.STREAM_REFUSED, now))
                return
            self._write_down_from_now_on(message, now)
        told: object = message
        if type(message) is FromSession:
            # What a session says that is not in use any more is nobody's business.
            told = message.message if message.session == self._lines.in_use else message
        if type(told) in TOLD:
            self._watch.received(cast("Watched", told), now)
        self._obey(self._call.receive(message, now))

    def _let_in(self, start: twilio.Start, now: float) -> bool:
        """Whether this is a stream that we asked for, for the first time, and has a place."""
        token = start.custom_parameters.get(PARAMETER, "")
        why = ""
        if not self._services.tokens.use(token, start.call_sid):
            why = "token"
        else:
            self._log = self._log.bind(call_sid=start.call_sid)
            if not self._find_agent(start.custom_parameters):
                why = "agent"
            elif not self._services.places.take(start.call_sid, now):
                why = "full"
        if why:
            self._services.watch.refused(why)
            self._line("start_refused", why=why)
            return False
        self._place = start.call_sid
        self._start(self._see_that_token_is_new, token)
        return True

    def _write_down_from_now_on(self, start: twilio.Start, now: float) -> None:
        """Whose call this is stands in its first `Start`; another one is out of turn."""
        if self._recording is not None:
            self._line("recording_begun")
            self._taps += (self._recording,)
        for tap in self._taps:
            tap.name(start.call_sid)
        self._page.answered(start.custom_parameters, now)

    async def _see_that_token_is_new(self, token: str) -> None:
        """Other processes may have seen it; what they know comes from a database, so later."""
        if not await self._services.used_tokens.is_first_use(token):
            self._services.watch.refused("token")
            self._line("start_refused", why="token")
            self._obey(self._call.end(EndReason.STREAM_REFUSED, trio.current_time()))
            self._timer.deadline = -math.inf

    def _find_agent(self, parameters: Mapping[str, str]) -> bool:
        """Make this the call that its agent wants it to be, if there is such an agent."""
        services = self._services
        try:
            choice = services.agents.of_stream(parameters)
            plan = choice.plan(parameters)
        except CallRefused as refused:
            self._line("agent_refused", why=str(refused))
            return False
        self._recording = services.recordings.begin() if choice.agent.conduct.records else None
        if choice.parameters:
            self._agent, self._direction = choice.agent.name, choice.direction
            self._line("agent_chosen", agent=choice.agent.name, direction=choice.direction)
            self._note_flight("call", "agent_settings", **choice.settings)
            self._call.follow(plan)
            self._page.spoken_by(choice.agent.name, plan.model)
            self._watch.spoken_by(choice.agent.name, plan.model)
            self._lines.endpoint = replace(services.endpoint, model=plan.model)
        return True

    def _start(self, task: Callable[..., Awaitable[None]], *given: Any) -> None:
        """Have a task of this call run beside the driver."""
        self._nursery.start_soon(tell_of_mistakes, self._crash, task, *given, name=task)

    def _crash(self) -> None:
        self._crashed = True  # the driver will only see that it is cancelled

    def _settle(self) -> None:
        """End a cancelled call. What had arrived before still counts, a `stop` above all."""
        if self._crashed:
            return  # `run` writes that down: it is no hangup of the caller's
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
                    self._lines.tell(command)
                    if type(command) is realtime.ConversationItemCreate:
                        self._note_tool(command.item)
                elif isinstance(command, twilio.Outbound):
                    self._play.send_nowait(command)
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
            case OpenRealtime(session=number, beside=beside):
                line = self._lines.open(number, beside=beside)
                self._start(self._live_with_realtime, line)
            case ToBeside(event=event):
                self._lines.tell_beside(event)
            case UseRealtime(session=number):
                self._hang_up_on(self._lines.use(number))
            case CloseRealtime(session=number):
                self._hang_up_on(number)
            case ReleaseLine() | TransferLine() | CallTool():
                self._start(self._run, command)
            case End(reason=reason):
                self._write_down(reason.value)
            case _:
                assert_never(command)

    def _note_tool(self, item: realtime.Item) -> None:
        if isinstance(item, realtime.FunctionCallOutput):
            self._watch.tool_answered(item.call_id, trio.current_time())

    def _write_down(self, reason: str) -> None:
        """The last line of a call: why it ended and its record."""
        self._ended = True
        record = self._call.record
        self._line("call_ended", reason=reason, record=msgspec.to_builtins(record))
        now = trio.current_time()
        self._page.close(reason, record, now)
        self._watch.ended(reason, record, now)
        for tap in self._taps:
            tap.close(reason, record, trio.current_time())

    def _line(self, event: str, **fields: Any) -> None:
        ms = math.floor((trio.current_time() - self._began) * 1000)
        self._log.info(event, ms=ms, **fields)
        self._note_flight("call", event, **fields)

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
            message = await take(self._to_twilio)
            for tap in self._taps:
                tap.twilio("out", message, trio.current_time())
            await self._twilio.send(message)

    async def _live_with_realtime(self, line: ModelLine) -> None:
        number = line.number
        self._note_flight("realtime", "connecting", session=number)
        closed = await line.live(self._read_realtime, self._write_realtime)
        wanted = self._lines.forget(number) is not None
        how = {"code": closed.code, "reason": closed.reason, "session": number}
        self._note_flight("realtime", "closed", ours=not wanted, **how)
        if wanted and not self._ended:
            self._line("realtime_disconnected", **how)
        await self._deliver(FromSession(number, closed))

    def _hang_up_on(self, number: int) -> None:
        line = self._lines.forget(number)
        if line is not None:
            self._start(line.hang_up)

    def _note_flight(self, leg: LegName, event: str, /, **fields: Any) -> None:
        if self._flight is not None:
            self._flight.note(leg, event, trio.current_time(), **fields)

    async def _read_realtime(self, line: ModelLine) -> None:
        leg = line.leg
        await self._tell_call(line.number, leg.opened())
        while True:
            await self._tell_call(line.number, leg.decode(await leg.receive()))

    async def _tell_call(self, number: int, told: Sequence[Told]) -> None:
        """Hand events of the model over, and their texts to whoever writes them down."""
        for text, event in told:
            for tap in self._taps:
                tap.realtime("in", text, trio.current_time())
            if self._services.log_event_types:
                shown = shown_event(text, event, self._services.log_event_types)
                if shown is not None:
                    self._line("realtime_event", **shown)
            await self._deliver(FromSession(number, event))

    async def _write_realtime(self, line: ModelLine) -> None:
        while True:
            event = await take(line.to_send)
            for tap in self._taps:
                tap.realtime("out", event, trio.current_time())
            await line.leg.send(event)

    async def _run(self, errand: Errand) -> None:
        """Have something done that takes its time; the call is told how it went."""
        call_sid = self._call.record.call_sid
        assert call_sid is not None
        if type(errand) is ReleaseLine:
            self._note_flight("call", "release_line")
        facts = CallFacts(call_sid, self._agent, self._direction)
        await self._deliver(await run_errand(errand, facts, self._services, self._line))

    async def _deliver(self, message: Inbound) -> None:
        """Hand over, without a pause if there is room: a cancellation there would lose it."""
        try:
            self._post.send_nowait(message)
        except trio.WouldBlock:
            await self._post.send(message)
