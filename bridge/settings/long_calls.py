"""The settings of long calls: when a session is renewed, and what becomes of a caller without one.

Owns what may be said about them. Must not know what a call does with them.
"""

from pydantic import BaseModel

from bridge.settings.words import seconds, setting


class LongCallSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    realtime_session_renew_seconds: float = seconds(
        3300, "age at which a session is replaced, 0 = never", 0, 86_400
    )
    realtime_reconnect_seconds: float = seconds(
        8, "silence while a lost session is replaced", 0, 60
    )
    fallback_number: str | None = setting(
        None,
        "called for the caller when the model cannot be reached",
        "a number such as +15550100021, or a sip: address",
        pattern=r"^(\+[0-9]{3,15}|sip:[!-~]{1,200})$",
    )
    fallback_text: str = setting(
        "",
        "said before that by Twilio's voice",
        "a text of at most 1000 characters",
        max_length=1000,
    )
    fallback_language: str = setting(
        "en-US",
        "its language",
        "a language tag such as de-DE",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
    )


def fallback_gaps(settings: LongCallSettings, *, can_release: bool) -> list[str]:
    """What a caller would miss who cannot be told why the agent has gone."""
    if settings.fallback_number and not can_release:
        return ["FALLBACK_NUMBER is set and cannot be called: that needs TWILIO_ACCOUNT_SID"]
    return []
