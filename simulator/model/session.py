"""One Realtime session: what each client event does, and what the caller's voice sets off.

Owns the rules between the rooms (configuration, conversation, input audio, responses). It is given
whole text messages and sends events; of WebSockets, admission and expiry it knows nothing.
"""

import base64
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from simulator.model import errors
from simulator.model.conversation import Item, of_client
from simulator.model.errors import Problem, Refused
from simulator.model.input_audio import COMMIT_MS_MIN, InputAudio
from simulator.model.outlet import requested
from simulator.model.responder import Cut, Responder
from simulator.model.script import END_CALL, Request, Script, looks_like_digits
from simulator.model.stage import Studio
from simulator.model.vocabulary import AUDIO_BYTES_MAX, check_event
from simulator.scenario.format import ModelSetup
from simulator.speech import Edge, SpeechStarted, SpeechStopped

TRANSCRIPT_MS: Final = 350.0
"""How long after the commit the caller's words are written down (they come mid-response)."""

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


_DECODE_APPEND = msgspec.json.Decoder(_Append).decode
_DECODE_ANY = msgspec.json.Decoder().decode


class Session:
    """One session. `note` writes to the trace; `close` ends the connection orderly."""

    def __init__(
        self,
        studio: Studio,
        setup: ModelSetup,
        script: Script,
        cut: Cut,
        words_heard: Callable[[], str],
        note: Callable[[str, Values], None],
        close: Callable[[], None],
    ) -> None:
        self._studio = studio
        self._script = script
        self._words_heard = words_heard
        self._note = note
        self._close = close
        self._send = studio.outlet.send
        self._input = InputAudio(setup.vad)
        self._listen()
        self._turn_item_id = ""
        self._since_response: set[str] = set()
        self.responder = Responder(studio, setup, script, cut, note, self.on_idle)
        self._do: Mapping[str, Callable[[Values], None]] = {
            "session.update": self._update,
            "session.close": lambda _: self._close(),
            "input_audio_buffer.append": self._append,
            "session.input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit_by_hand,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "response.create": self._create_response,
            "response.cancel": lambda event: self.responder.cancel(event.get("response_id")),
        }

    def open(self) -> None:
        """Send session.created."""
        # fidelity: observed realtime.md 2.2 (no conversation.created on the GA wire)
        self._send("session.created", session=self._studio.configuration.echo())

    # -- what the client says -------------------------------------------------

    def hear(self, message: bytes) -> None:
        """Take one text message of the client."""
        try:
            append = _DECODE_APPEND(message)
        except msgspec.DecodeError:
            self._hear_other(message)
            return
        if len(append.audio) > AUDIO_BYTES_MAX:
            self._hear_other(message)
            return
        self._note("received", {"type": "input_audio_buffer.append", "audio": append.audio})
        self._listen_to(append.audio)

    def _listen_to(self, audio: bytes) -> None:
        for edge in self._input.append(audio):
            self._react(edge)

    def _append(self, event: Values) -> None:
        """An append that did not pass the short way: odd, but perhaps in order."""
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except ValueError as wrong:
            raise Refused(errors.invalid_audio()) from wrong
        self._listen_to(audio)

    def _hear_other(self, message: bytes) -> None:
        try:
            event = _DECODE_ANY(message)
        except msgspec.DecodeError:
            event = None
        if not isinstance(event, dict):
            self._note("received", {"type": ""})
            self.refuse(errors.invalid_json())
            return
        self._note("received", {"type": "", **requested(event)})
        try:
            self._do[check_event(event)](event)
        except Refused as refused:
            event_id = event.get("event_id")
            self.refuse(refused.problem, event_id if isinstance(event_id, str) else None)

    def refuse(self, problem: Problem, event_id: str | None = None) -> None:
        """Answer a client event with an error; the session goes on."""
        # fidelity: observed realtime.md 1, 2.5 (most errors leave the session open)
        self._note("violation", {"code": problem.code, "message": problem.message})
        self._studio.outlet.send_error(problem, event_id)

    def _update(self, event: Values) -> None:
        configuration = self._studio.configuration
        before = (configuration.input_encoding, configuration.turn_detection)
        configuration.update(event["session"], has_spoken=self.responder.has_spoken)
        if before != (configuration.input_encoding, configuration.turn_detection):
            self._listen()
        self._send("session.updated", session=configuration.echo())

    def _listen(self) -> None:
        configuration = self._studio.configuration
        self._input.configure(configuration.input_encoding, configuration.detection())

    def _truncate(self, event: Values) -> None:
        item_id, end_ms = event["item_id"], event["audio_end_ms"]
        self._studio.conversation.truncate(item_id, event["content_index"], end_ms)
        self._send(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=event["content_index"],
            audio_end_ms=end_ms,
        )

    def _delete(self, event: Values) -> None:
        self._studio.conversation.delete(event["item_id"])
        self._send("conversation.item.deleted", item_id=event["item_id"])

    def _retrieve(self, event: Values) -> None:
        item = self._studio.conversation.find(event["item_id"], "retrieving")
        self._send("conversation.item.retrieved", item=item.view())

    def _create_item(self, event: Values) -> None:
        value = event["item"]
        item = of_client(value, value.get("id") or self._studio.ids.new("item"))
        previous = self._studio.conversation.insert(item, event.get("previous_item_id"))
        self._remember(item)
        # fidelity: observed realtime.md 2.3 ("Text→audio turn")
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._send(kind, previous_item_id=previous, item=item.view())

    def _remember(self, item: Item) -> None:
        """What kind of thing the next response will be about."""
        if item.type == "function_call_output":
            call = self._studio.conversation.call(item.call_id)
            # A restored history repeats old calls; only one of our own awaits an answer.
            if call is not None and call.response_id:
                self._since_response.add("tool")
        elif item.role == "user" and looks_like_digits(item.text()):
            self._since_response.add("digits")

    # -- responses ------------------------------------------------------------

    def _create_response(self, event: Values) -> None:
        asked = event.get("response") or {}
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

    def _react(self, edge: Edge) -> None:
        turn = self._studio.configuration.turn_detection
        assert turn is not None
        if isinstance(edge, SpeechStarted):
            self.responder.stop_idling()
            self._turn_item_id = self._studio.ids.new("item")
            self._send(
                "input_audio_buffer.speech_started",
                audio_start_ms=edge.audio_start_ms,
                item_id=self._turn_item_id,
            )
            if turn["interrupt_response"]:
                self.responder.interrupt()
            return
        self._end_turn(edge, answers=turn["create_response"])

    def _end_turn(self, edge: SpeechStopped, *, answers: bool) -> None:
        self._send(
            "input_audio_buffer.speech_stopped",
            audio_end_ms=edge.audio_end_ms,
            item_id=self._turn_item_id,
        )
        self._commit(self._turn_item_id, self._input.take_turn(edge))
        self._script.turns += 1
        self._since_response.add("turn")
        if answers:
            # fidelity: observed realtime.md 6 (stopped, committed, created: the same tick)
            self._since_response.discard("turn")
            self.responder.answer(Request("turn", by_client=False))

    def _commit(self, item_id: str, heard_ms: float) -> None:
        # fidelity: observed realtime.md 2.3 step 2
        item = Item(
            item_id,
            "message",
            "user",
            content=[{"type": "input_audio", "transcript": None}],
            heard_ms=heard_ms,
        )
        previous = self._studio.conversation.append(item)
        self._send("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._send(kind, previous_item_id=previous, item=item.view())
        if self._studio.configuration.transcribes:
            words = self._words_heard()
            self._studio.alarms.after(TRANSCRIPT_MS, lambda: self._transcribe(item, words))

    def _transcribe(self, item: Item, words: str) -> None:
        # fidelity: observed realtime.md 2.3 steps 4, 7 (interleaved; usage by duration)
        place: Values = {"item_id": item.id, "content_index": 0}
        item.content[0]["transcript"] = words
        kind = "conversation.item.input_audio_transcription"
        if words:
            self._send(f"{kind}.delta", **place, delta=words)
        usage = {"type": "duration", "seconds": math.ceil(item.heard_ms / 1000)}
        self._send(f"{kind}.completed", **place, transcript=words, usage=usage)

    def _commit_by_hand(self, _event: Values) -> None:
        if self._input.buffered_ms < COMMIT_MS_MIN:
            raise Refused(errors.commit_empty(self._input.buffered_ms))
        was_speaking = self._input.speaking
        item_id = self._turn_item_id if was_speaking else self._studio.ids.new("item")
        self._commit(item_id, self._input.take_all())
        self._script.turns += 1
        self._since_response.add("turn")

    def _clear(self, _event: Values) -> None:
        self._input.take_all()
        self._send("input_audio_buffer.cleared")

    def on_idle(self) -> None:
        """The caller has said nothing for `idle_timeout_ms`."""
        if self._input.speaking or self.responder.is_active:
            return
        # fidelity: documented realtime.md 2.6 (commits an item without speech, and responds)
        item_id = self._studio.ids.new("item")
        end_ms = self._input.clock_ms
        silent_ms = round(self._input.take_all())
        self._send(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=end_ms - silent_ms,
            audio_end_ms=end_ms,
            item_id=item_id,
        )
        self._commit(item_id, silent_ms)
        self.responder.answer(Request("request", by_client=False))
