"""A small world around one `Call`: a Twilio, a Realtime server, links, and laws.

It shares nothing with the core but the two vocabularies. Time is an integer of milliseconds; the
phone's side is `simulator.playout`. Every millisecond of agent audio says which item it belongs to
and where, so what the caller heard needs no word of the core. A broken law raises `LawBroken` when
it shows; most laws, and what must be known to judge, are `world_laws`'. There is a server for each
session.
"""

from functools import partial
from math import inf, isfinite
from typing import cast

from bridge.core import realtime, twilio
from bridge.core.call import (
    Command,
    End,
    EndReason,
    FromSession,
    Inbound,
    LineReleased,
    LineTransferred,
    Note,
    OpenRealtime,
    Phase,
    ReleaseLine,
    TransferLine,
)
from bridge.core.commands import CallTool, CloseRealtime, ToBeside, ToolAnswered, UseRealtime
from simulator.playout import MarkReached, Played
from tests.calls import START, of_type
from tests.world_laws import Judged
from tests.world_parts import item_audio, law
from tests.world_server import Server

DESK = "+15550100099"
"""Where the model may send the caller."""


class World(Judged):
    """One call, from `Start` on. `run` lets time pass."""

    # -------------------------------------------------------------------- time
    def run(self, duration_ms: int) -> None:
        """Let time pass."""
        until = self.now_ms + duration_ms
        while True:
            law(
                isfinite(self.call.deadline) is (self.call.phase is not Phase.ENDED),
                "a call that has not ended has a finite deadline",
            )
            law(self._ended or self.now_ms <= self._last_ms, "the limit is a limit")
            due = (
                self.agenda.next_ms,
                self._playout.next_ms,
                _deadline_ms(self.call.deadline),
            )
            if min(due) > until:
                break
            self.agenda.now_ms = _up(max(self.now_ms, min(due)))
            self._listen()
            if due[2] <= self.now_ms:
                self._obey(self.call.expire(self.now_ms / 1000), None)
            elif due[0] <= self.now_ms:
                self.agenda.happen()
        self.agenda.now_ms = until
        self._listen()

    def _listen(self) -> None:
        """What the phone has played by now."""
        for event in self._playout.advance(float(self.now_ms)):
            if isinstance(event, Played):
                item, offset = cast("tuple[int, int]", event.tag)
                self.items.heard[item] = offset + event.end_byte
                self._silent_since_ms = event.to_ms
            else:
                self._echo(event)

    def _echo(self, mark: MarkReached) -> None:
        message = twilio.Mark(mark.name)
        self.agenda.later(self._from_twilio.arrival_ms(self.now_ms), lambda: self.tell(message))

    # -------------------------------------------------------------------- the core
    def tell(self, message: Inbound, session: int = 0) -> None:
        """The core receives a message, perhaps of a session."""
        if self._ended:
            return
        told = message
        if session:
            told = FromSession(session, cast("realtime.Inbound", message))
        if session not in {0, self.in_use}:
            # It was on its way when another session took over: nobody listens to it any more.
            self._obey(self.call.receive(told, self.now_ms / 1000), None)
            return
        if self._interrupts(message):
            self._bury()
        sign = isinstance(message, realtime.SpeechStarted | realtime.SpeechStopped | twilio.Dtmf)
        if sign and (self._caller_speaks or not isinstance(message, realtime.SpeechStopped)):
            self._sign_of_life_ms = self.now_ms
            self._caller_speaks = isinstance(message, realtime.SpeechStarted)
        if isinstance(message, realtime.SpeechStarted | twilio.Dtmf):
            self._nudges = 0
        self._obey(self.call.receive(told, self.now_ms / 1000), message)
        if isinstance(message, twilio.Start):
            self._started = True

    def _obey(self, commands: list[Command], cause: Inbound | None) -> None:
        law(self._started or not commands or isinstance(cause, twilio.Start), "silent until Start")
        clears = of_type(commands, twilio.Clear)
        cut = of_type(commands, realtime.ConversationItemTruncate)
        late = isinstance(cause, realtime.OutputAudioDelta)
        time_is_up = any(
            note.event == "hanging_up" and note.fields["reason"] == EndReason.LIMIT
            for note in of_type(commands, Note)
        )
        if time_is_up:
            self._bury()
        interrupted = isinstance(cause, realtime.SpeechStarted) or (
            isinstance(cause, twilio.Dtmf) and self.plan.dtmf_interrupts
        )
        if interrupted and not clears and self._listening():
            self.agenda.later(self._to_twilio.arrival_ms(self.now_ms), self._should_be_silent)
        law(not clears or self._listening() or time_is_up, "the goodbye is not cut")
        law(len(clears) <= 1, "one clear is enough")
        law(not cut or bool(clears) or late, "only what was not heard is truncated")
        for command in commands:
            self._obey_one(command)

    def _obey_one(self, command: Command) -> None:
        law(not self._ended, "nothing after End")
        match command:
            case End():
                self._ended = True
                self._judge_release(command.reason)
                idle = command.reason is EndReason.IDLE_CALLER
                law(not idle or self._nudges >= self.plan.idle_nudges_max, "nudges come first")
            case ReleaseLine():
                self._judge_release(EndReason.AGENT_HUNG_UP)
                self.agenda.later(self.now_ms + 80, lambda: self.tell(LineReleased("completed")))
            case TransferLine():
                law(not self._playout.buffered_bytes, "what the agent said is heard out")
                self._hand_on(command)
            case OpenRealtime() | ToBeside() | UseRealtime() | CloseRealtime():
                self._obey_about_sessions(command)
            case CallTool(call_id=call_id):
                self._run_tool(call_id)
            case Note():
                self._judge_note(command)
            case twilio.SendMedia() | twilio.SendMark() | twilio.Clear():
                self._to_phone(command)
            case _:
                self._to_the_server(command, self.in_use)

    def _obey_about_sessions(
        self, command: OpenRealtime | ToBeside | UseRealtime | CloseRealtime
    ) -> None:
        match command:
            case OpenRealtime(session=number, beside=beside):
                self._open(number, beside=beside)
            case ToBeside(event=event):
                self._to_the_server(event, self._beside)
            case UseRealtime(session=number):
                law(number not in self._known_dead, "a session that is gone is not used")
                self.server.dead = True
                self.in_use = number
            case CloseRealtime(session=number):
                self.servers[number].dead = True
                self._known_dead.add(number)

    def _hand_on(self, line: TransferLine) -> None:
        if line.number == DESK:
            self._judge_release(EndReason.TRANSFERRED)
        failed = line.number == DESK and self._random.random() < 0.5
        answer = LineTransferred("failed" if failed else "transferred")
        self.agenda.later(self.now_ms + 80, lambda: self.tell(answer))

    def _run_tool(self, call_id: str) -> None:
        answers = self.books.answers
        law(call_id not in answers, "a tool is run once")
        output = f'{{"answer":{len(answers)}}}'
        answers[call_id] = "there is no answer yet"
        self._tools.add(call_id)

        def answer() -> None:
            answers[call_id] = output
            self._tools.remove(call_id)
            self.tell(ToolAnswered(call_id, output))

        self.agenda.later(self.now_ms + self._random.choice([1, 60, 900, 2500, 7000]), answer)

    def _open(self, number: int, *, beside: bool) -> None:
        """Another session; those that cannot be had are gone after a while."""
        in_use = self.in_use in self.servers and self.in_use not in self._known_dead
        law(beside is in_use, "one is in use")
        server = Server(
            self.agenda,
            self.items,
            self.plan.turn_detection,
            partial(self._to_core, number),
            self.books,
            number,
        )
        self.servers[number] = server
        if beside:
            self._beside = number
        else:
            self.in_use = number
        if self.unreachable:
            self.unreachable -= 1
            server.dead = True
            at_ms = self._from_server.arrival_ms(self.now_ms + 100)
            self.agenda.later(at_ms, partial(self._tell_event, number, realtime.Closed(1006)))
        else:
            self._to_core(number, realtime.SessionCreated())

    def _to_the_server(self, event: realtime.Outbound, number: int) -> None:
        server = self.servers[number]
        law(number not in self._known_dead, "nothing on a closed leg")
        if isinstance(event, realtime.ResponseCreate):
            here = [one for one in server.responses if one.session == number]
            active = any(one.told_created and not one.told_done for one in here)
            law(not active, "no request while a response is known to be active")
        if isinstance(event, realtime.ResponseCancel):
            self._dead.add(event.response_id)
        at_ms = self._to_server.arrival_ms(self.now_ms)
        self.agenda.later(at_ms, partial(server.serve, event))

    # -------------------------------------------------------------------- the phone
    def _to_phone(self, message: twilio.Outbound) -> None:
        at_ms = self._to_twilio.arrival_ms(self.now_ms)
        match message:
            case twilio.SendMedia(payload=audio):
                item, offset = self._provenance(audio)
                self.agenda.later(at_ms, lambda: self._sound(audio, item, offset))
            case twilio.SendMark(name=name):
                self.agenda.later(at_ms, lambda: self._playout.mark(name, float(self.now_ms)))
            case twilio.Clear():
                self.agenda.later(at_ms, self._clear)

    def _provenance(self, audio: bytes) -> tuple[int, int]:
        """Whose audio this is; it must be the very next of its item."""
        item = audio[1] + 256 * audio[2]
        offset = 8 * (audio[3] + 256 * audio[4] + 65536 * audio[5])
        law(item in self.items.response, "what is sent was generated")
        law(audio == item_audio(item, offset, offset + len(audio)), "audio is relayed as it is")
        law(offset == self.items.sent[item], "each item is sent once and in order")
        response = self.items.response[item]
        law(response.id not in self._dead, f"no audio of {response.id}, which was interrupted")
        held = len(audio) < 160  # the rest of a frame, when its session has gone
        law(response.session == self.in_use or held, "only the session in use speaks")
        self.items.sent[item] = offset + len(audio)
        law(self.items.sent[item] <= self.items.generated[item], "sent <= generated")
        return item, offset

    def _sound(self, audio: bytes, item: int, offset: int) -> None:
        self._playout.media(audio, float(self.now_ms), (item, offset))

    def _clear(self) -> None:
        quiet_ms = self.now_ms - self._silent_since_ms
        silent = not self._playout.buffered_bytes
        law(not silent or quiet_ms <= self.tolerance_ms, "no clear in silence")
        cleared = self._playout.clear(float(self.now_ms))
        for name in cleared.marks:
            self._echo(MarkReached(name, float(self.now_ms)))

    def caller_frames(self, count: int) -> None:
        """The caller's phone sends audio for a while."""
        for _ in range(count):
            self._frames += 1
            audio = self._frames.to_bytes(4, "big") * 40
            self.books.caller_sent += audio
            message = twilio.Media(self.now_ms, self._frames, audio)
            at_ms = self._from_twilio.arrival_ms(self.now_ms)
            self.agenda.later(at_ms, partial(self.tell, message))
            self.run(20)

    def from_twilio(self, message: twilio.Inbound) -> None:
        """Twilio sends something else."""
        at_ms = self._from_twilio.arrival_ms(self.now_ms)
        self.agenda.later(at_ms, lambda: self.tell(message))

    # -------------------------------------------------------------------- the server
    def _to_core(self, number: int, event: realtime.Inbound) -> None:
        if not self.servers[number].dead:
            at_ms = self._from_server.arrival_ms(self.now_ms)
            self.agenda.later(at_ms, lambda: self._tell_event(number, event))

    def _tell_event(self, number: int, event: realtime.Inbound) -> None:
        for response in self.server.responses:
            if isinstance(event, realtime.ResponseCreated) and event.response.id == response.id:
                response.told_created = True
                if response.cancel_asked:
                    self._dead.add(response.id)
            if isinstance(event, realtime.ResponseDone) and event.response.id == response.id:
                response.told_done = True
        if isinstance(event, realtime.Closed):
            self._known_dead.add(number)
        self.tell(event, number)

    def drop_realtime(self) -> None:
        """The connection breaks; what was sent before still arrives."""
        self._to_core(self.in_use, realtime.Closed(1006))
        self.server.dead = True

    # -------------------------------------------------------------------- the laws of rest
    def settle(self) -> None:
        """Let everything arrive and sound; then what is remembered must be what was heard."""
        self.run(max(4000, 500 + self._playout.buffered_bytes // 8))
        said = (-1, -1)
        while said != (len(self.server.responses), self.in_use):
            while self._playout.buffered_bytes or (
                (self.server.active or self._tools) and not self._ended
            ):
                self.run(1000)
            said = (len(self.server.responses), self.in_use)
            self.run(1500)
        if self._ended or self.call.phase is not Phase.TALKING or not self._realtime_open:
            return
        self._judge_rest()

    def begin(self, frames_before_ready: int) -> None:
        """Bring the call up, with the caller already talking."""
        self.tell(twilio.Connected())
        self.tell(START)
        self.caller_frames(frames_before_ready)
        self.run(1000)


def _deadline_ms(deadline_s: float) -> float:
    """Return the first millisecond at which the core, reckoning in seconds, agrees it is due."""
    if not isfinite(deadline_s):
        return inf
    at_ms = round(deadline_s * 1000)
    while at_ms / 1000 < deadline_s:
        at_ms += 1
    return at_ms


def _up(time_ms: float) -> int:
    return int(-(-(time_ms - 1e-6) // 1))
