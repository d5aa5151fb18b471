"""The settings of flight records: which calls, with sound or without, where, how long.

Owns what may be said about them. Must not know what a flight record holds.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from bridge.settings.words import YES_NO, setting

Kept = Literal["always", "anomaly", "never"]


class FlightSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    flight_record: Kept = setting(
        "anomaly", "which calls' wire events are kept", "always, anomaly or never"
    )
    flight_audio: bool = setting(False, "with both voices", YES_NO)
    flight_dir: Path = setting(
        Path("callbridge-flights"), "where they are kept", "the path of a folder"
    )
    flight_max_mb: int = setting(
        64, "bound of one record", "whole megabytes from 1 to 1000", ge=1, le=1000
    )
    flight_keep_days: int = setting(
        14, "delete them after", "whole days from 0 to 36500; 0 = never", ge=0, le=36_500
    )
