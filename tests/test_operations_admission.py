"""bridge.operations.admission: places are reserved, taken, given back, and never half held."""

import pytest

from bridge.operations.admission import Places, Refusal

ALICE, BOB = "+15550100001", "+15550100002"


def test_a_place_is_reserved_taken_and_free_again() -> None:
    """One place: the second caller is refused until the first has gone."""
    places = Places(calls_max=1)
    assert places.reserve("CA1", ALICE, 0.0) is None
    assert places.reserve("CA2", BOB, 1.0) is Refusal.FULL
    assert places.take("CA1", 2.0)
    assert places.reserve("CA2", BOB, 9000.0) is Refusal.FULL
    places.free("CA1")

    assert places.reserve("CA2", BOB, 9000.0) is None


def test_a_place_whose_stream_does_not_come_is_free_again() -> None:
    """There is no half-open call: not one moment longer than the place is kept."""
    places = Places(calls_max=1, kept_s=30.0)
    places.reserve("CA1", ALICE, 0.0)

    assert places.full(29.9)
    assert not places.full(30.0)
    assert places.reserved(30.0) == 0


def test_a_late_stream_gets_a_place_if_there_is_one() -> None:
    """Also the stream of a webhook that another process answered."""
    places = Places(calls_max=1, kept_s=30.0)
    places.reserve("CA1", ALICE, 0.0)

    assert places.take("CA2", 31.0)
    assert not places.take("CA1", 31.0)


def test_a_retried_webhook_keeps_its_place() -> None:
    """It is the same call: no second place, and the waiting begins anew."""
    places = Places(calls_max=1, kept_s=30.0)
    places.reserve("CA1", ALICE, 0.0)
    again = places.reserve("CA1", ALICE, 20.0)

    assert again is None
    assert places.reserved(49.0) == 1


def test_a_webhook_during_the_call_changes_nothing() -> None:
    """A call redirected to the webhook is in progress: its place does not run out."""
    places = Places(calls_max=1, kept_s=30.0)
    places.take("CA1", 0.0)
    again = places.reserve("CA1", ALICE, 1.0)

    assert again is None
    assert places.full(100.0)


def test_two_streams_of_one_call_take_two_places() -> None:
    """Each is a session that is paid for."""
    places = Places(calls_max=2)
    assert places.take("CA1", 0.0)
    assert places.take("CA1", 0.0)
    assert not places.take("CA1", 0.0)
    places.free("CA1")

    assert places.take("CA2", 0.0)


def test_a_caller_has_as_many_calls_as_one_caller_may() -> None:
    """Reserved and running ones count; another caller is not concerned."""
    places = Places(per_caller_max=1)
    places.reserve("CA1", ALICE, 0.0)
    places.take("CA1", 0.0)

    assert places.reserve("CA2", ALICE, 1.0) is Refusal.CALLER
    assert places.reserve("CA3", BOB, 1.0) is None


@pytest.mark.parametrize("caller", ["", "Anonymous", "+266696687", "sip:alice@example.com"])
def test_withheld_numbers_are_not_one_caller(caller: str) -> None:
    """People who hide their number must not be sent away for each other's calls."""
    places = Places(per_caller_max=1)
    places.reserve("CA1", caller, 0.0)

    assert places.reserve("CA2", caller, 0.0) is None


def test_without_bounds_everybody_is_let_in() -> None:
    """0 means any number."""
    places = Places()
    given = [places.reserve(f"CA{n}", ALICE, 0.0) for n in range(500)]

    assert set(given) == {None}
    assert not places.full(0.0)
