"""The model's knobs in a scenario file: what is written, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, ToolCall, Transcript, Trickle, VadSetup
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source

HERE = Path(__file__).with_name("knobs.call.yaml")
REPLIES = "replies: [{on: turn, say: clips/en/hello.wav%s}]"


def read(model: str) -> tuple[ModelSetup | None, list[str]]:
    """A scenario with this `model:` block on one line; its setup, or the problems."""
    text = f"name: knobs\nmodel: {{{model}}}\ncaller: []\n"
    scenarios, problems = read_scenario(Source(HERE, text))
    return (scenarios[0].model if scenarios else None), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("dialect: beta", "dialect", "beta"),
        ("delta: 40ms", "delta_ms", 40.0),
        ("transcript_delay: 2s", "transcript_delay_ms", 2000.0),
        ("overlong_truncate: clamped", "overlong_truncate", "clamped"),
        ("truncate_to_zero: refused", "truncate_to_zero", "refused"),
        ("format_change: refused", "format_change", "refused"),
        ("mcp_unreachable: [docs]", "mcp_unreachable", ("docs",)),
        (
            'transcripts: [Hello there., {fail: rate_limit_exceeded}, "42"]',
            "transcripts",
            (Transcript("Hello there."), Transcript(fail="rate_limit_exceeded"), Transcript("42")),
        ),
        (
            "vad: {sentence: 300ms, complete_wait: 1s, noise_reduction_db: 12}",
            "vad",
            VadSetup(sentence_ms=300.0, complete_wait_ms=1000.0, noise_reduction_db=12.0),
        ),
    ],
)
def test_a_knob_of_the_model_is_read(written: str, name: str, value: Any) -> None:
    """Each key has its place in the setup."""
    setup, problems = read(f"reply: auto, {written}")

    assert problems == []
    assert getattr(setup, name) == value


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("trickle: {every: 1s, pause: 700ms}", "trickle", Trickle(1000.0, 700.0)),
        (
            "call: {name: find, server: docs, output: nine, takes: 2s}",
            "calls",
            (ToolCall("find", server="docs", output="nine", takes_ms=2000.0),),
        ),
        ("incomplete: true", "incomplete", "max_output_tokens"),
        ("incomplete: false", "incomplete", ""),
        ("incomplete: content_filter", "incomplete", "content_filter"),
    ],
)
def test_a_knob_of_a_reply_is_read(written: str, name: str, value: Any) -> None:
    """Each key has its place in the reply."""
    setup, problems = read(REPLIES % f", {written}")

    assert problems == []
    assert setup is not None
    assert getattr(setup.replies[0], name) == value


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("reply: auto, dialect: gama", "dialect"),
        ("reply: auto, delta: 0ms", "out of bounds"),
        ("reply: auto, overlong_truncate: ignored", "unknown answer"),
        ("reply: auto, transcripts: [{words: x}]", "unknown key"),
        (REPLIES % ", trickle: {every: 1s}", "needs the key `pause`"),
        (REPLIES % ", incomplete: never", "unknown reason"),
        (REPLIES % ", call: {name: find, output: nine}", "only a tool of an MCP server"),
    ],
)
def test_a_mistake_in_a_knob_is_told(model: str, words: str) -> None:
    """The problem names what is wrong."""
    setup, problems = read(model)

    assert setup is None
    assert any(words in problem for problem in problems), problems
