"""From a document to an agent's file, or to all that is wrong with it.

Owns what no shape can say: placeholders that nobody fills, keys
that exclude each other. Must not know other files; what is unique among them is `reading`'s.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import msgspec
from pydantic import ValidationError

from bridge.agents.complaints import complain, may_be, path
from bridge.agents.conduct import Conduct, conduct_for
from bridge.agents.document import Document, Keys
from bridge.agents.problem import did_you_mean, quoted
from bridge.agents.shape import BUILT_IN, AgentFile, TurnDetection, said
from bridge.agents.template import BrokenTemplate, parsed
from bridge.agents.tool_reading import KnownTools, UnknownTool
from bridge.call_token import PARAMETER as TOKEN
from bridge.core.plan import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad
from bridge.settings import Settings
from bridge.tooling.function_tool import UnusableFunction

REQUESTED: Final = "agent"
"""The call parameter that asks for an agent: no name for a value."""
COMPANY: Final = "company_name"
"""The placeholder that every call fills: COMPANY_NAME."""

Detection = ServerVad | SemanticVad
_KINDS: Final[dict[str, type[Detection]]] = {"server_vad": ServerVad, "semantic_vad": SemanticVad}


def checked(
    document: Document, settings: Settings, default: CallPlan, tools: KnownTools
) -> AgentFile | None:
    """The file, if nothing is wrong with it; the document's `problems` say what is."""
    if document.problems:
        return None
    try:
        file = AgentFile.model_validate(document.values)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            complain(document, error, AgentFile)
        return None
    _check_lists(document, file)
    _check_tools(document, file, default, tools)
    _check_transfer(document, file, settings, default)
    _check_voice(document, file, settings)
    _check_turns(document, file, default)
    _check_machine(document, file, settings)
    for keys, text in texts(file):
        _check_placeholders(document, file, settings, keys, text)
    return None if document.problems else file


def texts(file: AgentFile) -> Iterator[tuple[Keys, str]]:
    """The texts that may have placeholders, and where they stand."""
    for keys, words in (((), file), (("inbound",), file.inbound), (("outbound",), file.outbound)):
        for name, text in (("instructions", words.instructions), ("greeting", words.greeting)):
            if text:
                yield (*keys, name), text


def turn_detection(given: TurnDetection, default: Detection) -> Detection:
    """What the agent says, over what the settings say where that is of the same type."""
    kind = _KINDS[given.type] if given.type else type(default)
    below = default if isinstance(default, kind) else kind()
    fitting = {
        name: value
        for name, value in given.model_dump(exclude={"type"}).items()
        if value is not None and name in kind.__struct_fields__
    }
    return msgspec.structs.replace(below, **fitting)


def conduct_of(file: AgentFile, default: Conduct) -> Conduct:
    """What the agent's file says of recordings and machines, over what the settings say."""
    given = said(file, "conduct")
    if "records" in given:
        given["records"] = given["records"] == "on"
    return replace(default, **given)


# ------------------------------------------------------------------ what no shape can say
def _check_lists(document: Document, file: AgentFile) -> None:
    for name in ("numbers", "languages", "parameters", "tools"):
        words: tuple[str, ...] = getattr(file, name)
        seen: Counter[str] = Counter()
        for index, word in enumerate(words):
            seen[word] += 1
            if seen[word] > 1:
                document.complain((name, index), f"{name}: {quoted(word)} is there twice")
    for index, word in enumerate(file.parameters):
        if word in (TOKEN, REQUESTED, COMPANY):
            message = f"parameters: {quoted(word)} is a name with a meaning of its own"
            document.complain(("parameters", index), message)


def _check_tools(document: Document, file: AgentFile, default: CallPlan, tools: KnownTools) -> None:
    problems = len(document.problems)
    for index, name in enumerate(file.tools):
        if name in BUILT_IN:
            continue
        try:
            tools.get(name)
        except UnknownTool:
            message = f"tools: there is no tool {quoted(name)}"
            hint = did_you_mean(name, tools.names) or f"known here: {', '.join(tools.names)}"
            document.complain(("tools", index), message, hint)
        except UnusableFunction as wrong:
            document.complain(("tools", index), f"tools: {quoted(name)}: {wrong}")
    names = file.tools if "tools" in document.values else default.builtin_tools
    if "end_call" not in names and len(document.problems) == problems:
        hint = "an agent that cannot hang up keeps the line for as long as the caller does"
        document.complain(("tools",), "tools: `end_call` is missing", hint)


def _check_transfer(
    document: Document, file: AgentFile, settings: Settings, default: CallPlan
) -> None:
    offered = "transfer_call" in (
        file.tools if "tools" in document.values else default.builtin_tools
    )
    if offered and not (file.transfer.to or settings.transfer_number):
        hint = "name somebody below `transfer.to:`, or set TRANSFER_NUMBER"
        document.complain(("tools",), "tools: `transfer_call` can reach nobody", hint)
    if file.transfer.to and not offered:
        hint = "add `transfer_call` to `tools:`"
        document.complain(("transfer", "to"), "transfer.to: nobody is put through", hint)


def _check_voice(document: Document, file: AgentFile, settings: Settings) -> None:
    voice = file.voice
    if voice and not settings.has_voice(voice):
        message = f"voice: got {quoted(voice)}, may be: {may_be(('voice',), AgentFile)}"
        document.complain(("voice",), message, did_you_mean(voice, settings.voices))


def _check_turns(document: Document, file: AgentFile, default: CallPlan) -> None:
    turns = file.turn_detection
    if not default.abilities.takes_turns and "turn_detection" in file.model_fields_set:
        message = "turn_detection: has no meaning with ENGINE=live, leave it out"
        document.complain(("turn_detection",), message)
        return
    detection = turn_detection(turns, default.turn_detection)
    kind = next(name for name, known in _KINDS.items() if isinstance(detection, known))
    for name, value in turns.model_dump(exclude={"type"}).items():
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


def _check_machine(document: Document, file: AgentFile, settings: Settings) -> None:
    conduct = conduct_of(file, conduct_for(settings))
    if conduct.machine_detected == "message" and not conduct.machine_message:
        message = "machine.message: is missing, and machine.detected is message"
        document.complain(("machine", "detected"), message, "or set MACHINE_MESSAGE")


def _check_placeholders(
    document: Document, file: AgentFile, settings: Settings, keys: Keys, text: str
) -> None:
    try:
        template = parsed(text)
    except BrokenTemplate as broken:
        document.complain(keys, f"{path(keys)}: {broken}", part=broken.part)
        return
    for part in template.placeholders:
        if part.name == COMPANY:
            if not settings.company_name and part.default is None:
                message = f"{path(keys)}: the setting COMPANY_NAME is empty"
                document.complain(keys, message, f"or write {{{COMPANY}|a default}}", part.written)
        elif part.name not in file.parameters:
            message = f"{path(keys)}: no call gives {quoted(part.written)}"
            hint = did_you_mean(part.name, [*file.parameters, COMPANY])
            hint = hint or f"add {part.name} to `parameters:`"
            document.complain(keys, message, hint, part.written)
