"""The settings of the speech model's endpoint: which engine it is, where, and how the key is shown.

Owns what may be said about them. Must not know what a session does with them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, field_validator, model_validator

from bridge.settings.complaints import no_placeholder
from bridge.settings.misfits import Misfit
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

_KEY: Final = "a key such as sk-..."
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
    openai_api_key: SecretStr | None = setting(None, "key of the endpoint", _KEY, min_length=1)
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

    @field_validator("openai_api_key")
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        return no_placeholder(value)

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


def engine_misfits(settings: Any) -> Iterator[Misfit]:
    """What does not fit the engine or its keys.

    Args:
        settings: the whole `Settings`, of which the settings here are a part.
    """
    if settings.openai_api_key is None and settings.realtime_auth != "entra":
        yield Misfit("openai_api_key", f"is missing, may be: {_KEY}", ("realtime_auth",))
    if settings.engine == "live":
        yield from _misfits_of_live(settings)
    if settings.realtime_dialect == "xai":
        yield from _misfits_of_xai(settings)
    if settings.realtime_auth == "entra":
        yield from _misfits_of_entra(settings)
    else:
        yield from _misfits_without_entra(settings)


def _misfits_of_live(settings: Any) -> Iterator[Misfit]:
    for name, default in _OF_REALTIME.items():
        if getattr(settings, name) != default:
            yield Misfit(name, "has no meaning with ENGINE=live, leave it out", ("engine",))


def _misfits_of_xai(settings: Any) -> Iterator[Misfit]:
    dialect = ("realtime_dialect",)
    if settings.turn_detection != "server_vad":
        yield Misfit("turn_detection", "REALTIME_DIALECT=xai knows server_vad only", dialect)
    for name in ("vad_create_response", "vad_interrupt_response"):
        if not getattr(settings, name):
            yield Misfit(name, "cannot be switched off with REALTIME_DIALECT=xai", dialect)
    if settings.prompt_id:
        yield Misfit("prompt_id", "REALTIME_DIALECT=xai knows no stored prompts", dialect)


def _misfits_without_entra(settings: Any) -> Iterator[Misfit]:
    for name in ("azure_client_secret", "azure_federated_token_file"):
        if getattr(settings, name) is not None:
            yield Misfit(name, "is used with REALTIME_AUTH=entra only", ("realtime_auth",))


def _misfits_of_entra(settings: Any) -> Iterator[Misfit]:
    for name in ("azure_tenant_id", "azure_client_id"):
        if getattr(settings, name) is None:
            yield Misfit(name, "is needed with REALTIME_AUTH=entra", ("realtime_auth",))
    ways = settings.azure_client_secret, settings.azure_federated_token_file
    if sum(way is not None for way in ways) != 1:
        yield Misfit(
            "azure_client_secret",
            "REALTIME_AUTH=entra needs either it or AZURE_FEDERATED_TOKEN_FILE",
            ("realtime_auth", "azure_federated_token_file"),
        )
    if settings.call_token_secret is None and settings.openai_api_key is None:
        yield Misfit(
            "call_token_secret",
            "is needed with REALTIME_AUTH=entra and no OPENAI_API_KEY",
            ("realtime_auth", "openai_api_key"),
        )
