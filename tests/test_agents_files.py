"""Agents' files: what is refused at the start, where the mistake is, and what was meant."""

from pathlib import Path

import pytest

from bridge.agents.document import FILE_BYTES_MAX
from bridge.agents.problem import UnusableAgents
from bridge.agents.reading import read_agents
from bridge.settings import UnusableSettings, settings_from
from bridge.wiring import plan_for
from tests.agent_files import complaints, read
from tests.far_ends import KEY, settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("voise: marin", "a.agent.yaml:1:1: unknown key `voise` (did you mean `voice`?)"),
        (
            "hangup:\n  grace_secs: 3",
            "a.agent.yaml:2:3: unknown key `grace_secs` (did you mean `grace_seconds`?)",
        ),
        (
            "idle: {xyzzy: 3}",
            (
                "a.agent.yaml:1:8: unknown key `xyzzy` "
                "(known here: nudge_seconds, nudges_max, nudge_text, goodbye_text)"
            ),
        ),
        (
            "hangup:\n  grace_seconds: soon",
            (
                "a.agent.yaml:2:18: hangup.grace_seconds: got `soon`, "
                "may be: a number of seconds from 0 to 30"
            ),
        ),
        (
            "duration: {max_seconds: .nan}",
            (
                "a.agent.yaml:1:25: duration.max_seconds: got `.nan`, "
                "may be: a number of seconds from 1 to 14400"
            ),
        ),
        (
            "turn_detection: {type: sevrer_vad}",
            (
                "a.agent.yaml:1:24: turn_detection.type: got `sevrer_vad`, "
                "may be: server_vad or semantic_vad"
            ),
        ),
        (
            "turn_detection: semantic_vad",
            "a.agent.yaml:1:17: turn_detection: got `semantic_vad`, may be: a block of keys",
        ),
        (
            "tools: [end_cal]",
            ("a.agent.yaml:1:9: tools: there is no tool `end_cal` (did you mean `end_call`?)"),
        ),
        (
            "tools: [end_call, end_call]",
            "a.agent.yaml:1:19: tools: `end_call` is there twice",
        ),
        (
            "tools: []",
            (
                "a.agent.yaml:1:8: tools: `end_call` is missing (an agent that cannot hang up "
                "keeps the line for as long as the caller does)"
            ),
        ),
        (
            "numbers: +15550100020",
            (
                "a.agent.yaml:1:10: numbers: got `+15550100020`, "
                "may be: phone numbers such as +15550100020"
            ),
        ),
        (
            "numbers: [call me]",
            "a.agent.yaml:1:11: numbers: got `call me`, may be: phone numbers such as +15550100020",
        ),
        (
            'numbers: ["+15550100020", +15550100020]',
            "a.agent.yaml:1:27: numbers: `+15550100020` is there twice",
        ),
        (
            "voice: marvin",
            (
                "a.agent.yaml:1:8: voice: got `marvin`, may be: alloy, ash, ballad, cedar, coral, "
                "echo, marin, sage, shimmer, verse, or a custom voice_... (did you mean `marin`?)"
            ),
        ),
        (
            "parameters: [Guest]",
            (
                "a.agent.yaml:1:14: parameters: got `Guest`, "
                "may be: names: a small letter, then letters, digits and _"
            ),
        ),
        (
            "recording: {record: yes}",
            "a.agent.yaml:1:21: recording.record: got `yes`, may be: on or off",
        ),
        (
            "machine: {detected: message}",
            (
                "a.agent.yaml:1:21: machine.message: is missing, and machine.detected is message "
                "(or set MACHINE_MESSAGE)"
            ),
        ),
        (
            "parameters: [token]",
            "a.agent.yaml:1:14: parameters: `token` is a name with a meaning of its own",
        ),
        (
            "greeting: {name}",
            "a.agent.yaml:1:12: nothing is written here (put a text that begins with { in quotes)",
        ),
        (
            "greeting: {a: b}",
            (
                "a.agent.yaml:1:11: greeting: got a block of keys, may be: a text; set but empty = "
                "the caller speaks first (put a text that begins with { in quotes)"
            ),
        ),
        (
            "greeting: [a]",
            (
                "a.agent.yaml:1:11: greeting: got a list, may be: a text; set but empty"
                " = the caller speaks first"
            ),
        ),
        (
            "turn_detection:\n  type: semantic_vad\n  threshold: 0.6",
            (
                "a.agent.yaml:3:14: turn_detection.threshold: only for `type: server_vad`; "
                "this is semantic_vad"
            ),
        ),
        (
            "turn_detection: {eagerness: low}",
            (
                "a.agent.yaml:1:29: turn_detection.eagerness: only for `type: semantic_vad`; "
                "this is server_vad"
            ),
        ),
        (
            "idle: {nudge_seconds: 9}\nturn_detection: {idle_timeout_ms: 6000}",
            (
                "a.agent.yaml:2:35: idle.nudge_seconds and turn_detection.idle_timeout_ms: "
                "set one of them (a setting counts, too; 0 seconds = never)"
            ),
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """File, line, column, what was got, what may be there, and what was perhaps meant."""
    assert complaints(tmp_path, text) == [said]


def test_a_language_that_is_none(tmp_path: Path) -> None:
    """The codes that are known are named."""
    (said,) = complaints(tmp_path, "languages: [en, xx]")

    assert said.startswith("a.agent.yaml:1:17: languages: got `xx`, may be: codes out of af ar ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "parameters: [guest_name]\ninstructions: |\n  Be kind.\n  Guest: {gest_name}.",
            (
                "a.agent.yaml:4:10: instructions: no call gives `{gest_name}` "
                "(did you mean `guest_name`?)"
            ),
        ),
        (
            "outbound: {greeting: 'Hello {who}'}",
            (
                "a.agent.yaml:1:29: outbound.greeting: no call gives `{who}` "
                "(add who to `parameters:`)"
            ),
        ),
        (
            "greeting: Hello {Who}",
            (
                "a.agent.yaml:1:17: greeting: a name is a small letter, then letters, digits "
                "and _; `{{` means one brace"
            ),
        ),
        (
            "greeting: 'Hello {'",
            "a.agent.yaml:1:18: greeting: a `{` alone; `{{` means one brace",
        ),
        (
            "inbound:\n  instructions: 'a } b'",
            "a.agent.yaml:2:20: inbound.instructions: a `}` alone; `}}` means one brace",
        ),
        (
            "greeting: Here is {company_name}",
            (
                "a.agent.yaml:1:19: greeting: the setting COMPANY_NAME is empty "
                "(or write {company_name|a default})"
            ),
        ),
        (
            'greeting: "Hello\\u0020{who\\x7d"',
            "a.agent.yaml:1:11: greeting: no call gives `{who}` (add who to `parameters:`)",
        ),
    ],
)
def test_a_placeholder_that_nobody_fills(tmp_path: Path, text: str, said: str) -> None:
    """What can never be given is refused at the start, at the line where it stands."""
    assert complaints(tmp_path, text) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("voice: marin\nvoice: ash", "2:1: `voice` is there twice, first in line 1"),
        (
            "voice:",
            '1:1: nothing is written here (leave the key out, or write "" for an empty text)',
        ),
        ("- voice", "1:1: an agent is a block of keys (such as `voice: marin`)"),
        ("just words", "1:1: an agent is a block of keys (such as `voice: marin`)"),
        ("voice: &v marin", "1:8: an anchor (an agent's file has none)"),
        ("voice: *v", "1:8: an alias (write the value once more)"),
        ("voice: !secret x", "1:8: a tag `!secret` (an agent's file has none)"),
        ("voice: a\n---\nvoice: b", "2:1: a second document (one file is one agent)"),
        ("[a]: b", "1:1: a key must be a word (put a text that begins with a bracket in quotes)"),
        (
            "{{a: b}: c}",
            "1:2: a key must be a word (put a text that begins with a bracket in quotes)",
        ),
        ("a: " + "[" * 9 + "]" * 9, "1:11: nested more than 8 deep"),
        (
            "greeting: Hello: you",
            (
                "1:16: this is not YAML: mapping values are not allowed here "
                "(put a text with `: ` in it in quotes)"
            ),
        ),
        (
            "voice: [a",
            (
                "1:10: this is not YAML: expected ',' or ']', but got '<stream end>' "
                "(put a text that begins with a bracket in quotes)"
            ),
        ),
        ("voice: \x01", "1:1: this is not YAML: a character or escape that it does not allow"),
        (
            'voice: "\\UFFFFFFFF"',
            "1:1: this is not YAML: a character or escape that it does not allow",
        ),
    ],
)
def test_yaml_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    """Broken, ambiguous or clever YAML is refused with its place."""
    assert complaints(tmp_path, text) == [f"a.agent.yaml:{said}"]


