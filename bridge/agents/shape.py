"""The keys of an agent's file: shapes, limits, meanings.

Owns what each key alone may say. Where a key does what a setting does, limits and words are the
setting's. Must not know how keys fit together (`checking`), nor what comes of them (`agent`).
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from bridge.agents.conduct import MachinePolicy
from bridge.agents.languages import LANGUAGES
from bridge.agents.template import NAME
from bridge.settings import Settings
from bridge.settings.tools import LINE
from bridge.settings.words import setting

TEXT_CHARS_MAX = 100_000
BUILT_IN = ("end_call", "collect_digits", "transfer_call")
TOOL_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"


def _like(name: str, plan: str = "") -> Any:
    """A key that takes what the setting `name` takes, for the field `plan` of a `CallPlan`."""
    info = Settings.model_fields[name]
    extra = info.json_schema_extra
    assert isinstance(extra, dict)
    limits = {
        limit: value
        for part in info.metadata
        for limit in ("ge", "le", "max_length", "pattern")
        if (value := getattr(part, limit, None)) is not None
    }
    field = setting(None, str(info.description), str(extra["may_be"]), **limits)
    field.json_schema_extra |= {"setting": name.upper(), "plan": plan}
    return field


def _rule(name: str, conduct: str) -> Any:
    """A key that takes what the setting `name` takes, for the field `conduct` of a `Conduct`."""
    field = _like(name)
    field.json_schema_extra |= {"conduct": conduct}
    return field


def _known_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError
    return code


Number = Annotated[str, StringConstraints(pattern=r"^(\+?[0-9]{3,15}|(sip|client):\S{1,200})$")]
Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
ToolName = Annotated[str, StringConstraints(pattern=f"^{TOOL_NAME}$")]
Line = Annotated[str, StringConstraints(pattern=LINE)]
Destination = Annotated[str, StringConstraints(pattern=r"^\S.{0,62}\S$")]
Language = Annotated[str, AfterValidator(_known_language)]


class Block(BaseModel):
    """A block of keys. None = not written: the setting's value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Words(Block):
    """What is said in calls of one direction."""

    instructions: str = setting("", "what the model is told", "a text", max_length=TEXT_CHARS_MAX)
    greeting: str | None = _like("greeting")


class TurnDetection(Block):
    """How a turn of the caller ends."""

    type: Literal["server_vad", "semantic_vad"] | None = _like("turn_detection")
    threshold: float | None = _like("vad_threshold")
    prefix_padding_ms: int | None = _like("vad_prefix_padding_ms")
    silence_duration_ms: int | None = _like("vad_silence_duration_ms")
    idle_timeout_ms: int | None = _like("vad_idle_timeout_ms")
    eagerness: Literal["low", "medium", "high", "auto"] | None = _like("vad_eagerness")
    create_response: bool | None = _like("vad_create_response")
    interrupt_response: bool | None = _like("vad_interrupt_response")


class Hangup(Block):
    """The polite end."""

    grace_seconds: float | None = _like("end_call_grace_seconds", "end_call_grace_s")
    watchdog_seconds: float | None = _like("end_call_watchdog_seconds", "end_call_watchdog_s")
    interruptible: bool | None = _like("end_call_interruptible", "end_call_interruptible")


class Idle(Block):
    """A caller who says nothing."""

    nudge_seconds: float | None = _like("idle_nudge_seconds", "idle_nudge_s")
    nudges_max: int | None = _like("idle_nudges_max", "idle_nudges_max")
    nudge_text: str | None = _like("idle_nudge_text", "idle_nudge_text")
    goodbye_text: str | None = _like("idle_goodbye_text", "idle_goodbye_text")


class Duration(Block):
    """The end of a call's time."""

    max_seconds: float | None = _like("max_call_seconds", "call_max_s")
    warning_seconds: float | None = _like("max_call_warning_seconds", "call_warning_s")
    farewell_seconds: float | None = _like("max_call_farewell_seconds", "limit_farewell_s")


