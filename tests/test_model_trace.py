"""What the fake's trace tells of a client's events: enough to judge what the model was told."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.scenario import load_scenario
from simulator.scenario.format import ModelSetup, Reply, ToolCall
from tests.model_client import Client, Desk, ready
from tests.test_model_interruption import AUDIO, talked_over

LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}


def told(**session: Any) -> dict[str, Any]:
    """What the trace has of a session.update."""
    client = Desk().connect()
    client.says("session.update", session={"type": "realtime", **session})
    return client.desk.traced("received")[-1].data


def test_a_configuration_has_hashes() -> None:
    """Equal for equal instructions and tools, whatever the order of keys; none where none are."""
    turned = dict(reversed(LOOK_UP.items()))
    first, again = told(instructions="Be brief.", tools=[LOOK_UP]), told(tools=[turned])

    assert first["tools_hash"] == again["tools_hash"]
    assert told(instructions="Be long.")["instructions_hash"] != first["instructions_hash"]
    assert told(prompt={"id": "pmpt_1"})["instructions_hash"] != first["instructions_hash"]
    assert "instructions_hash" not in again
    assert told(tools=[])["tools_hash"] != first["tools_hash"]


@pytest.mark.parametrize("tools", ["[" * 800 + "]" * 800, "[" + "9" * 5000 + "]"])
def test_what_nobody_can_write_down_is_no_end(tools: str) -> None:
    """Nested too deep, or a number too long: refused or not, the session goes on."""
    client = Desk().connect()
    client.raw(
        b'{"type":"session.update","session":{"type":"realtime","tools":%s}}' % tools.encode()
    )
    client.says("session.update", session={"type": "realtime", "instructions": "Be brief."})

    assert client.events[-1]["type"] == "session.updated"


def test_an_output_is_told_with_its_function() -> None:
    """The text, cut where it is long, and which function it answers."""
    calls = (ToolCall("look_up"),)
    client = ready(ModelSetup(replies=(Reply("greeting", calls=calls),)), tools=[LOOK_UP])
    client.says("response.create")
    client.waits(2000)
    call_id = client.one("response.function_call_arguments.done")["call_id"]
    item = {"type": "function_call_output", "call_id": call_id, "output": "7" * 3000}
    client.says("conversation.item.create", item=item)
    traced = client.desk.traced("received")[-1].data

    assert (traced["function"], traced["output"]) == ("look_up", "7" * 2000)


def test_a_repeated_event_id_is_told() -> None:
    """Of any event, in whichever session it was used; without an id there is nothing to tell."""
    client = ready()
    for event_id in ("a", "b", "a", None, None):
        client.says("input_audio_buffer.clear", **({"event_id": event_id} if event_id else {}))
    client.raw(
        json.dumps({"type": "input_audio_buffer.append", "audio": "", "event_id": "b"}).encode()
    )
    repeated = [it.data.get("repeats_event_id", False) for it in client.desk.traced("received")]

    assert repeated[-6:] == [False, False, True, False, False, True]


def came(client: Client, kind: str) -> list[tuple[float, dict[str, Any]]]:
    """All events of a type, with their times."""
    pairs = zip(client.times, client.events, strict=True)
    return [(at, event) for at, event in pairs if event["type"] == kind]


def test_stragglers_may_come_after_the_next_response_began() -> None:
    """Spread out they reach into the next answer: it is told apart by its id only."""
    client = talked_over(stragglers=9, straggler_ms=200.0, cancelled_done_late=True)
    client.hears_silence(1000)
    (_, first), (next_ms, _) = came(client, "response.created")
    name = first["response"]["id"]
    late = [at for at, event in came(client, AUDIO) if event["response_id"] == name]
    ended = {it["response"]["id"]: it["response"]["status"] for it in client.all("response.done")}

    assert late[-1] > next_ms
    assert ended[name] == "cancelled"


@pytest.mark.parametrize(
    ("written", "count", "every_ms"), [("6", 6, 4), ("{count: 6, every: 200ms}", 6, 200)]
)
def test_stragglers_as_they_are_written(
    written: str, count: int, every_ms: float, tmp_path: Path
) -> None:
    """A number, or how many and how far apart."""
    file = tmp_path / "a.call.yaml"
    file.write_text(f"model: {{stragglers: {written}}}\ncaller: []\n", "utf-8")
    (call,), problems = load_scenario(file)

    assert not problems
    assert (call.model.stragglers, call.model.straggler_ms) == (count, every_ms)
