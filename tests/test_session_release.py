"""One call in trio: the line is released over REST, and what is done when that does not work."""

from typing import Any

import pytest
from trio.testing import MockClock

from tests.far_ends import (
    CALL,
    FarRest,
    FarTwilio,
)
from tests.session_world import SPEECH, World, settle, world

CREDENTIALS: dict[str, Any] = {"twilio_account_sid": "AC" + "a" * 32, "twilio_auth_token": "t" * 32}


async def say_goodbye(w: World, twilio: FarTwilio) -> None:
    """The model says goodbye and calls end_call in the same response."""
    object.__setattr__(w.app, "auth_token", None)
    await twilio.begin(w.token)
    await settle()
    await w.realtime.speak(SPEECH)
    await w.realtime.call_tool("end_call")
    await w.realtime.finish()


async def test_the_line_is_released_once(autojump_clock: MockClock) -> None:
    """After farewell and grace the REST API completes the call, and that ends it."""
    rest = FarRest()
    async with world(rest, **CREDENTIALS) as w, w.call() as twilio:
        await say_goodbye(w, twilio)
        ended = await w.over()

    resource = f"/2010-04-01/Accounts/{CREDENTIALS['twilio_account_sid']}/Calls/{CALL}.json"
    assert rest.asked == [f"{resource} Status=completed"]
    assert ended["reason"] == "agent_hung_up"
    assert ended["record"]["line_released"] == "completed"
    assert 3000 <= ended["ms"] < 4500
    assert twilio.audio() == SPEECH


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [(FarRest(404, 20404), "already_over"), (FarRest(401, 20003), "failed")],
)
async def test_a_release_that_does_not_work(
    autojump_clock: MockClock, rest: FarRest, outcome: str
) -> None:
    """The call ends all the same: the stream closes, and nothing follows it in the TwiML."""
    async with world(rest, **CREDENTIALS) as w, w.call() as twilio:
        await say_goodbye(w, twilio)
        ended = await w.over()

    assert ended["reason"] == "agent_hung_up"
    assert w.lines.all("line_released")[0]["outcome"] == outcome
    assert len(rest.asked) == 1


async def test_twilio_ends_the_stream_while_rest_still_answers(autojump_clock: MockClock) -> None:
    """The stream's end is the proof that the release worked: we hung up, not the caller."""
    rest = FarRest(wait_s=5)
    async with world(rest, **CREDENTIALS) as w:
        async with w.call() as twilio:
            await say_goodbye(w, twilio)
            await rest.was_asked.wait()
        await settle()

    assert w.lines.ended["reason"] == "agent_hung_up"


async def test_without_credentials_the_stream_is_closed(autojump_clock: MockClock) -> None:
    """No REST: closing the stream ends the call."""
    async with world() as w, w.call() as twilio:
        await say_goodbye(w, twilio)
        ended = await w.over()
        await settle()

        assert twilio.heard[-1] == {"event": "closed", "code": 1000}
    assert ended["reason"] == "agent_hung_up"
