"""Changing, listing and deleting calls; who is let in; an API that is not well."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
import trio.testing

from simulator.account.faults import RestFaults
from simulator.account.request import Answer
from simulator.phone.order import CallOrder
from tests.account_calls import ACCOUNT, CALLS, FROM, SAY, TO, TOKEN, URL, Office, office

Clock = trio.testing.MockClock


# -- changing -----------------------------------------------------------------------------------


async def test_an_ended_call_cannot_be_ended_or_redirected(autojump_clock: Clock) -> None:
    """21220 in Twilio's words, for every kind of update."""
    async with office() as it:
        sid = await it.answered()
        first = it.update(sid, Status="completed")
        again = [it.update(sid, **form) for form in ({"Status": "completed"}, {"Twiml": SAY})]

    assert (first[0], first[1]["status"], first[1]["duration"]) == (200, "completed", "1")
    assert [(status, body["code"]) for status, body in again] == [(400, 21220)] * 2
    assert again[0][1]["message"] == "Call is not in-progress. Cannot redirect."
    assert it.placed[0].asked == [("end", "completed")]


async def test_cancelling_only_affects_calls_not_answered(autojump_clock: Clock) -> None:
    """A ringing call is canceled; a call in progress is not."""
    async with office() as it:
        it.create()
        await it.until(0.5)
        ringing = it.update(it.placed[0].sid, Status="canceled")
        running = it.update(await it.answered(), Status="canceled")

    assert (ringing[0], ringing[1]["status"]) == (200, "canceled")
    assert (running[0], running[1]["code"]) == (400, 21220)


async def test_a_url_brings_its_callbacks_along(autojump_clock: Clock) -> None:
    """Fallback and status callback change with Url, and are ignored without it."""
    async with office() as it:
        sid = await it.answered()
        it.update(sid, Twiml=SAY, StatusCallback=f"{URL}/one")
        before = it.placed[0].order
        it.update(
            sid, Url=URL, Method="get", FallbackUrl=f"{URL}/two", StatusCallback=f"{URL}/three"
        )
        order = it.placed[0].order

    assert before.status_callback == ""
    assert (order.fallback_url, order.status_callback) == (f"{URL}/two", f"{URL}/three")
    assert it.placed[0].asked == [("redirect", ["Say"]), ("fetch", URL, "GET", ())]


async def test_a_time_limit_changes_the_order(autojump_clock: Clock) -> None:
    """TimeLimit alone leaves the call as it is, but for its limit."""
    async with office() as it:
        sid = await it.answered()
        status, _ = it.update(sid, TimeLimit="90")

    assert (status, it.placed[0].order.time_limit_s, it.placed[0].asked) == (200, 90, [])


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Status": "busy"}, 20001),
        ({"Url": URL, "Twiml": SAY}, 20001),
        ({"Twiml": "<Response>"}, 20001),
        ({"Twiml": "<Response>" + " " * 4000 + "</Response>"}, 20001),
        ({"Url": "ftp://bridge.example.com/a"}, 21205),
        ({"Url": URL, "Method": "PUT"}, 20001),
        ({"Url": URL, "StatusCallback": "nowhere"}, 20001),
        ({"TimeLimit": "-1"}, 20001),
    ],
)
async def test_updates_twilio_refuses(
    autojump_clock: Clock, form: dict[str, str], code: int
) -> None:
    """400, and the call goes on as it was."""
    async with office() as it:
        status, body = it.update(await it.answered(), **form)

    assert (status, body["code"]) == (400, code)
    assert it.placed[0].asked == []


async def test_redirecting_needs_an_answered_call(autojump_clock: Clock) -> None:
    """Twiml for a ringing call is 21220."""
    async with office() as it:
        it.create()
        await it.until(0.5)
        status, body = it.update(it.placed[0].sid, Twiml=SAY)

    assert (status, body["code"]) == (400, 21220)


# -- listing and deleting ---------------------------------------------------------------------


async def _three(it: Office) -> list[str]:
    """Three calls to three numbers, a minute apart; the first is over."""
    sids = []
    for number in range(3):
        sids.append(str(it.create(To=f"+1555010001{number}")[1]["sid"]))
        await it.until((number + 1) * 60)
    it.placed[0].end("completed")
    return sids


