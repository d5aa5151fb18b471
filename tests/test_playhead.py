"""bridge.core.playhead: what the caller will have heard, from marks and measured round trips.

The bench has a Twilio of 50 ms out and 70 ms back unless a test says otherwise. Times are seconds.
"""

import pytest

from bridge.core.playhead import ROUND_TRIP_DEFAULT_S, Playhead

MS = 8


def ahead(*, probed: bool = True) -> Playhead:
    """A playhead with a round trip of 120 ms, measured at time 0."""
    head = Playhead()
    if probed:
        head.probe("p", -0.12)
        assert head.reached("p", 0.0)
    return head


def test_before_the_first_mark_the_latencies_cancel() -> None:
    """What was sent 300 ms ago will have sounded for 300 ms when something sent now arrives."""
    head = ahead(probed=False)
    head.send(1000 * MS, 5.0)

    assert head.heard(5.0) == 0
    assert head.heard(5.3) == 300 * MS
    assert head.heard(7.0) == 1000 * MS


def test_a_mark_that_came_back_is_heard_plus_the_time_since_plus_the_round_trip() -> None:
    """Design: last acknowledged position + time since + measured round trip."""
    head = ahead()
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.send(800 * MS, 0.0)
    assert head.reached("a", 0.32)

    assert head.heard(0.36) == (200 + 40 + 120) * MS
    assert head.remaining_s(0.36) == pytest.approx(0.64)
    assert "acked 200 + 40 since + 120 round trip" in head.explain(0.36)


def test_the_estimate_is_clamped_to_what_was_sent() -> None:
    """However long ago: nobody hears more than was sent."""
    head = ahead()
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.reached("a", 0.32)

    assert head.heard(9.0) == 200 * MS


def test_an_acknowledged_position_is_certain() -> None:
    """A mark that came back was heard, whatever the clock says."""
    head = ahead()
    head.send(500 * MS, 0.0)
    head.mark("a")
    assert head.reached("a", 0.01)

    assert head.heard(0.01) == 500 * MS


def test_a_missing_mark_shows_a_stall() -> None:
    """Twilio's messages keep coming and the mark does not: the sound has not got there."""
    head = ahead()
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.send(2000 * MS, 0.0)
    head.mark("b")
    head.inbound(1.0)

    assert head.heard(1.0) == (200 + 120) * MS
    assert "next mark missing at 320" in head.explain(1.0)


def test_silence_from_twilio_proves_nothing() -> None:
    """Without a message from Twilio the clock is all there is."""
    head = ahead()
    head.inbound(0.0)
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.send(2000 * MS, 0.0)

    assert head.heard(1.0) == 1000 * MS


def test_when_all_was_played_the_next_piece_begins_a_new_run() -> None:
    """A pause of the model is not counted as playing."""
    head = ahead()
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.reached("a", 0.32)
    head.send(400 * MS, 2.0)

    assert head.heard(2.1) == (200 + 100) * MS
    assert "run from 200 + 100 since" in head.explain(2.1)


def test_echoes_after_clear_are_not_playback() -> None:
    """Twilio returns all pending marks at once; they count for nothing but the round trip."""
    head = ahead()
    head.send(1000 * MS, 0.0)
    head.mark("a")
    head.clear(0.2)
    assert not head.reached("a", 0.26)
    assert not head.marks_out

    head.send(1000 * MS, 0.26)
    assert head.heard(0.3) == (1000 + 40) * MS
    assert head.round_trip_s == pytest.approx(0.09)  # median of 120 and 60 ms


def test_the_echo_of_a_nearly_played_mark_measures_nothing() -> None:
    """The last mark may have been on its way when the clear went out: too short a trip."""
    head = ahead()
    head.send(400 * MS, 0.0)
    head.mark("a")
    head.clear(0.2)
    head.reached("a", 0.21)

    assert head.round_trip_s == pytest.approx(0.12)


def test_sound_behind_a_probe_spoils_it() -> None:
    """A probe whose echo comes after audio was sent is not used."""
    head = ahead(probed=False)
    head.probe("p", 0.0)
    head.send(100 * MS, 0.01)
    head.reached("p", 3.0)

    assert head.round_trip_s == ROUND_TRIP_DEFAULT_S


def test_without_probes_the_first_mark_of_a_run_measures() -> None:
    """Sent at 0, 200 ms long, back at 320: the trip took 120 ms. Later marks do not count."""
    head = ahead(probed=False)
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.send(200 * MS, 0.0)
    head.mark("b")
    head.reached("a", 0.32)
    head.reached("b", 5.0)

    assert head.round_trip_s == pytest.approx(0.12)


def test_a_late_mark_of_an_earlier_run_says_nothing_of_this_one() -> None:
    """It is no echo, but it tells neither where this run is nor how long the trip takes."""
    head = ahead()
    head.send(200 * MS, 0.0)
    head.mark("a")
    head.send(1000 * MS, 2.0)
    head.mark("b")
    assert head.reached("a", 2.05)

    assert head.acked == 200 * MS
    assert head.heard(2.1) == (200 + 100) * MS
    assert head.round_trip_s == pytest.approx(0.12)
    assert "no mark back yet" in head.explain(2.1)


def test_a_round_trip_is_never_negative() -> None:
    """A mark that comes back before it can have been reached does not turn time around."""
    head = ahead(probed=False)
    head.send(500 * MS, 0.0)
    head.mark("a")
    head.reached("a", 0.1)

    assert head.round_trip_s == 0.0


def test_the_round_trip_is_a_median() -> None:
    """One slow echo changes nothing."""
    head = Playhead()
    for number, trip_s in enumerate((0.10, 0.11, 4.0)):
        head.probe(f"p{number}", 0.0)
        head.reached(f"p{number}", trip_s)

    assert head.round_trip_s == pytest.approx(0.11)


def test_a_lost_mark_is_passed_over() -> None:
    """Marks come in order: a later one stands for the earlier ones."""
    head = ahead()
    for name in ("a", "b", "c"):
        head.send(200 * MS, 0.0)
        head.mark(name)
    assert head.reached("b", 0.52)
    assert head.marks_out

    assert not head.reached("a", 0.53)
    assert head.reached("c", 0.72)
    assert not head.marks_out
