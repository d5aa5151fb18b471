"""What an operator can set: names, defaults, limits, and the words for a wrong value.

Owns the environment and `.env`. Must not know what the rest of the bridge does with a setting.
`Settings(...)` reads nothing but its arguments; only `load_settings` looks at the environment.
"""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    ConfigDict,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.errors import BridgeError, SettingsError
from bridge.settings.agents import AgentSettings
from bridge.settings.endpoint import VOICES, EndpointSettings, engine_complaint
from bridge.settings.flight import FlightSettings
from bridge.settings.long_calls import LongCallSettings, fallback_gaps
from bridge.settings.operations import OperationsSettings
from bridge.settings.outbound import OutboundSettings, outbound_gaps
from bridge.settings.quiet import QuietSettings
from bridge.settings.recording import RecordingSettings
from bridge.settings.records import RecordSettings, record_gaps
from bridge.settings.secret_files import read_prefixed_secrets, read_secret_files
from bridge.settings.tools import SECRET_PREFIX, ToolSettings
from bridge.settings.words import YES_NO, check_port
from bridge.settings.words import seconds as _seconds
from bridge.settings.words import setting as _set


class UnusableSettings(BridgeError):  # noqa: N818 - it is made of errors
    """One or more settings are missing or wrong; one readable line for each in `lines`."""

    def __init__(self, errors: list[SettingsError]) -> None:
        self.lines = [str(error) for error in errors]
        super().__init__("\n".join(self.lines))


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

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        if self.system_message and self.system_message_file:
            raise ValueError(
                "SYSTEM_MESSAGE and SYSTEM_MESSAGE_FILE: both are set, set one of them"
            )
        if self.prompt_version and not self.prompt_id:
            raise ValueError("PROMPT_VERSION: set without PROMPT_ID")
        if self.idle_nudge_seconds and self.vad_idle_timeout_ms:
            raise ValueError(
                "IDLE_NUDGE_SECONDS and VAD_IDLE_TIMEOUT_MS: both are set, set one of them"
            )
        if complaint := engine_complaint(self):
            raise ValueError(complaint)
        if not self.has_voice(self.voice):
            known, meant = ", ".join(self.voices), _meant(self.voice, self.voices)
            raise ValueError(
                f"VOICE: got {self.voice!r}, may be: {known}, or a custom voice_...{meant}"
            )
        return self

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


class EnvironmentSettings(Settings, BaseSettings):
    """The same settings, read from the environment and a .env file; the environment wins."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, env_file_encoding="utf-8"
    )


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """The settings of this process.

    Raises:
        UnusableSettings: with a line for each value that is missing or wrong.
    """
    secrets, errors = read_secret_files(secret_names(), env_file)
    for_tools, wrong_files = read_prefixed_secrets(SECRET_PREFIX, env_file)
    errors += wrong_files
    try:
        given = EnvironmentSettings(_env_file=env_file, **secrets, tool_secrets=for_tools)  # type: ignore[call-arg,arg-type]
        if not errors:
            return given
    except ValidationError as wrong:
        named = {error.variable.removesuffix("_FILE") for error in errors}
        errors += [error for error in _complaints(wrong) if error.variable not in named]
    except UnicodeDecodeError:
        errors = [SettingsError(str(env_file), "is not a UTF-8 text file")]
    # Outside the except clauses: a chained traceback would show the values again, keys included.
    raise UnusableSettings(errors)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings in a mapping of variables, and nothing from the process's own environment.

    Raises:
        UnusableSettings: with a line for each name or value that is wrong.
    """
    secrets = {name: text for name, text in environment.items() if name.startswith(SECRET_PREFIX)}
    others = {name.lower(): text for name, text in environment.items() if name not in secrets}
    try:
        return Settings.model_validate({**others, "tool_secrets": secrets} if secrets else others)
    except ValidationError as wrong:
        errors = _complaints(wrong)
    raise UnusableSettings(errors)


def misspelt(env_file: Path | None = Path(".env")) -> list[str]:
    """A warning for each variable of the .env file that looks like one of ours and is none."""
    if env_file is None or not env_file.is_file():
        return []
    names = [name.upper() for name in Settings.model_fields]
    names += [f"{name}_FILE" for name in secret_names()]
    unknown = [
        name
        for name in dotenv_values(env_file, encoding="utf-8")
        if name.upper() not in names and not name.startswith(SECRET_PREFIX)
    ]
    return [
        f"{name}: unknown setting{hint}"
        for name in unknown
        if (hint := _meant(name.upper(), names))
    ]


def missing_for_production(settings: Settings) -> list[str]:
    """What still works without these, and why it should not stay so."""
    gaps = []
    if settings.twilio_auth_token is None:
        gaps.append(
            "TWILIO_AUTH_TOKEN is not set: anyone can call the webhook, signatures are not verified"
        )
    if not settings.can_release:
        gaps.append(
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not both set: "
            "a call is ended by closing its stream, not by the REST API"
        )
    if settings.public_url is None:
        gaps.append(
            "PUBLIC_URL is not set: the stream's address is taken from the request's Host headers"
        )
    elif settings.public_url.startswith("http://"):
        gaps.append("PUBLIC_URL is not https: Twilio connects only to wss:// streams")
    if settings.temperature is not None and settings.realtime_dialect == "ga":
        gaps.append("TEMPERATURE is set and will not be used: only the beta dialect knows it")
    gaps += fallback_gaps(settings, can_release=settings.can_release)
    return gaps + outbound_gaps(settings) + record_gaps(settings)


def may_be(name: str) -> str:
    """The values a setting accepts, in words."""
    extra = Settings.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["may_be"])


def is_secret(name: str) -> bool:
    """Whether a setting's value must never be shown."""
    return "SecretStr" in str(Settings.model_fields[name].annotation)


def secret_names() -> list[str]:
    """The settings that can also stand in files, in capitals."""
    named_by_operators = "tool_secrets"
    names = (name for name in Settings.model_fields if name != named_by_operators)
    return [name.upper() for name in names if is_secret(name)]


def _complaints(wrong: ValidationError) -> list[SettingsError]:
    return [_complaint(error) for error in wrong.errors(include_url=False)]


def _complaint(error: ErrorDetails) -> SettingsError:
    if not error["loc"]:
        variable, _, problem = error["msg"].removeprefix("Value error, ").partition(": ")
        return SettingsError(variable, problem)
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        known = [field.upper() for field in Settings.model_fields]
        return SettingsError(name.upper(), f"unknown setting{_meant(name.upper(), known)}")
    if error["type"] == "missing":
        got = "is missing"
    elif is_secret(name):
        got = "got a value that does not fit (not shown)"
    else:
        got = f"got {_shortened(error['input'])}"
    return SettingsError(name.upper(), f"{got}, may be: {may_be(name)}")


def _shortened(value: Any) -> str:
    words = json.dumps(str(value), ensure_ascii=False)
    return words if len(words) <= 80 else f'{words[:76]}..."'


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f" (did you mean {close[0]}?)" if close else ""


def _default_instructions(company: str) -> str:
    whom = f" of {company}" if company else ""
    return (
        f"You are the telephone assistant{whom}. You speak with a caller over the phone: be "
        "friendly and brief, one or two sentences at a time, and ask when you did not understand. "
        "Say numbers and addresses slowly. Do not make up facts; when you do not know something, "
        "say so. When the caller is done or says goodbye, say a short goodbye and call the "
        "function end_call in the same turn."
    )
