"""One call in trio: messages that cannot be read are passed over and logged, on either leg."""

from trio.testing import MockClock

from tests.session_world import settle, world


async def test_a_message_that_cannot_be_read_costs_no_call(autojump_clock: MockClock) -> None:
    """A line of the log for each, which names the leg; the call goes on."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        await twilio.say("media", media="no object")
        await w.realtime.say("response.done", response="no object")
        await settle()
        await w.realtime.speak(b"\x01" * 160)
        await settle()
        await twilio.hang_up()
        ended = await w.over()

    assert [line["leg"] for line in w.lines.all("malformed")] == ["twilio", "realtime"]
    assert not w.lines.all("crashed")
    assert ended["reason"] == "caller_hung_up"
    assert twilio.audio() == b"\x01" * 160
