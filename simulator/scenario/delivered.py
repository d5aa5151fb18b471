"""When a response really came, as a recorded call had it.

Part of `format`, from where it is imported. Knows no file.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """When a response really came: times count from response.created.

    `items`: of each spoken item its deltas, as (`at_ms`, bytes of μ-law). `calls_ms`: when each
    tool call was complete. `done_ms`: when the response was. `cut`: it was interrupted; its last
    item stays open until `done_ms`, so that an interruption finds it open again.
    """

    items: tuple[tuple[tuple[float, int], ...], ...] = ()
    calls_ms: tuple[float, ...] = ()
    done_ms: float = 0.0
    cut: bool = False
