"""The lean Realtime session: enough of the server's rules for a bridge to hold a conversation.

Owns what each client event does. Strict about shapes (the vocabulary and the configuration are the
full fake's), and simple about everything else. It leaves out: admission and keys, tool calls,
several items or responses at once, the conversation's items but for their lengths, input
transcription, usage, idle timeout, expiry, faults, the beta dialect. Turns are detected in the
audio received, by loudness.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from simulator.load.books import Books
from simulator.load.listening import TurnListener, counter_of, frame_bytes_of
from simulator.load.relay import DownRelay, UpRelay
from simulator.load.speaking import AFTER_MS_DEFAULT, BURST_DEFAULT, Send, Speaking
from simulator.load.tag import read_tag
from simulator.model import errors
from simulator.model.configuration import Configuration
from simulator.model.errors import Problem, Refused
from simulator.model.script import Request, Script
from simulator.model.vocabulary import check_event
from simulator.scenario.format import Item, ModelSetup, Reply
from simulator.sound import speech_library
from simulator.timeline import Timeline

SESSION_S: Final = 3600
UNTAGGED_FRAMES: Final = 25
"""So many frames without a mark: this session's caller is found by the order of arrival."""
COMMIT_MS_MIN: Final = 100

Values = dict[str, Any]


class _Append(
    msgspec.Struct,
    tag_field="type",
    tag="input_audio_buffer.append",
    forbid_unknown_fields=True,
    gc=False,
):
    """The event that comes fifty times a second from each bridge's call."""

    audio: bytes
    event_id: str | None = None


_DECODE_APPEND: Final = msgspec.json.Decoder(_Append).decode
_DECODE_ANY: Final = msgspec.json.Decoder().decode


class Voice(Protocol):
    """The call whose caller a session hears."""

    number: int
    up: UpRelay
    down: DownRelay

    def configured(self, session: object) -> None:
        """Its session is ready."""
        ...

    def answering(self) -> None:
        """A turn of the caller is being answered."""
        ...


class Calls(Protocol):
    """Finds the call of a session."""

    def tagged(self, number: int) -> Voice | None:
        """The call of this number, if it is up."""
        ...

    def next_in_order(self) -> Voice | None:
        """The call that has waited longest for a session."""
        ...


