"""A Realtime server for the stateful tests: its rules, its books, and the laws it can judge.

It generates audio in deltas, cancels on speech with stragglers, ends cancelled responses late, and
holds us to truncation, requests and caller audio.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bridge.core import realtime
from tests.world_parts import (
    DELTA_BYTES,
    Agenda,
    Items,
    Reply,
    ServerResponse,
    item_audio,
    law,
    words_of,
)

ARGUMENTS = '{"destination":"the desk"}'

CROSSING_MS = 750
"""Whoever gives an output so shortly before a turn is over cannot know which of them was first."""


@dataclass
class Books:
    """What all sessions of a call have in common: replies, responses, and the caller's audio."""

    replies: list[Reply] = field(default_factory=list)
    responses: list[ServerResponse] = field(default_factory=list)
    caller_sent: bytearray = field(default_factory=bytearray)
    arrived: int = 0
    began: dict[int, int] = field(default_factory=dict)
    turns: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    """What our tools said, by call."""
    untold: set[str] = field(default_factory=set)
    """Calls whose output no response has told yet."""
    told: set[str] = field(default_factory=set)
    asked_in_vain: int = 0
    output_at_ms: int = -1000
    other_news: bool = False
    """Somebody else has said something since the last ordinary response."""
    excuses: int = 0
    """So often an ordinary response may be asked for without an output to tell."""


