"""The settings of keys, of silent callers, and of the end of a call's time.

Owns what may be said about them. Must not know what a call does with them.
"""

from pydantic import BaseModel

from bridge.settings.words import YES_NO, seconds, setting


class QuietSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    # -- the end of a call's time
    max_call_seconds: float = seconds(7200, "longest call", 1, 14_400)
    max_call_warning_seconds: float = seconds(60, "warning before that, 0 = none", 0, 600)
    max_call_farewell_seconds: float = seconds(20, "goodbye after that, 0 = cut off", 0, 60)

    # -- keys on the caller's telephone
    dtmf_to_model: bool = setting(True, "tell the model which keys are pressed", YES_NO)
    dtmf_interrupts: bool = setting(True, "a key stops the agent as a voice does", YES_NO)
    dtmf_pause_seconds: float = seconds(2, "pause which completes a group of keys", 0.2, 30)
    dtmf_terminator: str = setting(
        "#", "key which completes it", "one of 0-9 * # A-D, or none", pattern="^([0-9*#A-D]|none)$"
    )

    # -- a caller who says nothing
    idle_nudge_seconds: float = seconds(0, "silence until a nudge, 0 = never", 0, 600)
    idle_nudges_max: int = setting(2, "then goodbye", "a whole number from 0 to 10", ge=0, le=10)
    idle_nudge_text: str = setting("", "instructions for a nudge", "a text", max_length=2000)
    idle_goodbye_text: str = setting("", "instructions for it", "a text", max_length=2000)
