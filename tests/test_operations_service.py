"""Who is let in, who is told what, and how the process stops: over the app, in virtual time."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
import trio
from quart.wrappers import Response
from trio.testing import MockClock

from bridge.core import tools
from bridge.routes.operations import private_face
from bridge.service import BridgeApp
from tests.far_ends import CALL
from tests.session_world import SPEECH, World, settle, world

OTHER = "CA" + "7" * 32
CALLER = "+15550100123"


async def rings(app: BridgeApp, call_sid: str = CALL, caller: str = CALLER) -> list[str]:
    """The verbs that a call's webhook is answered with."""
    form = {"CallSid": call_sid, "From": caller, "To": "+15550100199"}
    answer = await app.test_client().post("/incoming-call", form=form)
    assert answer.status_code == 200, await answer.get_data(as_text=True)
    return [verb.tag for verb in ET.fromstring(await answer.get_data(as_text=True))]


async def asks(face: Any, path: str, **headers: str) -> Response:
    """GET one of the service's own pages."""
    answer: Response = await face.test_client().get(path, headers=headers)
    return answer


async def said(face: Any, path: str) -> tuple[int, str]:
    """Status and `status` of a probe."""
    answer = await asks(face, path)
    return answer.status_code, (await answer.get_json())["status"]


# ------------------------------------------------------------------------------ places
async def test_a_caller_too_many_hears_that_we_are_busy(autojump_clock: MockClock) -> None:
    """Words and a hangup, no stream; when the place is not used it is free again."""
    async with world(max_calls=1, busy_message="Later <please>.") as w:
        first = await rings(w.app)
        form = {"CallSid": OTHER, "From": CALLER}
        answer = await w.app.test_client().post("/incoming-call", form=form)
        say, hangup = ET.fromstring(await answer.get_data(as_text=True))
        full = await said(w.app, "/ready"), await said(w.app, "/ready?full=ok")
        await trio.sleep(31)
        later = await rings(w.app, OTHER)

    assert first == ["Connect"]
    assert (say.text, hangup.tag) == ("Later <please>.", "Hangup")
    assert full == ((503, "full"), (200, "full"))
    assert later == ["Connect"]
    assert w.lines.all("call_turned_away")[0]["why"] == "full"


async def test_the_busy_tone(autojump_clock: MockClock) -> None:
    """WHEN_FULL=reject: Twilio never answers that call, and it costs nothing."""
    async with world(max_calls_per_caller=1, when_full="reject") as w:
        await rings(w.app)
        again = await rings(w.app, OTHER)
        somebody_else = await rings(w.app, OTHER, "+15550100124")

    assert again == ["Reject"]
    assert somebody_else == ["Connect"]


async def waits(app: BridgeApp, address: str, caller: str = CALLER) -> ET.Element:
    """What a caller too many is answered, asked for at this address."""
    form = {"CallSid": OTHER, "From": caller, "To": "+15550100199"}
    answer = await app.test_client().post(address, form=form)
    return ET.fromstring(await answer.get_data(as_text=True))


async def test_a_caller_too_many_waits_and_is_answered(autojump_clock: MockClock) -> None:
    """WHEN_FULL=queue: Twilio asks again and again, with everything the first address said."""
    async with world(max_calls=1, when_full="queue", hold_message="Please hold.") as w:
        await rings(w.app)
        say, pause, first = await waits(w.app, "/incoming-call?table=4&Held=x")
        places = w.app.services.places.reserved(trio.current_time())
        _, second = await waits(w.app, str(first.text))
        await trio.sleep(31)
        (connect,) = await waits(w.app, str(second.text))
        told = {one.attrib["name"]: one.attrib["value"] for one in connect[0]}

    assert (say.text, pause.attrib["length"]) == ("Please hold.", "5")
    assert first.text == "/incoming-call?table=4&Held=5"
    assert second.text == "/incoming-call?table=4&Held=10"
    assert told.pop("token")
    assert told == {"table": "4"}
    assert places == 1
    assert w.app.metrics is not None
    assert 'callbridge_calls_refused_total{why="waits"} 1.0' in w.app.metrics.exposition().decode()
    assert not w.lines.all("call_turned_away")


@pytest.mark.parametrize("held", ["11", "99", "9999"])
async def test_nobody_waits_for_ever(autojump_clock: MockClock, held: str) -> None:
    """After HOLD_SECONDS it is the busy message."""
    async with world(max_calls=1, when_full="queue", hold_seconds=15) as w:
        await rings(w.app)
        verbs = [verb.tag for verb in await waits(w.app, f"/incoming-call?Held={held}")]

    assert verbs == ["Say", "Hangup"]


