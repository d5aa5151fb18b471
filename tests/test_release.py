"""Releasing the line: one REST call through Twilio's SDK, under trio, bounded."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
import trio
from trio.testing import MockClock

from bridge.release import RELEASE_S_MAX, LineReleaser, Released
from bridge.twilio_rest import TwilioRest
from tests.rest_answers import ACCOUNT, CALL, ODD_JSON, FakeRest, completed, refused


async def released(rest: FakeRest) -> Released:
    """Release a call against this API."""
    return await LineReleaser(TwilioRest(ACCOUNT, "token", rest)).release(CALL)


async def test_one_post_completes_the_call() -> None:
    """Status=completed is posted once to the call's resource, with the account's credentials."""
    rest = FakeRest(completed())
    result = await released(rest)

    assert result == Released("completed")
    (request,) = rest.requests
    assert request.method == "POST"
    assert str(request.url) == (
        f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"
    )
    assert parse_qs(request.content.decode()) == {"Status": ["completed"]}
    assert request.headers["Authorization"].startswith("Basic ")
    assert not rest.closed


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (refused(404, 20404), "HTTP 404, code 20404"),
        (refused(400, 21220), "HTTP 400, code 21220"),
    ],
)
async def test_a_call_that_is_over_already(answer: httpx.Response, why: str) -> None:
    """404 and 21220 mean that somebody hung up first: that is what we wanted, and no retry."""
    rest = FakeRest(answer)
    result = await released(rest)

    assert result == Released("already_over", why)
    assert len(rest.requests) == 1


async def test_a_refusal_is_not_repeated() -> None:
    """Wrong credentials do not become right by asking again."""
    result = await released(FakeRest(refused(401, 20003)))

    assert result == Released("failed", "HTTP 401, code 20003")


@pytest.mark.parametrize(
    "trouble",
    [
        refused(500, 20500),
        httpx.Response(503, text="<html>busy</html>"),
        refused(429, 20429),
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_what_may_pass_is_tried_again(
    autojump_clock: MockClock, trouble: httpx.Response | Exception
) -> None:
    """429, 5xx and a broken connection get another try after a pause."""
    rest = FakeRest(trouble, completed())
    result = await released(rest)

    assert result == Released("completed")
    assert rest.times[1] - rest.times[0] == pytest.approx(0.5)


async def test_retry_after_is_obeyed(autojump_clock: MockClock) -> None:
    """The pause is the one Twilio names, when it names one in seconds."""
    rest = FakeRest(refused(429, 20429, **{"Retry-After": "2"}), completed())
    await released(rest)

    assert rest.times[1] - rest.times[0] == pytest.approx(2)


@pytest.mark.parametrize(
    ("troubles", "why"),
    [
        ([refused(503, 20503)] * 3, "HTTP 503, code 20503"),
        ([httpx.ConnectError("no route")] * 3, "ConnectError"),
        ([httpx.Response(200, text="<html>")], "JSONDecodeError"),
    ],
)
async def test_three_tries_are_enough(
    autojump_clock: MockClock, troubles: list[httpx.Response | Exception], why: str
) -> None:
    """The last answer counts; what cannot be read is a failure, not a crash."""
    rest = FakeRest(*troubles)
    result = await released(rest)

    assert result == Released("failed", why)
    assert len(rest.requests) == len(troubles)


@pytest.mark.parametrize("body", ODD_JSON)
@pytest.mark.parametrize("status", [200, 201])
async def test_an_answer_that_is_no_call(status: int, body: bytes) -> None:
    """JSON, but not the object to be expected: a value, for a call would end with an exception."""
    result = await released(FakeRest(httpx.Response(status, content=body)))

    assert result.outcome == "failed"


@pytest.mark.parametrize("code", [[1], {}, "x", None])
async def test_a_refusal_with_a_code_that_is_none(code: object) -> None:
    """What is no number is no code."""
    answer = httpx.Response(400, json={"code": code, "message": 5})

    assert await released(FakeRest(answer)) == Released("failed", "HTTP 400, code None")


@pytest.mark.parametrize(
    "answers", [[60.0, 60.0, 60.0], [refused(429, 20429, **{"Retry-After": "60"})]]
)
async def test_it_never_takes_longer_than_its_bound(
    autojump_clock: MockClock, answers: list[float | httpx.Response]
) -> None:
    """A silent API, or one that asks for a minute, does not keep the caller on a dead line."""
    result = await released(FakeRest(*answers))

    assert result == Released("failed", "no answer in 8 s")
    assert trio.current_time() == pytest.approx(RELEASE_S_MAX)


@pytest.mark.parametrize("region", [None, "au1"])
async def test_the_api_may_be_elsewhere(
    monkeypatch: pytest.MonkeyPatch, region: str | None
) -> None:
    """Another base URL replaces the SDK's host, whichever that is; path and credentials stay."""
    if region:
        monkeypatch.setenv("TWILIO_REGION", region)
        monkeypatch.setenv("TWILIO_EDGE", "sydney")
    rest = FakeRest(completed())
    account = TwilioRest(ACCOUNT, "token", rest, "http://127.0.0.1:9000/twilio")
    result = await LineReleaser(account).release(CALL)

    assert result == Released("completed")
    (request,) = rest.requests
    assert str(request.url) == (
        f"http://127.0.0.1:9000/twilio/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"
    )
    assert request.headers["authorization"].startswith("Basic ")


async def test_its_own_transport_is_closed_after_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a transport from outside, the connection is opened for one release and closed."""
    rest = FakeRest(completed())
    monkeypatch.setattr("httpx._client.AsyncHTTPTransport", lambda **_: rest)
    result = await LineReleaser(TwilioRest(ACCOUNT, "token", None)).release(CALL)

    assert result == Released("completed")
    assert rest.closed


LOADED_LATE = f"""
import sys, trio
from bridge.twilio_rest import TwilioRest

async def ask() -> None:
    rest = TwilioRest("{ACCOUNT}", "token", None, "http://127.0.0.1:9")
    before = set(sys.modules)
    async with rest.client() as client:
        client.calls("{CALL}")
    print(*sorted(set(sys.modules) - before))

trio.run(ask)
"""


def test_the_first_hangup_of_a_process_loads_nothing() -> None:
    """What the libraries import lazily is there before a caller waits for it."""
    root = Path(__file__).resolve().parents[1]
    said = subprocess.run(
        [sys.executable, "-c", LOADED_LATE], cwd=root, capture_output=True, text=True, check=True
    )

    assert said.stdout.split() == []


async def test_the_sdk_runs_without_asyncio() -> None:
    """The SDK's aiohttp client is never imported: it would need asyncio."""
    await released(FakeRest(completed()))

    assert "twilio.http.async_http_client" not in sys.modules
