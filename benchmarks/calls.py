"""Calls to measure with: scenarios of the repository, and a minute of both sides at once."""

from dataclasses import replace
from pathlib import Path

from simulator.scenario import Scenario, load_scenarios
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ROOT / "scenarios"

FULL_DUPLEX_MINUTE = """
name: both sides talk for a minute
network: {twilio: {latency: 60ms, jitter: 30ms}, realtime: {latency: 25ms}}
agent: {greeting: true}
model:
  vad: {floor_db: 0}      # hears every frame, takes none for a voice: so nobody is interrupted
  replies:
    - on: greeting
      say: [clips/en/main-menu-long.wav, clips/en/echo-test-long.wav, clips/en/complaint-long.wav]
caller:
  - {when: agent_speaking, say: clips/en/complaint-long.wav}
  - {say: clips/en/complaint-long.wav}
  - {say: clips/en/complaint-long.wav}
  - when: at 61s
    hang_up: true
"""

FIVE_MINUTES = """
name: five minutes
network: {twilio: {latency: 60ms, jitter: 30ms}, realtime: {latency: 25ms}}
agent: {greeting: true}
model: {reply: auto, burst: 8, clips: [clips/en/opening-hours-short.wav]}
caller:
  - repeat: 9
    steps:
      - {when: agent_silent, wait: 22s, say: clips/en/which-folder-question.wav}
  - {when: at 5m, hang_up: true}
"""


def written(text: str) -> Scenario:
    """The scenario in `text`."""
    scenarios, problems = read_scenario(Source(SCENARIOS / "benchmark.call.yaml", text))
    assert not problems, "\n".join(map(str, problems))
    return scenarios[0]


def shipped(*folders: str) -> list[Scenario]:
    """The repository's scenarios, or those of some folders."""
    scenarios, problems = load_scenarios([SCENARIOS / name for name in folders] or [SCENARIOS])
    assert not problems, "\n".join(map(str, problems))
    return scenarios


def hour(*, dtx: bool) -> Scenario:
    """The shipped hour; without silence suppression its caller sends all 180,000 frames."""
    (scenario,) = shipped("long-calls/one-hour.call.yaml")
    return replace(scenario, phone=replace(scenario.phone, dtx=dtx))
