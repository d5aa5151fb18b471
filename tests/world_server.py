"""A Realtime server for the stateful tests: its rules, its books, and the laws it can judge.

It generates audio in deltas, cancels on speech with stragglers, ends cancelled responses late, and
holds us to truncation, requests and caller audio.
"""

from collections.abc import Callable
from functools import partial

from bridge.core import realtime
from tests.world_parts import DELTA_BYTES, Agenda, Items, Reply, ServerResponse, item_audio, law


class Server:
    """One session. ``to_core`` takes its events, in order."""

    def __init__(
        self,
        agenda: Agenda,
        items: Items,
        detection: realtime.TurnDetection,
        to_core: Callable[[realtime.Inbound], None],
    ) -> None:
        self.replies: list[Reply] = []
        self.responses: list[ServerResponse] = []
        self.active: ServerResponse | None = None
        self.caller_sent = bytearray()
        self.appended = bytearray()
        self.tool_calls: dict[str, int] = {}
        self._agenda = agenda
        self._items = items
        self._detection = detection
        self._to_core = to_core
        self._turn_waits = False
        self._item_count = 0

    def speech_starts(self) -> None:
        """The server's turn detection hears the caller."""
        self._to_core(realtime.SpeechStarted())
        if self._detection.interrupt_response and self.active is not None:
            self._cancel(self.active)

    def speech_stops(self) -> None:
        """The turn is over; the server answers it, or will when it can."""
        self._to_core(realtime.SpeechStopped())
        self._to_core(realtime.InputAudioBufferCommitted())
        if self._detection.create_response:
            self._turn_waits = True
            self._answer_turn()

    def _answer_turn(self) -> None:
        if self._turn_waits and self.active is None:
            self._turn_waits = False
            self.respond()

    def respond(self, reply: Reply | None = None) -> None:
        """The model begins a response, with the next reply there is."""
        if reply is None:
            reply = self.replies.pop(0) if self.replies else Reply()
        number = len(self.responses) + 1
        response = ServerResponse(f"r{number}", reply, [])
        for _ in reply.items:
            self._item_count += 1
            response.items.append(self._item_count)
            self._items.response[self._item_count] = response
        self.responses.append(response)
        self.active = response
        self._to_core(realtime.ResponseCreated(realtime.Response(response.id)))
        at_ms = self._agenda.now_ms
        if reply.tool is not None and reply.tool_first:
            self._agenda.later(at_ms, partial(self._call_tool, response))
        for item, size in zip(response.items, reply.items, strict=True):
            for start in range(0, size, DELTA_BYTES):
                at_ms += reply.delta_every_ms
                end = min(start + DELTA_BYTES, size)
                self._agenda.later(at_ms, partial(self._delta, response, item, start, end))
            self._agenda.later(at_ms, partial(self._item_done, response, item))
        if reply.tool is not None and not reply.tool_first:
            self._agenda.later(at_ms, partial(self._call_tool, response))
        self._agenda.later(at_ms + 5, partial(self._finish, response))

    def _delta(self, response: ServerResponse, item: int, start: int, end: int) -> None:
        if not response.cancelled:
            self._generate(response, item, start, end)

    def _generate(self, response: ServerResponse, item: int, start: int, end: int) -> None:
        self._items.generated[item] = end
        audio = item_audio(item, start, end)
        self._to_core(realtime.OutputAudioDelta(response.id, f"item_{item}", audio))

    def _item_done(self, response: ServerResponse, item: int) -> None:
        if not response.cancelled:
            self._to_core(realtime.OutputAudioDone(response.id, f"item_{item}"))

    def _call_tool(self, response: ServerResponse) -> None:
        call_id = f"call_{response.id}"
        status = "incomplete" if response.cancelled else "completed"
        name = response.reply.tool
        item = realtime.OutputItem("function_call", f"f_{response.id}", status, name, call_id)
        if not response.cancelled:
            self.tool_calls[call_id] = 0
        self._to_core(realtime.OutputItemDone(response.id, item))

    def _finish(self, response: ServerResponse) -> None:
        if response.cancelled:
            return
        self._done(response, "completed")
        if self.active is response:
            self.active = None
        self._answer_turn()

    def _done(self, response: ServerResponse, status: str) -> None:
        finished = realtime.FinishedResponse(response.id, status)
        self._to_core(realtime.ResponseDone(finished))

    def _cancel(self, response: ServerResponse) -> None:
        """Stop generating. What is in the pipeline still comes out, soon."""
        response.cancelled = True
        left = [item for item in response.items if self._items.generated[item] == 0]
        begun = [item for item in response.items if self._items.generated[item] > 0]
        for item in (begun[-1:] + left)[: response.reply.stragglers]:
            size = response.reply.items[response.items.index(item)]
            start = self._items.generated[item]
            if start < size:
                end = min(start + DELTA_BYTES, size)
                late = partial(self._generate, response, item, start, end)
                self._agenda.later(self._agenda.now_ms + 2, late)
        done_ms = self._agenda.now_ms + (400 if response.reply.done_late else 3)
        self._agenda.later(done_ms, partial(self._done, response, "cancelled"))
        if self.active is response:
            self.active = None

    def serve(self, event: realtime.Outbound) -> None:
        """An event of the core's has arrived."""
        match event:
            case realtime.SessionUpdate():
                self._to_core(realtime.SessionUpdated())
            case realtime.TurnDetectionUpdate(turn_detection=detection):
                self._detection = detection
                self._to_core(realtime.SessionUpdated())
            case realtime.InputAudioBufferAppend(audio=audio):
                self._hear_caller(audio)
            case realtime.ConversationItemTruncate(item_id=item_id, audio_end_ms=end_ms):
                self._truncate(int(item_id.removeprefix("item_")), end_ms)
            case realtime.ConversationItemCreate(item=realtime.FunctionCallOutput(call_id=call)):
                law(call in self.tool_calls, "only calls are answered")
                self.tool_calls[call] += 1
            case realtime.ConversationItemCreate():
                pass
            case realtime.ResponseCreate():
                self._create(event)
            case realtime.ResponseCancel(response_id=response_id):
                self._cancel_asked(response_id)

    def _hear_caller(self, audio: bytes) -> None:
        if audio.strip(b"\xff"):
            self.appended += audio
        heard = bytes(self.appended)
        law(self.caller_sent.startswith(heard), "caller audio arrives once and in order")

    def _truncate(self, item: int, end_ms: int) -> None:
        generated = self._items.generated[item]
        law(end_ms * 8 <= generated, f"truncated at {end_ms} ms, generated {generated // 8}")
        law(item not in self._items.truncated_ms, "an item is truncated once")
        self._items.truncated_ms[item] = end_ms

    def _create(self, event: realtime.ResponseCreate) -> None:
        if self.active is None:
            self.respond()
            return
        code = "conversation_already_has_active_response"
        self._to_core(realtime.Error(realtime.ErrorDetail(code=code, event_id=event.event_id)))

    def _cancel_asked(self, response_id: str) -> None:
        (response,) = (one for one in self.responses if one.id == response_id)
        response.cancel_asked = True
        if not response.cancelled and self.active is response:
            self._cancel(response)
            self._answer_turn()
