"""What a client of the beta protocol may say: its events with their fields and bounds.

Owns the flat shapes of before GA, and nothing of their meaning.
"""

from collections.abc import Mapping
from typing import Any, Final

from simulator.model.errors import Problem, Refused
from simulator.model.fields import (
    Check,
    any_object,
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
    some,
    text,
)
from simulator.model.vocabulary import EVENTS, REFERENCE, TRACING, client_event, is_reference, items

# fidelity: documented realtime.md 0 - a beta session has no voices marin and cedar
VOICES: Final = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
FORMAT: Final = choice("pcm16", "g711_ulaw", "g711_alaw")
TURN_DETECTION: Final = mapping(
    {
        "type": choice("server_vad", "semantic_vad"),
        "threshold": decimal(0, 1),
        "prefix_padding_ms": integer(0),
        "silence_duration_ms": integer(0),
        "eagerness": choice("low", "medium", "high", "auto"),
        "create_response": boolean,
        "interrupt_response": boolean,
    }
)
TOOL: Final = mapping(
    {
        "type": choice("function"),
        "name": text(64),
        "description": text(),
        "parameters": nullable(any_object),
    },
    ("name",),
)
_FUNCTION: Final = choice("function")
TOOL_CHOICE: Final = either(
    is_text,
    choice("none", "auto", "required"),
    either(
        lambda value: isinstance(value, dict) and "function" in value,
        mapping({"type": _FUNCTION, "function": mapping({"name": text()}, ("name",))}, ("type",)),
        mapping({"type": _FUNCTION, "name": text()}, ("type", "name")),
    ),
)
TOKENS_MAX: Final = either(is_text, choice("inf"), integer(1, 4096))
# fidelity: documented realtime.md 3.2 - temperature from 0.6 to 1.2, 0.8 usually
TEMPERATURE: Final = decimal(0.6, 1.2)


def modalities(value: Any, path: str) -> None:
    """Text alone, or audio with its text; audio alone there is not."""
    listing(choice("text", "audio"))(value, path)
    if sorted(value) not in (["text"], ["audio", "text"]):
        # fidelity: inferred realtime.md 3.2 - how the beta refuses audio without text
        raise Refused(
            Problem(
                "invalid_value",
                f"Invalid modalities: {value}. "
                "Supported combinations are: ['text'] and ['audio', 'text'].",
                path,
            )
        )


_SHARED: Final[dict[str, Check]] = {
    "modalities": modalities,
    "instructions": nullable(text()),
    "voice": choice(*VOICES),
    "output_audio_format": FORMAT,
    "tools": nullable(listing(TOOL)),
    "tool_choice": TOOL_CHOICE,
    "temperature": TEMPERATURE,
    "max_response_output_tokens": TOKENS_MAX,
}
SESSION: Final = mapping(
    {
        **_SHARED,
        "model": text(),
        "speed": decimal(0.25, 1.5),
        "input_audio_format": FORMAT,
        "input_audio_transcription": nullable(
            mapping({"model": text(), "language": text(), "prompt": text()})
        ),
        "input_audio_noise_reduction": nullable(
            mapping({"type": choice("near_field", "far_field")})
        ),
        "turn_detection": nullable(TURN_DETECTION),
        "tracing": TRACING,
        "client_secret": anything,
    }
)
ITEM: Final = items(("input_text", "input_audio"), ("text",))
RESPONSE: Final = mapping(
    {
        **_SHARED,
        "max_output_tokens": TOKENS_MAX,
        "conversation": nullable(choice("auto", "none")),
        "metadata": nullable(some(16)),
        "input": listing(either(is_reference, REFERENCE, ITEM)),
    }
)

_KEPT: Final = (
    *("input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear"),
    *("conversation.item.truncate", "conversation.item.delete", "conversation.item.retrieve"),
    "response.cancel",
)
BETA_EVENTS: Final[Mapping[str, Check]] = {
    "session.update": client_event(("session",), session=SESSION),
    "conversation.item.create": client_event(
        ("item",), item=ITEM, previous_item_id=nullable(text())
    ),
    "response.create": client_event(response=nullable(RESPONSE)),
    **{name: EVENTS[name] for name in _KEPT},
}