async def test_who_has_a_call_does_not_wait_for_another(autojump_clock: MockClock) -> None:
    """MAX_CALLS_PER_CALLER is no matter of time."""
    async with world(max_calls_per_caller=1, when_full="queue") as w:
        await rings(w.app)
        verbs = [verb.tag for verb in await waits(w.app, "/incoming-call")]

    assert verbs == ["Say", "Hangup"]


async def test_a_place_is_given_back_when_the_call_ends(autojump_clock: MockClock) -> None:
    """However long it lasted."""
    async with world(max_calls=1) as w:
        await rings(w.app)
        async with w.call() as twilio:
            await twilio.begin(w.token)
            await trio.sleep(100)
            during = await rings(w.app, OTHER)
            await twilio.hang_up()
            await w.over()
        after = await rings(w.app, OTHER)

    assert during == ["Say", "Hangup"]
    assert after == ["Connect"]


async def test_a_stream_without_a_place_is_ended(autojump_clock: MockClock) -> None:
    """Its webhook was answered elsewhere, and here is no room: no session is opened for it."""
    async with world(max_calls=1) as w:
        await rings(w.app, OTHER)
        async with w.call() as twilio:
            await twilio.begin(w.token)
            ended = await w.over()
        free = w.app.services.places.reserved(trio.current_time())

    assert ended["reason"] == "stream_refused"
    assert w.lines.all("start_refused")[0]["why"] == "full"
    assert w.realtime.opened == 0
    assert free == 1


async def test_a_used_token_opens_no_second_stream(autojump_clock: MockClock) -> None:
    """Who has read a token on the way cannot use it again, not even after the call."""
    async with world() as w:
        for _ in range(2):
            w.lines.over = trio.Event()
            async with w.call() as twilio:
                await twilio.begin(w.token)
                await settle()
                await twilio.hang_up()
                await w.lines.over.wait()
        reasons = [line["reason"] for line in w.lines.all("call_ended")]

    assert reasons == ["caller_hung_up", "stream_refused"]
    assert w.realtime.opened == 1


@pytest.mark.parametrize("more", ["=", "!!!!"])
async def test_a_used_token_spelled_otherwise_opens_no_second_stream(
    autojump_clock: MockClock, more: str
) -> None:
    """A signature that decodes to the same bytes is no other token."""
    async with world() as w:
        for token in (w.token, w.token + more):
            w.lines.over = trio.Event()
            async with w.call() as twilio:
                await twilio.begin(token)
                await settle()
                await twilio.hang_up()
                await w.lines.over.wait()
        reasons = [line["reason"] for line in w.lines.all("call_ended")]

    assert reasons == ["caller_hung_up", "stream_refused"]
    assert w.realtime.opened == 1


async def test_a_second_start_is_no_second_use(autojump_clock: MockClock) -> None:
    """A peer that says `start` twice on one stream is out of turn, and goes on talking."""
    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await twilio.begin(w.token)
        await settle()
        await twilio.hang_up()
        ended = await w.over()

    assert ended["reason"] == "caller_hung_up"
    assert ended["record"]["out_of_turn"]["twilio:Start"] == 1


# ------------------------------------------------------------------------------ stopping
async def drain(w: World, finish_s: float = 5, goodbye_s: float = 30) -> None:
    """What SIGTERM sets off."""
    await w.app.calls.drain(w.app.services.places, finish_s, goodbye_s)


async def test_a_drained_process_waits_for_its_calls(autojump_clock: MockClock) -> None:
    """Not ready, alive, no new calls; it goes as soon as the last call has gone."""
    async with world() as w, w.call() as twilio, trio.open_nursery() as nursery:
        await twilio.begin(w.token)
        await settle()
        nursery.start_soon(drain, w, 60)
        await trio.sleep(10)
        ready, alive = await said(w.app, "/ready"), await said(w.app, "/health")
        refused = await w.app.test_client().post("/incoming-call", form={"CallSid": OTHER})
        await twilio.hang_up()
        ended = await w.over()

    assert ready == (503, "stopping")
    assert alive == (200, "stopping")
    assert refused.status_code == 503
    assert ended["reason"] == "caller_hung_up"
    assert trio.current_time() < 11


async def test_when_the_time_is_over_callers_are_told_goodbye(autojump_clock: MockClock) -> None:
    """In words that are true, and the whole of them is heard before the line goes down."""
    async with world() as w, w.call() as twilio:
        async with trio.open_nursery() as nursery:
            await twilio.begin(w.token)
            await settle()
            nursery.start_soon(drain, w)
            await trio.sleep(6)
            asked = w.realtime.all("response.create")
            await w.realtime.speak(SPEECH)
            await w.realtime.finish()
        ended = await w.over()

    assert [each["response"]["instructions"] for each in asked] == [tools.LINE_CLOSES.instructions]
    assert ended["reason"] == "shutdown"
    assert len(twilio.audio()) == len(SPEECH)
    assert trio.current_time() < 15


