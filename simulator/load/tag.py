"""Every caller frame says which call it is of and which frame it is, in a way nobody hears.

Owns the mark: 36 bits, one in the lowest bit of each of a frame's first 36 samples. It is what
makes relay latency honest: a bridge that loses, keeps or joins audio cannot be mistaken for a slow
one, and a Realtime session is known by its caller's voice. A bridge that converts the audio wipes
the mark; then frames are counted by their place in the stream. Knows no wire.
"""

from __future__ import annotations

from binascii import b2a_base64
from dataclasses import dataclass
from typing import Final

from simulator.sound import FRAME_BYTES, SILENCE

CALLS: Final = 1 << 14
"""Call numbers repeat after this many."""
FRAMES: Final = 1 << 12
"""Frame numbers repeat after this many: 82 s."""
TAG_BYTES: Final = 36  # 14 + 12 + 10 bits; divisible by 3, so its base64 has no padding
_CHECK_BITS: Final = 10
_CHECK_MASK: Final = (1 << _CHECK_BITS) - 1
_CLEAR: Final = int.from_bytes(b"\xfe" * TAG_BYTES)
_LOWEST: Final = bytes(ord("0") + (code & 1) for code in range(256))


def _check_of_call(call: int) -> int:
    return call * 0x9E3779B1 >> 9 & _CHECK_MASK


def _check_of_frame(frame: int) -> int:
    return (frame + 1) * 0x85EBCA6B >> 11 & _CHECK_MASK


def _spread(bits: int) -> int:
    """Bit by bit into the lowest bits of `TAG_BYTES` bytes."""
    return int.from_bytes(bytes(int(digit) for digit in f"{bits:0{TAG_BYTES}b}"))


def bits_of_call(call: int) -> int:
    """What a call puts into each of its frames' heads."""
    call %= CALLS
    return _spread(call << 22 | _check_of_call(call))


BITS_OF_FRAME: Final = tuple(
    _spread(frame << _CHECK_BITS | _check_of_frame(frame)) for frame in range(FRAMES)
)
"""What a frame's number puts into its head."""


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of a clip, prepared: the head as a number with free lowest bits, the rest in base64."""

    head: int
    rest: bytes

    def payload(self, call_bits: int, number: int) -> bytes:
        """The frame in base64, marked."""
        head = self.head ^ call_bits ^ BITS_OF_FRAME[number % FRAMES]
        return b2a_base64(head.to_bytes(TAG_BYTES), newline=False) + self.rest


def frames_of(audio: bytes) -> tuple[Frame, ...]:
    """A clip's frames; the last one is filled with silence."""
    frames = []
    for at in range(0, len(audio), FRAME_BYTES):
        whole = audio[at : at + FRAME_BYTES].ljust(FRAME_BYTES, bytes([SILENCE]))
        head = int.from_bytes(whole[:TAG_BYTES]) & _CLEAR
        frames.append(Frame(head, b2a_base64(whole[TAG_BYTES:], newline=False)))
    return tuple(frames)


SILENT: Final = frames_of(bytes([SILENCE]) * FRAME_BYTES)[0]


def read_tag(frame: bytes) -> tuple[int, int] | None:
    """Call and frame number of a whole frame; None if it bears no mark."""
    bits = int(frame[:TAG_BYTES].translate(_LOWEST), 2)
    call, number = bits >> 22, bits >> _CHECK_BITS & FRAMES - 1
    if bits & _CHECK_MASK != _check_of_call(call) ^ _check_of_frame(number):
        return None
    return call, number
