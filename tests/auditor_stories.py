"""A story for each law of the auditor: a call that keeps it, and the same call with the fault.

Owns the stories and the calls they begin with. Judges nothing.
"""

from collections.abc import Callable, Mapping

from tests.judging import MULAW, Story, silence, voice

Write = Callable[[bool], Story]
Fill = Callable[[Story, bool], None]
TOLD = {"instructions_hash": "who", "tools_hash": "what", "voice": "marin"}
"""What a session is configured to be."""
STORIES: dict[str, Write] = {}
"""By the law's name: `write(False)` keeps it, `write(True)` breaks it."""


def law(name: str) -> Callable[[Write], Write]:
    """Register a whole story for a law."""

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


def law_in_a_call(name: str, begin: Callable[[], Story] = conversation) -> Callable[[Fill], Fill]:
    """Register what happens in a call that begins so, and ends when the caller hangs up."""

    def register(fill: Fill) -> Fill:
        @law(name)
        def write(broken: bool) -> Story:
            story = begin()
            fill(story, broken)
            story.hang_up(9000)
            return story

        return fill

    return register


@law_in_a_call("audio_unknown")
def _unknown(story: Story, broken: bool) -> None:
    story.delta(3000, voice(2, 200))
    story.media(3000, voice(3 if broken else 2, 200))


@law_in_a_call("audio_repeated")
def _repeated(story: Story, broken: bool) -> None:
    if broken:
        story.media(2500, voice(1, 1000)[:1600])


@law_in_a_call("heard_beyond_sent")
def _heard_beyond_sent(story: Story, broken: bool) -> None:
    number = story.media(3000, silence(20))
    story.delta(3000, voice(2, 20), item="b")
    media = story.media(3000, voice(2, 20))
    story.played(number, 3000, 160)
    story.played(media, 3020, 80)
    story.played(media, 3030, 160 if broken else 80, start=0 if broken else 80)


@law_in_a_call("sound_from_nowhere")
def _sound_from_nowhere(story: Story, broken: bool) -> None:
    story.media(3000, voice(9, 20) if broken else silence(20))


@law_in_a_call("stale_audio_after_clear", interrupted)
def _stale(story: Story, broken: bool) -> None:
    story.truncate(1500, 500)
    story.delta(1520, voice(7, 250))
    if broken:
        story.media(1520, voice(7, 250))
    story.response(3000, "r2")
    story.says(3000, voice(8, 250), item="b", response="r2")


@law_in_a_call("clear_needless")
def _needless_clear(story: Story, broken: bool) -> None:
    story.clear(4000 if broken else 2010)


@law_in_a_call("agent_relay_delayed")
def _agent_late(story: Story, broken: bool) -> None:
    story.delta(3000, voice(2, 200))
    story.media(3020 if broken else 3000, voice(2, 200))


@law_in_a_call("agent_audio_lost")
def _agent_audio_lost(story: Story, broken: bool) -> None:
    for seed in (2, 3, 4):
        if broken and seed == 3:
            story.delta(3000 + seed, voice(seed, 200), "b", "r2")
        else:
            story.says(3000 + seed, voice(seed, 200), item="b", response="r2")
    story.done(3010, "r2")


@law_in_a_call("truncate_beyond_generated", lambda: interrupted(heard_ms=1980))
def _beyond_generated(story: Story, broken: bool) -> None:
    story.truncate(3000, 2001 if broken else 2000)


@law_in_a_call("truncate_beyond_heard", interrupted)
def _beyond_heard(story: Story, broken: bool) -> None:
    story.truncate(1500, 521 if broken else 520)


@law_in_a_call("truncate_needless")
def _needless_truncate(story: Story, broken: bool) -> None:
    if broken:
        story.truncate(4000, 1000)


@law_in_a_call("item_forgotten", interrupted)
def _forgotten(story: Story, broken: bool) -> None:
    if not broken:
        story.truncate(1500, 490)


def renewed(old_closed_ms: float = 3100, told: Mapping[str, str] = TOLD, model: str = "m") -> Story:
    """A second session hears the caller from 3000 ms on, and is told what the first one said."""
    story = Story()
    story.line()
    for at_ms, number in ((0, 1), (2500, 2)):
        asked = "m" if number == 1 else model
        path = f"/v1/realtime?model={asked}"
        story.add(at_ms, "realtime.upgraded", path=path, connection=number)
        for kind in ("session.created", "session.updated"):
            story.sent(at_ms, kind, connection=number, **MULAW)
        story.got(at_ms, "session.update", connection=number, **(TOLD if number == 1 else told))
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


