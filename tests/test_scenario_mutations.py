"""Whatever is done to a scenario's text, the answer is scenarios or problems with a place in it."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source, Unusable, decode

HOME = Path("a.call.yaml")
TEXT = """\
name: everything at once
tags: [a, b]
matrix: {burst: [3, 8], heard: [500ms]}
call: {from: +15550100001, parameters: {customer: 0042}}
agent: {greeting: true, settings: {VOICE: ash}}
phone: {dtx: true, hangup_rest: [429, ok]}
network:
  twilio: &slow {latency: 60ms, faults: [{stall: 3s, when: at 2s}]}
  realtime: *slow
model:
  replies:
    - on: turn 2
      say: [clips/en/hello.wav, clips/en/yes.wav]
      burst: $burst
      call: {name: end_call, arguments: {a: [1, {b: ~}]}}
  reply: auto
  faults: [{close: 1011, when: agent_speaking}]
caller:
  - when: agent_heard $heard
    wait: 600ms
    say: clips/en/no.wav
  - repeat: 2
    steps: [{press: "12#"}, {silence: 1s}]
  - hang_up: true
expect:
  response_latency_ms: ["p(95)<900", max<1500]
  events: [clear, {mark: {count: 1, within: 60ms, of: clear}}, {no: error}]
  ended: {by: caller}
"""
LINES = TEXT.split("\n")
VALUES = ("", "~", "[]", "{}", "-1", "1e999", "2s", "$burst", "*slow", "&slow", "!x y", "|")
NASTY = "\t\r\x85\u2028\ufeff\x00\ud800\U0001f4deé:#-?[]{},&*!|>'\"%@`$\\ \n0a"

lines = st.integers(0, len(LINES) - 1)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The text after a few edits: lines moved, doubled or gone, values and characters changed."""
    text = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(lines) % len(text)
        match draw(st.sampled_from(["drop", "double", "move", "indent", "value", "insert", "cut"])):
            case "drop":
                del text[at]
            case "double":
                text.insert(at, text[at])
            case "move":
                text.insert(draw(lines) % len(text), text.pop(at))
            case "indent":
                text[at] = draw(st.sampled_from(["", " ", "   ", "\t"])) + text[at].lstrip()
            case "value":
                key = text[at].partition(":")[0]
                text[at] = f"{key}: {draw(st.sampled_from(VALUES))}"
            case "insert":
                column = draw(st.integers(0, len(text[at])))
                piece = draw(st.text(NASTY, min_size=1, max_size=5))
                text[at] = text[at][:column] + piece + text[at][column:]
            case _:
                text[at] = text[at][: draw(st.integers(0, len(text[at])))]
        if not text:
            break
    return "\n".join(text)


def check(text: str) -> None:
    """Scenarios or problems, never both nor neither; a problem's place is one in the text."""
    source = Source(HOME, text)
    scenarios, problems = read_scenario(source)

    assert bool(scenarios) != bool(problems)
    for problem in problems:
        assert problem.message
        assert 1 <= problem.line <= len(source.lines)
        assert 1 <= problem.column <= len(source.lines[problem.line - 1]) + 1
        str(problem).encode()


def test_unchanged_text_has_no_problem() -> None:
    """The text which the mutations start from is a scenario with two variants."""
    scenarios, problems = read_scenario(Source(HOME, TEXT))

    assert problems == []
    assert len(scenarios) == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations())
def test_mutations_never_raise(text: str) -> None:
    """An edited scenario gives scenarios or problems."""
    check(text)


@settings(max_examples=100, deadline=None)
@given(st.text(NASTY + "bcnmodel", max_size=60))
def test_any_text_never_raises(text: str) -> None:
    """A text that was never a scenario gives problems."""
    check(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_never_raise(raw: bytes) -> None:
    """Bytes are text, or a problem."""
    try:
        text = decode(HOME, raw).text
    except Unusable:
        text = ""  # its problem is the only one there can be
    check(text)
