"""One Realtime session: what each client event does, and what the caller's voice sets off.

Owns the rules between the rooms (configuration, conversation, input audio, responses). It is given
whole text messages and sends events; of WebSockets, admission and expiry it knows nothing.
"""

import base64
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from simulator.model import errors
from simulator.model.beta import Border
from simulator.model.conversation import Item, Overlong, of_client
from simulator.model.errors import Problem, Refused
from simulator.model.listening import ITEM_EVENTS, Listening
from simulator.model.outlet import requested
from simulator.model.responder import Cut, Responder
from simulator.model.script import END_CALL, Request, Script, looks_like_digits
from simulator.model.stage import Studio
from simulator.model.transcription import Transcriber
from simulator.model.vocabulary import (
    AUDIO_BYTES_MAX,
    EVENTS,
    TRANSCRIPTION_EVENTS,
    check_event,
)
from simulator.scenario.format import ModelSetup

# fidelity: inferred realtime.md 4.1 [knob: model.overlong_truncate] - an overlong truncation is
#   refused and changes nothing (one trace shows it clamped 11 ms later)
CLAMPED_MS: Final = 11.0
NOT_UTF8_CLOSE: Final = 1007
EVENT_IDS_MAX: Final = 1000
"""The latest client events whose ids are remembered: twenty seconds of audio."""
EVENT_ID_LENGTH_MAX: Final = 512

Values = dict[str, Any]


class _Append(
    msgspec.Struct,
    tag_field="type",
    tag="input_audio_buffer.append",
    forbid_unknown_fields=True,
    gc=False,
):
    """The event that comes fifty times a second, decoded without a detour."""

    audio: bytes
    event_id: str | None = None


# msgspec tells what is no UTF-8, and what is nested too deep, by errors of its own kind.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_DECODE_APPEND = msgspec.json.Decoder(_Append).decode
_DECODE_ANY = msgspec.json.Decoder().decode


_APPENDS: Final = ("input_audio_buffer.append", "session.input_audio_buffer.append")


def _audio_of(event: Values) -> Values:
    """The audio of an append that did not pass the short way; empty, where there is none."""
    if event.get("type") not in _APPENDS:
        return {}
    try:
        return {"audio": base64.b64decode(event["audio"], validate=True)}
    except (KeyError, TypeError, ValueError):
        return {"audio": b""}


