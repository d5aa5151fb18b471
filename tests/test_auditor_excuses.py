"""What looks like a fault and is none: the links, a race, or the scenario caused it."""

from simulator.judging.conditions import Conditions, Way
from tests.auditor_stories import conversation
from tests.judging import Story, voice


def test_the_links_own_delay_is_not_the_bridges() -> None:
    """Latency and jitter of the links excuse exactly as much waiting as they can cause."""
    links = Conditions(
        twilio_in=Way(60, 30), twilio_out=Way(60, 30), realtime_in=Way(25), realtime_out=Way(25)
    )
    prompt, late = conversation(), conversation()
    for story, at_ms in ((prompt, 3115), (late, 3118)):
        story.frame(3000, voice(20, 20))
        story.append(at_ms, voice(20, 20))
        story.hang_up(9000)

    assert set() == prompt.broken(links)
    assert {"caller_relay_delayed"} == late.broken(links)


def test_less_than_a_frame_may_wait_for_the_next_delta() -> None:
    """A bridge that sends whole 20 ms frames keeps the rest of a delta for the next one."""
    story = Story()
    story.line()
    story.session()
    story.response(1000)
    audio = voice(1, 110)
    story.delta(1000, audio[:560])
    story.played(story.media(1000, audio[:480]), 1000, 480)
    story.delta(1060, audio[560:])
    story.played(story.media(1060, audio[480:]), 1060, 400)
    story.hang_up(9000)

    assert set() == story.broken()


def test_small_pieces_hide_no_delay() -> None:
    """Whatever the pieces, a frame's worth of late bytes in a row is a delay; less is a tail."""
    audio = voice(1, 50)
    small, tail = conversation(), conversation()
    small.delta(3000, audio)
    for at in range(0, 400, 80):
        small.media(3030, audio[at : at + 80])
    tail.delta(3000, audio)
    tail.media(3000, audio[:320])
    tail.media(3030, audio[320:])
    for story in (small, tail):
        story.hang_up(9000)

    assert {"agent_relay_delayed"} == small.broken()
    assert set() == tail.broken()


def test_what_need_not_be_sent_is_not_lost() -> None:
    """The caller spoke, the line or the session was over, the link was out: nothing is charged."""
    spoke, hung_up, stalled, closed = (conversation() for _ in range(4))
    for story in (spoke, hung_up, stalled, closed):
        story.response(3000, "r2")
        story.delta(3000, voice(2, 200), "b", "r2")
        story.done(3000, "r2")
    spoke.speech_started(3001)
    spoke.got(3050, "conversation.item.delete", item_id="b")
    stalled.add(2990, "link.stall", leg="twilio", direction="from_bridge", duration_ms=9000)
    closed.add(3001, "realtime.closed", by="bridge", code=1000)
    hung_up.hang_up(3001)
    for story in (spoke, stalled, closed):
        story.hang_up(9000)

    for story in (spoke, hung_up, stalled, closed):
        assert set() == story.broken()


def test_a_tail_may_wait_only_for_more() -> None:
    """Less than a frame is kept until the response is done; then it is due."""
    waiting, done = conversation(), conversation()
    for story in (waiting, done):
        story.response(3000, "r2")
        story.delta(3000, voice(2, 50), "b", "r2")
        story.played(story.media(3000, voice(2, 50)[:320]), 3000, 320)
    done.done(3100, "r2")
    waiting.speech_started(4000)
    waiting.truncate(4050, 40, item="b")
    for story in (waiting, done):
        story.hang_up(9000)

    assert set() == waiting.broken()
    assert {"agent_audio_lost"} == done.broken()


def test_a_stalled_link_excuses_waiting() -> None:
    """While a link is stalled nothing can be relayed, and nobody is charged."""
    story = conversation()
    story.add(2990, "link.stall", leg="realtime", direction="from_bridge")
    story.frame(3000, voice(20, 20))
    story.append(4990, voice(20, 20))
    story.frame(5000, voice(21, 20))
    story.append(5010, voice(21, 20))
    story.hang_up(9000)
    for_two_seconds = Conditions(outages_ms={("realtime", "from_bridge", "stall"): 2000})

    assert {"caller_relay_delayed"} == story.broken(for_two_seconds)


def test_audio_kept_until_the_session_is_ready_is_no_delay() -> None:
    """Frames that came before session.updated may arrive right after it."""
    story = Story()
    story.line()
    for index in range(10):
        story.frame(20 * index, voice(30 + index, 20))
    story.session(200)
    for index in range(10):
        story.append(200, voice(30 + index, 20))
    story.hang_up(9000)

    assert set() == story.broken()


def test_messages_under_way_when_the_caller_hangs_up_are_excused() -> None:
    """What the bridge sent before it could know is no message on a closed leg."""
    links = Conditions(twilio_in=Way(60), twilio_out=Way(60))
    story, late = conversation(), conversation()
    for each, at_ms in ((story, 9115), (late, 9130)):
        each.hang_up(9000)
        each.add(at_ms, "twilio.received", event="mark", name="m")

    assert set() == story.broken(links)
    assert {"closed_leg"} == late.broken(links)


def test_what_the_end_of_the_call_cuts_is_not_forgotten() -> None:
    """The caller hangs up while the agent speaks: there is nobody left to remember."""
    story = Story()
    story.line()
    story.session()
    story.response(1000)
    story.says(1000, voice(1, 2000), heard=4000)
    story.hang_up(1500)

    assert set() == story.broken()


def test_a_cancel_that_meets_the_end_of_the_response_is_a_race() -> None:
    """response.cancel was under way when the response ended: excused; much later it is not."""
    links = Conditions(realtime_in=Way(25), realtime_out=Way(25))
    race, late = conversation(), conversation()
    for story, at_ms in ((race, 1050), (late, 1060)):
        story.add(at_ms, "realtime.violation", code="response_cancel_not_active", message="none")
        story.hang_up(9000)

    assert set() == race.broken(links)
    assert {"provoked_error"} == late.broken(links)


def test_a_cancel_of_a_response_whose_end_was_never_told_is_no_fault() -> None:
    """The server fell silent in mid-response: to the bridge it is still active."""
    story = Story()
    story.line()
    story.session()
    story.response(1000)
    story.says(1000, voice(1, 1000))
    for at_ms, named in ((7000, {}), (8000, {"response_id": "r1"})):
        story.got(at_ms, "response.cancel", **named)
        story.add(at_ms, "realtime.violation", code="response_cancel_not_active", message="none")
    told = Story()
    told.events = [*story.events]
    told.got(8500, "response.cancel", response_id="r0")
    told.add(8500, "realtime.violation", code="response_cancel_not_active", message="none")
    for each in (story, told):
        each.hang_up(9000)

    assert set() == story.broken()
    assert {"provoked_error"} == told.broken()


def test_a_cancel_during_an_outage_is_no_fault() -> None:
    """The response's end was held up on the link: the bridge could not know of it."""
    story = conversation()
    story.add(900, "link.stall", leg="realtime", direction="to_bridge", duration_ms=5000)
    story.add(4000, "realtime.violation", code="response_cancel_not_active", message="none")
    story.hang_up(9000)

    assert set() == story.broken()


def test_a_refused_session_is_the_scenarios_doing() -> None:
    """An admission error which the scenario arranged is no fault of the bridge."""
    story = Story()
    story.line()
    story.add(100, "realtime.upgraded", path="/")
    story.add(100, "realtime.violation", code="invalid_api_key", message="wrong key")
    story.hang_up(500)

    assert {"provoked_error"} == story.broken()
    assert set() == story.broken(Conditions(admission_refused=True))
