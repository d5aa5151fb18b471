"""The settings of recordings: whether, what is said before, where, how long.

Owns what may be said about them. Must not know what a recording holds.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from bridge.settings.words import setting


class RecordingSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    recording: Literal["off", "on"] = setting("off", "record both voices", "on or off")
    recording_announcement: str = setting(
        "This call is recorded.",
        "what Twilio says before anything is recorded",
        "a text; set but empty = nothing is said",
        max_length=1000,
    )
    recording_dir: Path = setting(
        Path("callbridge-recordings"), "where they are kept", "the path of a folder"
    )
    recording_keep_days: int = setting(
        30, "delete them after", "whole days from 0 to 36500; 0 = never", ge=0, le=36_500
    )
