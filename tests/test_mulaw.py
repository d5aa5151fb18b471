"""bridge.core.mulaw: the units of audio."""

from bridge.core import mulaw


def test_milliseconds_are_rounded_down() -> None:
    """Part of a millisecond is not a millisecond: what was heard is never overstated."""
    assert [mulaw.whole_ms(size) for size in (0, 7, 8, 15, 160)] == [0, 0, 1, 1, 20]


def test_silence_is_ff() -> None:
    """A millisecond of silence is eight bytes 0xFF."""
    assert mulaw.silence(2) == b"\xff" * 16