def test_below_a_key_that_is_there_twice_nothing_is_said(tmp_path: Path) -> None:
    """One mistake, one line."""
    text = "idle: {nudges_max: 1}\nidle: {nudges_max: {}, x: [1]}"

    assert complaints(tmp_path, text) == [
        "a.agent.yaml:2:1: `idle` is there twice, first in line 1"
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, other encodings and giants are refused by their names."""
    (tmp_path / "b.agent.yaml").mkdir()
    (tmp_path / "c.agent.yaml").write_bytes(b"voice: \xff")
    (tmp_path / "d.agent.yaml").write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    (tmp_path / "Big Name.agent.yaml").write_text("", "utf-8")
    (tmp_path / "e.agent.yml").write_text("", "utf-8")

    assert complaints(tmp_path, {}) == [
        "Big Name.agent.yaml: `Big Name` is no name of an agent (small letters, digits and -)",
        "b.agent.yaml: cannot be read: Is a directory",
        "c.agent.yaml: is not a UTF-8 text file",
        "d.agent.yaml: is larger than 256 KiB",
        "e.agent.yml: looks like an agent's file and is none (its name must end with .agent.yaml)",
    ]


def test_a_number_has_one_agent(tmp_path: Path) -> None:
    """Two files may not claim the same number; the second one's line is named."""
    files = {"a": 'numbers: ["+15550100020"]', "b": 'numbers: ["+15550100021", "+15550100020"]'}

    assert complaints(tmp_path, files) == [
        "b.agent.yaml:1:27: numbers: `+15550100020` is also of agent `a` (a number has one agent)"
    ]


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """Of all files, and of all keys of a file."""
    said = complaints(tmp_path, {"a": "voise: x\nlanguages: [yy]", "b": "voice: marvin"})

    assert [line.partition(": ")[0] for line in said] == [
        "a.agent.yaml:1:1", "a.agent.yaml:2:13", "b.agent.yaml:1:8"
    ]  # fmt: skip


def test_other_endpoints_have_other_voices(tmp_path: Path) -> None:
    """Only the vendor's own endpoint has a list; a custom voice is nobody's business."""
    elsewhere = read(tmp_path, {"a": "voice: eve"}, realtime_url="wss://api.example.com/v1")
    custom = read(tmp_path, {"a": "voice: voice_123"})

    assert elsewhere.named("a").base.voice == "eve"
    assert custom.named("a").base.voice == "voice_123"


def test_an_idle_setting_and_an_agents_timeout_exclude_each_other(tmp_path: Path) -> None:
    """Whichever of the two is the settings', the agent's file is refused; 0 makes peace."""
    timeout = "turn_detection: {idle_timeout_ms: 6000}"
    nudge = "idle: {nudge_seconds: 5}"

    assert "set one of them" in complaints(tmp_path, timeout, idle_nudge_seconds=9)[0]
    assert "a.agent.yaml:1:23" in complaints(tmp_path, nudge, vad_idle_timeout_ms=6000)[0]
    read(tmp_path, {"a": f"{timeout}\nidle: {{nudge_seconds: 0}}"}, idle_nudge_seconds=9)


def test_the_folder_is_a_setting(tmp_path: Path) -> None:
    """A folder that is not there is refused with the settings; one that vanishes, later."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from({"OPENAI_API_KEY": KEY, "AGENTS_DIR": str(tmp_path / "none")})
    folder = tmp_path / "some"
    folder.mkdir()
    given = settings(agents_dir=folder)
    folder.rmdir()
    with pytest.raises(UnusableAgents) as gone:
        read_agents(given, plan_for(given))

    assert wrong.value.lines[0].endswith("may be: the path of a readable folder")
    assert gone.value.lines == [f"{folder}: cannot be read: No such file or directory"]


def test_an_empty_file_is_an_agent(tmp_path: Path) -> None:
    """It has a name, and everything else is as the settings say."""
    files = {"a": "", "b": "# nothing\n", "c": "null"}
    agents = read(tmp_path, files, system_message="Be brief.")

    assert [agent.name for agent in agents.all] == ["a", "b", "c", "default"]
    assert agents.named("a").plan("inbound", {}) == agents.settings_plan