async def test_a_model_that_says_no_goodbye_does_not_keep_the_process(
    autojump_clock: MockClock,
) -> None:
    """The bound of the goodbye holds, and the last bound behind it."""
    async with world(max_call_farewell_seconds=8) as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        await drain(w)
        ended = await w.over()

    assert ended["reason"] == "shutdown"
    assert trio.current_time() <= 5 + 8 + 1


async def test_a_call_that_is_being_set_up_just_ends(autojump_clock: MockClock) -> None:
    """There is nobody yet who could say goodbye."""
    async with world(far={"admits": False}) as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        await drain(w, finish_s=1)
        ended = await w.over()

    assert ended["reason"] == "shutdown"
    assert trio.current_time() < 2


async def test_a_call_that_has_just_rung_is_one_of_those_that_may_finish(
    autojump_clock: MockClock,
) -> None:
    """Its webhook was answered before SIGTERM: its stream is still taken."""
    async with world() as w, trio.open_nursery() as nursery:
        await rings(w.app)
        nursery.start_soon(drain, w, 60)
        await trio.sleep(1)
        async with w.call() as twilio:
            await twilio.begin(w.token)
            await trio.sleep(2)
            await twilio.hang_up()
            ended = await w.over()

    assert ended["reason"] == "caller_hung_up"


# ------------------------------------------------------------------------------ metrics
TOKEN = "scrape-me-0123456789"


@pytest.mark.parametrize(
    ("given", "header", "status"),
    [
        ({}, "", 200),
        ({"public_url": "https://voice.example.com"}, "", 403),
        ({"metrics_token": TOKEN}, "", 401),
        ({"metrics_token": TOKEN}, f"Bearer {TOKEN}x", 401),
        ({"metrics_token": TOKEN}, "Bearer \xff", 401),
        ({"metrics_token": TOKEN}, f"Bearer {TOKEN}", 200),
        ({"metrics_port": 9100}, f"Bearer {TOKEN}", 404),
    ],
)
async def test_who_may_read_the_metrics(given: dict[str, Any], header: str, status: int) -> None:
    """On a trial machine anybody; on the internet whoever has the token, or reaches the port."""
    async with world(**given) as w:
        answer = await asks(w.app, "/metrics", Authorization=header)

    assert answer.status_code == status


async def test_the_face_for_machines_has_the_same_three(autojump_clock: MockClock) -> None:
    """And nothing else; a token counts there, too, if there is one."""
    async with world(metrics_port=9100, metrics_token=TOKEN) as w:
        face = private_face(w.app)
        probes = await said(face, "/health"), await said(face, "/ready")
        without = await asks(face, "/metrics")
        with_it = await asks(face, "/metrics", Authorization=f"Bearer {TOKEN}")
        calls = await asks(face, "/incoming-call")

    assert probes == ((200, "ok"), (200, "ready"))
    assert (without.status_code, with_it.status_code, calls.status_code) == (401, 200, 404)


async def test_without_the_extra_the_service_says_what_to_install(
    autojump_clock: MockClock,
) -> None:
    """It answers calls all the same."""
    async with world() as w:
        w.app.metrics = None
        answer = await asks(w.app, "/metrics")
        text = await answer.get_data(as_text=True)

    assert (answer.status_code, text) == (501, "install callbridge[telemetry]\n")


async def test_a_call_is_counted_when_it_ends(autojump_clock: MockClock) -> None:
    """While it runs it is a gauge; then its reason, audio, answers and tools are counted."""
    async with world() as w:
        async with w.call() as twilio:
            await twilio.begin(w.token)
            await settle()
            await twilio.speak(SPEECH[:160])
            await w.realtime.say("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
            await w.realtime.say("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=9)
            await trio.sleep(0.7)
            await w.realtime.speak(SPEECH)
            await w.realtime.call_tool("look_up")
            await w.realtime.finish()
            await settle()
            during = await (await asks(w.app, "/metrics")).get_data(as_text=True)
            await twilio.hang_up()
            await w.over()
        after = await (await asks(w.app, "/metrics")).get_data(as_text=True)

    assert 'callbridge_calls{phase="talking"} 1.0' in during
    assert "callbridge_calls_active 1.0" in during
    for line in (
        "callbridge_calls_active 0.0",
        'callbridge_calls_ended_total{reason="caller_hung_up"} 1.0',
        'callbridge_response_latency_seconds_bucket{le="0.6"} 0.0',
        'callbridge_response_latency_seconds_bucket{le="0.8"} 1.0',
        'callbridge_tool_seconds_count{tool="look_up"} 1.0',
        "callbridge_tool_calls_total 1.0",
        'callbridge_audio_seconds_total{from="agent"} 0.4',
        'callbridge_queue_depth{queue="inbox"} 0.0',
        "callbridge_ready 1.0",
    ):
        assert line in after, line
    assert CALL not in after
    assert "5550100" not in after
