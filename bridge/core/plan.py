"""What one call shall be. Built by the shell from its settings; holds no secrets.

Times are seconds.
"""

import msgspec

from bridge.core.realtime_session import Dialect, ServerVad, TurnDetection


class CallPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a `Call` may know about its configuration."""

    model: str = "gpt-realtime-2.1"
    voice: str = "marin"
    instructions: str = ""
    dialect: Dialect = "ga"
    temperature: float | None = None
    """Beta dialect only."""
    prompt_id: str | None = None
    prompt_version: str | None = None
    greeting: str = ""
    """What the agent says first; empty: the caller speaks first."""
    turn_detection: TurnDetection = ServerVad()
    transcription_model: str | None = None
    end_call_grace_s: float = 3.0
    end_call_watchdog_s: float = 4.0
    end_call_interruptible: bool = False
    dtmf_to_model: bool = True
    dtmf_interrupts: bool = True
    """A key stops what the agent says, as the caller's voice does."""
    dtmf_pause_s: float = 2.0
    """A pause after which a group of keys is complete."""
    dtmf_terminator: str | None = "#"
    idle_nudge_s: float = 0.0
    """Both silent for so long: the caller is asked for a sign of life; 0 = never."""
    idle_nudges_max: int = 2
    """After so many in a row comes the goodbye."""
    idle_nudge_text: str = ""
    idle_goodbye_text: str = ""
    """Instructions to the model; empty: ours."""
    start_timeout_s: float = 10.0
    ready_timeout_s: float = 15.0
    response_timeout_s: float = 20.0
    line_silence_s: float = 120.0
    """No message at all from Twilio for so long: the line is dead."""
    call_max_s: float = 3540.0
    """A minute below the vendor's session limit of 60 minutes."""
    call_warning_s: float = 60.0
    """So long before that the caller is warned; 0 = not at all."""
    limit_farewell_s: float = 20.0
    """How much longer the goodbye at the limit may take; 0 = the call is cut off there."""
    can_release: bool = False
    """The shell can complete the call through Twilio's REST API."""
    show_timing_math: bool = False
