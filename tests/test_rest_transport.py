"""REST calls over the simulated link."""

import random

import httpx
import pytest
import trio
import trio.testing

from simulator.account.parameters import Fields
from simulator.account.request import Auth, Reply
from simulator.network import Direction, Pace
from simulator.rest_transport import RestTransport
from simulator.timeline import Timeline

Asked = tuple[str, str, Fields, Auth]
LOST = 0


def _client(timeline: Timeline, asked: list[Asked], status: int) -> httpx.AsyncClient:
    def ask(method: str, url: str, form: Fields, auth: Auth, reply: Reply) -> None:
        asked.append((method, url, form, auth))
        answer = status, {"content-type": "application/json"}, b'{"sid":"CA1"}'
        if status != LOST:
            timeline.after(1000.0, lambda: reply(answer))

    there, back = (Direction(timeline, Pace(40.0), random.Random(way)) for way in (1, 2))
    return httpx.AsyncClient(transport=RestTransport(there, back, ask), timeout=5)


async def test_a_request_takes_the_links_time_and_arrives_whole(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Method, URL, repeated form fields and credentials reach the fake; the answer comes back."""
    timeline, asked = Timeline(), []  # type: tuple[Timeline, list[Asked]]
    async with trio.open_nursery() as nursery, _client(timeline, asked, 201) as client:
        nursery.start_soon(timeline.run)
        answer = await client.post(
            "https://api.twilio.com/x.json", data={"A": ["1", "2"]}, auth=("AC1", "to:ken")
        )
        nursery.cancel_scope.cancel()

    assert (answer.status_code, answer.json()) == (201, {"sid": "CA1"})
    assert asked == [
        ("POST", "https://api.twilio.com/x.json", {"A": ["1", "2"]}, ("AC1", "to:ken"))
    ]
    assert round(trio.current_time(), 6) == 1.08


async def test_a_lost_answer_is_a_read_timeout(autojump_clock: trio.testing.MockClock) -> None:
    """The request's own limit ends the wait, in virtual time."""
    timeline, asked = Timeline(), []  # type: tuple[Timeline, list[Asked]]
    async with trio.open_nursery() as nursery, _client(timeline, asked, LOST) as client:
        nursery.start_soon(timeline.run)
        with pytest.raises(httpx.ReadTimeout):
            await client.get("https://api.twilio.com/x.json")
        nursery.cancel_scope.cancel()

    assert round(trio.current_time(), 6) == 5.0


@pytest.mark.parametrize("header", ["Bearer x", "Basic %%%", "Basic //8="])
async def test_odd_credentials_are_none(
    autojump_clock: trio.testing.MockClock, header: str
) -> None:
    """What is not basic authentication counts as no credentials."""
    timeline, asked = Timeline(), []  # type: tuple[Timeline, list[Asked]]
    async with trio.open_nursery() as nursery, _client(timeline, asked, 401) as client:
        nursery.start_soon(timeline.run)
        await client.get("https://api.twilio.com/x.json", headers={"authorization": header})
        nursery.cancel_scope.cancel()

    assert asked[0][3] is None
