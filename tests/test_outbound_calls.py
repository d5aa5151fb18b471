"""GET /call-status, /calls and /calls/SID: what Twilio tells about calls, in our words."""

from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from tests.outbound_parts import BEARER, FROM, TO, body_of, service
from tests.rest_answers import ODD_JSON

UNKNOWN = "CA" + "9" * 32


async def test_a_call_from_ring_to_end(autojump_clock: MockClock) -> None:
    """Status, numbers, times and seconds, at each moment of a call."""
    async with service() as it:
        sid = (await body_of(await it.order()))["call_sid"]
        await trio.sleep(0.5)
        ringing = await body_of(await it.get(f"/call-status/{sid}"))
        await trio.sleep(4.5)
        talking = await body_of(await it.get(f"/call-status/{sid}"))
        it.rang[0].end("completed")
        over = await body_of(await it.get(f"/call-status/{sid}"))

    common = {"call_sid": sid, "direction": "outbound-api", "to": TO, "from_": FROM}
    assert ringing == common | {
        "status": "ringing",
        "duration": None,
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": None,
    }
    assert (talking["status"], talking["duration"]) == ("in-progress", None)
    assert talking["start_time"].endswith("Z")
    assert over == common | {
        "status": "completed",
        "duration": 3,
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "2026-01-01T00:00:05Z",
    }


async def test_a_whole_call() -> None:
    """GET /calls/SID has a little more."""
    async with service() as it:
        sid = (await body_of(await it.order()))["call_sid"]
        body = await body_of(await it.get(f"/calls/{sid}"))

        assert body["call_sid"] == sid
        assert {"answered_by", "parent_call_sid"} <= set(body)


@pytest.mark.parametrize("path", ["/call-status/", "/calls/"])
@pytest.mark.parametrize("sid", [UNKNOWN, "CA1", "x", "CA" + "g" * 32])
async def test_a_call_nobody_knows(path: str, sid: str) -> None:
    """404 in JSON; what cannot be a sid is not asked for."""
    async with service() as it:
        response = await it.get(path + sid)
        body = await body_of(response)

        assert response.status_code == 404
        assert "call" in body["detail"]
        assert len(it.door.requests) == (sid == UNKNOWN)


async def test_pages_of_calls() -> None:
    """The newest first; each page but the last has the token of the next."""
    async with service() as it:
        sids = [(await body_of(await it.order()))["call_sid"] for _ in range(5)]
        pages = [await body_of(await it.get("/calls?page_size=2"))]
        while pages[-1]["next_page"] is not None:
            query = f"page_size=2&page={pages[-1]['next_page']}"
            pages.append(await body_of(await it.get(f"/calls?{query}")))

        assert [[call["call_sid"] for call in page["calls"]] for page in pages] == [
            [sids[4], sids[3]],
            [sids[2], sids[1]],
            [sids[0]],
        ]


async def test_filters() -> None:
    """By number, by status, by day; also with a plus that nobody encoded."""
    async with service() as it:
        await it.order()
        await it.order(to_number="+15550100003")

        async def count(query: str) -> int:
            return len((await body_of(await it.get(f"/calls?{query}")))["calls"])

        assert await count("") == 2
        assert await count("to=%2B15550100003") == 1
        assert await count("to=+15550100003") == 1
        assert await count("from=%2B15550100003") == 0
        assert await count("status=queued") + await count("status=ringing") == 2
        assert await count("status=completed") == 0
        assert await count("started_after=2026-01-02") == 0
        assert await count("started_before=2026-01-01") == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("to=12", "to"),
        ("from=x", "from"),
        ("status=answered", "status"),
        ("started_after=yesterday", "started_after"),
        ("started_before=2026-13-01", "started_before"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=%C2%B2", "page_size"),
        ("page=", "page"),
        (f"page={'x' * 201}", "page"),
    ],
)
async def test_wrong_filters(query: str, field: str) -> None:
    """422 with the field; Twilio is not asked."""
    async with service() as it:
        response = await it.get(f"/calls?{query}")

        assert response.status_code == 422
        assert (await body_of(response))["field"] == field
        assert not it.door.requests


@pytest.mark.parametrize("path", ["/calls", f"/calls/{UNKNOWN}"])
@pytest.mark.parametrize(
    ("answers", "status", "code"),
    [((503,) * 3, 502, 20503), ((429,) * 3, 429, 20429), ((401,), 502, 20003)],
)
async def test_twilio_says_no(
    autojump_clock: MockClock, path: str, answers: tuple[int, ...], status: int, code: int
) -> None:
    """Reading is tried again; then the code is named, of a list as of a call."""
    async with service(*answers) as it:
        response = await it.get(path)
        body = await body_of(response)

        assert response.status_code == status
        assert body["code"] == code
        assert str(code) in body["detail"]
        assert len(it.door.requests) == len(answers)


async def test_what_passes_is_not_noticed(autojump_clock: MockClock) -> None:
    """A request that only reads may be repeated."""
    async with service(503, 429) as it:
        assert (await it.get("/calls")).status_code == 200
        assert len(it.door.requests) == 3


@pytest.mark.parametrize("path", ["/calls", f"/calls/{UNKNOWN}"])
@pytest.mark.parametrize(
    "raw", [httpx.Response(200, text="<html>"), httpx.Response(400, text="<html>")]
)
async def test_answers_that_are_no_json(path: str, raw: httpx.Response) -> None:
    """A proxy on the way is a 502."""
    async with service() as it:
        it.door.raw = raw

        assert (await it.get(path)).status_code == 502


async def test_twilio_is_silent(autojump_clock: MockClock) -> None:
    """Whoever asks gets an answer in time."""
    async with service("timeout", "timeout", "timeout") as it:
        response = await it.get("/calls")

        assert response.status_code == 502
        assert "could not be reached" in (await body_of(response))["detail"]
        assert trio.current_time() < 10


@pytest.mark.parametrize("given", [{"twilio_auth_token": None}, {"twilio_account_sid": None}])
async def test_without_credentials(given: dict[str, Any]) -> None:
    """503 names the variables; PUBLIC_URL is not needed to read."""
    async with service(**given) as it:
        response = await it.get("/calls", BEARER)

        assert response.status_code == 503
        assert "TWILIO_AUTH_TOKEN" in (await body_of(response))["detail"]


@pytest.mark.parametrize("path", [f"/calls/{UNKNOWN}", f"/call-status/{UNKNOWN}"])
@pytest.mark.parametrize("body", [*ODD_JSON, b'{"duration": {"a": 1}}'])
async def test_an_answer_that_is_no_call(path: str, body: bytes) -> None:
    """JSON, but not the object to be expected: 502, and no traceback."""
    async with service() as it:
        it.door.raw = httpx.Response(200, content=body)
        response = await it.get(path)

        assert response.status_code == 502
        assert "Twilio" in (await body_of(response))["detail"]


@pytest.mark.parametrize(
    "body",
    [
        *ODD_JSON,
        *(b'{"calls": [1]}', b'{"calls": null}', b'{"calls": 5}', b'{"meta": 5}'),
        b'{"calls": [{"start_time": 5}]}',
        b'{"calls": [], "next_page_uri": 5}',
    ],
)
async def test_an_answer_that_is_no_list(body: bytes) -> None:
    """A page of calls is read as carefully."""
    async with service() as it:
        it.door.raw = httpx.Response(200, content=body)
        response = await it.get("/calls")

        assert response.status_code == 502
        assert "Twilio" in (await body_of(response))["detail"]