class Session:
    """One session. `note` writes to the trace; `close` ends the connection orderly with a code.

    `beta`: the border of a session that speaks another dialect than GA.
    """

    def __init__(
        self,
        studio: Studio,
        setup: ModelSetup,
        script: Script,
        cut: Cut,
        words_heard: Callable[[], str],
        note: Callable[[str, Values], None],
        close: Callable[[int, str], None],
        beta: Border | None = None,
    ) -> None:
        self._studio = studio
        self._setup = setup
        self._script = script
        self._note = note
        self._close = close
        self._beta = beta
        self._send = studio.outlet.send
        self._since_response: set[str] = set()
        self._event_ids: OrderedDict[str, None] = OrderedDict()
        self.responder = Responder(studio, setup, script, cut, note, self._on_idle)
        transcriber = Transcriber(studio, script, setup.transcript_delay_ms, words_heard)
        self._ear = Listening(studio, setup.vad, self.responder, transcriber, self._on_turn)
        self._do: Mapping[str, Callable[[Values], None]] = {
            "session.update": self._update,
            # fidelity: observed realtime.md 1 - session.close is accepted, undocumented; that it
            #   closes with 1000 is inferred
            "session.close": lambda _: self._close(1000, ""),
            "input_audio_buffer.append": self._append,
            "session.input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": lambda _: self._ear.commit_by_hand(),
            "input_audio_buffer.clear": lambda _: self._ear.clear(),
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "response.create": self._create_response,
            "response.cancel": lambda event: self.responder.cancel(event.get("response_id")),
        }

    def open(self) -> None:
        """Send session.created."""
        # fidelity: observed realtime.md 2.2 - no conversation.created on the GA wire
        self._send("session.created", session=self._studio.configuration.echo())
        if self._beta is not None:
            # fidelity: documented realtime.md 2.2 - conversation.created follows session.created in
            #   the beta protocol
            conversation = {"id": self._studio.conversation.id, "object": "realtime.conversation"}
            self._send("conversation.created", conversation=conversation)

    # -- what the client says -------------------------------------------------

    def hear(self, message: bytes) -> None:
        """Take one text message of the client."""
        try:
            append = _DECODE_APPEND(message)
        except _UNREADABLE:
            self._hear_other(message)
            return
        if len(append.audio) > AUDIO_BYTES_MAX:
            self._hear_other(message)
            return
        traced = {"type": "input_audio_buffer.append", "audio": append.audio}
        self._note("received", traced | self._id_of(append.event_id))
        self._ear.append(append.audio)

    def _append(self, event: Values) -> None:
        """An append that did not pass the short way: odd, but perhaps in order."""
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except ValueError as wrong:
            raise Refused(errors.invalid_audio()) from wrong
        self._ear.append(audio)

    def _hear_other(self, message: bytes) -> None:
        try:
            event = _DECODE_ANY(message)
        except _UNREADABLE:
            event = None
        if not isinstance(event, dict):
            self._refuse_nonsense(message)
            return
        traced = {"type": "", **requested(event), **_audio_of(event), **self._answered(event)}
        self._note("received", traced | self._id_of(event.get("event_id")))
        try:
            if self._beta is None:
                transcribes = self._studio.configuration.only_transcribes
                check_event(event, TRANSCRIPTION_EVENTS if transcribes else EVENTS)
            else:
                event = self._beta.inward(event)
            self._do[event["type"]](event)
        except Refused as refused:
            event_id = event.get("event_id")
            self.refuse(refused.problem, event_id if isinstance(event_id, str) else None)

    def _answered(self, event: Values) -> Values:
        """Which function an output is of; the ids of calls are drawn."""
        item = event.get("item")
        if not isinstance(item, dict) or item.get("type") != "function_call_output":
            return {}
        call_id = item.get("call_id")
        call = self._studio.conversation.call(call_id) if isinstance(call_id, str) else None
        return {} if call is None else {"function": call.name}

    def _id_of(self, event_id: object) -> Values:
        """What the trace tells of an event's id, which may be drawn: that it was used before."""
        if not isinstance(event_id, str):
            return {}
        event_id = event_id[:EVENT_ID_LENGTH_MAX]
        if event_id in self._event_ids:
            return {"repeats_event_id": True}
        self._event_ids[event_id] = None
        if len(self._event_ids) > EVENT_IDS_MAX:
            self._event_ids.popitem(last=False)
        return {}

    def _refuse_nonsense(self, message: bytes) -> None:
        self._note("received", {"type": ""})
        try:
            message.decode()
        except UnicodeDecodeError:
            # fidelity: documented - RFC 6455 8.1: a text message that is no text fails the
            #   connection
            self._note("violation", {"code": "websocket", "message": "a text that is not UTF-8"})
            self._close(NOT_UTF8_CLOSE, "")
        else:
            self.refuse(errors.invalid_json())

    def refuse(self, problem: Problem, event_id: str | None = None) -> None:
        """Answer a client event with an error; the session goes on."""
        # fidelity: observed realtime.md 1, 2.5 - most errors leave the session open
        self._note("violation", {"code": problem.code, "message": problem.message})
        self._studio.outlet.send_error(problem, event_id)

    def _update(self, event: Values) -> None:
        configuration = self._studio.configuration
        turn_before = configuration.turn_detection
        before = configuration.input_encoding, turn_before, configuration.noise_reduction
        configuration.update(
            event["session"],
            has_spoken=self.responder.has_spoken,
            speaks=self.responder.is_active,
            fixed_formats=self._fixed_formats(),
        )
        turn = configuration.turn_detection
        if before != (configuration.input_encoding, turn, configuration.noise_reduction):
            self._ear.configure()
        if (turn_before or {}).get("idle_timeout_ms") != (turn or {}).get("idle_timeout_ms"):
            self.responder.stop_idling()
        self._send("session.updated", session=configuration.echo())
        self._studio.mcp.look_at(configuration.tools)

    def _fixed_formats(self) -> tuple[str, ...]:
        if self._setup.format_change == "accepted":
            return ()
        passed = {"input": self._ear.has_heard, "output": self.responder.has_spoken}
        return tuple(side for side, has_passed in passed.items() if has_passed)

    def _truncate(self, event: Values) -> None:
        item_id, index, end_ms = event["item_id"], event["content_index"], event["audio_end_ms"]
        if end_ms == 0 and self._setup.truncate_to_zero == "refused":
            raise Refused(errors.truncate_to_nothing())
        try:
            self._truncate_to(item_id, index, end_ms)
        except Overlong as overlong:
            if self._setup.overlong_truncate == "clamped":
                clamp = partial(self._truncate_to, item_id, index, overlong.audio_ms)
                self._studio.alarms.after(CLAMPED_MS, clamp)
            raise

    def _truncate_to(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        self._studio.conversation.truncate(item_id, content_index, audio_end_ms)
        self._send(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=content_index,
            audio_end_ms=audio_end_ms,
        )

    def _delete(self, event: Values) -> None:
        self._studio.conversation.delete(event["item_id"])
        self._send("conversation.item.deleted", item_id=event["item_id"])

    def _retrieve(self, event: Values) -> None:
        item = self._studio.conversation.find(event["item_id"], "retrieving")
        self._send("conversation.item.retrieved", item=item.view())

    def _create_item(self, event: Values) -> None:
        value, ids = event["item"], self._studio.ids
        encoding = self._studio.configuration.input_encoding
        item = of_client(value, value.get("id") or ids.new("item"), encoding.bytes_per_ms)
        if item.type == "function_call" and not item.call_id:
            item.call_id = ids.new("call")
        if item.type == "mcp_approval_response":
            self._studio.mcp.answer(item.request_id, approve=item.approve)
        previous = self._studio.conversation.insert(item, event.get("previous_item_id"))
        self._remember(item)
        # fidelity: observed realtime.md 5 - an output given before response.done is told after it
        call = self._studio.conversation.call(item.call_id) if item.output else None
        asking = "" if call is None else call.response_id
        self.responder.after_done(asking, partial(self._tell_item, item, previous))

    def _tell_item(self, item: Item, previous: str | None) -> None:
        # fidelity: observed realtime.md 2.3 - a client's item is told as item.added and item.done
        for kind in ITEM_EVENTS:
            self._send(kind, previous_item_id=previous, item=item.view())

    def _remember(self, item: Item) -> None:
        """What kind of thing the next response will be about."""
        if item.type == "function_call_output":
            call = self._studio.conversation.call(item.call_id)
            # A restored history repeats old calls; only one of our own awaits an answer.
            if call is not None and call.response_id:
                self._since_response.add("tool")
        elif item.type == "mcp_approval_response":
            self._since_response.add("tool")
        elif item.role == "user" and looks_like_digits(item.text()):
            self._since_response.add("digits")

    # -- responses ------------------------------------------------------------

    def _create_response(self, event: Values) -> None:
        asked = event.get("response") or {}
        self._studio.mcp.look_at(asked.get("tools", ()))
        if asked.get("conversation") == "none":
            # What is asked beside the conversation answers nothing that was said in it.
            self.responder.create(Request("request", by_client=True), asked)
            return
        self.responder.create(self._request(asked), asked)
        self._since_response.clear()

    def _request(self, asked: Values) -> Request:
        since = self._since_response
        if asked.get("tool_choice") == "none" and self._called_end():
            return Request("farewell", by_client=True)
        if "tool" in since:
            return Request("tool", by_client=True)
        if "turn" in since:
            return Request("turn", by_client=True)
        if "digits" in since:
            return Request("digits", by_client=True)
        if not self._script.responses and not self._script.turns:
            return Request("greeting", by_client=True)
        return Request("request", by_client=True)

    def _called_end(self) -> bool:
        items = self._studio.conversation.items
        return any(item.name == END_CALL and item.response_id for item in items)

    # -- the caller's voice ---------------------------------------------------

    def _on_turn(self, answers: bool) -> None:
        """A turn of the caller is committed; `answers`: the server responds by itself."""
        self._script.turns += 1
        if answers and not self._studio.configuration.only_transcribes:
            self.responder.answer(Request("turn", by_client=False))
        else:
            self._since_response.add("turn")

    def _on_idle(self, idle_ms: float) -> None:
        self._ear.on_idle(idle_ms)
