"""From a document to an agent's file, or to all that is wrong with it.

Owns the words for a wrong value, and what no shape can say: placeholders that nobody fills, keys
that exclude each other. Must not know other files; what is unique among them is `reading`'s.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bridge.agents.document import Document, Keys
from bridge.agents.problem import did_you_mean, quoted
from bridge.agents.shape import TOOLS, AgentFile, TurnDetection, block_at
from bridge.agents.template import BrokenTemplate, parsed
from bridge.call_token import PARAMETER as TOKEN
from bridge.core.plan import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad
from bridge.endpoint_settings import OPENAI_HOST
from bridge.settings import VOICES, Settings

REQUESTED: Final = "agent"
"""The call parameter that asks for an agent: no name for a value."""
COMPANY: Final = "company_name"
"""The placeholder that every call fills: COMPANY_NAME."""

Detection = ServerVad | SemanticVad
_KINDS: Final[dict[str, type[Detection]]] = {"server_vad": ServerVad, "semantic_vad": SemanticVad}


def checked(document: Document, settings: Settings, default: CallPlan) -> AgentFile | None:
    """The file, if nothing is wrong with it; the document's `problems` say what is."""
    if document.problems:
        return None
    try:
        file = AgentFile.model_validate(document.values)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            _complain(document, error)
        return None
    _check_lists(document, file)
    _check_voice(document, file, settings)
    _check_turns(document, file, default)
    for keys, text in texts(file):
        _check_placeholders(document, file, settings, keys, text)
    return None if document.problems else file


def texts(file: AgentFile) -> Iterator[tuple[Keys, str]]:
    """The texts that may have placeholders, and where they stand."""
    for keys, words in (((), file), (("inbound",), file.inbound), (("outbound",), file.outbound)):
        for name, text in (("instructions", words.instructions), ("greeting", words.greeting)):
            if text:
                yield (*keys, name), text


def turn_detection(said: TurnDetection, default: Detection) -> Detection:
    """What the agent says, over what the settings say where that is of the same type."""
    kind = _KINDS[said.type] if said.type else type(default)
    below = default if isinstance(default, kind) else kind()
    given = {
        name: value
        for name, value in said.model_dump(exclude={"type"}).items()
        if value is not None and name in kind.__struct_fields__
    }
    return msgspec.structs.replace(below, **given)


# ------------------------------------------------------------------ what a shape says
def _complain(document: Document, error: ErrorDetails) -> None:
    keys: Keys = error["loc"]
    if error["type"] == "extra_forbidden":
        known = block_at(keys[:-1]).model_fields
        hint = did_you_mean(str(keys[-1]), known) or f"known here: {', '.join(known)}"
        document.complain_of_key(keys, f"unknown key {quoted(str(keys[-1]))}", hint)
        return
    value = error["input"]
    if isinstance(value, str):
        got = f"got {quoted(value)}"
    else:
        got = "got a block of keys" if isinstance(value, dict) else "got a list"
    document.complain(keys, f"{_path(keys)}: {got}, may be: {_may_be(keys)}", _meant(keys, value))


def _meant(keys: Keys, value: Any) -> str:
    if isinstance(value, dict) and _takes_text(keys):
        return "put a text that begins with { in quotes"
    if isinstance(value, str) and keys[0] == "tools":
        return did_you_mean(value, TOOLS)
    return ""


def _takes_text(keys: Keys) -> bool:
    return keys[-1] in ("instructions", "greeting", "description", "nudge_text", "goodbye_text")


def _may_be(keys: Keys) -> str:
    block = block_at(keys)
    name = next(str(key) for key in reversed(keys) if isinstance(key, str))
    if name not in block.model_fields:
        return "a block of keys"
    extra = block.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["may_be"])


def _path(keys: Keys) -> str:
    return ".".join(key for key in keys if isinstance(key, str))


# ------------------------------------------------------------------ what no shape can say
def _check_lists(document: Document, file: AgentFile) -> None:
    for name in ("numbers", "languages", "parameters", "tools"):
        words: tuple[str, ...] = getattr(file, name)
        seen: Counter[str] = Counter()
        for index, word in enumerate(words):
            seen[word] += 1
            if seen[word] > 1:
                document.complain((name, index), f"{name}: {quoted(word)} is there twice")
    if "end_call" not in file.tools:
        hint = "an agent that cannot hang up keeps the line for as long as the caller does"
        document.complain(("tools",), "tools: `end_call` is missing", hint)
    for index, word in enumerate(file.parameters):
        if word in (TOKEN, REQUESTED, COMPANY):
            message = f"parameters: {quoted(word)} is a name with a meaning of its own"
            document.complain(("parameters", index), message)


def _check_voice(document: Document, file: AgentFile, settings: Settings) -> None:
    ours = urlsplit(settings.realtime_url).hostname == OPENAI_HOST
    voice = file.voice
    if voice and ours and voice not in VOICES and not voice.startswith("voice_"):
        message = f"voice: got {quoted(voice)}, may be: {_may_be(('voice',))}"
        document.complain(("voice",), message, did_you_mean(voice, VOICES))


def _check_turns(document: Document, file: AgentFile, default: CallPlan) -> None:
    said = file.turn_detection
    detection = turn_detection(said, default.turn_detection)
    kind = next(name for name, known in _KINDS.items() if isinstance(detection, known))
    for name, value in said.model_dump(exclude={"type"}).items():
        if value is not None and name not in detection.__struct_fields__:
            other = next(word for word in _KINDS if word != kind)
            message = f"turn_detection.{name}: only for `type: {other}`; this is {kind}"
            document.complain(("turn_detection", name), message)
    nudge_s = file.idle.nudge_seconds
    nudges = default.idle_nudge_s if nudge_s is None else nudge_s
    if nudges and isinstance(detection, ServerVad) and detection.idle_timeout_ms:
        first = ("turn_detection", "idle_timeout_ms")
        keys: Keys = first if first in document.places else ("idle", "nudge_seconds")
        message = "idle.nudge_seconds and turn_detection.idle_timeout_ms: set one of them"
        document.complain(keys, message, "a setting counts, too; 0 seconds = never")


def _check_placeholders(
    document: Document, file: AgentFile, settings: Settings, keys: Keys, text: str
) -> None:
    try:
        template = parsed(text)
    except BrokenTemplate as broken:
        document.complain(keys, f"{_path(keys)}: {broken}", part=broken.part)
        return
    for part in template.placeholders:
        if part.name == COMPANY:
            if not settings.company_name and part.default is None:
                message = f"{_path(keys)}: the setting COMPANY_NAME is empty"
                document.complain(keys, message, f"or write {{{COMPANY}|a default}}", part.written)
        elif part.name not in file.parameters:
            message = f"{_path(keys)}: no call gives {quoted(part.written)}"
            hint = did_you_mean(part.name, [*file.parameters, COMPANY])
            hint = hint or f"add {part.name} to `parameters:`"
            document.complain(keys, message, hint, part.written)
