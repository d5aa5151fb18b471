"""xAI's dialect: OpenAI's GA names, with a session and ends of responses of its own.

Owns the differences at the border of a session; inside, everything has the GA shape. Not imitated:
that a second response.create replaces the first, that a transcript ends before its audio, and the
resumption of conversations.
"""

from typing import Any, Final

from simulator.model.fields import (
    anything,
    boolean,
    choice,
    decimal,
    either,
    integer,
    is_text,
    listing,
    mapping,
    nullable,
    text,
)
from simulator.model.vocabulary import EVENTS, TOOL, check_event, client_event

Values = dict[str, Any]

# fidelity: documented realtime.md 8 - xAI: voices of its own
VOICE_INSIDE: Final = "marin"
"""Voices of xAI's are not OpenAI's: inside the session there is one that is known."""

# fidelity: documented realtime.md 8 - xAI: turn detection at the top level, server_vad only;
#   create_response is ignored
TURN_DETECTION: Final = mapping(
    {
        "type": nullable(choice("server_vad")),
        "threshold": decimal(0, 1),
        "prefix_padding_ms": integer(0),
        "silence_duration_ms": integer(0),
        "idle_timeout_ms": nullable(integer(1000)),
        "create_response": boolean,
    }
)
FORMAT: Final = mapping({"type": choice("audio/pcm", "audio/pcmu", "audio/pcma"), "rate": anything})
SESSION: Final = mapping(
    {
        "instructions": text(),
        "voice": text(),
        "turn_detection": nullable(TURN_DETECTION),
        "tools": listing(TOOL),
        "tool_choice": either(is_text, choice("auto", "none", "required"), anything),
        "audio": mapping(
            {
                "input": mapping({"format": FORMAT, "transcription": nullable(anything)}),
                "output": mapping({"format": FORMAT, "speed": decimal(0.7, 1.5)}),
            }
        ),
    }
)
XAI_EVENTS: Final = {**EVENTS, "session.update": client_event(("session",), session=SESSION)}
TURN_KEPT: Final[tuple[str, ...]] = ("threshold", "prefix_padding_ms", "silence_duration_ms")


class Xai:
    """The border of one session. It remembers what the GA shape has no room for."""

    def __init__(self) -> None:
        self._voice = "eve"
        self._configured = False

    def inward(self, event: Values) -> Values:
        """A client event in the GA shape.

        Raises:
            Refused: it is no event of xAI's.
        """
        if check_event(event, XAI_EVENTS) != "session.update":
            return event
        given = event["session"]
        self._voice = given.get("voice", self._voice)
        heard: Values = dict(given.get("audio", {}).get("input", {}))
        spoken: Values = dict(given.get("audio", {}).get("output", {}))
        heard.pop("transcription", None)
        # fidelity: documented realtime.md 8 - xAI: turn detection is off unless it is asked for
        if "turn_detection" in given or not self._configured:
            heard["turn_detection"] = _turn_in(given.get("turn_detection"))
        self._configured = True
        kept = {name: given[name] for name in ("instructions", "tools") if name in given}
        session = {"type": "realtime", **kept, "audio": {"input": heard, "output": spoken}}
        return {**event, "session": session}

    def outward(self, event: Values) -> Values | None:
        """A server event as xAI has it."""
        kind = event["type"]
        told = dict(event)
        told.pop("obfuscation", None)
        if "session" in told:
            session = told["session"]
            turn = session["audio"]["input"]["turn_detection"]
            told["session"] = {**session, "voice": self._voice, "turn_detection": turn}
        if kind == "response.done":
            # fidelity: documented realtime.md 8 - xAI: usage stands beside the response, with the
            #   seconds of sound that are billed
            response = dict(told["response"])
            usage = response.pop("usage", None)
            told |= {"response": response, "usage": usage, "billable_audio_seconds": 1}
        return told


def _turn_in(turn: Values | None) -> Values | None:
    if turn is None or turn.get("type", "server_vad") is None:
        return None
    kept = {name: turn[name] for name in TURN_KEPT if name in turn}
    return {"type": "server_vad", **kept}
