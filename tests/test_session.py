"""One call in trio: both legs, the queues, and every way out; in virtual time."""

import base64
import json

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from bridge.legs import RealtimeLeg, TwilioLeg
from bridge.model_lines import REALTIME_OUTBOX_MAX
from bridge.session import TWILIO_OUTBOX_MAX
from tests.far_ends import (
    CALL,
    KEY,
)
from tests.session_world import SPEECH, settle, world


async def test_audio_goes_both_ways(autojump_clock: MockClock) -> None:
    """The caller's bytes reach the model and the model's bytes the caller, as they are."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        await twilio.speak(b"\x01" * 160)
        await twilio.speak(b"\x02" * 160)
        await w.realtime.speak(SPEECH)
        await settle()
        await twilio.hang_up()
        ended = await w.over()

    assert [event["audio"] for event in w.realtime.all("input_audio_buffer.append")] == [
        "AQEB" * 53 + "AQ==",
        "AgIC" * 53 + "Ag==",
    ]
    assert twilio.audio() == SPEECH
    assert w.realtime.paths == ["/v1/realtime?model=gpt-realtime-2.1"]
    assert ended["reason"] == "caller_hung_up"
    assert ended["call_sid"] == CALL
    assert ended["record"]["media_in"] == 2
    assert KEY not in json.dumps(w.lines)


async def test_audio_before_the_session_is_ready_is_not_lost(autojump_clock: MockClock) -> None:
    """Frames that arrive in one burst with `start` come out in order behind the configuration."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        for number in range(9):
            await twilio.speak(bytes([number]) * 160)
        await settle()

    sound = [base64.b64decode(event["audio"]) for event in w.realtime.heard[1:]]
    assert w.realtime.heard[0]["type"] == "session.update"
    assert b"".join(sound) == b"".join(bytes([number]) * 160 for number in range(9))


async def test_a_hangup_ends_both_legs_in_the_same_instant(autojump_clock: MockClock) -> None:
    """After `stop` the paid session is closed with 1000 and Twilio's socket too."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await trio.sleep(5)
        await twilio.hang_up()
        await settle()

        assert w.realtime.closed_at == [5.0]
        assert w.realtime.close_codes == [1000]
        assert twilio.heard[-1] == {"event": "closed", "code": 1000}
    assert w.lines.ended["reason"] == "caller_hung_up"


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("speaking", [True, False])
async def test_a_dropped_stream_leaks_no_session(
    autojump_clock: MockClock, stop: bool, speaking: bool
) -> None:
    """The framework cancels us when the socket goes, with or without `stop`: the same end."""
    async with world() as w:
        async with w.call() as twilio:
            await twilio.begin(w.token)
            await trio.sleep(5)
            if speaking:
                await w.realtime.speak(SPEECH * 20)
            if stop:
                await twilio.hang_up()
        await settle()

    assert not w.lines.all("crashed")
    assert w.realtime.closed_at == [5.0]
    assert w.lines.ended["reason"] == "caller_hung_up"
    assert w.lines.ended["ms"] == 5000


async def test_a_caller_who_leaves_while_we_connect(autojump_clock: MockClock) -> None:
    """A handshake in flight is given up, and its stream closed."""
    async with world(far={"admits": False}) as w:
        async with w.call() as twilio:
            await twilio.begin(w.token)
            await settle()
        await settle()

    assert w.realtime.opened == 1
    assert len(w.realtime.closed_at) == 1
    assert w.lines.ended["reason"] == "caller_hung_up"


@pytest.mark.parametrize("token", ["", "CA.x.y", "valid for another call"])
async def test_without_a_token_no_session_is_opened(autojump_clock: MockClock, token: str) -> None:
    """A stranger's stream costs nothing."""
    async with world() as w, w.call() as twilio:
        other = w.app.services.tokens.issue("CA" + "9" * 32)
        await twilio.begin(other if token.startswith("valid") else token)
        ended = await w.over()
        await settle()

        assert twilio.heard[-1]["event"] == "closed"
    assert ended["reason"] == "stream_refused"
    assert w.realtime.opened == 0


async def test_whose_call_it_is_stands_in_the_first_start(autojump_clock: MockClock) -> None:
    """A second one, with a worthless token and another agent, is out of turn."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        await twilio.begin("worthless", caller="somebody else")
        await settle()
        await twilio.hang_up()
        ended = await w.over()

    assert ended["reason"] == "caller_hung_up"
    assert ended["record"]["out_of_turn"] == {"twilio:Connected": 1, "twilio:Start": 1}


async def test_a_token_expires(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its age is checked when the stream starts."""
    async with world(call_token_seconds=10) as w, w.call() as twilio:
        monkeypatch.setattr(w.app.services.tokens._signer, "_clock", lambda: 1_790_000_011.0)
        await twilio.begin(w.token)
        ended = await w.over()

    assert ended["reason"] == "stream_refused"


async def test_a_stream_that_never_starts(autojump_clock: MockClock) -> None:
    """Twilio connects and says nothing: the call ends by itself."""
    async with world() as w, w.call():
        ended = await w.over()

    assert ended["reason"] == "no_start"
    assert ended["ms"] == 10_000


async def test_a_server_that_never_admits(autojump_clock: MockClock) -> None:
    """Silence after the handshake is not waited out for ever."""
    async with world(far={"admits": False}) as w, w.call() as twilio:
        await twilio.begin(w.token)
        ended = await w.over()

    assert ended["reason"] == "not_ready"


