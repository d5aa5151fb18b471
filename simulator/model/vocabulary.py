"""What a client may say: every GA client event with its fields and bounds.

Owns the shapes and nothing of their meaning. Beta names and fields are simply not in here, so the
GA server refuses them as it refuses any unknown word.
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
    is_object,
    is_text,
    listing,
    mapping,
    nullable,
    some,
    tagged,
    text,
    unsupported,
)

AUDIO_BYTES_MAX: Final = 15 * 1024 * 1024
BASE64_LENGTH_MAX: Final = AUDIO_BYTES_MAX * 4 // 3
EVENT_ID_LENGTH_MAX: Final = 512

# fidelity: documented realtime.md 3.1 - pcm at 24 kHz, pcmu and pcma without a rate
FORMAT: Final = tagged(
    "type",
    {
        "audio/pcm": mapping({"type": anything, "rate": integer(24000, 24000)}),
        "audio/pcmu": mapping({"type": anything}),
        "audio/pcma": mapping({"type": anything}),
    },
)

VOICES: Final = (
    *("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"),
)
VOICE: Final = either(is_object, mapping({"id": text()}, ("id",)), choice(*VOICES))

TURN_DETECTION: Final = tagged(
    "type",
    {
        "server_vad": mapping(
            {
                "type": anything,
                "threshold": decimal(0, 1),
                "prefix_padding_ms": integer(0),
                "silence_duration_ms": integer(0),
                "idle_timeout_ms": nullable(integer(5000, 30000)),
                "create_response": boolean,
                "interrupt_response": boolean,
            }
        ),
        "semantic_vad": mapping(
            {
                "type": anything,
                "eagerness": choice("low", "medium", "high", "auto"),
                "create_response": boolean,
                "interrupt_response": boolean,
            }
        ),
    },
)

TRANSCRIPTION: Final = mapping(
    {
        "model": text(),
        "language": text(),
        "languages": listing(text()),
        "keywords": listing(text()),
        "prompt": text(),
        "delay": choice("minimal", "low", "medium", "high", "xhigh"),
    }
)

INPUT: Final = mapping(
    {
        "format": FORMAT,
        "noise_reduction": nullable(
            mapping({"type": choice("near_field", "far_field"), "strength": decimal(0, 1)})
        ),
        "transcription": nullable(TRANSCRIPTION),
        "turn_detection": nullable(TURN_DETECTION),
    }
)
OUTPUT: Final = mapping({"format": FORMAT, "voice": VOICE, "speed": decimal(0.25, 1.5)})

TOOL: Final = tagged(
    "type",
    {
        "function": mapping(
            {
                "type": anything,
                "name": text(64),
                "description": text(),
                "parameters": nullable(any_object),
            },
            ("name",),
        ),
        # fidelity: documented - openai-python 3.52: the fields of an MCP server among the tools
        "mcp": mapping(
            {
                "type": anything,
                "server_label": text(),
                "server_url": text(),
                "connector_id": text(),
                "tunnel_id": text(),
                "server_description": text(),
                "authorization": text(),
                "headers": nullable(any_object),
                "allowed_tools": nullable(either(is_object, any_object, listing(text()))),
                "require_approval": nullable(
                    either(is_object, any_object, choice("always", "never"))
                ),
                "allowed_callers": nullable(listing(choice("direct", "programmatic"))),
                "defer_loading": boolean,
            },
            ("server_label",),
        ),
    },
)
TOOL_CHOICE: Final = either(
    is_text,
    choice("none", "auto", "required"),
    tagged(
        "type",
        {
            "function": mapping({"type": anything, "name": text(64)}, ("name",)),
            "mcp": mapping(
                {"type": anything, "server_label": text(), "name": nullable(text())},
                ("server_label",),
            ),
        },
    ),
)
MODALITIES: Final = listing(choice("audio", "text"))
TOKENS_MAX: Final = either(is_text, choice("inf"), integer(1, 4096))
REASONING: Final = mapping({"effort": choice("minimal", "low", "medium", "high", "xhigh")})
PROMPT: Final = mapping({"id": text(), "version": nullable(text()), "variables": anything}, ("id",))
TRACING: Final = nullable(
    either(
        is_text,
        choice("auto"),
        mapping({"workflow_name": text(), "group_id": text(), "metadata": anything}),
    )
)
TRUNCATION: Final = either(
    is_text,
    choice("auto", "disabled"),
    mapping(
        {
            "type": choice("retention_ratio"),
            "retention_ratio": decimal(0, 1),
            "token_limits": nullable(mapping({"post_instructions": integer(1)})),
        },
        ("type", "retention_ratio"),
    ),
)

# fidelity: documented realtime.md 3.1 - the fields of a session; the flat ones of beta are unknown
SESSION: Final = mapping(
    {
        "type": choice("realtime"),
        "output_modalities": MODALITIES,
        "instructions": nullable(text()),
        "audio": mapping({"input": INPUT, "output": OUTPUT}),
        "tools": nullable(listing(TOOL)),
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": boolean,
        "reasoning": nullable(REASONING),
        "max_output_tokens": TOKENS_MAX,
        "tracing": TRACING,
        "truncation": TRUNCATION,
        "include": nullable(listing(choice("item.input_audio_transcription.logprobs"))),
        "prompt": nullable(PROMPT),
        "model": text(),
    },
    ("type",),
)

# fidelity: inferred realtime.md 1 - what a transcription session may be told, as the openai package
#   has it
TRANSCRIPTION_SESSION: Final = mapping(
    {
        "type": choice("transcription"),
        "audio": mapping({"input": INPUT}),
        "include": nullable(listing(choice("item.input_audio_transcription.logprobs"))),
    },
    ("type",),
)

_COMMON: Final[dict[str, Check]] = {
    "id": text(),
    "object": choice("realtime.item"),
    "type": anything,
    "status": choice("completed", "incomplete", "in_progress"),
}


def _part(*kinds: str) -> Check:
    shapes = {
        "input_text": mapping({"type": anything, "text": text()}, ("text",)),
        "output_text": mapping({"type": anything, "text": text()}, ("text",)),
        "text": mapping({"type": anything, "text": text()}, ("text",)),
        "input_audio": mapping(
            {"type": anything, "audio": text(), "transcript": nullable(text())}, ("audio",)
        ),
        "input_image": mapping(
            {"type": anything, "image_url": text(), "detail": choice("auto", "low", "high")},
            ("image_url",),
        ),
    }
    return tagged("type", {kind: shapes[kind] for kind in kinds})


def _message(*kinds: str) -> Check:
    return mapping(
        {**_COMMON, "role": anything, "content": listing(_part(*kinds))}, ("role", "content")
    )


def items(of_user: tuple[str, ...], of_assistant: tuple[str, ...], **more: Check) -> Check:
    """An item of a conversation, with the kinds of content that each side may have."""
    return tagged(
        "type",
        {
            "message": tagged(
                "role",
                {
                    "user": _message(*of_user),
                    "assistant": _message(*of_assistant),
                    "system": _message("input_text"),
                },
            ),
            "function_call": mapping(
                {**_COMMON, "name": text(), "call_id": text(64), "arguments": text()},
                ("name", "arguments"),
            ),
            "function_call_output": mapping(
                {**_COMMON, "call_id": text(64), "output": text()}, ("call_id", "output")
            ),
            **more,
        },
    )


# fidelity: documented realtime.md 2.2, 7 - assistant content is output_text; audio is not accepted
ITEM: Final = items(
    ("input_text", "input_audio", "input_image"),
    ("output_text",),
    mcp_approval_response=mapping(
        {
            "id": text(),
            "type": anything,
            "approval_request_id": text(),
            "approve": boolean,
            "reason": nullable(text()),
        },
        ("approval_request_id", "approve"),
    ),
)


def is_reference(value: object) -> bool:
    """For `either`: a reference to an item, instead of an item."""
    return isinstance(value, dict) and value.get("type") == "item_reference"


REFERENCE: Final = mapping({"type": anything, "id": text()}, ("id",))

# fidelity: documented realtime.md 5 - the options of a response
RESPONSE: Final = mapping(
    {
        "conversation": nullable(choice("auto", "none")),
        "metadata": nullable(some(16)),
        "instructions": text(),
        "output_modalities": MODALITIES,
        "audio": mapping({"output": mapping({"format": FORMAT, "voice": VOICE})}),
        "tools": listing(TOOL),
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": boolean,
        "reasoning": nullable(REASONING),
        "max_output_tokens": TOKENS_MAX,
        "prompt": nullable(PROMPT),
        "input": listing(either(is_reference, REFERENCE, ITEM)),
    }
)


def client_event(required: tuple[str, ...] = (), **fields: Check) -> Check:
    """A client event: its own fields beside those of all events."""
    head = {"type": anything, "event_id": nullable(text(EVENT_ID_LENGTH_MAX))}
    return mapping({**head, **fields}, required)


_APPEND: Final = client_event(("audio",), audio=text(BASE64_LENGTH_MAX))

# fidelity: observed realtime.md 1 - the accepted types, in the order the server lists them
EVENTS: Final[Mapping[str, Check]] = {
    "session.update": client_event(("session",), session=SESSION),
    "session.close": client_event(),
    "input_audio_buffer.append": _APPEND,
    "session.input_audio_buffer.append": _APPEND,
    "input_audio_buffer.commit": client_event(),
    "input_audio_buffer.clear": client_event(),
    "conversation.item.create": client_event(
        ("item",), item=ITEM, previous_item_id=nullable(text())
    ),
    "conversation.item.truncate": client_event(
        ("item_id", "content_index", "audio_end_ms"),
        item_id=text(),
        content_index=integer(0),
        audio_end_ms=integer(0),
    ),
    "conversation.item.delete": client_event(("item_id",), item_id=text()),
    "conversation.item.retrieve": client_event(("item_id",), item_id=text()),
    "response.create": client_event(response=nullable(RESPONSE)),
    "response.cancel": client_event(response_id=nullable(text())),
}


# fidelity: inferred realtime.md 1 - in a transcription session there is nothing to answer, and no
#   conversation to change
_HEARS: Final = ("session.close", "input_audio_buffer", "session.input_audio_buffer")
TRANSCRIPTION_EVENTS: Final[Mapping[str, Check]] = {
    "session.update": client_event(("session",), session=TRANSCRIPTION_SESSION),
    **{name: check for name, check in EVENTS.items() if name.startswith(_HEARS)},
}


def check_event(event: Mapping[str, Any], known: Mapping[str, Check] = EVENTS) -> str:
    """The type of a client event that is in order.

    Raises:
        Refused: it is not; the problem says what is wrong with it.
    """
    kind = event.get("type")
    if kind is None:
        raise Refused(
            Problem("missing_required_parameter", "Missing required parameter: 'type'.", "type")
        )
    if not isinstance(kind, str) or kind not in known:
        raise unsupported("type", kind, known)
    known[kind](event, "")
    return kind
