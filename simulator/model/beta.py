"""The beta dialect: its names and its flat shapes, translated at the border of a session.

Owns the two translations. Inside, everything has the GA shape; what a beta client sends is turned
into it (`inward`), and what is sent to it is turned back (`outward`). Knows no rule of a session.
"""

from typing import Any, Final, Protocol

from simulator.model.beta_vocabulary import BETA_EVENTS
from simulator.model.vocabulary import check_event

Values = dict[str, Any]

# fidelity: documented realtime.md 2.2 - names of the beta protocol
NAMES: Final = {
    "conversation.item.added": "conversation.item.created",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}
UNKNOWN: Final = frozenset({"conversation.item.done", "input_audio_buffer.timeout_triggered"})
"""Events which a beta client never gets."""

# fidelity: documented realtime.md 3.2 - names of formats and modalities in the beta protocol
FORMATS: Final = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
FORMAT_NAMES: Final = {ga: beta for beta, ga in FORMATS.items()}
MODALITIES: Final = {"audio": ["audio", "text"], "text": ["text"]}
TEMPERATURE: Final = 0.8

_PARTS_IN: Final = {"text": "output_text"}
_PARTS_OUT: Final = {"output_text": "text", "output_audio": "audio"}
_INPUT: Final = {
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
}


class Border(Protocol):
    """What stands between a session and a client of another dialect."""

    def inward(self, event: Values) -> Values:
        """A client event in the GA shape."""
        ...

    def outward(self, event: Values) -> Values | None:
        """A server event in the client's shape; None = there is none."""
        ...


class Beta:
    """The border of one session. It remembers what the GA shape has no room for."""

    def __init__(self) -> None:
        self._temperature = self._asked_temperature = TEMPERATURE

    # -- from the client --------------------------------------------------------

    def inward(self, event: Values) -> Values:
        """A client event in the GA shape.

        Raises:
            Refused: it is no event of the beta protocol.
        """
        kind = check_event(event, BETA_EVENTS)
        if kind == "session.update":
            session = event["session"]
            self._asked_temperature = session.get("temperature", self._temperature)
            return {**event, "session": {"type": "realtime", **_session_in(session)}}
        if kind == "conversation.item.create":
            return {**event, "item": _item_in(event["item"])}
        if kind == "response.create" and event.get("response"):
            return {**event, "response": _response_in(event["response"])}
        return event

    # -- to the client ----------------------------------------------------------

    def outward(self, event: Values) -> Values | None:
        """A server event as the beta protocol has it; None = it has no such event."""
        kind = event["type"]
        if kind in UNKNOWN:
            return None
        if kind == "session.updated":
            self._temperature = self._asked_temperature
        told = {**event, "type": NAMES.get(kind, kind)}
        # fidelity: inferred realtime.md 2.2 - beta events have no padding, and arguments.done no
        #   name
        told.pop("obfuscation", None)
        if kind == "response.function_call_arguments.done":
            del told["name"]
        if "item" in told:
            told["item"] = _item_out(told["item"])
        if "session" in told:
            told["session"] = self._session_out(told["session"])
        if isinstance(told.get("response"), dict):
            told["response"] = self._response_out(told["response"])
        return told

    def _session_out(self, session: Values) -> Values:
        # fidelity: documented realtime.md 3.2 - the flat session of the beta protocol
        heard, spoken = session["audio"]["input"], session["audio"]["output"]
        turn = heard["turn_detection"]
        if turn is not None:
            turn = {name: value for name, value in turn.items() if name != "idle_timeout_ms"}
        kept = ("id", "object", "model", "expires_at", "instructions", "tools", "tracing")
        return {
            **{name: session[name] for name in kept},
            "modalities": MODALITIES[session["output_modalities"][0]],
            "voice": spoken["voice"],
            "speed": spoken["speed"],
            "input_audio_format": FORMAT_NAMES[heard["format"]["type"]],
            "output_audio_format": FORMAT_NAMES[spoken["format"]["type"]],
            "input_audio_transcription": heard["transcription"],
            "input_audio_noise_reduction": heard["noise_reduction"],
            "turn_detection": turn,
            "tool_choice": _choice_out(session["tool_choice"]),
            "temperature": self._temperature,
            "max_response_output_tokens": session["max_output_tokens"],
            "client_secret": None,
        }

    def _response_out(self, response: Values) -> Values:
        told = {
            name: value
            for name, value in response.items()
            if name not in {"audio", "output_modalities"}
        }
        spoken = response["audio"]["output"]
        return {
            **told,
            "output": [_item_out(item) for item in response["output"]],
            "modalities": MODALITIES[response["output_modalities"][0]],
            "voice": spoken["voice"],
            "output_audio_format": FORMAT_NAMES[spoken["format"]["type"]],
            "temperature": self._temperature,
        }


def _modalities_in(modalities: list[str]) -> list[str]:
    return ["audio"] if "audio" in modalities else ["text"]


def _choice_in(tool_choice: Any) -> Any:
    if isinstance(tool_choice, dict) and "function" in tool_choice:
        return {"type": "function", "name": tool_choice["function"]["name"]}
    return tool_choice


def _choice_out(tool_choice: Any) -> str:
    # fidelity: inferred realtime.md 3.2 - a beta session echoes a forced function as its name
    return str(tool_choice["name"] if isinstance(tool_choice, dict) else tool_choice)


def _session_in(session: Values) -> Values:
    kept = ("instructions", "tools", "tracing", "model")
    flat: Values = {name: session[name] for name in kept if name in session}
    heard: Values = {ga: session[beta] for beta, ga in _INPUT.items() if beta in session}
    spoken: Values = {name: session[name] for name in ("voice", "speed") if name in session}
    if "turn_detection" in session:
        turn = session["turn_detection"]
        heard["turn_detection"] = None if turn is None else {"type": "server_vad", **turn}
    for name, side in (("input_audio_format", heard), ("output_audio_format", spoken)):
        if name in session:
            side["format"] = {"type": FORMATS[session[name]]}
    if "modalities" in session:
        flat["output_modalities"] = _modalities_in(session["modalities"])
    if "tool_choice" in session:
        flat["tool_choice"] = _choice_in(session["tool_choice"])
    if "max_response_output_tokens" in session:
        flat["max_output_tokens"] = session["max_response_output_tokens"]
    return {**flat, "audio": {"input": heard, "output": spoken}}


def _response_in(response: Values) -> Values:
    shared = _session_in(response)
    kept = ("conversation", "metadata")
    told = {name: response[name] for name in kept if name in response}
    if "input" in response:
        told["input"] = [_item_in(item) for item in response["input"]]
    if "max_output_tokens" in response:
        told["max_output_tokens"] = response["max_output_tokens"]
    return {**shared, **told, "audio": {"output": shared["audio"]["output"]}}


def _item_in(item: Values) -> Values:
    if "content" not in item:
        return item
    content = [
        {**part, "type": _PARTS_IN.get(part["type"], part["type"])} for part in item["content"]
    ]
    return {**item, "content": content}


def _item_out(item: Values) -> Values:
    told = {"object": "realtime.item", **item}
    if "content" in item:
        told["content"] = [
            {**part, "type": _PARTS_OUT.get(part["type"], part["type"])} for part in item["content"]
        ]
    return told
