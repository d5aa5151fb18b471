"""The keys of `call:` and `phone:` which set up a call with the phone network, and its order."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.phone.order import order_of
from simulator.scenario import load_scenarios
from simulator.scenario.format import Scenario

EVERYTHING = """
call:
  direction: outbound
  fallback: /fallback
  status_callback: /status
  status_callback_events: [ringing, completed]
  timeout: 20s
  time_limit: 2m
  machine_detection: Enable
  async_amd_callback: /amd
phone:
  outcome: no_answer
  answer_after: 3s
  answered_by: machine_end_beep
  detection: 2500ms
  dial: [busy, answer]
  dial_rings: 1s
  dial_lasts: 30s
  gather: ["12#", yes please]
  callbacks: reordered
caller: []
"""


def read(folder: Path, text: str) -> tuple[list[Scenario], list[str]]:
    """The scenario of a text, and what is wrong with it."""
    path = folder / "x.call.yaml"
    path.write_text(text)
    scenarios, problems = load_scenarios([path])
    return scenarios, [str(problem) for problem in problems]


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    """Every key arrives as a value of the call or of the phone."""
    (scenario,), problems = read(tmp_path, EVERYTHING)
    phone = scenario.phone

    assert problems == []
    assert (phone.outcome, phone.answer_after_ms) == ("no_answer", 3000.0)
    assert (phone.answered_by, phone.detection_ms) == ("machine_end_beep", 2500.0)
    assert (phone.dial, phone.dial_rings_ms) == (("busy", "answer"), 1000.0)
    assert (phone.dial_lasts_ms, phone.gather) == (30_000.0, ("12#", "yes please"))
    assert phone.callbacks == "reordered"


def test_the_order_of_a_scenario(tmp_path: Path) -> None:
    """Paths become URLs on the bridge's host, durations whole seconds."""
    (scenario,), _ = read(tmp_path, EVERYTHING)
    order = order_of(scenario.call, "https://bridge.example.com:8443/voice?a=1")

    assert order.direction == "outbound-api"
    assert order.url == "https://bridge.example.com:8443/voice?a=1"
    assert order.fallback_url == "https://bridge.example.com:8443/fallback"
    assert order.status_callback == "https://bridge.example.com:8443/status"
    assert order.status_callback_events == ("ringing", "completed")
    assert (order.timeout_s, order.time_limit_s) == (20, 120)
    assert (order.machine_detection, order.async_amd) == ("Enable", True)
    assert order.async_amd_status_callback == "https://bridge.example.com:8443/amd"


def test_one_outcome_needs_no_list(tmp_path: Path) -> None:
    """A single outcome of a dial counts for everybody."""
    (scenario,), _ = read(tmp_path, "phone: {dial: busy}\ncaller: []\n")

    assert scenario.phone.dial == ("busy",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("call: {machine_detection: Enable}", "`machine_detection` is only for"),
        ("call: {timeout: 20s}", "`timeout` is only for"),
        ("call: {direction: outbound, async_amd_callback: /a}", "`async_amd_callback` is only"),
        ("call: {status_callback_events: [completed]}", "`status_callback_events` is only"),
        ("call: {status_callback: https://a.example.com/}", "a path on the bridge"),
        ("call: {time_limit: 10ms}", "out of bounds"),
        ("phone: {outcome: dead}", "dead"),
        ("phone: {answered_by: parrot}", "parrot"),
        ("phone: {dial: []}", "from 1"),
        ("phone: {callbacks: never}", "never"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, text: str, said: str) -> None:
    """Keys that do not go together, and unknown words, are refused in words."""
    _, problems = read(tmp_path, f"{text}\ncaller: []\n")

    assert len(problems) == 1
    assert said in problems[0]
