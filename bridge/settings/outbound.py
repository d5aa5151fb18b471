"""The settings of calls out: who may ask for them, how many, where to, and machines that answer.

Owns what may be said about them. Must not know how a call is made.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, SecretStr, field_validator
from pydantic_settings import NoDecode

from bridge.api_tokens import is_hash
from bridge.settings.misfits import Misfit
from bridge.settings.words import YES_NO, setting

_HASHES = "hashes that `callbridge token` prints, sha256$... each, with commas"


class OutboundSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    twilio_phone_number: str | None = setting(
        None,
        "whom calls come from",
        "a phone number in E.164 form, such as +15550100001",
        pattern=r"^\+[1-9][0-9]{6,14}$",
    )
    # A secret only because somebody may write a token here by mistake.
    api_tokens: SecretStr | None = setting(None, "who may use the API", _HASHES)
    api_tokens_file: Path | None = setting(
        None, "more of them", "the path of a readable file with one such hash in each line"
    )
    outbound_per_minute: int = setting(
        60,
        "most calls out in a minute, each process",
        "a whole number from 1 to 6000",
        ge=1,
        le=6000,
    )
    api_per_minute: int = setting(
        600,
        "most requests of the API in a minute, each token and process",
        "a whole number from 1 to 60000",
        ge=1,
        le=60_000,
    )
    outbound_allowed: Annotated[tuple[str, ...], NoDecode] = setting(
        (), "where calls may go", "beginnings of numbers with commas, such as +1,+44; unset = all"
    )
    machine_detection: bool = setting(False, "look for answering machines", YES_NO)
    machine_detected: Literal["hang_up", "message", "talk"] = setting(
        "hang_up", "when one answers", "hang_up, message or talk"
    )
    machine_message: str = setting(
        "", "said to a machine", "a text of at most 4000 characters", max_length=4000
    )

    @property
    def token_hashes(self) -> tuple[str, ...]:
        """The hashes of all API tokens, read anew from the file."""
        file = self.api_tokens_file
        given = self.api_tokens
        own = () if given is None else _parts(given.get_secret_value())
        return own + (() if file is None else _hashes_in(file))

    @field_validator("outbound_allowed", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("api_tokens")
    @classmethod
    def _hashed(cls, value: SecretStr | None) -> SecretStr | None:
        given = "" if value is None else value.get_secret_value()
        if not all(is_hash(text) for text in _parts(given)):
            raise ValueError
        return value

    @field_validator("api_tokens_file")
    @classmethod
    def _readable_hashes(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                fine = all(is_hash(text) for text in _hashes_in(value))
            except OSError as why:
                raise ValueError from why
            if not fine:
                raise ValueError
        return value

    @field_validator("outbound_allowed")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"\+[1-9][0-9]{0,14}", text) for text in value):
            raise ValueError
        return value


def outbound_misfits(settings: OutboundSettings) -> Iterator[Misfit]:
    """What calls out cannot do as they are set."""
    if settings.machine_detected == "message" and not settings.machine_message:
        problem = "is missing, and MACHINE_DETECTED is message"
        yield Misfit("machine_message", problem, ("machine_detected",))


def outbound_gaps(settings: OutboundSettings) -> list[str]:
    """What production lacks, where calls out are used at all."""
    if not settings.token_hashes or settings.outbound_allowed:
        return []
    return ["OUTBOUND_ALLOWED is not set: whoever has an API token can call any country"]


def _parts(text: str) -> tuple[str, ...]:
    """The words of a list; people also write it as in JSON or Python."""
    return tuple(part for part in re.split(r"[\s,\"'\[\]]+", text) if part)


def _hashes_in(file: Path) -> tuple[str, ...]:
    """One in each line; empty lines and comments aside."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line)
