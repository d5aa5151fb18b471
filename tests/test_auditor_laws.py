"""Each law of the auditor: a call in which it holds, and the same call with the fault planted."""

from collections.abc import Callable

import pytest

from simulator.judging.conditions import Conditions, Way
from simulator.scenario.names import LAWS
from tests.judging import MULAW, Story, silence, voice

Write = Callable[[bool], Story]
STORIES: dict[str, Write] = {}


def law(name: str) -> Callable[[Write], Write]:
    """Register a story for a law: `write(False)` keeps it, `write(True)` breaks it."""

    def register(write: Write) -> Write:
        STORIES[name] = write
        return write

    return register


def conversation() -> Story:
    """A line, a session, a response of one second that is spoken and wholly heard."""
    story = Story()
    story.line()
    story.session()
    story.response(1000)
    story.says(1000, voice(1, 1000))
    story.done(1000)
    return story


def interrupted(heard_ms: int = 500) -> Story:
    """Two seconds of speech, interrupted at 1500 ms when 500 ms of it were heard."""
    story = Story()
    story.line()
    story.session()
    story.response(1000)
    story.says(1000, voice(1, 2000), heard=heard_ms * 8)
    story.done(1000)
    story.speech_started(1500)
    story.clear(1500, dropped_ms=2000 - heard_ms)
    return story


@law("audio_unknown")
def _unknown(broken: bool) -> Story:
    story = conversation()
    story.delta(3000, voice(2, 200))
    story.media(3000, voice(3 if broken else 2, 200))
    story.hang_up(9000)
    return story


@law("audio_repeated")
def _repeated(broken: bool) -> Story:
    story = conversation()
    if broken:
        story.media(2500, voice(1, 1000)[:1600])
    story.hang_up(9000)
    return story


@law("heard_beyond_sent")
def _heard_beyond_sent(broken: bool) -> Story:
    story = conversation()
    number = story.media(3000, silence(20))
    story.delta(3000, voice(2, 20), item="b")
    media = story.media(3000, voice(2, 20))
    story.played(number, 3000, 160)
    story.played(media, 3020, 80)
    story.played(media, 3030, 160 if broken else 80, start=0 if broken else 80)
    story.hang_up(9000)
    return story


@law("sound_from_nowhere")
def _sound_from_nowhere(broken: bool) -> Story:
    story = conversation()
    story.media(3000, voice(9, 20) if broken else silence(20))
    story.hang_up(9000)
    return story


@law("stale_audio_after_clear")
def _stale(broken: bool) -> Story:
    story = interrupted()
    story.truncate(1500, 500)
    story.delta(1520, voice(7, 250))
    if broken:
        story.media(1520, voice(7, 250))
    story.response(3000, "r2")
    story.says(3000, voice(8, 250), item="b", response="r2")
    story.hang_up(9000)
    return story


@law("clear_needless")
def _needless_clear(broken: bool) -> Story:
    story = conversation()
    story.clear(4000 if broken else 2010)
    story.hang_up(9000)
    return story


@law("agent_relay_delayed")
def _agent_late(broken: bool) -> Story:
    story = conversation()
    story.delta(3000, voice(2, 200))
    story.media(3020 if broken else 3000, voice(2, 200))
    story.hang_up(9000)
    return story


@law("truncate_beyond_generated")
def _beyond_generated(broken: bool) -> Story:
    story = interrupted(heard_ms=1980)
    story.truncate(3000, 2001 if broken else 2000)
    story.hang_up(9000)
    return story


@law("truncate_beyond_heard")
def _beyond_heard(broken: bool) -> Story:
    story = interrupted()
    story.truncate(1500, 521 if broken else 520)
    story.hang_up(9000)
    return story


@law("truncate_needless")
def _needless_truncate(broken: bool) -> Story:
    story = conversation()
    if broken:
        story.truncate(4000, 1000)
    story.hang_up(9000)
    return story


@law("item_forgotten")
def _forgotten(broken: bool) -> Story:
    story = interrupted()
    if not broken:
        story.truncate(1500, 490)
    story.hang_up(9000)
    return story


def _renewed(old_closed_ms: float = 3100) -> Story:
    """A second session hears the caller from 3000 ms on, and is told what the first one said."""
    story = Story()
    story.line()
    for at_ms, number in ((0, 1), (2500, 2)):
        story.add(at_ms, "realtime.upgraded", path="/v1/realtime?model=m", connection=number)
        for kind in ("session.created", "session.updated"):
            story.sent(at_ms, kind, connection=number, **MULAW)
        story.got(at_ms, "session.update", connection=number)
    words = {"item_id": "a", "transcript": "one two three four", "connection": 1}
    story.sent(1000, "response.output_audio_transcript.done", **words)
    sound = {"item_id": "a", "response_id": "r1", "audio": voice(1, 4000), "connection": 1}
    story.sent(1000, "response.output_audio.delta", **sound)
    story.played(story.media(1000, voice(1, 4000)), 1000, 8000)
    for at_ms, number in ((2000, 1), (3000, 2)):
        story.frame(at_ms, voice(at_ms, 20))
        story.got(at_ms, "input_audio_buffer.append", audio=voice(at_ms, 20), connection=number)
    story.add(old_closed_ms, "realtime.closed", by="bridge", code=1000, connection=1)
    return story


