"""What a speech model's interface can do, as far as a call must know it.

Owns the words for it. Knows no vendor: an engine declares its abilities, the call plans with them.
"""

import msgspec


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """The Realtime API's, unless said otherwise."""

    truncates: bool = True
    """It forgets what the caller did not hear, when told how much that is."""
    cancels: bool = True
    """It stops a response when told to. Otherwise the rest of it is only kept from the caller."""
    takes_turns: bool = True
    """It tells the caller's turns and owes an answer to each, and one response follows another.

    Otherwise it listens while it speaks: it decides itself when to speak and when to fall silent,
    what it goes on saying while the caller speaks is meant, and it can be asked at any time.
    """
    streams: bool = False
    """It sends without a pause, by the clock of the audio it is sent: silence must be sent, too."""
