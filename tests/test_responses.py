"""bridge.core.responses: whose turn it is."""

import pytest

from bridge.core.realtime import ResponseOptions
from bridge.core.responses import INTERRUPTED_MAX, Responses

HELLO = ResponseOptions("Say hello.")
BYE = ResponseOptions("Say goodbye.")


def asked(options: ResponseOptions, event_id: str = "cb_1") -> Responses:
    """Books in which a response has been asked for."""
    responses = Responses()
    responses.want(options)
    assert responses.ready_to_ask()
    responses.asked(responses.next_request(), event_id)
    return responses


def test_a_request_waits_for_the_active_response() -> None:
    """The server would refuse a second one."""
    responses = Responses()
    responses.created("r1")
    responses.want(HELLO)
    assert not responses.ready_to_ask()

    responses.done("r1")
    assert responses.ready_to_ask()
    assert responses.next_request() == HELLO
    assert responses.idle


def test_one_request_at_a_time() -> None:
    """A second wish waits until the first has become a response and that is over."""
    responses = asked(HELLO)
    responses.want(BYE)
    assert not responses.ready_to_ask()

    responses.created("r1")
    assert not responses.ready_to_ask()
    assert responses.done("r1").options == HELLO
    assert responses.ready_to_ask()


def test_a_turn_of_the_caller_overtakes_a_wish() -> None:
    """The server answers the turn, and so what was merely wanted."""
    responses = Responses()
    responses.want(HELLO)
    responses.turn_owed = True
    responses.created("r1")

    assert not responses.turn_owed
    responses.done("r1")
    assert responses.idle


def test_a_refused_request_is_repeated_when_the_active_response_is_done() -> None:
    """`conversation_already_has_active_response`: not again before the server can accept it."""
    responses = asked(HELLO)
    responses.turn_owed = True
    responses.created("r1")
    assert responses.failed_to_ask("cb_1", again=True) is None
    assert not responses.ready_to_ask()

    responses.done("r1")
    assert responses.next_request() == HELLO


def test_a_request_refused_for_another_reason_is_given_back() -> None:
    """It will not come; whether to ask once more is not decided here."""
    responses = asked(HELLO)
    assert responses.failed_to_ask("cb_1", again=False) == HELLO

    assert responses.idle
    assert not responses.owed


@pytest.mark.parametrize(("event_id", "again"), [("cb_7", True), (None, False)])
def test_an_error_about_something_else_is_not_ours(event_id: str | None, again: bool) -> None:
    """Another event's error, or one without a name that says nothing about responses."""
    responses = asked(HELLO)

    assert responses.failed_to_ask(event_id, again=again) is None
    assert responses.owed


def test_nothing_asked_nothing_refused() -> None:
    """An error with no request out is not about one."""
    assert Responses().failed_to_ask(None, again=True) is None


def test_a_response_nobody_wants_any_more_is_rejected_when_it_comes() -> None:
    """Asked for, then interrupted before it began."""
    responses = asked(HELLO)
    responses.unwant()

    assert responses.created("r1")
    assert responses.interrupted("r1")
    assert not responses.live


@pytest.mark.parametrize("again", [True, False])
def test_an_unwanted_request_that_is_refused_is_not_repeated(*, again: bool) -> None:
    """Nobody wants it any more."""
    responses = asked(HELLO)
    responses.unwant()
    assert not responses.owed
    assert responses.failed_to_ask("cb_1", again=again) is None

    assert responses.idle
    assert not responses.created("r1")


def test_a_request_is_answered_by_the_end_of_the_response_it_met() -> None:
    """The server's own response came first and took the request's place without an error."""
    responses = asked(HELLO)
    responses.turn_owed = True
    responses.created("r1")
    assert not responses.idle

    responses.done("r1")
    assert responses.idle


def test_the_end_of_an_old_response_does_not_end_the_new_one() -> None:
    """`response.done` of a cancelled response may come after the next `response.created`."""
    responses = Responses()
    responses.created("r1")
    assert responses.interrupt(frozenset()) == ["r1"]
    responses.created("r2")
    responses.spoke("r2")
    responses.done("r1")

    assert responses.live
    assert responses.has_spoken("r2")
    assert not responses.interrupted("r2")


def test_only_responses_not_interrupted_before_are_to_be_cancelled() -> None:
    """A second interruption does not cancel twice; audible responses are interrupted too."""
    responses = Responses()
    responses.created("r1")
    responses.interrupt(frozenset({"r0"}))

    assert responses.interrupt(frozenset()) == []
    assert responses.interrupted("r0")


def test_audio_of_a_response_nobody_announced() -> None:
    """It is played, but there is nothing to keep books about."""
    responses = Responses()
    responses.spoke("r9")

    assert not responses.has_spoken("r9")
    assert not responses.done("r9").spoken


def test_the_list_of_interrupted_responses_is_bounded() -> None:
    """The latest are remembered."""
    responses = Responses()
    for number in range(INTERRUPTED_MAX + 1):
        responses.reject(f"r{number}")

    assert not responses.interrupted("r0")
    assert responses.interrupted("r1")
