"""The settings of tools: whom a call may be handed to, fillers, and what HTTP tools need.

Owns what may be said about them. Must not know any tool.
"""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, SecretStr, field_validator
from pydantic_settings import NoDecode

from bridge.settings.words import seconds, setting

SECRET_PREFIX: Final = "TOOL_SECRET_"  # noqa: S105 - a beginning of names
LINE: Final = r"^(\+[0-9]{3,15}|sip:[!-~]{1,200})$"
LANGUAGE: Final = r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})?$"
_HOST: Final = re.compile(r"[0-9a-z_.:-]{1,253}")


class ToolSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    # -- handing a call on; an agent's file may name several destinations
    transfer_number: str | None = setting(
        None,
        "the model may hand a call on to this line",
        "a number such as +15550100021, or a sip: address",
        pattern=LINE,
    )
    transfer_announcement: str = setting(
        "",
        "said by Twilio before it dials",
        "a text of at most 500 characters",
        max_length=500,
    )
    transfer_language: str = setting(
        "",
        "language of that; empty = Twilio's default",
        "a language such as en-US or es-ES",
        pattern=LANGUAGE,
    )
    transfer_caller_id: str | None = setting(
        None,
        "whom the other side sees calling; unset = as Twilio does",
        "a number of the Twilio account",
        pattern=r"^\+[0-9]{3,15}$",
    )

    transfer_failed_text: str = setting(
        "Nobody answers there at the moment. Please call again later. Goodbye.",
        "said to the caller if nobody answers; then the call ends",
        "a text of at most 500 characters",
        max_length=500,
    )

    # -- silence while a tool runs
    tool_filler_seconds: float = seconds(
        4, "then the agent says it takes a moment, 0 = never", 0, 60
    )
    tool_filler_text: str = setting(
        "",
        "instructions for that; empty = ours",
        "a text of at most 2000 characters",
        max_length=2000,
    )

    # -- HTTP tools
    tool_signing_secret: SecretStr | None = setting(
        None, "signs the requests of HTTP tools", "at least 16 characters", min_length=16
    )
    tool_private_hosts: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "hosts which HTTP tools may reach at private addresses and without TLS",
        "host names or addresses with commas, such as orders.internal,10.0.0.5",
    )
    tool_secrets: Annotated[dict[str, SecretStr], NoDecode] = setting(
        {},
        f"for headers of HTTP tools, from any number of {SECRET_PREFIX}NAME",
        f"given as {SECRET_PREFIX}NAME or {SECRET_PREFIX}NAME_FILE",
    )

    @field_validator("tool_private_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        hosts = tuple(part.strip("[]").lower() for part in re.split(r"[\s,]+", value) if part)
        if not all(_HOST.fullmatch(host) for host in hosts):
            raise ValueError
        return hosts