def _hung_up(story: Story) -> Story:
    story.hang_up(9000)
    story.add(9000, "realtime.closed", by="bridge", code=1000, connection=2)
    return story


@law("restored_unheard")
def _restored_unheard(broken: bool) -> Story:
    story = _renewed()
    words = "one two three four" if broken else "one"
    item = {"item_type": "message", "role": "assistant", "words": words}
    story.got(3000, "conversation.item.create", connection=2, **item)
    return _hung_up(story)


@law("old_session_speaks")
def _old_session_speaks(broken: bool) -> Story:
    story = _renewed()
    for at_ms, number, name in ((3200, 2, "b"), (3400, 1 if broken else 2, "c")):
        sound = {"item_id": name, "response_id": name, "audio": voice(at_ms, 100)}
        story.sent(at_ms, "response.output_audio.delta", connection=number, **sound)
        story.played(story.media(at_ms, voice(at_ms, 100)), at_ms, 800)
    return _hung_up(story)


@law("old_session_stays")
def _old_session_stays(broken: bool) -> Story:
    return _hung_up(_renewed(old_closed_ms=5000 if broken else 3900))


def test_an_old_session_must_not_listen() -> None:
    """When another one hears the caller."""
    story = _renewed()
    story.frame(3050, voice(7, 20))
    story.got(3050, "input_audio_buffer.append", audio=voice(7, 20), connection=1)

    assert {"old_session_speaks"} == _hung_up(story).broken()


def test_speech_that_was_never_made_is_not_restored() -> None:
    """In whatever words."""
    story = _renewed()
    item = {"item_type": "message", "role": "assistant", "words": "five"}
    story.got(3000, "conversation.item.create", connection=2, **item)

    assert {"restored_unheard"} == _hung_up(story).broken()


@pytest.mark.parametrize("later", [False, True])
def test_a_new_session_may_hear_the_last_moments_again(later: bool) -> None:
    """In its first audio, and what it has not heard yet behind that; later it is a repetition."""
    story = _renewed(old_closed_ms=3010)
    story.frame(3040, voice(5, 20))
    story.add(3041, "realtime.upgraded", path="/", connection=3)
    story.sent(3041, "session.updated", connection=3, **MULAW)
    story.got(3041, "session.update", connection=3)
    again = voice(3000, 20)
    story.got(3042, "input_audio_buffer.append", audio=again + voice(5, 20), connection=3)
    if later:
        story.got(3044, "input_audio_buffer.append", audio=again, connection=3)
    story.add(3043, "realtime.closed", by="bridge", code=1000, connection=2)
    story.add(9000, "realtime.closed", by="bridge", code=1000, connection=3)
    story.hang_up(9000)

    assert story.broken() == ({"caller_audio_repeated", "sound_from_nowhere"} if later else set())


@law("caller_audio_altered")
def _altered(broken: bool) -> Story:
    story = conversation()
    story.frame(3000, voice(20, 20))
    story.append(3000, voice(21 if broken else 20, 20))
    story.hang_up(9000)
    return story


@law("caller_audio_repeated")
def _caller_repeated(broken: bool) -> Story:
    story = conversation()
    for at_ms, seed in ((3000, 20), (3020, 21)):
        story.frame(at_ms, voice(seed, 20))
        story.append(at_ms, voice(seed, 20))
    if broken:
        story.append(3030, voice(20, 20))
    story.hang_up(9000)
    return story


@law("caller_relay_delayed")
def _caller_late(broken: bool) -> Story:
    story = conversation()
    story.frame(3000, voice(20, 20))
    story.append(3005 if broken else 3001, voice(20, 20))
    story.hang_up(9000)
    return story


def _setup(*kinds: str) -> Story:
    story = Story()
    story.line()
    story.add(0, "realtime.upgraded", path="/")
    story.sent(0, "session.created")
    for at_ms, kind in enumerate(kinds):
        if kind == "append":
            story.frame(at_ms, silence(20))
            story.append(at_ms, silence(20))
        elif kind == "session.update":
            story.got(at_ms, kind)
        else:
            story.sent(at_ms, kind)
    story.hang_up(9000)
    return story


@law("session_update_first")
def _update_first(broken: bool) -> Story:
    rest = ("session.update", "session.updated")
    return _setup("append", *rest) if broken else _setup(*rest, "append")


@law("append_before_ready")
def _before_ready(broken: bool) -> Story:
    if broken:
        return _setup("session.update", "append", "session.updated")
    return _setup("session.update", "session.updated", "append")


@law("audio_format")
def _format(broken: bool) -> Story:
    story = Story()
    story.line()
    story.session(input_format="audio/pcm" if broken else "audio/pcmu")
    story.frame(100, silence(20))
    story.append(100, silence(20))
    story.hang_up(9000)
    return story


