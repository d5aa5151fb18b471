"""The settings of call records: which database, which form of numbers, how long.

Owns what may be said about them. Must not know what a record holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import unquote_plus, urlsplit

from pydantic import BaseModel, SecretStr, field_validator

from bridge.settings.misfits import Misfit
from bridge.settings.words import YES_NO, setting

DATABASE_OFF = "off"
MASKED = "********"
POSTGRES_SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")


class RecordSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    # A secret, because a password is in it.
    database_url: SecretStr = setting(
        SecretStr("sqlite:///callbridge.db"),
        "where call records are kept",
        "sqlite:///FILE, postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or off",
    )
    database_migrate: bool = setting(True, "bring its tables up to date by itself", YES_NO)
    record_numbers: Literal["plain", "masked", "hashed"] = setting(
        "plain", "phone numbers in records", "plain, masked or hashed"
    )
    record_numbers_key: SecretStr | None = setting(
        None, "key of the hashes", "at least 16 characters", min_length=16
    )
    records_spool: Path = setting(
        Path("callbridge-spool"), "where records wait for the database", "the path of a folder"
    )
    records_spool_max_mb: int = setting(
        64, "bound of that folder", "whole megabytes from 1 to 100000", ge=1, le=100_000
    )
    records_keep_days: int = setting(
        0, "delete records after", "whole days from 0 to 36500; 0 = never", ge=0, le=36_500
    )

    @property
    def records_url(self) -> str | None:
        """The database's URL; None = calls are not recorded."""
        url = self.database_url.get_secret_value()
        return None if url == DATABASE_OFF else url

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        parts = urlsplit(url)
        file = url.startswith("sqlite:///") and len(url) > len("sqlite:///")
        server = parts.scheme in POSTGRES_SCHEMES and parts.netloc + parts.path.strip("/") != ""
        if not (file or server or url == DATABASE_OFF):
            raise ValueError
        assert parts.port is None or parts.port <= 65_535  # reading it was the check
        return value


def shown_url(url: str) -> str:
    """A database's URL without its user and password, wherever they stand in it.

    Up to the last @, as a password may have any character, although some should be escaped.
    """
    scheme, mark, rest = url.partition("://")
    if scheme not in POSTGRES_SCHEMES:
        return url
    _, at, place = rest.rpartition("@")
    place, question, query = place.partition("?")
    options = "&".join(_shown_option(option) for option in query.split("&"))
    return f"{scheme}{mark}{MASKED if at else ''}{at}{place}{question}{options}"


def _shown_option(option: str) -> str:
    name, equals, _ = option.partition("=")
    plain = unquote_plus(name).lower()
    hidden = equals and (plain == "user" or "password" in plain)
    return f"{name}={MASKED}" if hidden else option


def record_misfits(settings: RecordSettings) -> Iterator[Misfit]:
    """What call records cannot do as they are set."""
    if settings.record_numbers == "hashed" and settings.record_numbers_key is None:
        yield Misfit(
            "record_numbers_key",
            "is missing; without it a hashed number is soon guessed",
            ("record_numbers",),
        )


def record_gaps(settings: RecordSettings) -> list[str]:
    """What production lacks without a database."""
    if settings.records_url is not None:
        return []
    lacks = (
        "DATABASE_URL is off: no call is recorded, and a call token or an Idempotency-Key that "
        "comes again is refused only by the process that saw it first"
    )
    return [lacks]
