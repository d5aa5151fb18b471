"""The books of a load run: what was relayed in time, what was lost, what was dropped on purpose."""

from hypothesis import given
from hypothesis import strategies as st

from simulator.load.books import Books
from simulator.load.relay import DownRelay, UpRelay


def recording() -> Books:
    """Books that record."""
    books = Books()
    books.recording = True
    return books


@given(st.sets(st.integers(0, 400), max_size=80), st.floats(0.001, 0.4))
def test_lost_frames_are_lost_and_the_rest_is_not_late(lost: set[int], takes_s: float) -> None:
    """Whichever frames a bridge loses: each of the others has its own latency."""
    books = recording()
    relay = UpRelay(books)
    relay.configured(0.0)
    for number in range(500):
        relay.sent(number * 0.02)
    for number in range(500):
        if number not in lost:
            relay.arrived(number, number * 0.02 + takes_s)
    relay.close(10.0)

    assert books.relay_up_ms.count == 500 - len(lost)
    assert abs(books.relay_up_ms.least - takes_s * 1000) < 1e-6
    assert abs(books.relay_up_ms.largest - takes_s * 1000) < 1e-6
    assert books.caller_audio_lost_ms.largest == 20 * len(lost)


def test_repeated_and_invented_frames_are_counted_apart() -> None:
    """A frame twice, or silence the bridge made up, changes no latency and no loss."""
    books = recording()
    relay = UpRelay(books)
    relay.configured(0.0)
    for number in range(10):
        relay.sent(number * 0.02)
    for tag in (0, 1, 1, None, 2, 3, 4, 5, 6, 7, 8, 9):
        relay.arrived(tag, 0.5)
    relay.close(2.0)

    assert books.relay_up_ms.count == 10
    assert books.totals["frames_repeated"] == books.totals["frames_added"] == 1
    assert books.caller_audio_lost_ms.largest == 0


def test_what_was_said_before_the_session_was_ready_tells_no_latency() -> None:
    """Kept audio has waited for the session, and audio still under way at the end is not lost."""
    books = recording()
    relay = UpRelay(books)
    for number in range(100):
        relay.sent(number * 0.02)
    relay.configured(1.0)
    for tag in range(90):
        relay.arrived(tag, 2.0)
    relay.close(2.0)

    assert books.relay_up_ms.count == 40
    assert books.caller_audio_lost_ms.largest == 0


def test_deltas_are_timed_by_their_first_byte() -> None:
    """Pieces of any size: a delta has arrived when the first of its bytes has."""
    books = recording()
    relay = DownRelay(books)
    relay.begin()
    relay.sent(2000, 1.0)
    relay.sent(2000, 1.1)

    assert relay.arrived(1600, 1.010)
    assert not relay.arrived(400, 1.020)
    assert books.relay_down_ms.count == 1
    assert not relay.arrived(2000, 1.130)
    assert books.relay_down_ms.count == 2
    assert abs(books.relay_down_ms.largest - 30) < 1e-6

    relay.close(9.0)

    assert books.agent_audio_lost_ms.largest == 0


def test_a_delta_cut_by_the_end_of_the_call_is_not_lost() -> None:
    """What was sent just before the caller hung up may still be under way, also a part of it."""
    books = recording()
    relay = DownRelay(books)
    relay.begin()
    relay.sent(2000, 1.0)
    relay.sent(2000, 1.4)
    relay.arrived(2400, 1.5)
    relay.close(1.6)

    assert books.agent_audio_lost_ms.largest == 0


def half_dropped(*deltas: int) -> Books:
    """Of three answers of 4000 bytes half arrives: the rest is lost, cleared, interrupted."""
    books = recording()
    relay = DownRelay(books)
    for way in ("lost", "cleared", "interrupted"):
        relay.begin()
        for size in deltas:
            relay.sent(size, 1.0)
        relay.arrived(2000, 1.1)
        if way == "cleared":
            relay.cleared()
        elif way == "interrupted":
            relay.interrupted()
    relay.close(9.0)
    return books


def test_what_a_bridge_drops_is_lost_unless_it_was_meant_to_be() -> None:
    """A delta that never comes is lost; one dropped by a clear or an interruption is not."""
    books = half_dropped(2000, 2000)

    assert books.agent_audio_lost_ms.largest == 250

    relay = DownRelay(books := recording())
    relay.begin()
    relay.sent(2000, 1.0)
    relay.sent(2000, 1.0)
    relay.cleared()
    relay.close(1.1)

    assert books.agent_audio_lost_ms.largest == 0


def test_only_what_was_not_dropped_on_purpose_counts_as_sent() -> None:
    """The share of lost audio is of what was meant to be heard."""
    books = half_dropped(4000)

    assert books.totals["down_bytes"] == 8000
