"""One GPT-Live session: what each client event does, and what the caller's voice sets off.

Owns the rules between the rooms (voice, backend, what is heard). It is given whole text messages
and sends events; of WebSockets, admission by key and expiry it knows nothing.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from simulator import sound
from simulator.gpt_live.admission import refused_at_the_start
from simulator.gpt_live.backend import Backend
from simulator.gpt_live.hearing import Hearing
from simulator.gpt_live.rooms import Rooms
from simulator.gpt_live.vocabulary import check_event
from simulator.gpt_live.voice import Utterance, Voice
from simulator.model import errors
from simulator.model.errors import Problem, Refused
from simulator.model.formats import ENCODINGS
from simulator.model.generation import spoken_items
from simulator.model.script import END_CALL, Request, looks_like_digits
from simulator.scenario.format import Reply

# fidelity: observed gpt-live.md 5 - an append is acknowledged when the timeline reaches it
ACK_MS: Final = 200.0
# fidelity: inferred gpt-live.md 5 - told to say something, a speaking model breaks off within half
#   a second and goes straight on
BREAK_OFF_MS: Final = 400.0
# fidelity: documented gpt-live.md 7 - usage is told about once a minute, in seconds of the session
USAGE_EVERY_MS: Final = 60_000.0
FIRST_WORDS_MAX: Final = 200
CLICK: Final = b"\x30"

Values = dict[str, Any]
AUDIO: Final = "session.input_audio.append"


class _Append(msgspec.Struct, tag_field="type", tag=AUDIO, forbid_unknown_fields=True, gc=False):
    """The message that comes fifty times a second, decoded without a detour."""

    audio: bytes
    event_id: str | None = None


_DECODE_APPEND = msgspec.json.Decoder(_Append).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Session:
    """One session, from the first message on."""

    def __init__(self, rooms: Rooms, expires_at_s: float) -> None:
        self._rooms = rooms
        self._expires_at_s = expires_at_s
        self._id = rooms.ids.new("live")
        self._session: Values | None = None
        self._backend = Backend(rooms.alarms, rooms.ids, rooms.send, self._on_backend)
        self._digits = False
        self._muted = False
        self._ended = False
        self._do: Mapping[str, Callable[[Values], None]] = {
            "session.update": self._update,
            AUDIO: self._append,
            "session.input_audio.mute": lambda event: self._mute(event, muted=True),
            "session.input_audio.unmute": lambda event: self._mute(event, muted=False),
            "session.instructions.append": self._take_context,
            "session.thinking.append": self._take_context,
            "session.commentary.append": self._take_context,
            "response.item.create": lambda event: self._backend.output(event["item"]),
            "response.create": lambda _: self._backend.go_on(),
            "session.close": lambda _: self.end("close_requested"),
        }

    @property
    def seconds(self) -> float:
        """What is billed."""
        return self._voice.clock_ms / 1000 if self._session is not None else 0.0

    # -- what the client says -----------------------------------------------------------

    def hear(self, message: bytes) -> None:
        """Take one text message of the client."""
        try:
            append = _DECODE_APPEND(message)
        except _UNREADABLE:
            self._hear_other(message)
            return
        self._rooms.note("received", {"type": _NAMES[AUDIO], "audio": append.audio})
        if self._session is None:
            self._hear_other(message)
        else:
            self._take_audio(append.audio)

    def _hear_other(self, message: bytes) -> None:
        try:
            event = msgspec.json.decode(message)
        except _UNREADABLE:
            event = None
        if not isinstance(event, dict):
            self._rooms.note("received", {"type": ""})
            self.refuse(errors.invalid_json(), None)
            return
        self._rooms.note("received", _traced(event))
        event_id = event.get("event_id")
        try:
            check_event(event)
            self._obey(event)
        except Refused as refused:
            self.refuse(refused.problem, event_id if isinstance(event_id, str) else None)

    def _obey(self, event: Values) -> None:
        kind = event["type"]
        if kind == "session.start":
            self._start(event)
        elif self._session is None:
            # fidelity: documented gpt-live.md 3 - session.start comes first
            message = "The session has not been started: send session.start first."
            raise Refused(Problem("session_not_started", message))
        else:
            self._do[kind](event)

    def refuse(self, problem: Problem, event_id: str | None) -> None:
        """Answer with an error; a session that goes on goes on."""
        # fidelity: documented gpt-live.md 6 - an error names the client's event; most leave the
        #   session open
        self._rooms.note("violation", {"code": problem.code, "message": problem.message})
        error = {
            "type": problem.type,
            "code": problem.code,
            "message": problem.message,
            "param": problem.param,
            "client_event_id": event_id,
        }
        note = {"type": "error", "code": problem.code, "message": problem.message}
        self._rooms.send("error", note=note, error=error)

    def _start(self, event: Values) -> None:
        if self._session is not None:
            raise Refused(Problem("session_already_started", "The session was started before."))
        session = event["session"]
        problem = refused_at_the_start(session, self._rooms.setup)
        if problem is not None:
            # fidelity: observed gpt-live.md 6 - an error instead of session.started, then the end
            self.refuse(problem, event.get("event_id"))
            self._rooms.close(1000)
            return
        self._session = session
        audio = session.get("audio", {}).get("format", {"type": "audio/pcm", "rate": 24000})
        encoding = ENCODINGS[audio["type"]]
        self._encoding = encoding
        silence = encoding.of_mulaw(bytes([sound.SILENCE]))
        self._voice = Voice(
            self._rooms.alarms,
            encoding,
            silence,
            encoding.of_mulaw(CLICK),
            self._piece,
            self._words,
        )
        self._hearing = Hearing(self._rooms, encoding, self._voice, self._on_turn)
        self._rooms.alarms.after(
            self._rooms.setup.ready_delay_ms, lambda: self._tell_started(event, audio)
        )

    def _tell_started(self, event: Values, audio: Values) -> None:
        self._voice.begin()
        resource = self._resource()
        formats = {"input_format": audio["type"], "output_format": audio["type"]}
        # The trace has the names of the Realtime API for what means the same there.
        note = {"type": "session.updated", **formats}
        self._rooms.send(
            "session.started", note=note, session=resource, client_event_id=event.get("event_id")
        )
        self._tell_usage_later()

    def _resource(self) -> Values:
        # fidelity: documented gpt-live.md 3 - the resource is the configuration with id, expires_at
        #   and status
        assert self._session is not None
        mine = {"id": self._id, "status": "active", "expires_at": round(self._expires_at_s)}
        return {**self._session, **mine}

    def _update(self, event: Values) -> None:
        assert self._session is not None
        change = event["session"].get("delegation") or {}
        now = self._session.get("delegation") or {"type": "client"}
        # fidelity: documented gpt-live.md 2 - the owner of delegations cannot change
        if change.get("type") != now["type"]:
            raise Refused(Problem("invalid_value", "The delegation's type cannot change."))
        now["responses"] = {**now.get("responses", {}), **change.get("responses", {})}
        self._rooms.send("session.updated", session=self._resource())

    def _append(self, event: Values) -> None:
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except (ValueError, binascii.Error) as wrong:
            raise Refused(errors.invalid_audio()) from wrong
        self._take_audio(audio)

    def _take_audio(self, audio: bytes) -> None:
        duration_ms = len(audio) / self._encoding.bytes_per_ms
        if self._muted:
            audio = self._encoding.of_mulaw(bytes([sound.SILENCE]) * round(duration_ms * 8))
        self._hearing.append(audio)
        self._voice.hear(duration_ms)

    def _mute(self, event: Values, *, muted: bool) -> None:
        # fidelity: documented gpt-live.md 3 - muted input is silence; the model speaks on
        self._muted = muted
        kind = f"session.input_audio.{'muted' if muted else 'unmuted'}"
        self._rooms.send(kind, client_event_id=event.get("event_id"))

    def _take_context(self, event: Values) -> None:
        # fidelity: documented gpt-live.md 5 - an append names a delegation in client mode only
        if event["delegation_id"] is not None:
            message = "delegation_id must be null with Responses delegation."
            raise Refused(Problem("invalid_value", message, "delegation_id"))
        self._digits = self._digits or looks_like_digits(event["content"])
        self._rooms.alarms.after(ACK_MS, lambda: self._acknowledge(event))

    def _acknowledge(self, event: Values) -> None:
        kind = event["type"].replace(".append", ".appended")
        at_ms = round(self._voice.clock_ms)
        self._rooms.send(kind, client_event_id=event.get("event_id"), start_ms=at_ms, end_ms=at_ms)
        if event["type"] == "session.commentary.append":
            # fidelity: observed gpt-live.md 5 - commentary is what makes the model speak
            if self._voice.speaking:
                self._rooms.alarms.after(BREAK_OFF_MS, self._voice.break_off)
            self._reply(Request(self._kind_of_request(), by_client=True))

    def _kind_of_request(self) -> Any:
        digits, self._digits = self._digits, False
        if END_CALL in self._backend.called:
            return "farewell"
        if digits:
            return "digits"
        script = self._rooms.script
        return "request" if script.responses or script.turns else "greeting"

    # -- what the model does -------------------------------------------------------------

    def _on_turn(self) -> None:
        """The caller has said something, and the model finds it should answer."""
        self._rooms.script.turns += 1
        self._rooms.note("turn_taken", {"turn": self._rooms.script.turns})
        self._reply(Request("turn", by_client=False))

    def _on_backend(self) -> None:
        self._reply(Request("tool", by_client=True))

    def _reply(self, request: Request) -> None:
        rooms = self._rooms
        reply = rooms.script.choose(request)
        name = rooms.ids.new("utterance")
        line = 0 if reply is None else reply.line
        rooms.note("reply", {"kind": request.kind, "line": line, "response_id": name})
        if reply is None:
            rooms.note("unscripted", {"kind": request.kind, "turn": rooms.script.turns})
            return
        if reply.fail:
            # fidelity: documented gpt-live.md 6 - moderation may silence an answer; the session
            #   goes on
            self.refuse(Problem(reply.fail, "The answer was withheld.", type="server_error"), None)
            return
        rooms.alarms.after(reply.after_ms, lambda: self._perform(reply, name))

    def _perform(self, reply: Reply, name: str) -> None:
        if reply.calls:
            self._backend.delegate(reply.calls, self._voice.clock_ms)
        if not reply.items:
            return
        spoken = spoken_items(reply, self._rooms.clips, self._encoding)

        def begun() -> None:
            self._plan_cut(reply)

        def done(whole: bool) -> None:
            kind = "utterance_said" if whole else "utterance_broken_off"
            self._rooms.note(kind, {"response_id": name})

        audio = b"".join(item.audio for item in spoken)
        words = " ".join(item.words for item in spoken)
        self._voice.say(Utterance(name, audio, words, begun, done))

    def _plan_cut(self, reply: Reply) -> None:
        if reply.stall_after_ms is not None:
            self._rooms.alarms.after(reply.stall_after_ms, self._rooms.stall)
        if reply.drop_after_ms is not None:
            self._rooms.alarms.after(reply.drop_after_ms, self._rooms.drop)

    def _piece(self, audio: bytes, name: str) -> None:
        delta = base64.b64encode(audio).decode("ascii")
        note: Values = {"type": "session.output_audio.delta", "silent_bytes": len(audio)}
        if name:
            # What is speech is traced like the Realtime API's: whose it is, only the fake knows.
            place = {"response_id": name, "item_id": name}
            note = {"type": "response.output_audio.delta", **place, "audio": audio}
        self._rooms.send("session.output_audio.delta", note=note, delta=delta)

    def _words(self, text: str, start_ms: float, end_ms: float) -> None:
        times = {"start_ms": round(start_ms), "end_ms": round(end_ms)}
        self._rooms.send("session.output_transcript.delta", delta=text, **times)

    # -- the end ---------------------------------------------------------------------------

    def _tell_usage_later(self) -> None:
        self._rooms.alarms.after(USAGE_EVERY_MS, self._tell_usage)

    def _tell_usage(self) -> None:
        self._rooms.send("session.usage.updated", usage={"seconds": self.seconds})
        self._tell_usage_later()

    def end(self, reason: str) -> None:
        """Say why it ends, and end it."""
        if self._ended or self._session is None:
            return
        self._ended = True
        # fidelity: documented gpt-live.md 3 - session.closed tells the reason and the final usage
        usage = {"seconds": self.seconds}
        self._rooms.send("session.closed", reason=reason, session=self._resource(), usage=usage)
        self._rooms.close(1000)


_NAMES: Final = {
    "session.start": "session.update",
    AUDIO: "input_audio_buffer.append",
    "response.item.create": "conversation.item.create",
}
"""Names in the trace, of what means the same in the Realtime API: the judge knows that one."""


def _traced(event: Values) -> Values:
    """Of a client's event what a judge or a reader of the trace wants, whatever it may hold."""
    kind = event.get("type")
    data: Values = {"type": _NAMES.get(kind, kind) if isinstance(kind, str) else ""}
    item, session, content = event.get("item"), event.get("session"), event.get("content")
    if isinstance(item, dict):
        names = (("type", "item_type"), ("call_id", "call_id"))
        data |= {ours: item[theirs] for theirs, ours in names if isinstance(item.get(theirs), str)}
    if isinstance(session, dict) and isinstance(session.get("instructions"), str):
        data["instructions"] = session["instructions"].partition("\n")[0][:FIRST_WORDS_MAX]
    if isinstance(content, str):
        data["instructions"] = content.partition("\n")[0][:FIRST_WORDS_MAX]
    if kind == AUDIO:
        data["audio"] = b""  # odd, or it would not have come this way
    return data