async def test_pages_lead_from_one_to_the_next(autojump_clock: Clock) -> None:
    """Newest first; next and previous page by token, with the filters kept."""
    async with office() as it:
        sids = await _three(it)
        first = it.ask("GET", query={"PageSize": "2", "From": "+15550100001"})[1]
        second = it.ask("GET", query=dict(parse_qsl(urlsplit(first["next_page_uri"]).query)))[1]
        back = it.ask("GET", query=dict(parse_qsl(urlsplit(second["previous_page_uri"]).query)))[1]

    assert [call["sid"] for call in first["calls"]] == [sids[2], sids[1]]
    assert [call["sid"] for call in second["calls"]] == [sids[0]]
    assert [call["sid"] for call in back["calls"]] == [sids[2], sids[1]]
    assert (first["page"], first["page_size"], first["start"], first["end"]) == (0, 2, 0, 1)
    assert (second["page"], second["start"], second["end"]) == (1, 2, 2)
    assert (first["previous_page_uri"], second["next_page_uri"]) == (None, None)
    assert first["first_page_uri"] == (
        f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?From=%2B15550100001&PageSize=2&Page=0"
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"To": "+15550100011"}, [1]),
        ({"From": "+15550100009"}, []),
        ({"Status": "completed"}, [0]),
        ({"Status": "in-progress"}, [2, 1]),
        ({"StartTime": "2026-01-01"}, [2, 1, 0]),
        ({"StartTime": "2026-01-02"}, []),
        ({"StartTime<": "2026-01-01T00:01:00Z"}, [0]),
        ({"StartTime>": "2026-01-01T00:01:00Z"}, [2, 1]),
        ({"EndTime>": "2026-01-01"}, [0]),
        ({"EndTime<": "2026-01-01"}, []),
        ({"ParentCallSid": "CA" + "0" * 32}, []),
        ({"PageSize": "1", "Page": "1"}, [1]),
        ({"PageSize": "1", "Page": "7"}, []),
    ],
)
async def test_filters(autojump_clock: Clock, query: dict[str, str], found: list[int]) -> None:
    """Only what is asked for is listed."""
    async with office() as it:
        sids = await _three(it)
        listed = it.ask("GET", query=query)[1]["calls"]

    assert [sids.index(call["sid"]) for call in listed] == found


@pytest.mark.parametrize(
    "query",
    [
        {"Status": "over"},
        {"StartTime": "yesterday"},
        {"PageSize": "1001"},
        {"Page": "-1"},
        {"PageToken": "PA1"},
        {"PageToken": "x"},
    ],
)
async def test_lists_that_cannot_be(autojump_clock: Clock, query: dict[str, str]) -> None:
    """400 with 20001."""
    async with office() as it:
        it.create()
        status, body = it.ask("GET", query=query)

    assert (status, body["code"]) == (400, 20001)


async def test_only_a_call_that_is_over_can_be_deleted(autojump_clock: Clock) -> None:
    """204 without a body; afterwards there is no such call."""
    async with office() as it:
        sid = await it.answered()
        early = it.ask("DELETE", f"/{sid}")
        it.update(sid, Status="completed")
        answers = [it.ask("DELETE", f"/{sid}")[0] for _ in range(2)]

    assert (early[0], early[1]["code"]) == (400, 20001)
    assert answers == [204, 404]


