"""A call that nobody ends: the failure names the cause, whatever it is."""

from pathlib import Path

import pytest

from simulator.judging.standstill import Standstill, written
from simulator.runner import Job, play
from simulator.scenario.format import HangUp, Scenario, Step, Trigger
from simulator.trace import Event
from tests.small_calls import small_call

HELLO = "  - say: clips/en/hello.wav\n"


def why(folder: Path, text: str) -> str:
    """What is said of a call that did not end by itself."""
    result = play(Job(small_call(folder, f"name: it stands still\n{text}"), 0))
    (found,) = [each for each in result.expectations if each.text == "the call ends by itself"]
    assert found.verdict == "failed"
    assert found.explanation.startswith("nobody ended it, so it was stopped after 120 s: ")
    return found.explanation.partition(": ")[2]


def test_a_tool_that_is_never_called(tmp_path: Path) -> None:
    """The step, its line, what it waits for, and which tools were called instead."""
    text = "model: {reply: auto}\ncaller:\n" + HELLO
    said = why(tmp_path, text + "  - {when: tool_called end_cal, hang_up: true}\n")

    assert said == (
        "the caller's step at line 5 still waited for `tool_called end_cal`; tools the model "
        "called: none"
    )


def test_a_turn_without_a_reply(tmp_path: Path) -> None:
    """The caller waits for an agent who has nothing to say."""
    text = "model: []\ncaller:\n" + HELLO
    said = why(tmp_path, text + "  - {when: agent_silent, hang_up: true}\n")

    assert said == (
        "the caller's step at line 5 still waited for `agent_silent`, and the agent was never "
        "heard; a turn of the caller was taken, and no reply was left for it (`on: turn`)"
    )


def test_a_tool_that_is_not_offered(tmp_path: Path) -> None:
    """The reply is used, and calls nothing."""
    text = "model: [{on: turn, call: book}]\ncaller:\n" + HELLO
    said = why(tmp_path, text + "  - {when: agent_silent, hang_up: true}\n")

    assert "a reply calls the tool book, which was not called: the bridge does not offer it" in said
    assert "line 5 still waited for `agent_silent`, and the agent was never heard" in said


def test_nobody_hangs_up(tmp_path: Path) -> None:
    """All steps are done."""
    said = why(tmp_path, "model: {reply: auto}\ncaller:\n" + HELLO)

    assert said == "no step of the caller hangs up (`- hang_up: true`), and the bridge did not"


def test_a_greeting_that_is_not_written(tmp_path: Path) -> None:
    """What the bridge asked for is named in the words of `on:`."""
    said = why(
        tmp_path,
        "agent: {greeting: true}\nmodel: []\ncaller: [{when: agent_silent, hang_up: true}]\n",
    )

    assert said.endswith(
        "the bridge asked for the greeting, and no reply was left for it (`on: greeting`)"
    )


def test_steps_behind_a_recording() -> None:
    """A recording is no step: the first one is waited for after it."""
    step = Step(HangUp(), when=Trigger("turn", number=3), line=9)
    watch = Standstill(Scenario(name="x", path=Path("x"), caller=(step,)))
    watch.observe(Event(0, "caller", "step", {"index": 0, "action": "Replay", "line": 2}))
    watch.observe(Event(1, "agent", "started", {"turn": 1}))

    assert watch.why() == (
        "the caller's step at line 9 still waited for `turn 3`, and the agent spoke 1 time(s)"
    )


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (Trigger("at", value_ms=90_000), "at 1m30s"),
        (Trigger("agent_heard", value_ms=1200), "agent_heard 1s200ms"),
        (Trigger("marked"), "marked"),
        (Trigger("marked", number=3), "marked 3"),
        (Trigger("tool_called", name="book"), "tool_called book"),
    ],
)
def test_a_trigger_is_shown_as_it_is_written(trigger: Trigger, text: str) -> None:
    """In the words of the guide."""
    assert written(trigger) == text
