"""What a Realtime session is told to be, and how either dialect spells it.

Owns the shape of ``session.update``: turn detection, tools, voice. Knows no other event. The GA
shape is nested and refuses unknown fields; the beta shape is flat and knows ``temperature``; xAI's
has voice and turn detection at the top, and no ``create_response``: who shall not answer the
caller's turns by itself must have no turn detection.

Source: openai-python 3.52, ``realtime_session_create_request``,
``beta.realtime.session_update_event``; docs/protocols/realtime.md 8.
"""

from typing import Annotated, Any, Final, Literal

import msgspec

Dialect = Literal["ga", "beta", "xai"]
"""xai has the GA API's names, and a shape of its own for what a session is told to be."""

_PCMU: Final = {"type": "audio/pcmu"}


class _Part(msgspec.Struct, frozen=True):
    """An immutable object."""


Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ServerVad(_Part, frozen=True, tag_field="type", tag="server_vad"):
    """Turn detection by loudness. The vendor's live default for ``silence_duration_ms`` is 200."""

    threshold: Fraction = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    idle_timeout_ms: int | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(_Part, frozen=True, tag_field="type", tag="semantic_vad"):
    """Turn detection by meaning. Longest wait: 8 s (low), 4 s (medium, auto) or 2 s (high)."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = ServerVad | SemanticVad


class Tool(_Part, frozen=True, tag_field="type", tag="function"):
    """A function the model may call; ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]


class SessionUpdate(_Part, frozen=True):
    """The whole configuration of the session. µ-law both ways is implied."""

    event_id: str
    voice: str
    instructions: str
    turn_detection: TurnDetection
    tools: tuple[Tool, ...] = ()
    transcription_model: str | None = None
    prompt_id: str | None = None
    prompt_version: str | None = None
    temperature: float | None = None
    """Beta dialect only; GA refuses it."""


class TurnDetectionUpdate(_Part, frozen=True):
    """Change turn detection and nothing else."""

    event_id: str
    turn_detection: TurnDetection


def session_body(update: SessionUpdate | TurnDetectionUpdate, dialect: Dialect) -> dict[str, Any]:
    """Return the ``session`` object of the event ``update``; msgspec encodes what is in it."""
    if isinstance(update, SessionUpdate):
        return _SHAPES[dialect](update)
    detection = update.turn_detection
    if dialect == "xai":
        return {"turn_detection": _xai_turn_detection(detection)}
    if dialect == "ga":
        return {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    return {"turn_detection": _beta_turn_detection(detection)}


def _ga_session(update: SessionUpdate) -> dict[str, Any]:
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": _PCMU,
                "transcription": _transcription(update),
                "turn_detection": update.turn_detection,
            },
            "output": {"format": _PCMU, "voice": update.voice},
        },
    }
    return session | _common(update)


def _beta_session(update: SessionUpdate) -> dict[str, Any]:
    session: dict[str, Any] = {
        "modalities": ["text", "audio"],
        "voice": update.voice,
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_ulaw",
        "input_audio_transcription": _transcription(update),
        "turn_detection": _beta_turn_detection(update.turn_detection),
    }
    if update.temperature is not None:
        session["temperature"] = update.temperature
    return session | _common(update)


def _xai_session(update: SessionUpdate) -> dict[str, Any]:
    session: dict[str, Any] = {
        "voice": update.voice,
        "turn_detection": _xai_turn_detection(update.turn_detection),
        "audio": {"input": {"format": _PCMU}, "output": {"format": _PCMU}},
    }
    if update.transcription_model:
        session["audio"]["input"]["transcription"] = _transcription(update)
    return session | _common(update)


_SHAPES: Final = {"ga": _ga_session, "beta": _beta_session, "xai": _xai_session}


def _common(update: SessionUpdate) -> dict[str, Any]:
    """Return what all dialects spell alike."""
    fields: dict[str, Any] = {"tools": update.tools, "tool_choice": "auto"}
    if update.instructions:
        fields["instructions"] = update.instructions
    if update.prompt_id:
        fields["prompt"] = {"id": update.prompt_id}
        if update.prompt_version:
            fields["prompt"]["version"] = update.prompt_version
    return fields


def _transcription(update: SessionUpdate) -> dict[str, str] | None:
    return {"model": update.transcription_model} if update.transcription_model else None


def _beta_turn_detection(detection: TurnDetection) -> dict[str, Any]:
    """Return ``detection`` without the field the beta API did not have."""
    fields: dict[str, Any] = msgspec.to_builtins(detection)
    fields.pop("idle_timeout_ms", None)
    return fields


def _xai_turn_detection(detection: TurnDetection) -> dict[str, Any] | None:
    if not detection.create_response:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(detection)
    return {name: fields[name] for name in fields if name not in _OPENAIS_OWN}


_OPENAIS_OWN: Final[tuple[str, ...]] = ("create_response", "interrupt_response", "eagerness")
