"""The settings of the speech model's endpoint: which engine it is, where, and how the key is shown.

Owns what may be said about them. Must not know what a session does with them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bridge.settings.words import check_port, setting

OPENAI_HOST: Final = "api.openai.com"
VOICES: Final = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"),
)
"""Voices of the Realtime API (openai-python 3.52.0, types/realtime); custom ones are voice_..."""
LIVE_MODEL: Final = "gpt-live-1"
LIVE_VOICES: Final = (
    *("alloy", "ash", "ballad", "beacon", "bossa", "cedar", "cinder", "coral", "delta", "echo"),
    *("gleam", "marin", "meridian", "quartz", "ripple", "sage", "shida", "shimmer", "stone"),
    *("tempo", "verse", "vesper", "willow"),
)
"""Voices of GPT-Live (openai-python 3.52.0, types/live/built_in_voice)."""

_OF_REALTIME: Final = {
    "realtime_dialect": "ga",
    "prompt_id": None,
    "temperature": None,
    "transcription_model": None,
    "turn_detection": "server_vad",
    "vad_idle_timeout_ms": None,
    "vad_create_response": True,
    "vad_interrupt_response": True,
}
"""Settings that GPT-Live has no place for, and their defaults: it takes turns by itself."""


class EndpointSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    realtime_auth: Literal["bearer", "api-key", "entra"] = setting(
        "bearer",
        "how the endpoint is shown the key: Azure takes api-key, or Entra's tokens",
        "bearer, api-key or entra",
    )
    openai_api_key: SecretStr | None = setting(
        None, "key of the endpoint", "a key such as sk-...", min_length=1, validate_default=True
    )
    engine: Literal["realtime", "live"] = setting(
        "realtime", "the speech model's API: Realtime, or GPT-Live", "realtime or live"
    )
    realtime_url: str = setting(
        f"wss://{OPENAI_HOST}/v1/realtime", "Realtime endpoint", "a wss:// or ws:// URL"
    )
    realtime_dialect: Literal["ga", "beta", "xai"] = setting(
        "ga", "names and shapes of its events", "ga, beta or xai"
    )
    live_url: str = setting(
        f"wss://{OPENAI_HOST}/v1/live/sessions", "GPT-Live endpoint", "a wss:// or ws:// URL"
    )
    live_delegation_model: str = setting(
        "gpt-6-luna",
        "text model to which GPT-Live hands tools and reasoning",
        "a model name without spaces",
        pattern=r"^\S+$",
    )
    azure_tenant_id: str | None = setting(
        None, "entra: the directory", "a tenant's id or domain", pattern=r"^[A-Za-z0-9.-]+$"
    )
    azure_client_id: str | None = setting(
        None, "entra: the application", "an application (client) id", pattern=r"^[A-Za-z0-9-]+$"
    )
    azure_client_secret: SecretStr | None = setting(
        None, "entra: its secret", "a client secret's value", min_length=1
    )
    azure_federated_token_file: Path | None = setting(
        None, "entra: a workload identity's token", "the path of a file"
    )
    azure_authority_host: str = setting(
        "https://login.microsoftonline.com", "entra: who gives tokens", "an https:// URL"
    )
    azure_token_scope: str = setting(
        "https://ai.azure.com/.default",
        "entra: what the token is for",
        "a scope such as https://cognitiveservices.azure.com/.default",
        pattern=r"^\S+$",
    )

    @property
    def api_key(self) -> str:
        """The endpoint's key; empty where tokens take its place."""
        key = self.openai_api_key
        return key.get_secret_value() if key is not None else ""

    @property
    def endpoint_url(self) -> str:
        """Where the engine in use is."""
        return self.live_url if self.engine == "live" else self.realtime_url

    @property
    def voices(self) -> tuple[str, ...]:
        """OpenAI's own voices, of the engine in use."""
        return LIVE_VOICES if self.engine == "live" else VOICES

    def has_voice(self, voice: str) -> bool:
        """Whether the endpoint has it, as far as we know: only OpenAI's own are known."""
        ours = urlsplit(self.endpoint_url).hostname == OPENAI_HOST
        return not ours or voice in self.voices or voice.startswith("voice_")

    @model_validator(mode="before")
    @classmethod
    def _model_of_the_engine(cls, values: Any) -> Any:
        """Each engine has a model of its own for those who name none."""
        if isinstance(values, Mapping) and values.get("engine") == "live":
            return {**values, "model": values.get("model") or LIVE_MODEL}
        return values

    @field_validator("realtime_url", "live_url")
    @classmethod
    def _websocket_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.fragment:
            raise ValueError
        check_port(parts.port)
        return value

    @field_validator("azure_authority_host")
    @classmethod
    def _https_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
            raise ValueError
        check_port(parts.port)
        return value.rstrip("/")

    @field_validator("openai_api_key")
    @classmethod
    def _some_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("realtime_auth") != "entra":
            raise PydanticCustomError("missing", "the key is missing")
        return value


def engine_complaint(settings: Any) -> str:
    """What does not fit the engine or its keys, as "NAME: why"; empty = all does.

    Args:
        settings: the whole `Settings`, of which the settings here are a part.
    """
    return _not_for_live(settings) or _not_for_xai(settings) or _not_for_entra(settings)


def _not_for_live(settings: Any) -> str:
    if settings.engine != "live":
        return ""
    for name, default in _OF_REALTIME.items():
        if getattr(settings, name) != default:
            return f"{name.upper()}: has no meaning with ENGINE=live, leave it out"
    return ""


def _not_for_xai(settings: Any) -> str:
    if settings.realtime_dialect != "xai":
        return ""
    if settings.turn_detection != "server_vad":
        return "TURN_DETECTION: REALTIME_DIALECT=xai knows server_vad only"
    for name in ("vad_create_response", "vad_interrupt_response"):
        if not getattr(settings, name):
            return f"{name.upper()}: cannot be switched off with REALTIME_DIALECT=xai"
    if settings.prompt_id:
        return "PROMPT_ID: REALTIME_DIALECT=xai knows no stored prompts"
    return ""


def _not_for_entra(settings: Any) -> str:
    ways = settings.azure_client_secret, settings.azure_federated_token_file
    if settings.realtime_auth != "entra":
        for name in ("azure_client_secret", "azure_federated_token_file"):
            if getattr(settings, name) is not None:
                return f"{name.upper()}: is used with REALTIME_AUTH=entra only"
        return ""
    for name in ("azure_tenant_id", "azure_client_id"):
        if getattr(settings, name) is None:
            return f"{name.upper()}: is needed with REALTIME_AUTH=entra"
    if sum(way is not None for way in ways) != 1:
        return (
            "AZURE_CLIENT_SECRET: REALTIME_AUTH=entra needs either it or AZURE_FEDERATED_TOKEN_FILE"
        )
    if settings.call_token_secret is None and settings.openai_api_key is None:
        return "CALL_TOKEN_SECRET: is needed with REALTIME_AUTH=entra and no OPENAI_API_KEY"
    return ""
