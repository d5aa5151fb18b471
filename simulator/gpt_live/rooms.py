"""What a session works with.

Owns the bundle. Knows no event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.model.outlet import Ids
from simulator.model.script import Script
from simulator.model.timing import Alarms
from simulator.scenario.format import ModelSetup
from simulator.sound import Clip

Values = dict[str, Any]


@dataclass(slots=True)
class Rooms:
    """What a session works with. `send(kind, note=, **fields)`; `close(code)` ends it orderly."""

    setup: ModelSetup
    script: Script
    alarms: Alarms
    ids: Ids
    clips: Callable[[Path], Clip]
    words_heard: Callable[[], str]
    note: Callable[[str, Values], None]
    send: Callable[..., None]
    close: Callable[[int], None]
    drop: Callable[[], None]
    stall: Callable[[], None]
