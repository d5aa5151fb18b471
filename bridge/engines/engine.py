"""What an engine is: the translator of one session between a vendor's wire and the call's words.

Owns the interface. The call's words are those of the Realtime API in its GA shape
(`bridge.core.realtime`); an engine presents what its vendor sends as these events, with ids of its
own where the vendor has none. Sans-IO: texts and events in, events and texts out.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.core import realtime
from bridge.core.abilities import Abilities

Told = tuple[str | None, realtime.Inbound]
"""An event, and its text in the GA shape, for those who write it down; None: there was no text."""


class Engine(Protocol):
    """The translator of one session."""

    @property
    def abilities(self) -> Abilities:
        """What the vendor's interface can do; the same for all sessions of an engine."""
        ...

    def opened(self) -> Sequence[Told]:
        """The connection stands; nothing has been received yet."""
        ...

    def inward(self, text: str) -> Sequence[Told]:
        """What a text received means. Never raises; at worst the answer is `Malformed`."""
        ...

    def outward(self, event: realtime.Outbound) -> Sequence[str]:
        """The texts that say `event` to the vendor; none, if the vendor has no word for it."""
        ...

    def closing(self) -> Sequence[str]:
        """The texts that say goodbye before the connection is closed."""
        ...


MakeEngine = Callable[[str], Engine]
"""A new engine for one session, with this model."""
