"""Named absolute times, and the earliest of them.

Owns no rule: what a deadline means is the call's business. Times are the shell's monotonic
seconds.
"""

from math import inf


class Deadlines:
    """A small dictionary of times. ``earliest`` is kept ready: it is read at every message."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self.earliest = inf

    def set(self, name: str, at: float) -> None:
        """Expect ``name`` at ``at``, whenever it was expected before."""
        self._times[name] = at
        self.earliest = min(self._times.values())

    def clear(self, *names: str) -> None:
        """Expect none of ``names``; those not expected are no mistake."""
        gone = [at for name in names if (at := self._times.pop(name, None)) is not None]
        if gone:
            self.earliest = min(self._times.values(), default=inf)

    def clear_all(self) -> None:
        """Expect nothing any more."""
        self._times.clear()
        self.earliest = inf

    def take_due(self, now: float) -> str | None:
        """Remove and return the earliest name that is due at ``now``, if any is.

        Of equal times the one set first comes first.
        """
        if now < self.earliest:
            return None
        name = min(self._times, key=self._times.__getitem__)
        self.clear(name)
        return name

    def __contains__(self, name: str) -> bool:
        return name in self._times
