"""Agents in a simulated world: where their files are, and what the trace shows of a session."""

from pathlib import Path
from typing import Any

import pytest

from simulator.bridge_settings import settings_complaints
from simulator.model.outlet import FIRST_WORDS_MAX, requested
from simulator.playable import load_playable
from tests.small_calls import write

CALL = """
name: a call for an agent
agent:
  settings:
    AGENTS_DIR: people
caller: []
"""


def test_a_wrong_agent_is_a_mistake_in_the_scenario(tmp_path: Path) -> None:
    """The folder is looked for beside the scenario; what is wrong in it is told at the setting."""
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a.agent.yaml").write_text("voise: x", "utf-8")
    path = write(tmp_path, "a", CALL)
    _, (problem,) = load_playable([path])

    assert (problem.line, problem.column) == (5, 17)
    assert "a.agent.yaml:1:1: unknown key `voise` (did you mean `voice`?)" in problem.message


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is refused as any wrong setting."""
    ((name, text),) = settings_complaints({"AGENTS_DIR": str(tmp_path / "none")})

    assert name == "AGENTS_DIR"
    assert text.endswith("may be: the path of a readable folder")


@pytest.mark.parametrize(
    ("session", "shown"),
    [
        (
            {
                "instructions": "Be kind.\nAnd brief.",
                "audio": {
                    "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
                    "output": {"voice": "ash"},
                },
            },
            {
                "instructions": "Be kind.",
                "instructions_hash": "e46bc3862283",
                "voice": "ash",
                "turn_detection": "semantic_vad",
                "eagerness": "low",
            },
        ),
        (
            {"voice": "ash", "turn_detection": {"type": "server_vad", "silence_duration_ms": 9}},
            {"voice": "ash", "turn_detection": "server_vad", "silence_duration_ms": 9},
        ),
        (
            {"instructions": "x" * 999},
            {"instructions": "x" * FIRST_WORDS_MAX, "instructions_hash": "2e2249ddf5dc"},
        ),
        ({"audio": {"input": {"turn_detection": None}}}, {}),
        ({"audio": [], "voice": {}, "turn_detection": 7, "instructions": None}, {}),
        (None, {}),
    ],
)
def test_the_trace_shows_what_a_session_is_told_to_be(session: Any, shown: dict[str, Any]) -> None:
    """In either dialect, bounded; of nonsense, nothing."""
    event = {"type": "session.update", "session": session}

    assert requested(event) == {"type": "session.update", **shown}


def test_the_trace_shows_what_a_response_is_told() -> None:
    """The first line of its instructions, such as the greeting."""
    event = {"type": "response.create", "response": {"instructions": "Greet.\nNow."}}

    assert requested(event) == {"type": "response.create", "instructions": "Greet."}
