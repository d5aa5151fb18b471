"""What a stream needs of its surroundings. Owns nothing but the shape."""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulator.phone.courier import Courier
from simulator.timeline import Timeline
from simulator.trace import Trace
from simulator.wire import Connect


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Clock, record, this call's randomness, the way to the bridge, and the callbacks' way."""

    timeline: Timeline
    trace: Trace
    rng: random.Random
    connect: Connect
    courier: Courier
