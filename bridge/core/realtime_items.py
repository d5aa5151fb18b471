"""What stands in a Realtime conversation: the items we may put there, in the GA shape.

Owns their shapes. Knows no event. The beta dialect calls an assistant's text ``text``, which is
translated at the door.

Source: openai-python 3.52, ``realtime.conversation_item_create_event``. The API takes an
assistant's words as text only; of a user it also takes audio, in the session's input format.
"""

from typing import Literal

import msgspec


class _Part(msgspec.Struct, frozen=True):
    """A piece of a message's content."""


class InputText(_Part, frozen=True, tag_field="type", tag="input_text"):
    """A piece of text from the caller's side, or of ours."""

    text: str


class InputAudio(_Part, frozen=True, tag_field="type", tag="input_audio"):
    """What the caller said, raw µ-law."""

    audio: bytes


class OutputText(_Part, frozen=True, tag_field="type", tag="output_text"):
    """What the agent said, in words."""

    text: str


class UserMessage(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """Something the caller did or said."""

    content: tuple[InputText | InputAudio, ...]
    role: Literal["user"] = "user"


class AssistantMessage(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """Something the agent said and the caller heard."""

    content: tuple[OutputText, ...]
    role: Literal["assistant"] = "assistant"


class SystemMessage(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """A remark of ours about the conversation."""

    content: tuple[InputText, ...]
    role: Literal["system"] = "system"


class FunctionCall(msgspec.Struct, frozen=True, tag_field="type", tag="function_call"):
    """A function which the model has called. ``arguments`` is what it wrote."""

    call_id: str
    name: str
    arguments: str


class FunctionCallOutput(msgspec.Struct, frozen=True, tag_field="type", tag="function_call_output"):
    """The result of a function call; ``output`` is a JSON text."""

    call_id: str
    output: str


Item = UserMessage | AssistantMessage | SystemMessage | FunctionCall | FunctionCallOutput
