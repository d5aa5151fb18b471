"""Each law of the auditor: a call in which it holds, and the same call with the fault planted."""

import pytest

from simulator.judging.conditions import Conditions
from simulator.scenario.names import LAWS
from tests.auditor_stories import STORIES, conversation, interrupted
from tests.judging import voice


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

    assert set() == STORIES["provoked_error"](True).broken(narrow)
    assert {"provoked_error"} == STORIES["provoked_error"](True).broken(other)


def test_findings_are_bounded() -> None:
    """A bridge that breaks a law a thousand times fills no memory; the number is known."""
    story = conversation()
    for turn in range(1000):
        story.add(3000 + turn, "twilio.warning", code=31951, text="wrong", first=not turn)
    story.hang_up(9000)
    docket = story.audited().docket

    assert docket.counts["twilio_warning"] == 1000
    assert len(docket.violations) == 10


def test_a_session_never_closed_is_a_leak() -> None:
    """The run is over and the Realtime socket is still open."""
    story = conversation()
    story.add(9000, "phone.ended", by="caller", how="hangup")

    assert {"session_leaked"} == story.broken()


def test_a_line_never_released_is_charged() -> None:
    """It rang and nobody ever hung up."""
    assert {"line_released_once"} == conversation().broken()


def test_an_item_that_came_too_late_is_forgotten_too() -> None:
    """Another item of the cancelled response comes: never sent, but the model believes in it."""
    forgotten, told, too_late, stalled = (interrupted() for _ in range(4))
    for story in (forgotten, told, too_late, stalled):
        story.truncate(1500, 490)
        story.done(1500, status="cancelled")
        story.delta(1510, voice(4, 1000), item="b")
    told.truncate(1520, 0, item="b")
    stalled.add(1505, "link.stall", leg="twilio", direction="from_bridge", duration_ms=9000)
    for story, at_ms in ((forgotten, 9000), (told, 9000), (stalled, 9000), (too_late, 1515)):
        story.hang_up(at_ms)

    assert {"item_forgotten"} == forgotten.broken()
    for story in (told, stalled, too_late):
        assert set() == story.broken()


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