class Transfer(Block):
    """Whom the model may hand a call on to."""

    to: dict[Destination, Line] = setting(
        {}, "names and lines", 'names of 2 to 64 characters, each with a line: "+15550100021"'
    )
    announcement: str | None = _like("transfer_announcement", "transfer_announcement")
    language: str | None = _like("transfer_language", "transfer_language")
    failed_text: str | None = _rule("transfer_failed_text", "transfer_failed_text")


class Filler(Block):
    """Silence while a tool runs."""

    seconds: float | None = _like("tool_filler_seconds", "tool_filler_s")
    text: str | None = _like("tool_filler_text", "tool_filler_text")


class Recording(Block):
    """Whether these calls are recorded, and what is said before."""

    record: Literal["on", "off"] | None = _rule("recording", "records")
    announcement: str | None = _rule("recording_announcement", "announcement")


class Machine(Block):
    """An answering machine, in calls out."""

    detection: bool | None = _rule("machine_detection", "machine_detection")
    detected: MachinePolicy | None = _rule("machine_detected", "machine_detected")
    message: str | None = _rule("machine_message", "machine_message")


class AgentFile(Words):
    """The whole file."""

    description: str = setting("", "what this agent is for", "a text", max_length=500)
    numbers: tuple[Number, ...] = setting(
        (), "our numbers it speaks for", "phone numbers such as +15550100020"
    )
    languages: tuple[Language, ...] = setting(
        (), "what it speaks, first choice first", f"codes out of {' '.join(LANGUAGES)}"
    )
    parameters: tuple[Name, ...] = setting(
        (), "values a call brings", "names: a small letter, then letters, digits and _"
    )
    model: str | None = _like("model", "model")
    voice: str | None = _like("voice", "voice")
    transcription_model: str | None = _like("transcription_model", "transcription_model")
    inbound: Words = setting(Words(), "calls to us", "a block of keys")
    outbound: Words = setting(Words(), "calls from us", "a block of keys")
    turn_detection: TurnDetection = setting(TurnDetection(), "how a turn ends", "a block of keys")
    tools: tuple[ToolName, ...] = setting(
        (), "what the model may call", f"{', '.join(BUILT_IN)}, and names of *.tool.yaml files"
    )
    transfer: Transfer = setting(Transfer(), "whom a call is handed to", "a block of keys")
    filler: Filler = setting(Filler(), "silence while a tool runs", "a block of keys")
    hangup: Hangup = setting(Hangup(), "the polite end", "a block of keys")
    idle: Idle = setting(Idle(), "a caller who says nothing", "a block of keys")
    duration: Duration = setting(Duration(), "the end of a call's time", "a block of keys")
    recording: Recording = setting(Recording(), "recordings", "a block of keys")
    machine: Machine = setting(Machine(), "an answering machine", "a block of keys")


def block_at(keys: tuple[str | int, ...], root: type[Block] = AgentFile) -> type[Block]:
    """The block that a way of keys leads to, as far as blocks go."""
    block = root
    for key in keys:
        field = block.model_fields.get(str(key))
        if field is None or not isinstance(field.default, Block):
            break
        block = type(field.default)
    return block


def said(block: Block, of: Literal["plan", "conduct"] = "plan") -> dict[str, Any]:
    """The fields of a `CallPlan` (or a `Conduct`) this block and those in it change, by name."""
    fields: dict[str, Any] = {}
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        if isinstance(value, Block):
            fields |= said(value, of)
        elif extra.get(of) and value is not None:
            fields[str(extra[of])] = value
    return fields


def settings_said(block: Block) -> dict[str, str]:
    """The settings that shape a call and in whose place this block's keys stand, by name."""
    found: dict[str, str] = {}
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        if isinstance(value, Block):
            found |= settings_said(value)
        elif extra.get("setting") and not extra.get("conduct") and value is not None:
            text = str(value)
            found[str(extra["setting"])] = text.lower() if isinstance(value, bool) else text
    return found
