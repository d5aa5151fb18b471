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
    """Who calls whom, what the bridge is told, and how the number or the request is set up.

    `fallback`, `status_callback` and `async_amd_callback` are paths on the bridge, "" = none.
    `machine_detection` "" = off. `timeout_ms` = how long an outbound call rings, `time_limit_ms` =
    how long a call may last; whole seconds both. `via` "api" = the bridge itself has the call made,
    because a client orders it of the bridge; `again_ms` later the client sends the same order again
    (None = it does not).
    """

    direction: Literal["inbound", "outbound"] = "inbound"
    from_: str = "+15550100001"
    to: str = "+15550100002"
    parameters: Mapping[str, str] = field(default_factory=dict)
    fallback: str = ""
    status_callback: str = ""
    status_callback_events: tuple[str, ...] = ("completed",)
    timeout_ms: float = 60_000.0
    time_limit_ms: float = 14_400_000.0
    machine_detection: Literal["", "Enable", "DetectMessageEnd"] = ""
    async_amd_callback: str = ""
    via: Literal["", "api"] = ""
    again_ms: float | None = None


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
    successive REST updates that end the call or hand it on: "ok", "timeout", an HTTP status (429,
    503, 404) or 21220; after the last one comes "ok". `create_rest` are those to successive
    requests to make a call: besides, "lost" = the call is made, but no answer comes. `start` "late"
    = the start message comes after `start_delay_ms`. `connect` "never" = the TwiML is fetched but
    no stream is opened; "hang_up" = the caller hangs up while the stream's handshake is under way.
    `room_tone` = what the microphone hears all the time, speech aside: repeated without end; None =
    digital silence.

    `outcome` is what comes of an outbound call, `answer_after_ms` how long that takes.
    `answered_by` is what answering machine detection finds `detection_ms` after the answer. `dial`
    = what comes of those whom a `<Dial>` rings, in order, the last one for all others; they ring
    `dial_rings_ms` and talk `dial_lasts_ms` (None = until the caller ends it). `gather` = what the
    caller answers to successive `<Gather>`s by himself: keys or words. `callbacks` = how faithfully
    a call's status callbacks are delivered. `media_format` is what a stream's `start` says of the
    audio, which is μ-law all the same.
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
    media_format: str = "audio/x-mulaw"
    room_tone: Path | None = None
    hangup_rest: tuple[int | str, ...] = ()
    create_rest: tuple[int | str, ...] = ()
    sign_with_port: bool = False
    sign_trailing_slash: bool = False
    stop_before_close: bool = True
    close_code: int = 1000
    outcome: Literal["answer", "busy", "no_answer", "failed"] = "answer"
    answer_after_ms: float = 0.0
    answered_by: Literal["human", "machine_start", "machine_end_beep", "fax", "unknown"] = "human"
    detection_ms: float = 4_000.0
    dial: tuple[Literal["answer", "busy", "no_answer", "failed"], ...] = ("answer",)
    dial_rings_ms: float = 2_000.0
    dial_lasts_ms: float | None = None
    gather: tuple[str, ...] = ()
    callbacks: Literal["in_order", "reordered", "duplicated"] = "in_order"
