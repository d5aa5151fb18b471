"""What an operator can set: names, defaults, limits, and the words for a wrong value.

Owns which settings there are, and which do not fit together. Must not know what the rest of the
bridge does with a setting. `Settings(...)` reads nothing but its arguments, and raises
`UnusableSettings` if any is wrong.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    ConfigDict,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from bridge.errors import SettingsError
from bridge.settings.agents import AgentSettings
from bridge.settings.complaints import UnusableSettings, complaint, meant, one_word, shortened
from bridge.settings.endpoint import VOICES, EndpointSettings, engine_misfits
from bridge.settings.flight import FlightSettings
from bridge.settings.long_calls import LongCallSettings
from bridge.settings.misfits import Misfit, errors_of
from bridge.settings.operations import OperationsSettings, operations_misfits
from bridge.settings.outbound import OutboundSettings, outbound_misfits
from bridge.settings.quiet import QuietSettings
from bridge.settings.recording import RecordingSettings
from bridge.settings.records import RecordSettings, record_misfits
from bridge.settings.tools import ToolSettings
from bridge.settings.words import YES_NO, check_port
from bridge.settings.words import seconds as _seconds
from bridge.settings.words import setting as _set


class Settings(
    OperationsSettings,
    AgentSettings,
    QuietSettings,
    LongCallSettings,
    ToolSettings,
    OutboundSettings,
    FlightSettings,
    RecordingSettings,
    RecordSettings,
    EndpointSettings,
):
    """Every setting. The environment variable of a field is its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # -- who answers
    model: str = _set(
        "gpt-realtime-2.1", "Realtime model", "a model name without spaces", pattern=r"^\S+$"
    )
    voice: str = _set(
        "marin",
        "voice of the agent",
        f"{', '.join(VOICES)}, or a custom voice_...",
        pattern=r"^\S+$",
    )
    company_name: str = _set("", "whom the agent answers for", "a name", max_length=200)
    system_message: str = _set("", "instructions to the model", "a text")
    system_message_file: Path | None = _set(
        None, "a file with the instructions", "the path of a readable UTF-8 text file"
    )
    greeting: str | None = _set(
        None,
        "first words of the agent",
        "a text; set but empty = the caller speaks first",
        max_length=2000,
    )
    temperature: float | None = _set(
        None, "beta dialect only", "a number from 0.6 to 1.2", ge=0.6, le=1.2
    )
    prompt_id: str | None = _set(None, "stored prompt", "an id such as pmpt_...", pattern=r"^\S+$")
    prompt_version: str | None = _set(
        None, "its version", "a version such as 2; needs PROMPT_ID", pattern=r"^\S+$"
    )
    transcription_model: str | None = _set(
        None, "transcribe the caller with", "a model such as gpt-realtime-whisper", pattern=r"^\S+$"
    )

    # -- who has finished speaking
    turn_detection: Literal["server_vad", "semantic_vad"] = _set(
        "server_vad", "how a turn ends", "server_vad or semantic_vad"
    )
    vad_threshold: float = _set(0.5, "server_vad", "a number from 0 to 1", ge=0, le=1)
    vad_prefix_padding_ms: int = _set(
        300, "server_vad", "whole milliseconds from 0 to 5000", ge=0, le=5000
    )
    # The live service answers with 200 where its documentation says 500, so we always send it.
    vad_silence_duration_ms: int = _set(
        500, "server_vad", "whole milliseconds from 50 to 10000", ge=50, le=10_000
    )
    vad_idle_timeout_ms: int | None = _set(
        None,
        "server_vad: speak up after silence",
        "whole milliseconds from 5000 to 30000",
        ge=5000,
        le=30_000,
    )
    vad_create_response: bool = _set(True, "answer by itself at the end of a turn", YES_NO)
    vad_interrupt_response: bool = _set(True, "stop answering when the caller speaks", YES_NO)
    vad_eagerness: Literal["low", "medium", "high", "auto"] = _set(
        "auto", "semantic_vad", "low, medium, high or auto"
    )

    # -- hanging up
    end_call_grace_seconds: float = _seconds(3, "pause after the farewell", 0, 30)
    end_call_watchdog_seconds: float = _seconds(4, "wait for a farewell to start", 0.5, 60)
    end_call_interruptible: bool = _set(False, "caller speech cancels the hangup", YES_NO)

    # -- Twilio
    twilio_account_sid: str | None = _set(
        None, "account", "AC and 32 hexadecimal digits", pattern=r"^AC[0-9a-fA-F]{32}$"
    )
    twilio_auth_token: SecretStr | None = _set(
        None, "its auth token", "the account's primary auth token", min_length=1
    )
    twilio_api_url: str | None = _set(
        None, "REST API elsewhere than at api.twilio.com", "a URL such as https://api.example.com"
    )
    twiml_greeting: str = _set(
        "",
        "spoken by Twilio before connecting",
        "a text of at most 4096 characters",
        max_length=4096,
    )
    twiml_pause_seconds: int = _set(
        0, "silence before connecting", "whole seconds from 0 to 30", ge=0, le=30
    )
    call_token_secret: SecretStr | None = _set(
        None, "signs the call tokens", "at least 16 characters", min_length=16
    )
    call_token_seconds: int = _set(
        300, "from webhook to stream", "whole seconds from 10 to 3600", ge=10, le=3600
    )

    # -- this service
    host: str = _set(
        "0.0.0.0",  # noqa: S104 - Twilio must reach it; a proxy on the same machine sets 127.0.0.1
        "address to listen on",
        "an address such as 0.0.0.0 or 127.0.0.1",
        pattern=r"^\S+$",
    )
    port: int = _set(5050, "port to listen on", "a port from 0 to 65535", ge=0, le=65_535)
    public_url: str | None = _set(
        None, "where Twilio reaches us", "a URL such as https://voice.example.com"
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_means_unset(cls, values: Any) -> Any:
        """`NAME=` means the default, except for GREETING, where silence is a wish."""
        return {name: value for name, value in values.items() if value != "" or name == "greeting"}

    @field_validator("openai_api_key", "twilio_auth_token", "azure_client_secret", "metrics_token")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        return one_word(value)

    @field_validator("host")
    @classmethod
    def _can_be_looked_up(cls, value: str) -> str:
        value.encode("idna")  # as the socket will; UnicodeError is a ValueError
        return value

    @field_validator("public_url", "twilio_api_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = value if "://" in value else f"https://{value}"
        parts = urlsplit(value)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
        ):
            raise ValueError
        check_port(parts.port)
        return value.rstrip("/")

    @field_validator("system_message_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                value.read_text(encoding="utf-8")
            except OSError as why:
                raise ValueError from why
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _all_mistakes_at_once(cls, given: Any, made: ModelWrapValidatorHandler[Self]) -> Self:
        """Values that are wrong by themselves do not hide those which do not fit together."""
        errors: list[SettingsError] = []
        wrong: set[str] = set()
        try:
            settings = made(given)
        except ValidationError as found:
            details = found.errors(include_url=False)
            errors = [complaint(detail, cls.model_fields) for detail in details]
            wrong = {str(detail["loc"][0]) for detail in details}
        if wrong:
            settings = made({name: value for name, value in given.items() if name not in wrong})
        errors += errors_of(_misfits(settings), wrong)
        if errors:
            # Outside the except clause: a chained traceback would show the values, keys included.
            raise UnusableSettings(_in_order(errors, cls.model_fields))
        return settings

    @property
    def can_release(self) -> bool:
        """Whether Twilio's REST API can be asked to end a call."""
        return self.twilio_account_sid is not None and self.twilio_auth_token is not None

    @property
    def instructions(self) -> str:
        """What the model is told: the operator's words, or ours with the company's name."""
        if self.system_message_file:
            return self.system_message_file.read_text(encoding="utf-8").strip()
        return self.system_message or _default_instructions(self.company_name)

    @property
    def first_words(self) -> str:
        """What the agent says first; empty = the caller speaks first."""
        if self.greeting is not None:
            return self.greeting
        whom = f"Thank you for calling {self.company_name}." if self.company_name else "Hello."
        return f"{whom} How can I help you?"


def _misfits(settings: Settings) -> Iterator[Misfit]:
    """Which settings do not fit together, each by itself being right."""
    if settings.system_message and settings.system_message_file:
        yield Misfit(
            "system_message",
            "both are set, set one of them",
            ("system_message_file",),
            "SYSTEM_MESSAGE and SYSTEM_MESSAGE_FILE",
        )
    if settings.prompt_version and not settings.prompt_id:
        yield Misfit("prompt_version", "set without PROMPT_ID", ("prompt_id",))
    if settings.idle_nudge_seconds and settings.vad_idle_timeout_ms:
        yield Misfit(
            "idle_nudge_seconds",
            "both are set, set one of them",
            ("vad_idle_timeout_ms",),
            "IDLE_NUDGE_SECONDS and VAD_IDLE_TIMEOUT_MS",
        )
    if not settings.has_voice(settings.voice):
        known, hint = ", ".join(settings.voices), meant(settings.voice, settings.voices)
        yield Misfit(
            "voice",
            f"got {shortened(settings.voice)}, may be: {known}, or a custom voice_...{hint}",
            ("engine", "realtime_url", "live_url"),
        )
    yield from engine_misfits(settings)
    yield from outbound_misfits(settings)
    yield from operations_misfits(settings)
    yield from record_misfits(settings)


def _in_order(errors: list[SettingsError], names: Iterable[str]) -> list[SettingsError]:
    """As the settings are declared; what is none of them comes last."""
    places = {name.upper(): place for place, name in enumerate(names)}
    return sorted(
        errors, key=lambda error: places.get(error.variable.partition(" ")[0], len(places))
    )


def _default_instructions(company: str) -> str:
    whom = f" of {company}" if company else ""
    return (
        f"You are the telephone assistant{whom}. You speak with a caller over the phone: be "
        "friendly and brief, one or two sentences at a time, and ask when you did not understand. "
        "Say numbers and addresses slowly. Do not make up facts; when you do not know something, "
        "say so. When the caller is done or says goodbye, say a short goodbye and call the "
        "function end_call in the same turn."
    )
