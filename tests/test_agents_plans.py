"""From a file to the plan of a call: what it says, and the settings for the rest."""

import dataclasses
import re
from pathlib import Path

import msgspec
import pytest

from bridge.agents.agent import described
from bridge.agents.conduct import Conduct
from bridge.agents.shape import AgentFile, Block
from bridge.core.plan import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad
from bridge.wiring import agents_for
from tests.agent_files import read
from tests.far_ends import settings

GUIDE = Path(__file__).parents[1] / "docs" / "agents.md"
EXAMPLES = Path(__file__).parents[1] / "bridge" / "agents" / "examples"

EVERYTHING = """
model: m
voice: ash
transcription_model: t
instructions: Be kind.
greeting: Hello.
turn_detection:
  type: server_vad
  threshold: 0.7
  prefix_padding_ms: 1
  silence_duration_ms: 900
  create_response: false
  interrupt_response: false
hangup: {grace_seconds: 1, watchdog_seconds: 2, interruptible: yes}
idle: {nudge_seconds: 7, nudges_max: 1, nudge_text: Ask., goodbye_text: Bye.}
duration: {max_seconds: 60, warning_seconds: 10, farewell_seconds: 5}
"""


def test_everything_an_agent_says_arrives(tmp_path: Path) -> None:
    """Each key changes its part of the plan, and nothing else changes."""
    agents = read(tmp_path, {"a": EVERYTHING})
    plan = agents.named("a").plan("inbound", {})

    assert plan == msgspec.structs.replace(
        agents.settings_plan,
        model="m",
        voice="ash",
        transcription_model="t",
        instructions="Be kind.",
        greeting="Hello.",
        turn_detection=ServerVad(0.7, 1, 900, None, False, False),
        end_call_grace_s=1,
        end_call_watchdog_s=2,
        end_call_interruptible=True,
        idle_nudge_s=7,
        idle_nudges_max=1,
        idle_nudge_text="Ask.",
        idle_goodbye_text="Bye.",
        call_max_s=60,
        call_warning_s=10,
        limit_farewell_s=5,
    )


@pytest.mark.parametrize(
    ("text", "detection"),
    [
        ("turn_detection: {silence_duration_ms: 900}", ServerVad(0.8, 300, 900)),
        ("turn_detection: {type: semantic_vad}", SemanticVad()),
        (
            "turn_detection: {type: semantic_vad, eagerness: low, create_response: false}",
            SemanticVad("low", False),
        ),
        ("voice: ash", ServerVad(0.8, 300, 500)),
    ],
)
def test_turn_detection_is_laid_over_the_settings(
    tmp_path: Path, text: str, detection: ServerVad | SemanticVad
) -> None:
    """Of the same type, unsaid fields are the settings'; of another, the defaults."""
    agent = read(tmp_path, {"a": text}, vad_threshold=0.8).named("a")

    assert agent.plan("inbound", {}).turn_detection == detection


def test_a_file_for_the_default_agent(tmp_path: Path) -> None:
    """It is the settings' agent no more; the plan before a call is known stays the settings'."""
    agents = read(tmp_path, {"default": "voice: ash"}, voice="cedar")

    assert [agent.name for agent in agents.all] == ["default"]
    assert agents.named("default").plan("inbound", {}).voice == "ash"
    assert agents.settings_plan.voice == "cedar"


def test_the_settings_own_agent(tmp_path: Path) -> None:
    """It needs nothing, and is what the settings say; other files of the folder are nobody's."""
    (tmp_path / "README.md").write_text("Ours.", "utf-8")
    agent = read(tmp_path, {}).named("default")

    assert agent.lacking("outbound", {}) == []
    assert agent.plan("outbound", {"x": "y"}) == agents_for(settings()).settings_plan


def test_agents_in_one_line(tmp_path: Path) -> None:
    """For an operator: what tells agents apart; a star for what a call must bring."""
    text = """
numbers: ["+15550100020"]
languages: [en, es]
parameters: [name, city]
greeting: Hello {name} of {city|our city}
recording: {record: on}
"""
    agents = read(tmp_path, {"a": text})

    assert [described(agent) for agent in agents.all] == [
        (
            "a: voice marin, model gpt-realtime-2.1, numbers +15550100020, languages en es, "
            "parameters name* city, tools end_call, recorded"
        ),
        "default: as the settings say",
    ]


