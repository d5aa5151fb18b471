"""What one call shall be. Built by the shell from its settings; holds no secrets.

Times are seconds.
"""

import msgspec

from bridge.core.abilities import Abilities
from bridge.core.realtime_session import Dialect, ServerVad, Tool, TurnDetection


class CallPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a `Call` may know about its configuration."""

    model: str = "gpt-realtime-2.1"
    voice: str = "marin"
    instructions: str = ""
    dialect: Dialect = "ga"
    abilities: Abilities = Abilities()
    """Of the engine that carries the call."""
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
    builtin_tools: tuple[str, ...] = ("end_call",)
    """Which are offered out of `end_call`, `collect_digits`, `transfer_call`."""
    tools: tuple[Tool, ...] = ()
    """Besides, tools of ours, which the shell runs (`CallTool`)."""
    transfers: dict[str, str] = {}
    """Whom `transfer_call` may reach: what they are called, and their numbers. The model is told
    the names and nothing else; without any, or without `can_release`, the tool is not offered."""
    transfer_announcement: str = ""
    """What Twilio's voice says before it dials, behind the agent's own words; empty: nothing."""
    transfer_language: str = ""
    """Its language, BCP 47; empty: Twilio's default."""
    tool_filler_s: float = 4.0
    """The longest silence while a tool runs: then the agent says that it takes a moment; 0 = never.

    Callers ask whether anybody is there after five seconds or so. The end of a turn and the
    decision to call a tool take some 1.5 s of this, and the word itself must be asked for 1 s
    early: so a tool that answers within a second or two needs none.
    """
    tool_filler_text: str = ""
    """Instructions for that; empty: ours."""
    start_timeout_s: float = 10.0
    ready_timeout_s: float = 15.0
    renew_s: float = 3300.0
    """A session so old is replaced at a quiet moment; 0 = never. The vendor's limit is 3600."""
    reconnect_s: float = 8.0
    """So long without a session, and without sound of the agent's, before the model is given up."""
    fallback_number: str = ""
    """Who is called then; empty: nobody, the line is released."""
    fallback_text: str = ""
    """What Twilio's voice says before that; empty: ours."""
    fallback_language: str = ""
    response_timeout_s: float = 20.0
    line_silence_s: float = 120.0
    """No message at all from Twilio for so long: the line is asked whether it is there."""
    call_max_s: float = 7200.0
    call_warning_s: float = 60.0
    """So long before that the caller is warned; 0 = not at all."""
    limit_farewell_s: float = 20.0
    """How much longer the goodbye at the limit may take; 0 = the call is cut off there."""
    can_release: bool = False
    """The shell can complete the call through Twilio's REST API."""
    show_timing_math: bool = False

    @property
    def offered(self) -> frozenset[str]:
        """The built-in tools that the model may call."""
        offered = set(self.builtin_tools)
        if not (self.transfers and self.can_release):
            offered.discard("transfer_call")
        return frozenset(offered)
