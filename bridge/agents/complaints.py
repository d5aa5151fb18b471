"""The words for a value that does not fit its key, as pydantic finds it.

Owns the sentence: which key, what stands there, what may stand there. Must not know any key.
"""

from typing import Any

from pydantic_core import ErrorDetails

from bridge.agents.document import Document, Keys
from bridge.agents.problem import did_you_mean, quoted
from bridge.agents.shape import Block, block_at


def complain(document: Document, error: ErrorDetails, root: type[Block]) -> None:
    """Note what is wrong with a value of a document that was read as `root`."""
    keys: Keys = tuple(key for key in error["loc"] if key != "[key]")
    if error["type"] == "extra_forbidden":
        known = block_at(keys[:-1], root).model_fields
        hint = did_you_mean(str(keys[-1]), known) or f"known here: {', '.join(known)}"
        document.complain_of_key(keys, f"unknown key {quoted(str(keys[-1]))}", hint)
        return
    value = error["input"]
    if isinstance(value, str):
        got = f"got {quoted(value)}"
    else:
        got = "got a block of keys" if isinstance(value, dict) else "got a list"
    message = f"{path(keys)}: {got}, may be: {may_be(keys, root)}"
    if keys != error["loc"]:
        document.complain_of_key(keys, message)
    else:
        document.complain(keys, message, _meant(keys, value))


def may_be(keys: Keys, root: type[Block]) -> str:
    """What a key takes, in words."""
    block = block_at(keys, root)
    name = next((str(key) for key in reversed(keys) if str(key) in block.model_fields), None)
    if name is None:
        return "a block of keys"
    extra = block.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["may_be"])


def path(keys: Keys) -> str:
    """The way to a value, as the guide writes it."""
    return ".".join(key for key in keys if isinstance(key, str))


def _meant(keys: Keys, value: Any) -> str:
    if isinstance(value, dict) and _takes_text(keys):
        return "put a text that begins with { in quotes"
    return ""


def _takes_text(keys: Keys) -> bool:
    texts = ("instructions", "greeting", "description", "nudge_text", "goodbye_text", "url")
    return keys[-1] in texts
