"""From a running call to its entry: what the webhook tells the stream, and what the shell notes."""

import datetime as dt
import re
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from bridge.app import make_app
from bridge.core.record import CallRecord
from bridge.outside import Outside
from bridge.records.book import CallBook
from bridge.records.entry import CallEntry
from bridge.records.numbers import NumberPolicy
from tests.far_ends import (
    CALL,
    CLOSED,
    NOW,
    STREAM,
    FarRealtime,
    FarRest,
    FarTwilio,
    Lines,
    settings,
)
from tests.record_parts import Kept

FORM = {"From": "+15550001234", "To": "+15550005678", "Direction": "inbound"}


def book(kept: Kept | None, **given: Any) -> CallBook:
    """A book whose clock follows trio's."""
    return CallBook(kept, lambda: NOW + trio.current_time(), **given)


def record(**given: Any) -> CallRecord:
    """The core's record of an admitted call."""
    return CallRecord(began=0, call_sid=CALL, stream_sid=STREAM, **given)


async def test_what_the_webhook_knows_travels_with_the_call(autojump_clock: MockClock) -> None:
    """Numbers, direction and the time of ringing go in call parameters, and come out again."""
    kept = Kept()
    pages = book(kept, model="gpt-realtime-2.1", agent="default")
    parameters = {**pages.parameters(FORM), "token": "t", "booking": "B7"}
    await trio.sleep(4)
    page = pages.page()
    page.answered(parameters, trio.current_time())
    await trio.sleep(60)
    page.close("caller_hung_up", record(barge_ins=2), trio.current_time())
    (one,) = kept

    began = dt.datetime.fromtimestamp(NOW, dt.UTC)
    assert (one.call_sid, one.session_id) == (CALL, STREAM)
    assert (one.from_number, one.to_number) == ("+15550001234", "+15550005678")
    assert (one.direction, one.agent, one.model) == ("inbound", "default", "gpt-realtime-2.1")
    assert one.parameter_names == ["booking"]
    assert one.started_at == began
    assert one.answered_at == began + dt.timedelta(seconds=4)
    assert one.ended_at == began + dt.timedelta(seconds=64)
    assert (one.duration_ms, one.end_reason, one.barge_ins) == (60_000, "caller_hung_up", 2)
    assert one.cost_usd == 0
    assert one.details["barge_ins"] == 2


def test_numbers_are_changed_before_they_travel() -> None:
    """Only the webhook ever sees them."""
    pages = CallBook(Kept(), lambda: NOW, NumberPolicy("masked"))

    assert pages.parameters(FORM)["From"] == "+********234"


@pytest.mark.parametrize(
    ("given", "direction"),
    [("inbound", "inbound"), ("outbound-api", "outbound"), ("outbound-dial", "outbound")],
)
def test_directions(given: str, direction: str) -> None:
    """Twilio's words for calls out are one for us."""
    kept = Kept()
    pages = CallBook(kept, lambda: NOW)
    page = pages.page()
    page.answered(pages.parameters({"Direction": given}), 0)
    page.close("limit", record(), 1)

    assert kept[0].direction == direction
    assert kept[0].from_number == ""


def test_without_records_nothing_is_noted() -> None:
    """No parameters are added to the call, and its page goes nowhere."""
    pages = CallBook()
    page = pages.page()
    page.close("limit", record(), 1)

    assert pages.parameters(FORM) == {}


def test_a_stranger_leaves_no_record() -> None:
    """A stream that was never admitted is in the log, and not in the database."""
    kept = Kept()
    CallBook(kept, lambda: NOW).page().close("stream_refused", CallRecord(began=0), 1)

    assert kept == []


@pytest.mark.parametrize(
    "rang_at", ["", "soon", "nan", "inf", "-1", str(NOW + 1), str(NOW - 90_000)]
)
def test_an_unlikely_time_of_ringing_is_not_believed(rang_at: str) -> None:
    """The call began when it was answered, then."""
    kept = Kept()
    page = CallBook(kept, lambda: NOW).page()
    page.answered({"RangAt": rang_at}, 0)
    page.close("limit", record(), 1)

    assert kept[0].started_at == kept[0].answered_at


