"""The laws of a call that goes on in another session: who listens, who speaks, what is restored."""

import pytest

from tests.auditor_stories import TOLD, conversation, hung_up, renewed
from tests.judging import MULAW, silence, voice


def test_an_old_session_must_not_listen() -> None:
    """When another one hears the caller."""
    story = renewed()
    story.frame(3050, voice(7, 20))
    story.got(3050, "input_audio_buffer.append", audio=voice(7, 20), connection=1)

    assert {"old_session_speaks"} == hung_up(story).broken()


def test_speech_that_was_never_made_is_not_restored() -> None:
    """In whatever words."""
    story = renewed()
    item = {"item_type": "message", "role": "assistant", "words": "five"}
    story.got(3000, "conversation.item.create", connection=2, **item)

    assert {"restored_unheard"} == hung_up(story).broken()


@pytest.mark.parametrize("later", [False, True])
def test_a_new_session_may_hear_the_last_moments_again(later: bool) -> None:
    """In its first audio, and what it has not heard yet behind that; later it is a repetition."""
    story = renewed(old_closed_ms=3010)
    story.frame(3040, voice(5, 20))
    story.add(3041, "realtime.upgraded", path="/v1/realtime?model=m", connection=3)
    story.sent(3041, "session.updated", connection=3, **MULAW)
    story.got(3041, "session.update", connection=3, **TOLD)
    again = voice(3000, 20)
    story.got(3042, "input_audio_buffer.append", audio=again + voice(5, 20), connection=3)
    if later:
        story.got(3044, "input_audio_buffer.append", audio=again, connection=3)
    story.add(3043, "realtime.closed", by="bridge", code=1000, connection=2)
    story.add(9000, "realtime.closed", by="bridge", code=1000, connection=3)
    story.hang_up(9000)

    assert story.broken() == ({"caller_audio_repeated", "sound_from_nowhere"} if later else set())


@pytest.mark.parametrize("name", ["instructions_hash", "tools_hash", "voice", "model"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_new_session_is_told_what_the_first_one_was(name: str, lost: bool) -> None:
    """Who the agent is, what it can do, how it sounds: neither another one nor none."""
    other = {} if lost else {name: "other"}
    told = {key: value for key, value in TOLD.items() if key != name} | other
    model = told.pop("model", "") if name == "model" else "m"
    found = hung_up(renewed(told=told, model=model)).audited().violations

    assert [(each.law, each.detail) for each in found] == [
        ("session_configured_otherwise", name.removesuffix("_hash"))
    ]


def test_what_was_told_in_mid_call_is_told_to_the_next_session() -> None:
    """A bridge may change its agent; turn detection is nobody's business here."""
    story = renewed(told=TOLD | {"voice": "cedar"})
    story.got(2100, "session.update", connection=1, voice="cedar", turn_detection="none")

    assert hung_up(story).broken() == set()


def test_an_update_refused_in_mid_call_leaves_the_session_ready() -> None:
    """The configuration is the one before it."""
    story = conversation()
    story.got(3000, "session.update")
    story.add(3000, "realtime.violation", code="cannot_update_voice", message="no")
    story.frame(3020, silence(20))
    story.append(3020, silence(20))
    story.hang_up(9000)

    assert story.broken() == {"provoked_error"}
