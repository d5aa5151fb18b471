"""The record of a run."""

from simulator.trace import Event, Trace


def _trace() -> tuple[Trace, list[Event]]:
    trace, seen = Trace(lambda: 12.3456789), []  # type: tuple[Trace, list[Event]]
    trace.subscribe(seen.append)
    return trace, seen


def test_observers_see_everything_and_audio_is_not_kept() -> None:
    """Frames are shown and hashed; the tail holds what a person reads."""
    trace, seen = _trace()
    trace.record("twilio", "sent", event="media", audio=b"\xff" * 160)
    trace.record("twilio", "sent", event="stop")

    assert [event.data["event"] for event in seen] == ["media", "stop"]
    assert [event.data["event"] for event in trace.tail] == ["stop"]
    assert trace.count == 2


def test_the_digest_depends_on_every_byte() -> None:
    """One bit of audio, one millisecond, one field: another digest."""
    digests = set()
    for audio, number in ((b"\x01", 1), (b"\x02", 1), (b"\x01", 2), (b"\x01", 1.5)):
        trace, _ = _trace()
        trace.record("twilio", "sent", event="media", audio=audio, number=number)
        digests.add(trace.digest())

    assert len(digests) == 4


def test_a_line_never_shows_audio() -> None:
    """Audio is printed as its length, times in fixed columns."""
    line = Event(
        1234.5, "twilio", "received", {"event": "media", "audio": b"abc", "x": 1.50}
    ).line()

    assert line == "    1234.500  twilio.received              event=media audio=<3 bytes> x=1.5"
