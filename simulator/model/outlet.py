"""Server events out: their ids, their JSON, and what of them goes into the trace.

Owns how an event is written. Every event of the fake passes through here, and so another dialect
may give it another name and shape (`translate`); the trace keeps the GA names. Knows no rule about
when an event may be sent.
"""

import binascii
import hashlib
import json
import random
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from simulator.model.errors import Problem

ALPHABET: Final = string.ascii_letters + string.digits
ID_LENGTHS: Final = {"call": 16}
OBFUSCATION_LENGTH_MAX: Final = 12
INTEGER_END: Final = 1 << 63
"""The trace's encoding has 64 bits for a number; JSON has no end."""

Fields = dict[str, Any]

# fidelity: observed realtime.md 2.2 - text, transcript and argument deltas are padded; audio is not
_PADDED: Final = frozenset(
    {
        "response.output_text.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.delta",
        "response.mcp_call_arguments.delta",
        "conversation.item.input_audio_transcription.delta",
    }
)
_UNTRACED: Final = frozenset({"obfuscation", "rate_limits", "part", "event_id"})


class Ids:
    """Ids in the vendor's shape, from the model's stream of randomness."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new(self, prefix: str) -> str:
        """`item` → `item_` and 21 letters or digits."""
        # fidelity: observed realtime.md 2.2 - the shapes of ids
        return f"{prefix}_{self.letters(ID_LENGTHS.get(prefix, 21))}"

    def letters(self, count: int) -> str:
        """So many letters or digits."""
        return "".join(self._rng.choices(ALPHABET, k=count))

    def padding(self) -> str:
        """A text of some length that means nothing."""
        return self.letters(self._rng.randrange(1, OBFUSCATION_LENGTH_MAX))


class Outlet:
    """Sends events of one session.

    `deliver` takes the encoded event and what to trace of it. `translate` turns an event into that
    of another dialect, or into None where it has none.
    """

    def __init__(
        self,
        ids: Ids,
        deliver: Callable[[bytes, Fields], None],
        translate: Callable[[Fields], Fields | None] | None = None,
    ) -> None:
        self._ids = ids
        self._deliver = deliver
        self._translate = translate
        self._encode = msgspec.json.Encoder().encode

    def send(self, kind: str, /, *, note: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Send one event. `note` goes into the trace only."""
        event = {"type": kind, "event_id": self._ids.new("event"), **fields}
        if kind in _PADDED:
            event["obfuscation"] = self._ids.padding()
        self._write(event, {"type": kind, **traced(fields), **(note or {})})

    def send_audio(self, audio: bytes, **fields: Any) -> None:
        """Send one piece of speech; the trace gets its bytes, not its base64."""
        kind = "response.output_audio.delta"
        delta = binascii.b2a_base64(audio, newline=False).decode("ascii")
        event = {"type": kind, "event_id": self._ids.new("event"), **fields, "delta": delta}
        self._write(event, {"type": kind, **fields, "audio": audio})

    def _write(self, event: Fields, trace: Fields) -> None:
        told = event if self._translate is None else self._translate(event)
        if told is not None:
            self._deliver(self._encoded(told), trace)

    def _encoded(self, event: Fields) -> bytes:
        try:
            return self._encode(event)
        except OverflowError:  # a client may put numbers of any size into what is echoed
            return json.dumps(event).encode()

    def send_error(self, problem: Problem, event_id: str | None = None) -> None:
        """Send an `error`; `event_id` is the client event's, null if it carried none."""
        # fidelity: observed realtime.md 1, 2.5 - the error object, with the client's event_id or
        #   null
        error = {
            "type": problem.type,
            "code": problem.code,
            "message": problem.message,
            "param": problem.param,
            "event_id": event_id,
        }
        self.send("error", error=error)


def traced(fields: Mapping[str, Any]) -> Fields:
    """An event's ids and numbers, flat: what a judge or a reader of the trace wants of it."""
    data: Fields = {}
    for name, value in fields.items():
        if name in _UNTRACED:
            continue
        if name == "item" and isinstance(value, dict):
            data |= _traced_item(value)
        elif name == "session" and isinstance(value, dict):
            data |= _traced_session(value)
        elif name == "response" and isinstance(value, dict):
            data |= _traced_response(value)
        elif name == "error":
            data |= {key: value[key] for key in ("code", "message", "param")}
        elif not isinstance(value, dict | list):
            data[name] = value
    return data


