"""Where in a piece of µ-law something can be heard.

Owns the threshold. GPT-Live streams digital silence between its utterances, but for a tick of noise
at the beginning; speech is an order of magnitude above (docs/protocols/gpt-live.md 4).
"""

from typing import Final

from bridge.core.mulaw import FRAME_BYTES

LOUD: Final = 128
"""A sample of this amplitude, of 32768, can be heard: -48 dBFS."""
LOUD_IN_FRAME_MIN: Final = 8
"""A frame of 20 ms with so many loud samples sounds; fewer are a click."""


def _amplitude(code: int) -> int:
    """The absolute 16-bit value of a µ-law byte (ITU-T G.711)."""
    inverted = ~code & 0xFF
    exponent, mantissa = (inverted >> 4) & 0x07, inverted & 0x0F
    return (((mantissa << 3) + 0x84) << exponent) - 0x84


_IS_LOUD: Final = bytes(_amplitude(code) >= LOUD for code in range(256))


def sound_end(audio: bytes) -> int:
    """The byte behind the last frame that sounds; 0: none does. A rest of a frame counts too."""
    loud = audio.translate(_IS_LOUD)
    last = (len(loud) - 1) // FRAME_BYTES
    for number in range(last, -1, -1):
        start = number * FRAME_BYTES
        if loud.count(1, start, start + FRAME_BYTES) >= LOUD_IN_FRAME_MIN:
            return min(start + FRAME_BYTES, len(audio))
    return 0
