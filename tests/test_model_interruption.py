"""The caller talks over the model: cancellation, late events, and what the model remembers."""

from typing import Any

import pytest

from simulator.scenario.format import ModelSetup
from tests.model_client import HELLO, LONG, Client, clip, ready, reply

AUDIO = "response.output_audio.delta"
STARTED = "input_audio_buffer.speech_started"


def talked_over(burst: float = 1.0, after_ms: int = 3000, **setup: Any) -> Client:
    """The long greeting is under way when the caller says hello."""
    replies = (reply("greeting", LONG, burst=burst), reply("any", HELLO, optional=True))
    client = ready(ModelSetup(replies=replies, **setup))
    client.says("response.create")
    client.hears_silence(after_ms)
    client.hears_turn()
    return client


def item_id(client: Client) -> str:
    """The id of the first item the model made."""
    added: str = client.all("response.output_item.added")[0]["item"]["id"]
    return added


def truncate(client: Client, audio_end_ms: int, **more: Any) -> dict[str, Any]:
    """Ask for a truncation; the answer."""
    fields = {"item_id": item_id(client), "content_index": 0, **more}
    client.says("conversation.item.truncate", audio_end_ms=audio_end_ms, **fields)
    return client.events[-1]


def test_speech_cancels_the_active_response() -> None:
    """speech_started, stragglers, the item incomplete, then done: cancelled, turn_detected."""
    client = talked_over()
    order = client.order("response.output_audio_transcript.delta")
    tail = order[order.index(STARTED) :]

    done = client.all("response.done")[0]["response"]
    assert tail[1:7] == [
        AUDIO,
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
    ]
    assert tail[7] == "response.done"
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["status"] == "incomplete"
    assert done["usage"]["output_token_details"]["audio_tokens"] > 0


@pytest.mark.parametrize("stragglers", [0, 1, 5])
def test_so_many_deltas_still_come_after_the_cancellation(stragglers: int) -> None:
    """Stragglers come within milliseconds, and are audio the clip really goes on with."""
    client = talked_over(stragglers=stragglers)
    began = client.at_ms(STARTED)
    first_done = client.at_ms("response.done")
    late = [
        at
        for at, kind in zip(client.times, client.kinds(), strict=True)
        if kind == AUDIO and began <= at <= first_done
    ]

    sound = client.audio(item_id(client))
    assert len(late) == stragglers
    assert first_done - began == 4 * stragglers
    assert sound == clip(LONG).audio[: len(sound)]


def test_when_generation_is_over_only_speech_started_comes() -> None:
    """A burst is long done when the caller interrupts its playback: nothing is left to cancel."""
    client = talked_over(burst=20)

    statuses = [event["response"]["status"] for event in client.all("response.done")]
    assert statuses[0] == "completed"
    assert client.at_ms("response.done") < client.at_ms(STARTED)
    assert client.all("error") == []


def test_a_cancelled_done_may_come_after_the_next_created() -> None:
    """With `cancelled_done_late` the old response ends a tick after the new one begins."""
    client = talked_over(cancelled_done_late=True)

    first, second = (event["response"]["id"] for event in client.all("response.created"))
    order = [
        (event["type"], event["response"]["id"])
        for event in client.events
        if event["type"] in {"response.created", "response.done"}
    ]
    assert order[:3] == [
        ("response.created", first),
        ("response.created", second),
        ("response.done", first),
    ]


def test_a_late_done_comes_even_if_no_response_follows() -> None:
    """Nobody waits for ever: after two seconds it is sent alone."""
    client = ready(
        ModelSetup(replies=(reply("greeting", LONG, burst=1),), cancelled_done_late=True),
        create_response=False,
    )
    client.says("response.create")
    client.hears_silence(2000)
    client.hears_turn()
    client.hears_silence(2000)

    assert client.at_ms("response.done") == client.at_ms(STARTED) + 2000


def test_a_late_done_with_stragglers_still_on_their_way_is_not_lost() -> None:
    """The next response begins before the last straggler: the old one ends right after it."""
    client = ready(
        ModelSetup(
            replies=(reply("greeting", LONG, burst=1), reply("any", HELLO)),
            cancelled_done_late=True,
        )
    )
    client.says("response.create")
    client.waits(2000)

    client.says("response.cancel")
    client.says("response.create")
    client.waits(50)

    assert [event["response"]["status"] for event in client.all("response.done")] == ["cancelled"]
    assert len(client.all("response.created")) == 2


