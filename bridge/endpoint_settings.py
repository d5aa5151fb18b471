"""The settings of the Realtime endpoint: where it is, how its key is shown, which names it uses.

Owns what may be said about them. Must not know what a session does with them.
"""

from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, field_validator

from bridge.setting_words import check_port, setting

OPENAI_HOST: Final = "api.openai.com"


class EndpointSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    openai_api_key: SecretStr = setting(
        ..., "key of the Realtime API", "a key such as sk-...", min_length=1
    )
    realtime_url: str = setting(
        f"wss://{OPENAI_HOST}/v1/realtime", "Realtime endpoint", "a wss:// or ws:// URL"
    )
    realtime_auth: Literal["bearer", "api-key"] = setting(
        "bearer",
        "how it is shown the key: Azure takes api-key, or Entra's tokens as bearer",
        "bearer or api-key",
    )
    realtime_dialect: Literal["ga", "beta"] = setting("ga", "names of its events", "ga or beta")

    @field_validator("realtime_url")
    @classmethod
    def _websocket_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.fragment:
            raise ValueError
        check_port(parts.port)
        return value