def test_only_the_first_beginning_counts() -> None:
    """A second `start` on a stream is the peer's mistake."""
    kept = Kept()
    page = CallBook(kept, lambda: NOW).page()
    page.answered({"From": "+15550001234"}, 1)
    page.answered({"From": "+15550009999"}, 9)
    page.close("limit", record(), 11)

    assert (kept[0].from_number, kept[0].duration_ms) == ("+15550001234", 10_000)


def test_latencies_have_a_field_of_their_own() -> None:
    """And are not told again among the other counters."""
    kept = Kept()
    page = CallBook(kept, lambda: NOW).page()
    page.answered({}, 0)
    page.close("limit", record(response_latencies_ms=[750, 1500]), 11)

    assert kept[0].response_latencies_ms == [750, 1500]
    assert "response_latencies_ms" not in kept[0].details


# ------------------------------------------------------------------------ the whole bridge
async def call(kept: Kept | None, **given: Any) -> tuple[str, Lines]:
    """Ring, talk one turn, hang up. Returns the TwiML and the log."""
    lines = Lines()
    async with trio.open_nursery() as nursery:
        realtime = FarRealtime(nursery)
        clock = lambda: NOW + trio.current_time()  # noqa: E731 - the world's wall clock
        outside = Outside(
            open_stream=realtime.open_stream,
            http_transport=FarRest(),
            wall_clock=clock,
            log=lines.keep,
        )
        app = make_app(settings(**given), outside=outside, records=kept)
        form = {"CallSid": CALL, **FORM}
        answer = await app.test_client().post("/incoming-call?booking=B7", form=form)
        document = await answer.get_data(as_text=True)
        found = re.findall(r'<Parameter name="(\w+)" value="([^"]*)"', document)
        await trio.sleep(2)
        async with app.test_client().websocket("/media-stream") as websocket:
            twilio = FarTwilio(websocket)
            await begin(twilio, dict(found))
            await trio.sleep(1)
            await realtime.say("input_audio_buffer.speech_started", item_id="i", audio_start_ms=0)
            await trio.sleep(1)
            await realtime.say("input_audio_buffer.speech_stopped", item_id="i", audio_end_ms=1)
            await trio.sleep(0.6)
            await realtime.speak(b"\x10" * 800)
            await realtime.finish()
            await trio.sleep(1)
            await twilio.hang_up()
            with pytest.raises(CLOSED):
                await twilio.listen()
        await lines.over.wait()
        nursery.cancel_scope.cancel()
    return document, lines


async def begin(twilio: FarTwilio, parameters: dict[str, str]) -> None:
    """The stream's first messages, with all the call parameters."""
    await twilio.websocket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    await twilio.say(
        "start",
        start={
            "accountSid": "AC" + "a" * 32,
            "streamSid": STREAM,
            "callSid": CALL,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    )


async def test_a_call_leaves_its_entry(autojump_clock: MockClock) -> None:
    """Through webhook, stream and both legs; and no number is in the log."""
    kept = Kept()
    _, lines = await call(kept)
    (one,) = kept

    assert isinstance(one, CallEntry)
    assert (one.from_number, one.to_number) == ("+15550001234", "+15550005678")
    assert one.parameter_names == ["booking"]
    assert one.end_reason == "caller_hung_up"
    assert one.answered_at is not None
    assert one.answered_at - one.started_at == dt.timedelta(seconds=2)
    assert one.response_latencies_ms == [600]
    assert one.duration_ms == pytest.approx(3600, abs=50)
    assert one.responses == 1
    assert one.model == "gpt-realtime-2.1"
    assert "5550001234" not in repr(list(lines))


async def test_a_bridge_without_records(autojump_clock: MockClock) -> None:
    """The TwiML says nothing more than it must, and the call is as ever."""
    document, lines = await call(None)

    assert "5550001234" not in document
    assert lines.ended["reason"] == "caller_hung_up"


async def test_hashed_numbers_through_the_bridge(autojump_clock: MockClock) -> None:
    """The settings reach the webhook."""
    kept = Kept()
    document, _ = await call(kept, record_numbers="hashed", record_numbers_key="0123456789abcdef")

    assert "5550001234" not in document
    assert re.fullmatch(r"[0-9a-f]{32}", kept[0].from_number)