def test_without_interrupt_response_the_reply_goes_on() -> None:
    """interrupt_response false: the response completes, and the turn is answered after it."""
    client = ready(
        ModelSetup(replies=(reply("greeting", LONG, burst=1), reply("turn", HELLO))),
        interrupt_response=False,
    )
    client.says("response.create")
    client.hears_silence(2000)
    client.hears_turn()
    client.hears_silence(24_000)

    first, second = (event["response"] for event in client.all("response.done"))
    assert first["status"] == second["status"] == "completed"
    assert client.audio(item_id(client)) == clip(LONG).audio
    created = [at for at, kind in enumerate(client.kinds()) if kind == "response.created"]
    assert client.kinds()[created[1] - 1] == "response.done"


def test_speech_before_the_first_audio_cancels_an_empty_response() -> None:
    """No item was opened: done has no output."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG, after_ms=5000),)))
    client.says("response.create")
    client.hears_turn(silence_ms=0)
    client.waits(100)

    done = client.one("response.done")["response"]
    assert (done["status"], done["output"]) == ("cancelled", [])


def test_the_client_may_cancel() -> None:
    """response.cancel: cancelled, client_cancelled."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG),)))
    client.says("response.create")
    client.waits(1000)

    client.says("response.cancel")
    client.waits(100)

    assert client.one("response.done")["response"]["status_details"]["reason"] == "client_cancelled"


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_x"}])
def test_cancelling_nothing_is_an_error(fields: dict[str, str]) -> None:
    """No active response, or another one."""
    client = ready()

    client.says("response.cancel", event_id="c", **fields)

    error = client.one("error")["error"]
    assert error["code"] == "response_cancel_not_active"
    assert error["message"] == "Cancellation failed: no active response found"
    assert error["event_id"] == "c"


def test_cancelling_twice_is_an_error() -> None:
    """A response that is being cancelled is not active any more."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG),)))
    client.says("response.create")
    client.waits(1000)
    client.says("response.cancel")
    client.says("response.cancel")

    assert client.one("error")["error"]["code"] == "response_cancel_not_active"


def test_a_second_response_must_wait() -> None:
    """response.create while one is active names the active one."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG),)))
    client.says("response.create")

    client.says("response.create")

    error = client.one("error")["error"]
    active = client.one("response.created")["response"]["id"]
    assert error["code"] == "conversation_already_has_active_response"
    assert f"in progress: {active}. Wait until" in error["message"]


def test_a_truncation_is_echoed_and_the_words_are_gone() -> None:
    """The answer repeats the three fields; the item has no transcript any more."""
    client = talked_over(burst=20)

    answer = truncate(client, 1234)
    client.says("conversation.item.retrieve", item_id=item_id(client))

    retrieved = client.one("conversation.item.retrieved")["item"]
    assert answer["type"] == "conversation.item.truncated"
    assert (answer["audio_end_ms"], answer["content_index"]) == (1234, 0)
    assert retrieved["content"] == [{"type": "output_audio", "transcript": ""}]


def test_what_was_truncated_is_not_paid_for_again() -> None:
    """The next turn reads only what the model remembers."""
    whole, short = talked_over(burst=20), talked_over(burst=20)
    truncate(short, 1000)
    usage = []
    for client in (whole, short):
        client.waits(2000)
        client.forget()
        client.hears_turn()
        client.hears_silence(2000)
        done = client.one("response.done")["response"]
        usage.append(done["usage"]["input_token_details"]["audio_tokens"])

    generated_ms = len(clip(LONG).audio) // 8
    assert usage[0] - usage[1] == pytest.approx((generated_ms - 1000) / 50, abs=1)


@pytest.mark.parametrize("excess_ms", [1, 5000])
def test_more_than_was_generated_cannot_be_truncated(excess_ms: int) -> None:
    """The error says both lengths, and the model goes on remembering all of it."""
    client = talked_over(burst=20)
    generated_ms = len(clip(LONG).audio) // 8

    error = truncate(client, generated_ms + excess_ms)["error"]

    assert error["code"] == "invalid_value"
    assert error["message"] == (
        f"Audio content of {generated_ms}ms is already shorter than {generated_ms + excess_ms}ms"
    )
    assert truncate(client, generated_ms)["type"] == "conversation.item.truncated"


@pytest.mark.parametrize("audio_end_ms", [0, 1])
def test_an_item_can_be_forgotten_from_its_beginning(audio_end_ms: int) -> None:
    """audio_end_ms 0 is accepted."""
    client = talked_over(burst=20)

    assert truncate(client, audio_end_ms)["type"] == "conversation.item.truncated"