def hung_up(story: Story) -> Story:
    """The caller does, and the second session is closed."""
    story.hang_up(9000)
    story.add(9000, "realtime.closed", by="bridge", code=1000, connection=2)
    return story


@law("restored_unheard")
def _restored_unheard(broken: bool) -> Story:
    story = renewed()
    words = "one two three four" if broken else "one"
    item = {"item_type": "message", "role": "assistant", "words": words}
    story.got(3000, "conversation.item.create", connection=2, **item)
    return hung_up(story)


@law("old_session_speaks")
def _old_session_speaks(broken: bool) -> Story:
    story = renewed()
    for at_ms, number, name in ((3200, 2, "b"), (3400, 1 if broken else 2, "c")):
        sound = {"item_id": name, "response_id": name, "audio": voice(at_ms, 100)}
        story.sent(at_ms, "response.output_audio.delta", connection=number, **sound)
        story.played(story.media(at_ms, voice(at_ms, 100)), at_ms, 800)
    return hung_up(story)


@law("old_session_stays")
def _old_session_stays(broken: bool) -> Story:
    return hung_up(renewed(old_closed_ms=5000 if broken else 3900))


@law_in_a_call("caller_audio_altered")
def _altered(story: Story, broken: bool) -> None:
    story.frame(3000, voice(20, 20))
    story.append(3000, voice(21 if broken else 20, 20))


@law_in_a_call("caller_audio_repeated")
def _caller_repeated(story: Story, broken: bool) -> None:
    for at_ms, seed in ((3000, 20), (3020, 21)):
        story.frame(at_ms, voice(seed, 20))
        story.append(at_ms, voice(seed, 20))
    if broken:
        story.append(3030, voice(20, 20))


@law_in_a_call("caller_relay_delayed")
def _caller_late(story: Story, broken: bool) -> None:
    story.frame(3000, voice(20, 20))
    story.append(3005 if broken else 3001, voice(20, 20))


def _setup(*kinds: str) -> Story:
    """A session that is set up by these events, one each millisecond."""
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
        elif kind == "refused":
            story.add(at_ms, "realtime.violation", code="invalid_value", message="no")
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
        return _setup("session.update", "refused", "append", "session.update", "session.updated")
    return _setup("session.update", "append", "session.updated")


@law("session_configured_otherwise")
def _configured_otherwise(broken: bool) -> Story:
    return hung_up(renewed(told=TOLD | {"tools_hash": "other"} if broken else TOLD))


@law_in_a_call("event_id_repeated")
def _event_id_repeated(story: Story, broken: bool) -> None:
    story.got(3000, "response.cancel", response_id="r1", repeats_event_id=broken)


@law("audio_format")
def _format(broken: bool) -> Story:
    story = Story()
    story.line()
    story.session(input_format="audio/pcm" if broken else "audio/pcmu")
    story.frame(100, silence(20))
    story.append(100, silence(20))
    story.hang_up(9000)
    return story


@law_in_a_call("provoked_error")
def _provoked(story: Story, broken: bool) -> None:
    code = "invalid_value" if broken else "session_expired"
    story.add(3000, "realtime.violation", code=code, message="no")


@law_in_a_call("response_create_storm")
def _storm(story: Story, broken: bool) -> None:
    story.response(3000, "r2")
    race = "conversation_already_has_active_response"
    for at_ms in (3010, 3020) if broken else (3010,):
        story.got(at_ms, "response.create")
        story.add(at_ms, "realtime.violation", code=race, message="busy")
    story.done(3100, "r2")
    story.got(3110, "response.create")


@law_in_a_call("function_output_missing")
def _output_missing(story: Story, broken: bool) -> None:
    story.tool(3000)
    story.tool(3000, "c2", status="incomplete")
    if not broken:
        story.output(3500)


@law_in_a_call("function_output_repeated")
def _output_repeated(story: Story, broken: bool) -> None:
    story.tool(3000)
    for at_ms in (3500, 3600) if broken else (3500,):
        story.output(at_ms)


@law_in_a_call("function_output_unasked")
def _output_unasked(story: Story, broken: bool) -> None:
    story.tool(3000, status="incomplete" if broken else "completed")
    story.output(3500)


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


@law_in_a_call("twilio_warning")
def _warning(story: Story, broken: bool) -> None:
    code = 31951 if broken else 31921
    story.add(3000, "twilio.warning", code=code, text="Stream - Invalid Message", first=True)
