"""Calls ordered of the bridge, in a simulated world: the order's keys, its client, its end."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from twilio.rest import Client

from bridge.twilio_rest import TwilioRest
from simulator.api_client import order_in
from simulator.judging.judge import Judge
from simulator.scenario.format import CallSetup
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source
from tests.played_calls import only, played
from tests.small_calls import small_call

ORDERED = """
call: {direction: outbound, via: api, again: 20s, parameters: {guest: Zoe}}
phone: {outcome: busy, answer_after: 1s, create_rest: [lost]}
model: {reply: auto}
caller: []
expect: {events: [{rang: {count: 1}}]}
"""


def problems(text: str) -> str:
    """What is wrong with a scenario."""
    _, found = read_scenario(Source(Path("x.call.yaml"), f"name: x\nwhy: y\n{text}"))
    return "\n".join(str(problem) for problem in found)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("{via: api}", "`via: api` is only for `direction: outbound`"),
        ("{direction: outbound, again: 1s}", "`again` is only for `via: api`"),
        ("{direction: outbound, via: api, timeout: 9s}", "`timeout` is not part of an order"),
        ("{direction: outbound, via: api, fallback: /x}", "`fallback` is not part of an order"),
        ("{direction: outbound, via: mail}", "api"),
    ],
)
def test_keys_that_do_not_fit(call: str, says: str) -> None:
    """They are refused in words, with their place."""
    assert says in problems(f"call: {call}\nmodel: {{reply: auto}}\ncaller: []\n")


@pytest.mark.parametrize(("answer", "fine"), [("lost", True), (503, True), (200, False)])
def test_answers_of_twilio(answer: object, fine: bool) -> None:
    """Words, and statuses of errors."""
    text = f"phone: {{create_rest: [{answer}]}}\nmodel: {{reply: auto}}\ncaller: []\n"

    assert ("create_rest" not in problems(text) and problems(text) == "") is fine


def test_an_order_in_the_bridges_words() -> None:
    """What the scenario says, and nothing else."""
    setup = CallSetup(direction="outbound", via="api", to="+15550100002", from_="+15550100001")
    more = CallSetup(parameters={"a": "b"}, machine_detection="Enable")

    assert order_in(setup) == {"to_number": "+15550100002", "from_number": "+15550100001"}
    assert order_in(more)["parameters"] == {"a": "b"}
    assert order_in(more)["machine_detection"] == "Enable"


def test_the_world_waits_for_the_last_answer(tmp_path: Path) -> None:
    """The line is free long before the client has been told, twice; then it is over."""
    events = played(small_call(tmp_path, ORDERED))
    answered = only(events, "client.answered")
    (ended,) = only(events, "phone.ended")

    assert [event.data["status"] for event in answered] == [502, 502]
    assert ended.at_ms < answered[0].at_ms < answered[1].at_ms
    assert not only(events, "bridge.left_behind")


def test_a_bridge_that_orders_twice_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two telephones ring: the scenario fails, and so does the law of the line's one release."""

    def tries_again(self: TwilioRest, **_given: object) -> AbstractAsyncContextManager[Client]:
        return usual(self)

    usual = TwilioRest.client
    monkeypatch.setattr(TwilioRest, "client", tries_again)
    scenario = small_call(tmp_path, ORDERED)
    judges: list[Judge] = []
    events = played(scenario, also=lambda made: judges.append(Judge(scenario, made.trace)))
    result = judges[0].result(seed=0, simulated_ms=events[-1].at_ms, wall_s=0.0)

    assert len(only(events, "phone.rang")) == 2
    assert result.verdict == "violation"
    assert "failed" in [expectation.verdict for expectation in result.expectations]


def test_nobody_is_called_and_it_is_over(tmp_path: Path) -> None:
    """An order that is refused leaves no call to wait for."""
    refused = ORDERED.replace("[lost]", "[401]").replace(", again: 20s", "")
    events = played(small_call(tmp_path, refused))

    assert [event.data["status"] for event in only(events, "client.answered")] == [502]
    assert not only(events, "phone.rang")
    assert events[-1].at_ms < 5_000