WRITTEN_MAX: Final = 2000
"""Characters of an item that are traced."""

FIRST_WORDS_MAX: Final = 200
"""Characters of instructions that are traced."""

HASH_LENGTH: Final = 12
"""Digits of the hash of what would fill the trace."""

_ASKED: Final = (
    *("type", "item_id", "previous_item_id", "content_index", "audio_end_ms", "response_id"),
)


def requested(event: Mapping[str, Any]) -> Fields:
    """The same of a client event, whatever nonsense it may hold.

    Its event_id is left out: a client may draw it from its own randomness.
    """
    data = {name: event[name] for name in _ASKED if _is_traceable(event.get(name))}
    item, response = event.get("item"), event.get("response")
    if isinstance(item, dict):
        data |= {
            name: value for name, value in _traced_item(item).items() if isinstance(value, str)
        }
        data |= _written(item.get("content"))
        if isinstance(item.get("output"), str):
            data["output"] = item["output"][:WRITTEN_MAX]
    if isinstance(response, dict):
        for name in ("conversation", "tool_choice"):
            if isinstance(response.get(name), str):
                data[name] = response[name]
        data |= _first_words(response.get("instructions"))
    if event.get("type") == "session.update":
        data |= _configured(event.get("session"))
    return data


def _written(content: Any) -> Fields:
    """The words of a client's item."""
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    words = " ".join(text for text in texts if isinstance(text, str))
    return {"words": words[:WRITTEN_MAX]} if words else {}


def _configured(session: Any) -> Fields:
    """What a session is told to be, in either dialect: voice, turn detection, first words."""
    audio = _inside(session, "audio")
    turn = _inside(_inside(audio, "input"), "turn_detection") or _inside(session, "turn_detection")
    found = {
        "voice": _inside(_inside(audio, "output"), "voice") or _inside(session, "voice"),
        "turn_detection": _inside(turn, "type"),
        "silence_duration_ms": _inside(turn, "silence_duration_ms"),
        "eagerness": _inside(turn, "eagerness"),
    }
    told = {name: value for name, value in found.items() if _is_traceable(value)}
    told |= _first_words(_inside(session, "instructions"))
    hashes = {
        "instructions_hash": [_inside(session, name) for name in ("instructions", "prompt")],
        "tools_hash": [_inside(session, "tools")],
    }
    told |= {
        name: _hash(values) for name, values in hashes.items() if values.count(None) < len(values)
    }
    return told


def _hash(value: Any) -> str:
    """A few digits that are the same for the same value; none for what nobody can write down."""
    try:
        written = json.dumps(value, sort_keys=True)
    except (RecursionError, ValueError):  # nested too deep, or a number too long to be written
        return ""
    return hashlib.sha256(written.encode()).hexdigest()[:HASH_LENGTH]


def _inside(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first_words(instructions: Any) -> Fields:
    """The first line of what the model is told; the rest would fill the trace."""
    if not isinstance(instructions, str):
        return {}
    return {"instructions": instructions.partition("\n")[0][:FIRST_WORDS_MAX]}


def _is_traceable(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and abs(value) < INTEGER_END)


def _traced_item(item: Mapping[str, Any]) -> Fields:
    names = {"id": "item_id", "type": "item_type", "status": "item_status"}
    names |= {"role": "role", "call_id": "call_id", "name": "name", "server_label": "server_label"}
    return {ours: item[theirs] for theirs, ours in names.items() if theirs in item}


def _traced_session(session: Mapping[str, Any]) -> Fields:
    audio = session["audio"]
    turn = audio["input"]["turn_detection"]
    spoken = {"output_format": audio["output"]["format"]["type"]} if "output" in audio else {}
    return {
        "input_format": audio["input"]["format"]["type"],
        **spoken,
        "turn_detection": "none" if turn is None else turn["type"],
    }


def _traced_response(response: Mapping[str, Any]) -> Fields:
    data: Fields = {}
    if "id" in response:
        data["response_id"] = response["id"]
    if "conversation_id" in response and response["conversation_id"] is None:
        data["conversation"] = "none"
    for name in ("status", "usage"):
        if response.get(name) is not None:
            data[name] = response[name]
    details = response.get("status_details") or {}
    if "reason" in details:
        data["reason"] = details["reason"]
    if "error" in details:
        data["code"] = details["error"]["code"]
    return data
