"""What goes wrong on cue: drops, stalls, closes, errors, failed responses; always the same way."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator.scenario.format import ModelFault, ModelSetup, Reply, Trigger
from tests.model_client import HELLO, LONG, Client, Desk, clip, ready, reply

NOW = Trigger("at")


def inject(client: Client, kind: Any, **more: Any) -> None:
    """Bring on a fault."""
    client.desk.fake.inject(ModelFault(kind, NOW, **more))


def test_a_drop_is_a_reset_without_a_word() -> None:
    """No close frame, and nothing afterwards."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG),)))
    client.says("response.create")
    client.waits(1000)
    count = len(client.events)

    inject(client, "drop")
    client.waits(5000)

    (closed,) = client.desk.traced("closed")
    assert (client.ended, client.close_code, len(client.events)) == ("reset", 0, count)
    assert (closed.data["by"], closed.data["code"]) == ("network", 1006)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012])
def test_a_close_has_its_code(code: int) -> None:
    """The server closes orderly with any code."""
    client = ready()

    inject(client, "close", close_code=code)
    client.hangs_up(code)

    (closed,) = client.desk.traced("closed")
    assert (client.close_code, client.ended) == (code, "closed")
    assert (closed.data["by"], closed.data["code"]) == ("server", code)


def test_an_error_on_cue_leaves_the_session_open_and_is_nobodys_fault() -> None:
    """It is sent, but is no violation of the client's."""
    client = ready()

    inject(client, "error", code="server_error")
    client.says("input_audio_buffer.clear")

    assert client.one("error")["error"]["type"] == "server_error"
    assert client.kinds() == ["error", "input_audio_buffer.cleared"]
    assert client.desk.traced("violation") == []


def test_a_stalled_server_listens_and_answers_later() -> None:
    """Nothing is sent while it lasts, not even pings; then everything in order."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO),)))

    inject(client, "stall", duration_ms=25_000)
    client.hears_turn()
    client.waits(22_000)
    assert (client.events, client.pings) == ([], [])
    client.waits(3000)

    assert client.order()[0] == "input_audio_buffer.speech_started"
    assert client.audio() == clip(HELLO).audio
    assert len(client.pings) == 1
    assert client.desk.traced("sent")[-1].at_ms >= 25_000


def test_a_stall_without_end_never_answers() -> None:
    """Not even the client's close."""
    client = ready()

    inject(client, "stall")
    client.hangs_up()
    client.waits(100_000)

    assert (client.events, client.close_code, client.ended) == ([], 0, "")


def test_a_close_waits_for_the_end_of_a_stall() -> None:
    """An expiry during a stall shows when it is over."""
    client = Desk(ModelSetup(session_limit_ms=1000)).connect()

    inject(client, "stall", duration_ms=5000)
    client.waits(4999)
    assert client.close_code == 0
    client.waits(1)

    assert client.close_code == 1001


def test_a_reply_may_stall() -> None:
    """`stall_after_ms` counts from its first audio."""
    replies = (reply("greeting", LONG, burst=1, stall_after_ms=1000),)
    client = ready(ModelSetup(replies=replies))
    client.says("response.create")
    client.waits(30_000)

    assert len(client.audio()) == 2000 * 4
    assert client.all("response.done") == []


def test_a_reply_may_stall_at_once() -> None:
    """With 0 ms the response is created, and nothing comes behind it."""
    client = ready(ModelSetup(replies=(Reply("greeting", stall_after_ms=0.0),)))
    client.says("response.create")
    client.waits(30_000)

    assert client.kinds() == ["response.created"]


def test_a_reply_may_break_the_connection() -> None:
    """`drop_after_ms` likewise; without audio both count from response.created."""
    client = ready(ModelSetup(replies=(Reply("greeting", after_ms=900, drop_after_ms=500),)))
    client.says("response.create")
    client.waits(499)
    assert client.ended == ""
    client.waits(1)

    assert client.ended == "reset"


@pytest.mark.parametrize("code", ["insufficient_quota", "server_error", "rate_limit_exceeded"])
def test_a_response_may_fail(code: str) -> None:
    """Status failed, with the error in status_details; the session stays open."""
    client = ready(ModelSetup(replies=(Reply("greeting", fail=code),)))
    client.says("response.create")
    client.waits(2000)

    done = client.one("response.done")["response"]
    assert (done["status"], done["status_details"]["error"]["code"]) == ("failed", code)
    assert client.all("error") == []


def test_without_money_every_response_fails() -> None:
    """`refuse: insufficient_quota` admits the session."""
    client = ready(ModelSetup(refuse="insufficient_quota", replies=(reply("greeting", HELLO),)))
    client.says("response.create")
    client.waits(2000)

    assert client.one("response.done")["response"]["status"] == "failed"


def test_a_response_may_be_incomplete() -> None:
    """`incomplete` ends it with max_output_tokens."""
    client = ready(ModelSetup(replies=(reply("greeting", HELLO, incomplete="max_output_tokens"),)))
    client.says("response.create")
    client.waits(2000)

    details = client.one("response.done")["response"]["status_details"]
    assert details == {"type": "incomplete", "reason": "max_output_tokens"}


def test_faults_are_armed_when_there_are_cues() -> None:
    """Each fault is handed over with its trigger and wait, and strikes when called."""
    cues: list[tuple[Trigger, float, Callable[[], None]]] = []
    fault = ModelFault("drop", Trigger("turn", number=2), wait_ms=300)
    desk = Desk(ModelSetup(faults=(fault,)), cue=lambda *cue: cues.append(cue))
    client = desk.connect()

    ((trigger, wait_ms, strike),) = cues
    assert (trigger, wait_ms) == (fault.when, 300)
    strike()

    assert client.ended == "reset"


def test_faults_strike_only_connections_that_are_up() -> None:
    """A connection that is over stays as it was."""
    desk = Desk()
    first = desk.connect()
    first.hangs_up()
    second = desk.connect()

    desk.fake.inject(ModelFault("drop", NOW))

    assert (first.ended, second.ended) == ("closed", "reset")


def test_equal_seeds_give_equal_traces() -> None:
    """Ids, times and sounds of two runs are the same."""
    digests = set()
    for _ in range(2):
        client = ready(ModelSetup(replies=(reply("turn", HELLO, repeat=True),)))
        for _ in range(2):
            client.hears_turn()
            client.hears_silence(1000)
        digests.add(client.desk.trace.digest())

    assert len(digests) == 1
