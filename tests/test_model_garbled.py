"""A model's server whose messages cannot be read: so many of them on cue, in a scenario's words."""

import json
from pathlib import Path

import pytest

from simulator.model.client_link import GARBLED
from simulator.scenario import load_scenario
from simulator.scenario.format import ModelFault, Trigger
from simulator.websocket import Text
from tests.model_client import ready

FAULTY = "name: it stammers\ncaller: []\nmodel: {reply: auto, faults: [{%s}]}\n"


def test_garbled_messages_are_no_json_and_leave_the_session_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole frames, and the trace says how many; what is said afterwards is heard."""
    client = ready()
    sent: list[bytes] = []
    with monkeypatch.context() as patch:
        patch.setattr(client, "send", sent.append)
        client.desk.fake.inject(ModelFault("garbled", Trigger("at"), count=3))
    messages = [message for data in sent for message in client._frames.feed(data)]
    client.says("input_audio_buffer.clear")

    assert messages == [Text(GARBLED)] * 3
    with pytest.raises(json.JSONDecodeError):
        json.loads(GARBLED)
    assert client.kinds() == ["input_audio_buffer.cleared"]
    (noted,) = client.desk.traced("garbled")
    assert noted.data["count"] == 3


def test_a_scenario_says_how_many(tmp_path: Path) -> None:
    """As of any fault: when, and on which connection."""
    file = tmp_path / "a.call.yaml"
    file.write_text(FAULTY % "garbled: 30, when: at 2s, session: 1", "utf-8")
    (call,), problems = load_scenario(file)

    assert problems == []
    assert call.model.faults == (
        ModelFault("garbled", Trigger("at", value_ms=2000), count=30, session=1, line=3),
    )


def test_none_are_no_fault(tmp_path: Path) -> None:
    """At least one."""
    file = tmp_path / "a.call.yaml"
    file.write_text(FAULTY % "garbled: 0, when: at 2s", "utf-8")
    calls, problems = load_scenario(file)

    assert len(problems) == 1
    assert calls == []