def test_a_second_truncation_is_bounded_by_the_first() -> None:
    """What is forgotten does not come back."""
    client = talked_over(burst=20)
    truncate(client, 1000)

    assert truncate(client, 2000)["error"]["message"].startswith("Audio content of 1000ms")
    assert truncate(client, 500)["type"] == "conversation.item.truncated"


def test_an_item_under_way_can_be_truncated_to_what_was_generated() -> None:
    """The bound grows with the audio sent so far."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG, burst=1),)))
    client.says("response.create")
    client.waits(400 + 3 * 250)
    generated_ms = len(client.audio()) // 8

    assert generated_ms == 1000
    assert truncate(client, 1001)["type"] == "error"
    assert truncate(client, 900)["type"] == "conversation.item.truncated"


def test_only_the_models_speech_can_be_truncated() -> None:
    """Not the caller's, not an unknown item, not another content part."""
    client = talked_over(burst=20)
    users = client.one("input_audio_buffer.committed")["item_id"]

    assert truncate(client, 1, item_id="item_x")["error"]["code"] == "item_truncate_invalid_item_id"
    assert truncate(client, 1, item_id=users)["error"]["message"] == (
        "Only model output audio messages can be truncated"
    )
    assert truncate(client, 1, content_index=1)["error"]["param"] == "content_index"


def test_the_trace_tells_what_was_generated_of_each_item() -> None:
    """output_item.done carries generated_ms, so drift can be judged."""
    client = talked_over()

    ended = [
        event.data["generated_ms"]
        for event in client.desk.traced("sent")
        if event.data["type"] == "response.output_item.done"
    ]
    assert ended[0] == len(client.audio(item_id(client))) // 8


def test_items_can_be_deleted_once() -> None:
    """The answer names the item; deleting and retrieving it then fail in the API's words."""
    client = talked_over(burst=20)
    gone = item_id(client)
    client.says("conversation.item.delete", item_id=gone)
    client.says("conversation.item.delete", item_id=gone)
    client.says("conversation.item.retrieve", item_id=gone)

    deleting, retrieving = (event["error"] for event in client.all("error"))
    assert client.one("conversation.item.deleted")["item_id"] == gone
    assert deleting["code"] == "item_delete_invalid_item_id"
    assert retrieving["message"] == (
        f"Error retrieving item: the item with id '{gone}' does not exist."
    )


def test_words_that_come_after_a_truncation_stay_forgotten() -> None:
    """An item truncated while it grows gets no transcript back."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG, burst=1),)))
    client.says("response.create")
    client.waits(1000)
    truncate(client, 100)
    client.waits(3000)

    client.says("conversation.item.retrieve", item_id=item_id(client))

    item = client.one("conversation.item.retrieved")["item"]
    assert item["content"] == [{"type": "output_audio", "transcript": ""}]


def test_function_outputs_can_be_read_back() -> None:
    """An item the client created is kept as it was given."""
    client = ready()
    call = {"type": "function_call", "name": "look_up", "call_id": "call_1", "arguments": "{}"}
    output = {"id": "item_o", "type": "function_call_output", "call_id": "call_1", "output": "7"}
    client.says("conversation.item.create", item=call)
    client.says("conversation.item.create", item=output)

    client.says("conversation.item.retrieve", item_id="item_o")

    assert client.one("conversation.item.retrieved")["item"] == {**output, "status": "completed"}


def test_an_overlong_truncation_may_be_clamped_as_well() -> None:
    """With the knob: the error, and 11 ms later a truncation to the true end."""
    setup = ModelSetup(replies=(reply("greeting", HELLO),), overlong_truncate="clamped")
    client = ready(setup)
    client.says("response.create")
    client.waits(3000)
    item_id = client.one("response.output_item.done")["item"]["id"]
    client.forget()

    client.says("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=9000)
    client.waits(20)

    assert client.kinds() == ["error", "conversation.item.truncated"]
    assert client.one("conversation.item.truncated")["audio_end_ms"] == 780
    assert client.times[1] - client.times[0] == 11


def test_a_truncation_to_nothing_may_be_refused() -> None:
    """With the knob, 0 is below the least there is; 1 is not."""
    setup = ModelSetup(replies=(reply("greeting", HELLO),), truncate_to_zero="refused")
    client = ready(setup)
    client.says("response.create")
    client.waits(3000)
    cut = {"item_id": client.one("response.output_item.done")["item"]["id"], "content_index": 0}

    client.says("conversation.item.truncate", **cut, audio_end_ms=0)
    client.says("conversation.item.truncate", **cut, audio_end_ms=1)

    assert client.one("error")["error"]["param"] == "audio_end_ms"
    assert client.one("conversation.item.truncated")["audio_end_ms"] == 1
