"""The fake GPT-Live: work handed over to its backend, its faults, and how a session ends."""

from typing import Any

import pytest

from simulator.model.client_link import PING_MS
from simulator.scenario.format import ModelFault, ModelSetup, ToolCall
from tests.live_client import (
    AT_ONCE,
    AUDIO,
    BACKEND,
    CHECK,
    PATH,
    LiveClient,
    LiveDesk,
    speech,
    started,
)
from tests.model_client import HELLO, KEY, clip, reply


# ------------------------------------------------------------------------------ the backend
def delegating() -> LiveClient:
    """A session whose first turn needs two functions."""
    calls = (ToolCall(CHECK, {"day": "Monday"}), ToolCall(CHECK))
    replies = (reply("turn", calls=calls), reply("tool", HELLO))
    client = started(ModelSetup(replies=replies))
    client.hears_turn(HELLO, 2500)
    return client


def outputs(client: LiveClient) -> list[str]:
    """Ids of the calls that wait."""
    done = client.nested("response.output_item.done")
    return [event["item"]["call_id"] for event in done]


def answer(client: LiveClient, call_id: str) -> None:
    """Give one output."""
    item = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
    client.says("response.item.create", item=item)


def test_work_is_handed_over_and_functions_are_called() -> None:
    """The delegation tells no task; the calls come with names and arguments."""
    client = delegating()

    delegation = client.one("session.delegation.created")["delegation"]
    assert (delegation["target"], delegation["type"]) == ("responses", "delegation")
    item = client.nested("response.output_item.done")[0]["item"]
    assert (item["name"], item["arguments"]) == (CHECK, '{"day":"Monday"}')
    assert client.nested("response.completed")[0]["response"]["usage"]["input_tokens"] > 0


def test_it_goes_on_when_all_calls_are_answered() -> None:
    """Neither earlier, nor by itself; then the voice speaks of it."""
    client = delegating()
    first, second = outputs(client)
    answer(client, first)
    client.says("response.create")
    answer(client, second)
    client.hears_silence(2000)
    silent = speech(client.stream())
    client.says("response.create")
    client.hears_silence(4000)

    assert len(client.all("error")) == 1
    assert silent == b""
    assert speech(client.stream()) == speech(b"\xff" * 800 + clip(HELLO).audio)


def test_an_output_that_nobody_waits_for_is_refused() -> None:
    """Also a second one."""
    client = delegating()
    call_id = outputs(client)[0]
    for wanted in (call_id, call_id, "call_of_nobody"):
        answer(client, wanted)

    assert len(client.all("error")) == 2


def test_other_items_and_a_needless_request_are_harmless() -> None:
    """A message for the backend, and response.create without any output."""
    client = started()
    client.says("response.item.create", item={"type": "message"})
    client.says("response.create")
    client.hears_silence(1000)

    assert client.all("error") == []


def test_the_backend_alone_can_be_changed() -> None:
    """And never who takes the work."""
    client = started()
    change = {"type": "responses", "responses": {"model": "another"}}
    client.says("session.update", session={"delegation": change})
    client.says("session.update", session={"delegation": {"type": "client"}})
    client.says("session.update", session={"audio": AUDIO})

    told = client.one("session.updated")["session"]["delegation"]["responses"]
    assert (told["model"], told["tools"]) == ("another", BACKEND["tools"])
    assert len(client.all("error")) == 2


# ------------------------------------------------------------------------------ the end
def test_it_is_closed_with_a_reason_and_its_seconds() -> None:
    """The connection follows."""
    client = started()
    client.hears_silence(3000)
    client.says("session.close")

    closed = client.one("session.closed")
    assert closed["reason"] == "close_requested"
    assert closed["usage"]["seconds"] == pytest.approx(3.0, abs=0.2)
    assert client.close_code == 1000


def test_it_expires() -> None:
    """And says so."""
    client = started(ModelSetup(session_limit_ms=2000))
    client.waits(2000)

    assert client.one("session.closed")["reason"] == "expired"


def test_the_seconds_are_told_once_a_minute_and_pings_come() -> None:
    """In all, not since the last time."""
    client = started()
    client.appends(b"\xff" * 8 * 130_000)
    client.waits(130_000)

    told = [event["usage"]["seconds"] for event in client.all("session.usage.updated")]
    assert told == pytest.approx([60.0, 120.0], abs=0.2)
    assert len(client.pings) == 130_000 // PING_MS


@pytest.mark.parametrize(
    ("setup", "path", "headers", "status"),
    [
        (ModelSetup(), "/v1/realtime", KEY, 404),
        (ModelSetup(), PATH, (), 401),
        (ModelSetup(require_key="another"), PATH, KEY, 401),
        (ModelSetup(refuse="http_429"), PATH, KEY, 429),
        (ModelSetup(refuse="invalid_api_key"), PATH, KEY, 401),
        (ModelSetup(), "/openai/v1/live/sessions", (("api-key", "k"),), 101),
    ],
)
def test_who_gets_in(setup: ModelSetup, path: str, headers: Any, status: int) -> None:
    """The path, the key, and what the scenario wants."""
    assert LiveDesk(setup).connect(path, headers).status == status


@pytest.mark.parametrize(
    ("setup", "model", "code"),
    [
        (ModelSetup(refuse="insufficient_quota"), "gpt-live-1", "insufficient_quota"),
        (ModelSetup(refuse="model_not_found"), "gpt-live-1", "model_not_found"),
        (ModelSetup(), "gpt-realtime-2.1", "model_not_found"),
    ],
)
def test_a_session_that_cannot_start_is_an_error_and_an_end(
    setup: ModelSetup, model: str, code: str
) -> None:
    """Instead of session.started."""
    client = LiveDesk(setup).connect().starts(model=model)

    assert client.error() == code
    assert client.close_code == 1000


def test_faults_come_on_cue() -> None:
    """A stall holds back, an error is an event, a close and a drop are ends."""
    stalled, failing, closing, dropping = (started() for _ in range(4))
    stalled.desk.fake.inject(ModelFault("stall", AT_ONCE, duration_ms=1000))
    stalled.hears_silence(900)
    held = stalled.stream()
    stalled.hears_silence(300)
    failing.desk.fake.inject(ModelFault("error", AT_ONCE, code="server_error"))
    closing.desk.fake.inject(ModelFault("close", AT_ONCE, close_code=1011))
    dropping.desk.fake.inject(ModelFault("drop", AT_ONCE))

    assert held == b""
    assert len(stalled.stream()) > 8000
    assert failing.error() == "server_error"
    assert closing.close_code == 1011
    assert dropping.ended == "reset"


def test_a_withheld_answer_is_an_error_and_silence() -> None:
    """The session goes on."""
    client = started(ModelSetup(replies=(reply("turn", fail="content_policy"),)))
    client.hears_turn(HELLO, 3000)

    assert client.error() == "content_policy"
    assert speech(client.stream()) == b""


def test_an_unscripted_turn_is_silence() -> None:
    """And noted."""
    client = started()
    client.hears_turn(HELLO, 3000)

    assert len(client.desk.traced("unscripted")) == 1
    assert client.desk.fake.unused_replies() == ()
