"""Who gets in: refusals after the 101, refusals instead of it, and what a new session says."""

from typing import Any

import pytest

from simulator.scenario.format import ModelSetup
from tests.model_client import KEY, PATH, Desk

PREFIX = "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "headers", "code", "close_code"),
    [
        (PATH, (), None, 3000),
        (PATH, (("authorization", "Bearer sk-other"),), "invalid_api_key", 3000),
        ("/v1/realtime", KEY, "missing_model", 4000),
        ("/v1/realtime?model=gpt-nope", KEY, "invalid_model", 4000),
        ("/v1/realtime?call_id=rtc_1", KEY, "call_id_not_found", 4000),
        ("/v1/realtime?call_id=rtc_1", (), None, 3000),
        (PATH, (*KEY, ("openai-beta", "realtime=v1")), "beta_api_shape_disabled", 4000),
    ],
)
def test_a_client_is_connected_first_and_refused_then(
    path: str, headers: Any, code: str | None, close_code: int
) -> None:
    """101, an error event and the close come in the same instant; no session is created."""
    client = Desk(ModelSetup(require_key="sk-test")).connect(path, headers)

    assert client.status == 101
    assert client.kinds() == ["error"]
    assert client.one("error")["error"]["code"] == code
    assert client.close_code == close_code
    assert client.close_reason == (PREFIX if code is None else f"{PREFIX}.{code}")


@pytest.mark.parametrize(
    ("refuse", "close_code"),
    [
        ("invalid_api_key", 3000),
        ("no_authorization", 3000),
        ("invalid_model", 4000),
        ("missing_model", 4000),
        ("model_not_found", 4004),
        ("beta_api_shape_disabled", 4000),
    ],
)
def test_a_scenario_can_ask_for_a_refusal(refuse: str, close_code: int) -> None:
    """`refuse` brings the error although the client did nothing wrong."""
    client = Desk(ModelSetup(refuse=refuse)).connect()

    assert (client.status, client.kinds(), client.close_code) == (101, ["error"], close_code)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_scenario_can_ask_for_an_http_refusal(status: int) -> None:
    """`http_429` and its like answer the upgrade itself."""
    client = Desk(ModelSetup(refuse=f"http_{status}")).connect()

    assert (client.status, client.events, client.ended) == (status, [], "closed")


def test_another_path_is_not_found() -> None:
    """Only /v1/realtime is there."""
    assert Desk().connect("/v1/live?model=gpt-realtime").status == 404


AZURE = "/openai/v1/realtime?model=my-deployment"
BROWSER = (("sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-test"),)


@pytest.mark.parametrize(
    ("path", "headers", "status", "close_code"),
    [
        (AZURE, (("api-key", "sk-test"),), 101, 0),
        (AZURE, KEY, 101, 0),
        (AZURE, (("api-key", "sk-other"),), 401, 0),
        (AZURE, (), 401, 0),
        ("/openai/v1/realtime", KEY, 400, 0),
        (PATH, (("api-key", "sk-test"),), 101, 3000),
        (PATH, (("authorization", "bearer sk-test"),), 101, 0),
        (PATH, (("authorization", "Basic sk-test"),), 101, 3000),
        (PATH, BROWSER, 101, 0),
        (PATH, (("sec-websocket-protocol", "realtime, openai-insecure-api-key.x"),), 101, 3000),
        (PATH + "&temperature=0.8&voice=alloy", KEY, 101, 0),
    ],
)
def test_a_key_is_shown_in_one_of_three_ways(
    path: str, headers: Any, status: int, close_code: int
) -> None:
    """As a bearer, as a subprotocol, on Azure as api-key; there a deployment may have any name."""
    client = Desk(ModelSetup(require_key="sk-test")).connect(path, headers)

    assert (client.status, client.close_code) == (status, close_code)
    assert ("session.created" in client.kinds()) is (status == 101 and not close_code)


def test_the_subprotocol_is_agreed_to_without_the_key() -> None:
    """A browser must get back one of the subprotocols it offered, and never its key."""
    headers = Desk().connect(PATH, BROWSER).headers

    assert headers["sec-websocket-protocol"] == "realtime"
    assert "sec-websocket-protocol" not in Desk().connect().headers


def test_the_key_never_reaches_the_trace_or_the_wire() -> None:
    """Neither the right key nor the wrong one is shown anywhere."""
    desk = Desk(ModelSetup(require_key="sk-right"))

    client = desk.connect(headers=(("authorization", "Bearer sk-wrong"),))

    shown = str(client.events) + str(desk.record) + client.close_reason
    assert "sk-right" not in shown
    assert "sk-wrong" not in shown


def test_a_session_is_created_at_once_with_the_captured_defaults() -> None:
    """session.created follows the 101 unasked, and its silence is 200 ms."""
    client = Desk().connect()

    session = client.one("session.created")["session"]
    detection = session["audio"]["input"]["turn_detection"]
    assert client.status == 101
    assert detection["silence_duration_ms"] == 200
    assert session["audio"]["output"]["voice"] == "alloy"
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert session["object"] == "realtime.session"
    assert session["prompt"] is session["include"] is None


def test_connecting_and_getting_ready_take_the_time_they_are_told() -> None:
    """connect_delay_ms before the 101, ready_delay_ms between it and session.created."""
    client = Desk(ModelSetup(connect_delay_ms=800, ready_delay_ms=300)).connect()

    client.waits(799)
    assert client.status == 0
    client.waits(1)
    assert (client.status, client.events) == (101, [])
    client.says("response.cancel")
    client.waits(300)

    assert client.kinds() == ["session.created", "error"]


def test_connections_are_numbered_in_the_trace() -> None:
    """Two connections of one call are told apart."""
    desk = Desk()
    desk.connect()
    desk.connect()

    assert [event.data["connection"] for event in desk.traced("upgraded")] == [1, 2]