@law("provoked_error")
def _provoked(broken: bool) -> Story:
    story = conversation()
    code = "invalid_value" if broken else "session_expired"
    story.add(3000, "realtime.violation", code=code, message="no")
    story.hang_up(9000)
    return story


@law("response_create_storm")
def _storm(broken: bool) -> Story:
    story = conversation()
    story.response(3000, "r2")
    race = "conversation_already_has_active_response"
    for at_ms in (3010, 3020) if broken else (3010,):
        story.got(at_ms, "response.create")
        story.add(at_ms, "realtime.violation", code=race, message="busy")
    story.done(3100, "r2")
    story.got(3110, "response.create")
    story.hang_up(9000)
    return story


@law("function_output_missing")
def _output_missing(broken: bool) -> Story:
    story = conversation()
    story.tool(3000)
    story.tool(3000, "c2", status="incomplete")
    if not broken:
        story.output(3500)
    story.hang_up(9000)
    return story


@law("function_output_repeated")
def _output_repeated(broken: bool) -> Story:
    story = conversation()
    story.tool(3000)
    for at_ms in (3500, 3600) if broken else (3500,):
        story.output(at_ms)
    story.hang_up(9000)
    return story


@law("function_output_unasked")
def _output_unasked(broken: bool) -> Story:
    story = conversation()
    story.tool(3000, status="incomplete" if broken else "completed")
    story.output(3500)
    story.hang_up(9000)
    return story


@law("closed_leg")
def _closed(broken: bool) -> Story:
    story = conversation()
    story.hang_up(9000)
    if broken:
        story.got(9100, "response.create")
    return story


@law("line_released_once")
def _released(broken: bool) -> Story:
    story = conversation()
    story.hang_up(9000)
    if broken:
        story.add(9100, "phone.ended", by="bridge", how="rest")
    return story


@law("session_leaked")
def _leaked(broken: bool) -> Story:
    story = conversation()
    story.add(9000, "phone.ended", by="caller", how="hangup")
    story.add(9000, "twilio.closed", by="phone", code=1000)
    story.add(9251 if broken else 9250, "realtime.closed", by="bridge", code=1000)
    return story


@law("twilio_warning")
def _warning(broken: bool) -> Story:
    story = conversation()
    code = 31951 if broken else 31921
    story.add(3000, "twilio.warning", code=code, text="Stream - Invalid Message", first=True)
    story.hang_up(9000)
    return story


def test_every_law_has_a_story() -> None:
    """No law is without proof."""
    assert set(LAWS) == set(STORIES)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_kept(name: str) -> None:
    """A call without the fault breaks no law at all."""
    found = STORIES[name](False).audited().violations

    assert [f"{each.law}: {each.text}" for each in found] == []


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_broken(name: str) -> None:
    """The same call with the fault planted breaks this law."""
    found = STORIES[name](True).audited().violations

    assert name in {each.law for each in found}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_can_be_excused_by_name(name: str) -> None:
    """A scenario that breaks a law on purpose says so, and is not charged for it."""
    auditor = STORIES[name](True).audited(Conditions(allow={name: "on purpose"}))

    assert name not in auditor.docket.counts
    assert auditor.docket.allowed[name] > 0


def test_an_exception_can_be_narrow() -> None:
    """`provoked_error:invalid_value` excuses this error and no other."""
    narrow = Conditions(allow={"provoked_error:invalid_value": "on purpose"})
    other = Conditions(allow={"provoked_error:unknown_parameter": "on purpose"})

    assert set() == _provoked(True).broken(narrow)
    assert {"provoked_error"} == _provoked(True).broken(other)


def test_findings_are_bounded() -> None:
    """A bridge that breaks a law a thousand times fills no memory; the number is known."""
    story = conversation()
    for turn in range(1000):
        story.add(3000 + turn, "twilio.warning", code=31951, text="wrong", first=not turn)
    story.hang_up(9000)
    docket = story.audited().docket

    assert docket.counts["twilio_warning"] == 1000
    assert len(docket.violations) == 10


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


def test_a_session_never_closed_is_a_leak() -> None:
    """The run is over and the Realtime socket is still open."""
    story = conversation()
    story.add(9000, "phone.ended", by="caller", how="hangup")

    assert {"session_leaked"} == story.broken()


def test_a_line_never_released_is_charged() -> None:
    """It rang and nobody ever hung up."""
    assert {"line_released_once"} == conversation().broken()


def test_an_item_queued_and_never_heard_is_forgotten_too() -> None:
    """The second of two items is dropped by the clear: the model must be told about both."""
    story = interrupted()
    story.says(1100, voice(4, 1000), heard=0, item="b")
    story.truncate(1500, 490)
    told = interrupted()
    told.says(1100, voice(4, 1000), heard=0, item="b")
    told.truncate(1500, 490)
    told.truncate(1500, 0, item="b")
    for each in (story, told):
        each.hang_up(9000)

    assert {"item_forgotten"} == story.broken()
    assert set() == told.broken()


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
