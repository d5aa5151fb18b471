"""GPT-Live as the words of a call: what is asked for, and what the backend calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import realtime
from bridge.engines.gpt_live import wire
from bridge.engines.gpt_live.session import SPEAK
from tests.live_session import LOUD, QUIET, Live, kinds, of


# ------------------------------------------------------------------------ requests
def test_a_request_is_something_to_say() -> None:
    """Instructions go where the model speaks from, with the word to speak now."""
    (said,) = Live().ask("Greet the caller.")

    assert said == {
        "type": "session.commentary.append",
        "event_id": "cb_9",
        "delegation_id": None,
        "content": SPEAK + "Greet the caller.",
    }


def test_a_bare_request_asks_for_an_answer() -> None:
    """What there is to be said, the model knows."""
    (said,) = Live().ask(None)

    assert said["type"] == "session.commentary.append"


def test_a_request_that_is_not_followed_is_answered_without_sound() -> None:
    """After ten seconds of the stream the model owes nothing any more."""
    live = Live()
    live.ask("Greet.")
    before, after = live.stream(*[QUIET] * 99), live.stream(QUIET)

    assert before == []
    assert kinds(after) == ["ResponseCreated", "ResponseDone"]
    assert live.stream(*[QUIET] * 200) == []


def test_a_refused_request_is_an_error_that_names_it() -> None:
    """The call hears which request it was; nothing is waited for."""
    live = Live()
    live.ask("Greet.", "cb_9")
    told = live.hear("error", error={"code": "nonsense", "client_event_id": "cb_9"})

    assert of(told, realtime.Error).error.event_id == "cb_9"
    assert live.stream(*[QUIET] * 120) == []


def test_speech_behind_an_arrived_request_is_a_response_of_its_own() -> None:
    """A model that was speaking goes straight on: a short pause parts the two."""
    live = Live()
    live.stream(LOUD)
    live.ask("Say goodbye.", "cb_9")
    still_old = live.stream(*[QUIET] * 5, LOUD)
    live.hear("session.commentary.appended", client_event_id="cb_9", start_ms=0, end_ms=0)
    parted = live.stream(*[QUIET] * 3)
    new = live.stream(LOUD, *[QUIET] * 3)

    assert "ResponseDone" not in kinds(still_old)
    assert of(parted, realtime.ResponseDone).response.id == "response__1"
    assert of(new, realtime.ResponseCreated).response.id == "response__2"
    assert "ResponseDone" not in kinds(new)


def test_a_model_that_goes_straight_on_has_turned_to_what_was_asked() -> None:
    """Without a pause, 800 ms after the request arrived; then two seconds of quiet end it."""
    live = Live()
    live.stream(LOUD)
    live.ask("Say goodbye.", "cb_9")
    live.hear("session.commentary.appended", client_event_id="cb_9")
    told = live.stream(*[LOUD] * 10, *[QUIET] * 19)

    assert kinds(told)[7:13] == [
        "OutputAudioDelta",
        "OutputAudioDone",
        "OutputTranscriptDone",
        "OutputItemDone",
        "ResponseDone",
        "ResponseCreated",
    ]
    assert kinds(told)[-1] == "OutputAudioDelta"
    assert kinds(live.stream(QUIET))[-1] == "ResponseDone"


def test_an_arrival_of_nothing_that_was_asked_means_nothing() -> None:
    """Another's acknowledgement, or one that comes late, changes nothing."""
    live = Live()
    live.hear("session.commentary.appended", client_event_id="cb_1")
    live.ask("Greet.", "cb_9")
    live.hear("session.commentary.appended", client_event_id="cb_1")
    live.hear("error", error={"client_event_id": "cb_1"})
    told = live.stream(LOUD, *[QUIET] * 7)

    assert "ResponseDone" not in kinds(told)


def test_a_long_request_comes_in_pieces_the_last_of_which_speaks() -> None:
    """An append holds 500 tokens."""
    *before, last = Live().ask("word " * 400)

    assert {said["type"] for said in before} == {"session.thinking.append"}
    assert last["type"] == "session.commentary.append"


@given(st.text())
def test_no_piece_is_longer_than_an_append_may_be(text: str) -> None:
    """Whatever the text is, and nothing of it gets lost but blanks."""
    parts = wire.pieces(text)

    assert all(
        len(part.encode("utf-8", "surrogatepass")) <= wire.APPEND_BYTES_MAX for part in parts
    )
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


# ------------------------------------------------------------------------ functions
def test_a_call_is_told_when_the_backends_response_is_complete() -> None:
    """By then all calls of the response are known."""
    told = Live().called("look_up", "end_call")

    assert kinds(told) == ["OutputItemDone", "OutputItemDone"]
    assert [event.item.call_id for event in told if isinstance(event, realtime.OutputItemDone)] == [
        "LOOK_UP",
        "END_CALL",
    ]


def test_the_backend_goes_on_when_all_its_calls_are_answered() -> None:
    """The server refuses anything less."""
    live = Live()
    live.called("one", "two")
    first = live.answer("ONE")
    asked = live.ask(None)
    second = live.answer("TWO")

    assert kinds(first) == ["response.item.create"]
    assert first[0]["item"] == {"type": "function_call_output", "call_id": "ONE", "output": "{}"}
    assert asked == []
    assert kinds(second) == ["response.item.create", "response.create"]


def test_an_answered_backend_goes_on_when_an_answer_is_asked_for() -> None:
    """Not before: after end_call nothing more is wanted of it but a goodbye."""
    live = Live()
    live.called("end_call")
    live.answer("END_CALL")

    assert kinds(live.ask("Say goodbye.")) == ["session.commentary.append"]
    assert kinds(live.ask(None)) == ["response.create"]


@pytest.mark.parametrize("end", ["failed", "incomplete"])
def test_calls_of_a_response_that_failed_are_not_made(end: str) -> None:
    """An output for one of them would be refused."""
    live = Live()
    live.backend("created")
    call = {"type": "function_call", "status": "completed", "name": "x", "call_id": "X"}
    live.backend("output_item.done", item=call)

    assert live.backend(end, response={}) == []
    assert kinds(live.answer("X")) == ["session.thinking.append"]


@pytest.mark.parametrize(
    "item",
    [None, {"type": "message"}, {"type": "function_call", "status": "incomplete", "call_id": "X"}],
)
def test_what_is_no_whole_call_is_not_made(item: object) -> None:
    """Text of the backend, and calls it broke off."""
    live = Live()
    live.backend("output_item.done", item=item)

    assert live.backend("output_text.delta") == []
    assert live.backend("completed", response={}) == []


def test_what_the_backend_used_is_told_with_the_next_response() -> None:
    """Its tokens add up."""
    live = Live()
    usage = {
        "input_tokens": 40,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 30},
    }
    live.backend("completed", response={"usage": usage})
    live.backend("completed", response={"usage": {"input_tokens": 2, "output_tokens": 1}})
    told = live.stream(LOUD, *[QUIET] * 8)

    spent = of(told, realtime.ResponseDone).response.usage
    assert (spent.input_tokens, spent.output_tokens) == (42, 6)
    assert spent.input_token_details.cached_tokens == 30