class Server:
    """One session. ``to_core`` takes its events, in order; ``books`` are those of all sessions."""

    def __init__(
        self,
        agenda: Agenda,
        items: Items,
        detection: realtime.TurnDetection,
        to_core: Callable[[realtime.Inbound], None],
        books: "Books",
        number: int,
    ) -> None:
        self.number = number
        self.replies = books.replies
        self.responses = books.responses
        self.active: ServerResponse | None = None
        self.dead = False
        self.configured = False
        self.restored: dict[str, realtime.Item] = {}
        self.order: list[str] = []
        self.appended = bytearray()
        self._books = books
        books.excuses += 2 * (number > 1)  # what was asked of the one before may be asked again
        self._clock = 0
        self.tool_calls: dict[str, int] = {}
        self._agenda = agenda
        self._items = items
        self._detection = detection
        self._to_core = to_core
        self._turn_waits = False

    def speech_starts(self) -> None:
        """The server's turn detection hears the caller."""
        if not self.configured:
            return
        self._to_core(realtime.SpeechStarted(max(0.0, self._clock / 8 - 300)))
        if self._detection.interrupt_response and self.active is not None:
            self._cancel(self.active)

    def speech_stops(self) -> None:
        """The turn is over; the server answers it, or will when it can."""
        if not self.configured:
            return
        self._to_core(realtime.SpeechStopped(self._clock / 8))
        self._books.turns += 1
        turn = f"turn_{self._books.turns}"
        self.order.append(turn)
        self._to_core(realtime.InputAudioBufferCommitted(turn))
        if self._detection.create_response:
            self._turn_waits = True
            if self._agenda.now_ms <= self._books.output_at_ms + CROSSING_MS:
                self._books.excuses += 1
            self._answer_turn()
        else:
            self._books.excuses += 1  # the answer is asked for
            self._books.other_news = True

    def _answer_turn(self) -> None:
        if self._turn_waits and self.active is None:
            self._turn_waits = False
            self._tell()
            self.respond()

    def respond(self, reply: Reply | None = None) -> None:
        """The model begins a response, with the next reply there is."""
        if reply is None:
            reply = self.replies.pop(0) if self.replies else Reply()
        number = len(self.responses) + 1
        response = ServerResponse(f"r{number}", reply, [], session=self.number)
        for _ in reply.items:
            item = len(self._items.response) + 1
            response.items.append(item)
            self._items.response[item] = response
        self.responses.append(response)
        self.active = response
        self._to_core(realtime.ResponseCreated(realtime.Response(response.id)))
        at_ms = self._agenda.now_ms
        if reply.tool is not None and reply.tool_first:
            self._call_tools(at_ms, response)
        for item, size in zip(response.items, reply.items, strict=True):
            self._agenda.later(at_ms + 1, partial(self._words, response, item, size))
            for start in range(0, size, DELTA_BYTES):
                at_ms += reply.delta_every_ms
                end = min(start + DELTA_BYTES, size)
                self._agenda.later(at_ms, partial(self._delta, response, item, start, end))
            self._agenda.later(at_ms, partial(self._item_done, response, item))
        if reply.tool is not None and not reply.tool_first:
            self._call_tools(at_ms, response)
        self._agenda.later(at_ms + 5, partial(self._finish, response))

    def _delta(self, response: ServerResponse, item: int, start: int, end: int) -> None:
        if not response.cancelled:
            self._generate(response, item, start, end)

    def _words(self, response: ServerResponse, item: int, size: int) -> None:
        if not response.cancelled:
            self.order.append(f"item_{item}")
            words = words_of(item, size)
            event = realtime.OutputTranscriptDelta(response.id, f"item_{item}", words)
            self._to_core(event)

    def _generate(self, response: ServerResponse, item: int, start: int, end: int) -> None:
        self._items.generated[item] = end
        audio = item_audio(item, start, end)
        self._to_core(realtime.OutputAudioDelta(response.id, f"item_{item}", audio))

    def _item_done(self, response: ServerResponse, item: int) -> None:
        if not response.cancelled:
            self._to_core(realtime.OutputAudioDone(response.id, f"item_{item}"))

    def _tell(self) -> None:
        """An ordinary response begins, which tells all outputs that are there."""
        self._books.told |= self._books.untold
        self._books.untold.clear()
        self._books.other_news = False

    def _call_tools(self, at_ms: int, response: ServerResponse) -> None:
        for number in range(response.reply.calls):
            self._agenda.later(at_ms, partial(self._call_tool, response, number))

    def _call_tool(self, response: ServerResponse, number: int) -> None:
        call_id = f"call_{response.id}_{number}"
        status = "incomplete" if response.cancelled else "completed"
        name = response.reply.tool
        item = realtime.OutputItem("function_call", call_id, status, name, call_id, ARGUMENTS)
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
        if self.dead:
            return
        match event:
            case realtime.SessionUpdate():
                self.configured = True
                self._to_core(realtime.SessionUpdated())
            case realtime.TurnDetectionUpdate(turn_detection=detection):
                self._detection = detection
                self._to_core(realtime.SessionUpdated())
            case realtime.InputAudioBufferAppend(audio=audio):
                self._hear_caller(audio)
            case realtime.ConversationItemTruncate(item_id=item_id, audio_end_ms=end_ms):
                self._truncate(int(item_id.removeprefix("item_")), end_ms)
            case realtime.ConversationItemCreate():
                self._create_item(event)
            case realtime.ResponseCreate():
                self._create(event)
            case realtime.ResponseCancel(response_id=response_id):
                self._cancel_asked(response_id)

    def _create_item(self, event: realtime.ConversationItemCreate) -> None:
        item = event.item
        if isinstance(item, realtime.FunctionCallOutput):
            self._take_output(item)
        elif isinstance(item, realtime.FunctionCall):
            self.tool_calls[item.call_id] = 0
        if not event.item_id:
            if not isinstance(item, realtime.FunctionCallOutput):
                self._books.excuses += 1
                self._books.other_news = True
            self.order.append(f"ours_{len(self.order)}")
            return
        law(event.item_id not in self.restored, "an item is restored once")
        self.restored[event.item_id] = item
        at = len(self.order)
        if event.after:
            known = event.after == "root" or event.after in self.order
            law(known, f"{event.item_id} is put behind what is there, not behind {event.after}")
            at = 0 if event.after == "root" else self.order.index(event.after) + 1
        self.order.insert(at, event.item_id)

    def _take_output(self, item: realtime.FunctionCallOutput) -> None:
        call_id = item.call_id
        law(call_id in self.tool_calls, "only calls are answered")
        self.tool_calls[call_id] += 1
        self._books.output_at_ms = self._agenda.now_ms
        self._books.excuses += self._turn_waits  # its answer may have begun before, for all we say
        answer = self._books.answers.get(call_id)
        law(answer in {None, item.output}, "the output is what the tool has said")
        followed = "interrupted" not in item.output and "about to end" not in item.output
        if followed and '"status"' not in item.output and call_id not in self._books.told:
            self._books.untold.add(call_id)

    def _judge_request(self, options: realtime.ResponseOptions) -> None:
        """An ordinary response is asked for if there is something to tell."""
        if options.instructions is None:
            self._books.asked_in_vain += not self._books.untold
            law(self._books.asked_in_vain <= self._books.excuses, "nothing is asked for twice")
            complete = any(self._complete(call) for call in self._books.untold)
            other = self._books.other_news or not self._books.untold
            law(complete or other, "the outputs of a response are asked about together")
            self._tell()

    def _complete(self, call_id: str) -> bool:
        """All calls of the response that made this one have their outputs."""
        response = call_id.rpartition("_")[0]
        beside = [
            count for one, count in self.tool_calls.items() if one.rpartition("_")[0] == response
        ]
        return all(beside)

    def _hear_caller(self, audio: bytes) -> None:
        self._clock += len(audio)
        sent = self._books.caller_sent
        voice = audio.replace(b"\xff" * 8, b"")  # a gap that was filled
        if voice and not self.appended:
            self._books.began[self.number] = sent.find(voice[:160])
        self.appended += voice
        if not self.appended:
            return
        began = self._books.began[self.number]
        law(0 <= began <= self._books.arrived, "no caller audio is missing")
        end = began + len(self.appended)
        law(sent[began:end] == self.appended, "caller audio arrives once and in order")
        self._books.arrived = max(self._books.arrived, end)

    def _truncate(self, item: int, end_ms: int) -> None:
        here = self._items.response[item].session == self.number
        law(here, "only what this session has said is truncated")
        generated = self._items.generated[item]
        law(end_ms * 8 <= generated, f"truncated at {end_ms} ms, generated {generated // 8}")
        law(item not in self._items.truncated_ms, "an item is truncated once")
        self._items.truncated_ms[item] = end_ms

    def _create(self, event: realtime.ResponseCreate) -> None:
        if self.active is None:
            self._judge_request(event.response)
            self.respond()
            return
        self._books.excuses += 1  # it is asked for again behind the one that is active
        code = "conversation_already_has_active_response"
        self._to_core(realtime.Error(realtime.ErrorDetail(code=code, event_id=event.event_id)))

    def _cancel_asked(self, response_id: str) -> None:
        (response,) = (one for one in self.responses if one.id == response_id)
        response.cancel_asked = True
        if not response.cancelled and self.active is response:
            self._cancel(response)
            self._answer_turn()
