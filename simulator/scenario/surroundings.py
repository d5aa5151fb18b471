"""What surrounds a call: who calls whom, how the bridge is set, how line and Twilio behave.

Part of `format`, from where it is imported. Knows nothing of what is said in the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class CallSetup:
    """Who calls whom, and what the media stream is told."""

    direction: Literal["inbound", "outbound"] = "inbound"
    from_: str = "+15550100001"
    to: str = "+15550100002"
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentSetup:
    """`greeting`: True = the bridge's own, False = the caller speaks first, a text = these words.

    `settings` are environment variables for the bridge, values as text. `setting_lines` = line and
    column of each value in the scenario's file, for whoever refuses it; a greeting that is a text
    is there as `GREETING`.
    """

    greeting: bool | str = False
    settings: Mapping[str, str] = field(default_factory=dict)
    setting_lines: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhoneSetup:
    """How this caller's line and Twilio behave (twilio.md section 7: the unconfirmed points).

    `first_timestamp_ms` None = drawn from 100..180 by the seed. `hangup_rest` are the answers to
    successive REST completions: "ok", "timeout", an HTTP status (429, 503, 404) or 21220; after the
    last one comes "ok". `start` "late" = the start message comes after `start_delay_ms`.
    `connect` "never" = the TwiML is fetched but no stream is opened; "hang_up" = the caller hangs
    up while the stream's handshake is under way. `room_tone` = what the microphone hears all the
    time, speech aside: repeated without end; None = digital silence.
    """

    first_timestamp_ms: float | None = None
    timestamp_jitter_ms: float = 3.0
    dtx: bool = False
    playout_delay_ms: float = 0.0
    clear_echo: bool = True
    token: Literal["valid", "missing", "forged", "expired"] = "valid"  # noqa: S105 - no secret
    signature: Literal["valid", "missing", "forged"] = "valid"
    start: Literal["normal", "never", "late"] = "normal"
    start_delay_ms: float = 3_000.0
    connect: Literal["normal", "never", "hang_up"] = "normal"
    room_tone: Path | None = None
    hangup_rest: tuple[int | str, ...] = ()
    sign_with_port: bool = False
    sign_trailing_slash: bool = False
    stop_before_close: bool = True
    close_code: int = 1000
