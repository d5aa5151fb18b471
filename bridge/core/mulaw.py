"""Arithmetic of 8 kHz mono G.711 µ-law: one byte is one sample.

Owns the units in which audio is counted. Knows no protocol.
"""

from typing import Final

BYTES_PER_MS: Final = 8
BYTES_PER_S: Final = 8_000
FRAME_BYTES: Final = 160
"""Twilio's 20 ms frame; pieces of other sizes click at their seams."""

SILENCE: Final = b"\xff"
"""µ-law of a zero sample (ITU-T G.711, positive zero)."""


def whole_ms(size_bytes: int) -> int:
    """Return the full milliseconds in ``size_bytes`` of audio: rounded down, never up."""
    return size_bytes // BYTES_PER_MS


def silence(duration_ms: int) -> bytes:
    """Return ``duration_ms`` of digital silence."""
    return SILENCE * (duration_ms * BYTES_PER_MS)
