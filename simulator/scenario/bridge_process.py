"""The bridge's process besides the call: what else it has to do, and when it is told to stop.

Part of `format`, from where it is imported. Only in virtual time each call has a bridge of its own;
what is played live cannot have this.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.scenario.moments import Trigger


@dataclass(frozen=True, slots=True)
class Drain:
    """The process is told to stop (SIGTERM), `wait_ms` after `when`; None = after the ring."""

    when: Trigger | None = None
    wait_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class BridgeProcess:
    """`others` = calls that rang just before, whose streams do not come; of `same_caller`?"""

    others: int = 0
    same_caller: bool = False
    drain: Drain | None = None