async def test_the_books_are_bounded(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When they are full, the oldest call that is over makes room; running calls stay."""
    monkeypatch.setattr("simulator.account.ledger.OVER_MAX", 2)
    async with office() as it:
        sids = [it.create()[1]["sid"] for _ in range(2)]
        it.update(sids[1], Status="canceled")
        sids.append(it.create()[1]["sid"])
        found = [it.ask("GET", f"/{sid}")[0] for sid in sids]

    assert found == [200, 404, 200]


async def test_an_adopted_call_is_listed_and_can_be_ended(autojump_clock: Clock) -> None:
    """A call that rings in by itself is in the books like any other."""
    async with office(completions=(503, "ok")) as it:
        call = it.place(CallOrder(to=TO, from_=FROM), "CA" + "1" * 32)
        it.account.adopt(call)
        call.dial()
        await it.until(3)
        listed = it.ask("GET")[1]["calls"]
        answers = [it.update(call.sid, Status="completed")[0] for _ in range(2)]

    assert [(one["sid"], one["direction"]) for one in listed] == [(call.sid, "inbound")]
    assert answers == [503, 200]
    assert it.account.calls_running == 0


# -- who is let in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "status"),
    [
        ((ACCOUNT, TOKEN), 200),
        (("SK" + "1" * 32, "secret"), 200),
        ((ACCOUNT, "secret"), 401),
        (("SK" + "1" * 32, TOKEN), 401),
        ((ACCOUNT, ""), 401),
        (None, 401),
    ],
)
async def test_credentials(
    autojump_clock: Clock, auth: tuple[str, str] | None, status: int
) -> None:
    """The account's token or an API key's secret; anything else is 20003 with a challenge."""
    async with office(api_keys={"SK" + "1" * 32: "secret"}) as it:
        told, headers, body = it.account.answer("GET", f"{CALLS}.json", {}, auth)

    assert told == status
    assert ("www-authenticate" in headers) == (status == 401)
    assert (b'"message": "Authenticate"' in body) == (status == 401)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/CA" + "0" * 32, 404, 20404),
        ("POST", "/CA" + "0" * 32, 404, 20404),
        ("GET", "/CA1/Recordings", 404, 20404),
        ("PUT", "", 405, 20004),
    ],
)
async def test_what_is_not_there(
    autojump_clock: Clock, method: str, path: str, status: int, code: int
) -> None:
    """An unknown call or path is 20404 and names the path; an unknown method is 20004."""
    async with office() as it:
        told, body = it.ask(method, path)

    assert (told, body["code"]) == (status, code)
    assert code != 20404 or f"/Calls{path}.json was not found" in body["message"]


async def test_another_account_is_not_found(autojump_clock: Clock) -> None:
    """The path must name the account."""
    async with office() as it:
        url = CALLS.replace(ACCOUNT, "AC" + "9" * 32)
        status, _, _ = it.account.answer("GET", f"{url}.json", {}, (ACCOUNT, TOKEN))

    assert status == 404


# -- not well -----------------------------------------------------------------------------------


async def test_scripted_answers_come_first(autojump_clock: Clock) -> None:
    """Refusals and silence in order; "lost" is done all the same; then all is well."""
    faults = RestFaults(answers=[503, 429, "timeout", "lost", "ok"])
    async with office(faults=faults) as it:
        answers = [it.create() for _ in range(6)]

    assert [status for status, _ in answers] == [503, 429, 0, 0, 201, 201]
    assert [body["code"] for _, body in answers[:2]] == [20503, 20429]
    assert len(it.placed) == 3


async def test_too_many_requests_in_a_second(autojump_clock: Clock) -> None:
    """20429 beyond the limit, unprocessed; a second later there is room again."""
    async with office(faults=RestFaults(requests_per_second_max=2)) as it:
        at_once = [it.create()[0] for _ in range(3)]
        await it.until(1)
        later = it.create()[0]

    assert (at_once, later) == ([201, 201, 429], 201)
    assert len(it.placed) == 3


async def test_a_slow_answer_is_late_and_a_lost_one_never_comes(autojump_clock: Clock) -> None:
    """`ask` replies when the answer is due."""
    came: list[tuple[float, int]] = []
    async with office(faults=RestFaults(answers=["ok", "timeout"], delay_ms=2500.0)) as it:

        def reply(answer: Answer) -> None:
            came.append((it.timeline.now_ms, answer[0]))

        for _ in range(2):
            it.account.ask("GET", f"{CALLS}.json", {}, (ACCOUNT, TOKEN), reply)
        await it.until(10)
        it.account.faults.delay_ms = 0.0
        it.account.ask("GET", f"{CALLS}.json", {}, (ACCOUNT, TOKEN), reply)

    assert came == [(2500.0, 200), (10_000.0, 200)]
