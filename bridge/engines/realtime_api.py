"""The Realtime API: its words are the call's own, in either dialect.

Owns nothing but the dialect; the shapes are `bridge.core.realtime`'s.
"""

from collections.abc import Sequence

from bridge.core import realtime
from bridge.core.abilities import Abilities
from bridge.engines.engine import Told


class RealtimeApi:
    """One session in one dialect."""

    abilities = Abilities()

    def __init__(self, dialect: realtime.Dialect) -> None:
        self._dialect = dialect

    def opened(self) -> Sequence[Told]:
        """The server speaks first."""
        return ()

    def inward(self, text: str) -> Sequence[Told]:
        """Every text is one event."""
        return ((text, realtime.decode(text, self._dialect)),)

    def outward(self, event: realtime.Outbound) -> Sequence[str]:
        """Every event is one text."""
        return (realtime.encode(event, self._dialect),)

    def closing(self) -> Sequence[str]:
        """The session ends with its connection."""
        return ()