def test_the_example_is_an_agent_without_a_mistake(tmp_path: Path) -> None:
    """It is read as it is shipped, with and without a company's name."""
    for path in EXAMPLES.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    agent = read(tmp_path, {}).named("guest-relations")
    given = {"guest_name": "Ada", "case_number": "17"}

    assert [tool.name for tool in agent.base.tools] == ["open_case"]
    assert agent.base.transfers == {"a manager": "+15550100021"}
    assert agent.lacking("inbound", {}) == []
    assert agent.lacking("outbound", {}) == ["case_number", "guest_name"]
    assert agent.plan("outbound", given).greeting.startswith(
        "Hello, this is guest relations at the restaurant, calling for ⟦Ada⟧."
    )


def keys_of(block: type[Block], prefix: str = "") -> dict[str, str]:
    """Every key of a block as the guide writes it, with the setting that is its default."""
    keys: dict[str, str] = {}
    for name, field in block.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        if isinstance(field.default, Block):
            keys |= keys_of(type(field.default), f"{prefix}{name}.")
        else:
            keys[prefix + name] = str(extra.get("setting", ""))
    return keys


def test_the_guide_has_every_key() -> None:
    """The table of docs/agents.md: each key, no other, and the setting it falls back to."""
    rows = [line.split("|") for line in GUIDE.read_text("utf-8").splitlines() if "| `" in line]
    told = {row[1].strip(" `"): row[3].strip(" `") for row in rows}

    assert told == keys_of(AgentFile)


def test_a_key_changes_a_field_that_there_is() -> None:
    """What `shape` calls the fields of a plan are its fields."""
    blocks: list[type[Block]] = [AgentFile]
    fields = list(AgentFile.model_fields.values())
    blocks += [type(field.default) for field in fields if isinstance(field.default, Block)]
    extras = [field.json_schema_extra for block in blocks for field in block.model_fields.values()]
    of_plan, of_conduct = (
        {extra[kind] for extra in extras if isinstance(extra, dict) and extra.get(kind)}
        for kind in ("plan", "conduct")
    )

    assert len(of_plan) == 17
    assert of_plan <= set(CallPlan.__struct_fields__)
    assert of_conduct == {field.name for field in dataclasses.fields(Conduct)}


def test_recordings_and_machines_are_an_agents_own(tmp_path: Path) -> None:
    """What a file says comes before the settings; what it does not say is as they say."""
    files = {
        "a": "recording: {record: off}\nmachine: {detected: message, detection: true}",
        "b": "recording: {announcement: ''}\nmachine: {detected: talk, message: Hello.}",
    }
    agents = read(
        tmp_path,
        files,
        recording="on",
        recording_announcement="Taped.",
        machine_message="Hi.",
        transfer_failed_text="Nobody.",
    )

    assert agents.named("a").conduct == Conduct(False, "Taped.", True, "message", "Hi.", "Nobody.")
    assert agents.named("b").conduct == Conduct(True, "", False, "talk", "Hello.", "Nobody.")
    assert agents.named("default").conduct == Conduct(
        True, "Taped.", False, "hang_up", "Hi.", "Nobody."
    )


def test_what_is_said_when_nobody_was_reached_is_an_agents_own(tmp_path: Path) -> None:
    """Nothing is a text, too; who says nothing of it has the setting's."""
    said = {"a": "Leider nicht.", "b": "", "c": None}
    files = {
        name: "voice: cedar" if text is None else f"transfer: {{failed_text: {text!r}}}"
        for name, text in said.items()
    }
    agents = read(tmp_path, files, transfer_failed_text="Nobody.")

    assert [agents.named(name).conduct.transfer_failed_text for name in "abc"] == [
        "Leider nicht.",
        "",
        "Nobody.",
    ]


def test_the_guides_example_is_an_agent(tmp_path: Path) -> None:
    """What a reader copies first has no mistake."""
    (example,) = re.findall(
        r"^```yaml\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    agent = read(tmp_path, {"bookings": example}).named("bookings")

    assert agent.lacking("outbound", {}) == ["guest_name"]