class Session:
    """One session, from the accepted upgrade on."""

    def __init__(
        self,
        number: int,
        send: Send,
        setup: ModelSetup,
        calls: Calls,
        books: Books,
        timeline: Timeline,
    ) -> None:
        self.call: Voice | None = None
        self.is_closed = False
        self._books = books
        self._calls = calls
        self._script = Script(setup, random.Random(number), speech_library())
        self._speaking = Speaking(send, timeline, f"{number:016d}")
        self._speaking.clock = time.perf_counter
        self._tell = self._speaking.tell
        name = f"sess_{number:021d}"
        self._configuration = Configuration("load", name, round(time.time()) + SESSION_S)
        self._turns = TurnListener()
        self._rest = b""
        self._frames = 0
        self._committed_ms = 0
        self._items = 0
        self._is_configured = False
        self._owed = False
        self._adopt_format()
        self._do: dict[str, Callable[[Values], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit_by_hand,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    def open(self) -> None:
        """Say who we are."""
        self._tell("session.created", session=self._configuration.echo())

    def stop(self) -> None:
        """The connection is gone."""
        self.is_closed = True
        self._speaking.stop()

    # -- what the bridge says ---------------------------------------------------------------

    def hear(self, message: bytes) -> None:
        """Take one text message."""
        try:
            audio = _DECODE_APPEND(message).audio
        except msgspec.DecodeError:
            self._hear_other(message)
        else:
            self._listen(audio)

    def _hear_other(self, message: bytes) -> None:
        try:
            event = _DECODE_ANY(message)
        except msgspec.DecodeError:
            event = None
        if not isinstance(event, dict):
            self.refuse(errors.invalid_json())
            return
        try:
            do = self._do.get(check_event(event))
            if do is not None:
                do(event)
        except Refused as refused:
            self.refuse(refused.problem, event.get("event_id"))

    def refuse(self, problem: Problem, event_id: object = None) -> None:
        """Answer with an error, and count it."""
        self._books.wrong(f"realtime: {problem.code}", problem.message)
        self._tell(
            "error",
            error={
                "type": problem.type,
                "code": problem.code,
                "message": problem.message,
                "param": problem.param,
                "event_id": event_id if isinstance(event_id, str) else None,
            },
        )

    def _update(self, event: Values) -> None:
        spoken = bool(self._speaking.generated_ms)
        self._configuration.update(event["session"], has_spoken=spoken)
        self._adopt_format()
        self._is_configured = True
        self._tell("session.updated", session=self._configuration.echo())
        if self.call is not None:
            self.call.configured(self)

    def _adopt_format(self) -> None:
        audio = self._configuration.echo()["audio"]
        self._input: str = audio["input"]["format"]["type"]
        self._output: str = audio["output"]["format"]["type"]
        self._count = counter_of(self._input)
        self._frame_bytes = frame_bytes_of(self._input)
        self._turns.configure(audio["input"]["turn_detection"])

    def _append(self, event: Values) -> None:
        """An append that did not pass the short way."""
        try:
            self._listen(base64.b64decode(event["audio"], validate=True))
        except ValueError as wrong:
            raise Refused(errors.invalid_audio()) from wrong

    def _commit_by_hand(self, _event: Values) -> None:
        buffered_ms = self._turns.clock_ms - self._committed_ms
        if buffered_ms < COMMIT_MS_MIN:
            raise Refused(errors.commit_empty(buffered_ms))
        self._turns.speaking = False
        self._script.turns += 1
        self._owed = True
        self._commit()

    def _clear(self, _event: Values) -> None:
        self._committed_ms = self._turns.clock_ms
        self._turns.speaking = False
        self._tell("input_audio_buffer.cleared")

    def _create_item(self, event: Values) -> None:
        self._items += 1
        item = {"id": f"item_client_{self._items}", "status": "completed", **event["item"]}
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._tell(kind, previous_item_id=event.get("previous_item_id"), item=item)

    def _truncate(self, event: Values) -> None:
        item_id, end_ms = event["item_id"], event["audio_end_ms"]
        generated_ms = self._speaking.generated_ms.get(item_id)
        if generated_ms is None:
            raise Refused(errors.no_such_item("truncating", item_id))
        if end_ms > generated_ms:
            raise Refused(errors.overlong_truncate(round(generated_ms), end_ms))
        place = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        self._tell("conversation.item.truncated", **place)

    def _create_response(self, _event: Values) -> None:
        if self._speaking.active_id is not None:
            raise Refused(errors.already_active(self._speaking.active_id))
        first = not self._script.responses and not self._script.turns
        answers, self._owed = self._owed, False
        self._respond("greeting" if first else "turn" if answers else "request", by_client=True)

    def _cancel_response(self, _event: Values) -> None:
        if self._speaking.active_id is None:
            raise Refused(errors.cancel_not_active())
        self._speaking.cancel("client_cancelled")

    # -- what the caller says ---------------------------------------------------------------

    def _listen(self, audio: bytes) -> None:
        if self._rest:
            audio = self._rest + audio
        size = self._frame_bytes
        if len(audio) == size:  # the usual case: one frame, whole
            self._frame(audio)
            self._rest = b""
            return
        whole = len(audio) - len(audio) % size
        for at in range(0, whole, size):
            self._frame(audio[at : at + size])
        self._rest = audio[whole:]

    def _frame(self, frame: bytes) -> None:
        tag = read_tag(frame) if self._input == "audio/pcmu" else None
        call = self.call or self._find(tag)
        if call is not None:
            if tag is None:
                call.up.arrived(None, time.perf_counter())
            elif tag[0] == call.number:
                call.up.arrived(tag[1], time.perf_counter())
            else:
                self._books.wrong("mixed_up_calls", "a session heard two calls' callers")
        edge = self._turns.hear(self._count(frame))
        if edge == "started":
            self._speech_started()
        elif edge == "stopped":
            self._speech_stopped()

    def _find(self, tag: tuple[int, int] | None) -> Voice | None:
        """Whose session this is: by the mark, else in the order of arrival."""
        self._frames += 1
        if tag is not None:
            call = self._calls.tagged(tag[0])
        elif self._input != "audio/pcmu" or self._frames > UNTAGGED_FRAMES:
            call = self._calls.next_in_order()
        else:
            call = None
        if call is not None:
            self.call = call
            self._speaking.down = call.down
            if self._is_configured:
                call.configured(self)
        return call

    def _speech_started(self) -> None:
        # fidelity: documented realtime.md 4.1 - speech cancels the response (lean, load)
        detection = self._configuration.turn_detection
        assert detection is not None
        self._items += 1
        self._tell("input_audio_buffer.speech_started", audio_start_ms=self._turns.start_ms,
                   item_id=f"item_turn_{self._items}")  # fmt: skip
        if detection["interrupt_response"]:
            self._speaking.cancel("turn_detected")

    def _speech_stopped(self) -> None:
        detection = self._configuration.turn_detection
        assert detection is not None
        self._tell("input_audio_buffer.speech_stopped", audio_end_ms=self._turns.clock_ms,
                   item_id=f"item_turn_{self._items}")  # fmt: skip
        self._script.turns += 1
        self._commit()
        if not detection["create_response"]:
            self._owed = True
        elif self._speaking.active_id is None:
            self._respond("turn", by_client=False)

    def _commit(self) -> None:
        self._committed_ms = self._turns.clock_ms
        item = {
            "id": f"item_turn_{self._items}",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        self._tell("input_audio_buffer.committed", previous_item_id=None, item_id=item["id"])
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._tell(kind, previous_item_id=None, item=item)

    def _respond(self, kind: Any, *, by_client: bool) -> None:
        reply = self._script.choose(Request(kind, by_client=by_client))
        if reply is None or not reply.items:  # the scenario has none left, or one of tools alone
            library = speech_library()
            clip = library[self._script.responses % len(library)]
            reply = Reply(kind, AFTER_MS_DEFAULT, (Item(clip),), BURST_DEFAULT)
        if kind == "turn" and self.call is not None:
            self.call.answering()
        self._speaking.begin(reply, self._output)