async def test_a_server_that_cannot_be_reached(autojump_clock: MockClock) -> None:
    """A refused connection is logged with its cause; after some attempts the call is ended."""
    async with world(far={"reachable": False}) as w, w.call() as twilio:
        await twilio.begin(w.token)
        ended = await w.over()

    assert ended["reason"] == "realtime_refused"
    lines = w.lines.all("realtime_disconnected")
    assert {line["reason"] for line in lines} == {"ConnectionRefusedError: Connection refused"}
    assert [line["session"] for line in lines] == list(range(1, len(lines) + 1))
    assert ended["ms"] == 8000


async def test_a_session_that_drops(autojump_clock: MockClock) -> None:
    """The call goes on in another one, the log says how it was lost, and both are closed."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await trio.sleep(1)
        await w.realtime.drop()
        await trio.sleep(1)
        await w.realtime.speak(SPEECH)
        await settle()
        await twilio.hang_up()
        ended = await w.over()

    assert ended["reason"] == "caller_hung_up"
    assert ended["record"]["reconnects"] == 1
    assert twilio.audio() == SPEECH
    assert w.lines.all("realtime_disconnected")[0]["code"] == 1006
    assert w.realtime.opened == len(w.realtime.closed_at) == 2


async def test_a_session_that_is_renewed(autojump_clock: MockClock) -> None:
    """Another one is there beside the old one, which is closed with manners when it takes over."""
    async with world(realtime_session_renew_seconds=5) as w, w.call() as twilio:
        await twilio.begin(w.token)
        await trio.sleep(5.6)
        assert w.realtime.opened == 2
        assert w.realtime.close_codes == [1000]
        await twilio.speak(b"\x01" * 160)
        await settle()
        await twilio.hang_up()
        ended = await w.over()

    assert ended["record"]["renewals"] == 1
    assert [event["type"] for event in w.realtime.heard] == [
        "session.update",
        "session.update",
        "input_audio_buffer.append",
    ]
    assert w.realtime.close_codes == [1000, 1000]


async def test_a_renewal_that_hangs_is_given_up(autojump_clock: MockClock) -> None:
    """Nothing of it is left open, wherever it hung."""
    async with world(realtime_session_renew_seconds=5) as w, w.call() as twilio:
        await twilio.begin(w.token)
        await trio.sleep(4)
        w.realtime._admits = False
        await trio.sleep(8)
        opened = w.realtime.opened
        await twilio.hang_up()
        ended = await w.over()

    assert opened == 3
    assert ended["record"]["attempts_failed"] == 1
    assert len(w.realtime.closed_at) == 3


async def test_a_long_answer_in_one_burst_is_no_slow_peer(autojump_clock: MockClock) -> None:
    """A minute of audio at once fits into the queue, even while Twilio does not read."""
    async with world() as w, w.call(listens=False) as twilio:
        await twilio.begin(w.token)
        await settle()
        await w.realtime.speak(b"\xaa" * 8000 * 60)
        await settle()

        assert not w.lines.all("call_ended")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(twilio.listen)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert len(twilio.audio()) == 8000 * 60


async def test_a_twilio_that_does_not_read(autojump_clock: MockClock) -> None:
    """A full outbox ends the call; the paid session does not wait for the stuck writer."""
    async with world() as w, w.call(listens=False) as twilio:
        await twilio.begin(w.token)
        await settle()
        with pytest.raises(ConnectionClosed):
            await w.realtime.speak(b"\xaa" * 160 * (TWILIO_OUTBOX_MAX + 100) * 10)
        ended = await w.over()
        await settle()

        assert len(w.realtime.closed_at) == 1
    assert ended["reason"] == "slow_peer"


async def test_a_realtime_server_that_does_not_read(autojump_clock: MockClock) -> None:
    """Caller audio piles up to the bound, and then the call ends."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        assert w.realtime.near is not None
        w.realtime.near.send_stream.send_all_hook = trio.sleep_forever
        for number in range(REALTIME_OUTBOX_MAX + 10):
            await twilio.speak(b"\xff" * 160, number * 20)
        ended = await w.over()

    assert ended["reason"] == "slow_peer"


async def test_stopping_ends_the_calls(autojump_clock: MockClock) -> None:
    """SHUTDOWN is its own reason, both sockets close at once, and nobody is left."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await trio.sleep(2)
        await w.app.calls.stop()
        await settle()

        assert w.realtime.closed_at == [2.0]
        assert twilio.heard[-1]["event"] == "closed"
        assert not w.app.calls.running
    assert w.lines.ended["reason"] == "shutdown"


@pytest.mark.parametrize("task", ["receive", "send", "decode"])
async def test_a_bug_of_ours_is_no_hangup_of_the_callers(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """Whichever task it is in: the record says crashed, and the log has the traceback."""

    def broken(*_given: object) -> None:
        raise KeyError("a bug")

    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        leg = RealtimeLeg if task == "decode" else TwilioLeg
        monkeypatch.setattr(leg, task, broken)
        if task == "receive":
            await twilio.speak(b"\x01" * 160)  # taken by the call that waited before
            await twilio.speak(b"\x02" * 160)
        else:
            await w.realtime.speak(SPEECH)
        ended = await w.over()

    assert ended["reason"] == "crashed"
    assert w.lines.all("crashed")
