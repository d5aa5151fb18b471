"""All that is wrong with the settings is said at once, in sentences, and no secret is in them."""

import logging
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.settings import UnusableSettings, load_settings, misspelt, settings_from
from tests.environment import forget_settings

KEY = "sk-planted-0123456789abcdef"
CALL_SID = "CA" + "0" * 32
COMMANDS = (
    ["check"],
    ["serve"],
    ["calls"],
    ["call", "+15550100021"],
    ["forget", CALL_SID],
    ["tool", "book"],
    ["migrate"],
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own variables and .env must not decide a test."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def complaints(**given: str) -> list[str]:
    """What is said about settings that are wrong."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from(given)
    assert wrong.value.__context__ is None
    return wrong.value.lines


# ------------------------------------------------------------------------------ all at once
def test_what_does_not_fit_is_said_beside_what_is_wrong_by_itself() -> None:
    """A key that is missing hides neither the voice nor the prompt, nor a port."""
    lines = complaints(VOICE="marine", PROMPT_VERSION="2", PORT="x", MACHINE_DETECTED="message")

    assert [line.partition(":")[0] for line in lines] == [
        "OPENAI_API_KEY",
        "MACHINE_MESSAGE",
        "VOICE",
        "PROMPT_VERSION",
        "PORT",
    ]


def test_every_rule_over_several_settings_is_heard() -> None:
    """One mistake of each part of the settings, and two of one part."""
    lines = complaints(
        OPENAI_API_KEY=KEY,
        RECORD_NUMBERS="hashed",
        METRICS_PORT="65535",
        WORKERS="2",
        ENGINE="live",
        TEMPERATURE="0.8",
        PROMPT_ID="pmpt_x",
        IDLE_NUDGE_SECONDS="5",
        VAD_IDLE_TIMEOUT_MS="6000",
    )

    assert [line.partition(":")[0] for line in lines] == [
        "RECORD_NUMBERS_KEY",
        "IDLE_NUDGE_SECONDS and VAD_IDLE_TIMEOUT_MS",
        "METRICS_PORT",
        "TEMPERATURE",
        "PROMPT_ID",
        "VAD_IDLE_TIMEOUT_MS",
    ]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"PROMPT_VERSION": "2", "PROMPT_ID": "a b"}, "PROMPT_ID"),
        ({"ENGINE": "lve", "VOICE": "vesper"}, "ENGINE"),
        ({"METRICS_PORT": "65535", "WORKERS": "many"}, "WORKERS"),
        ({"MACHINE_DETECTED": "message", "MACHINE_MESSAGE": "a" * 4001}, "MACHINE_MESSAGE"),
    ],
)
def test_a_setting_that_rests_on_a_wrong_one_is_not_judged(
    given: dict[str, str], wrong: str
) -> None:
    """Perhaps it fits what was meant."""
    (line,) = complaints(OPENAI_API_KEY=KEY, **given)

    assert line.startswith(f"{wrong}: ")


# ------------------------------------------------------------------------------ keys
@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("OPENAI_API_KEY", {}),
        ("OPENAI_API_KEY", {"REALTIME_AUTH": "api-key"}),
        ("TWILIO_AUTH_TOKEN", {"OPENAI_API_KEY": KEY}),
        ("METRICS_TOKEN", {"OPENAI_API_KEY": KEY}),
        (
            "AZURE_CLIENT_SECRET",
            {
                "OPENAI_API_KEY": KEY,
                "REALTIME_AUTH": "entra",
                "AZURE_TENANT_ID": "t",
                "AZURE_CLIENT_ID": "c",
            },
        ),
    ],
)
@pytest.mark.parametrize("inside", [" ", "\n", "\r\n", "\t", "\x00", "ß"])
def test_a_key_that_no_header_can_carry_is_refused(
    name: str, others: dict[str, str], inside: str
) -> None:
    """Two lines pasted together would fail in each call; its value is not shown."""
    (line,) = complaints(**others, **{name: f"planted-012345{inside}6789abcdef"})

    assert line.startswith(f"{name}: got a value with spaces, line breaks or ")
    assert "planted" not in line
    assert "6789abcdef" not in line


def test_what_is_no_header_may_be_a_sentence() -> None:
    """Keys of hashes and signatures are any text."""
    text = "correct horse battery staple"
    given = settings_from(
        {"OPENAI_API_KEY": KEY, "CALL_TOKEN_SECRET": text, "TOOL_SIGNING_SECRET": text}
    )

    assert given.call_token_secret is not None
    assert given.call_token_secret.get_secret_value() == text


def test_secrets_of_tools_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting that holds them all cannot be set itself."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TOOL_SECRETS", "planted")
    with pytest.raises(UnusableSettings) as wrong:
        load_settings()

    (line,) = wrong.value.lines
    assert line.startswith("TOOL_SECRETS: got a value that does not fit (not shown), may be: ")
    assert line.endswith("TOOL_SECRET_NAME or TOOL_SECRET_NAME_FILE; set in the environment")


# ------------------------------------------------------------------------------ the .env file
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_env_file_that_is_no_text_is_a_sentence_in_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """No traceback, from whoever reads the file once more."""
    path = tmp_path / "settings.env"
    path.write_bytes(b"OPENAI_API_KEY=x\nVOICE=\xff\xfe\n")
    code = main([*command, "--env-file", str(path)])

    assert code == 2
    assert capsys.readouterr() == ("", f"{path}: is not a UTF-8 text file\n")


def test_an_env_file_that_was_named_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in its name would start a service without what stands in it; .env itself may lack."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code = main(["check", "--env-file", "staging.env"])

    assert code == 2
    assert capsys.readouterr().err == "staging.env: there is no such file\n"
    assert main(["check"]) == 0


def test_an_env_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is given."""
    path = tmp_path / "settings.env"
    path.write_text("VOICE=cedar\n")

    def refused(*_args: object, **_given: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(UnusableSettings) as wrong:
        load_settings(path)

    assert wrong.value.lines == [f"{path}: cannot be read: Permission denied"]
    assert misspelt(path) == []


@pytest.mark.parametrize("broken", ['TWILIO_AUTH_TOKEN="planted', "a line of prose"])
def test_a_line_that_cannot_be_read_is_a_mistake_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    """What it should have set is missing: a service must not start so. It may be a secret, too."""
    path = tmp_path / "settings.env"
    path.write_text(f"OPENAI_API_KEY={KEY}\n\n{broken}\n# a comment\nPORT=x\n")
    code = main(["check", "--env-file", str(path)])

    assert code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{path}, line 3: is no NAME=VALUE, or lacks a quotation mark",
        f'PORT: got "x", may be: a port from 0 to 65535; set in {path}, line 5',
    ]


def test_the_librarys_own_warnings_reach_no_screen() -> None:
    """Without a handler of its own Python would print them."""
    assert logging.getLogger("dotenv.main").hasHandlers()
    assert any(
        isinstance(handler, logging.NullHandler) for handler in logging.getLogger("dotenv").handlers
    )


# ------------------------------------------------------------------------------ other files
@pytest.mark.parametrize(
    ("name", "file"),
    [("SYSTEM_MESSAGE_FILE", "prompt.txt"), ("API_TOKENS_FILE", "tokens.txt")],
)
def test_a_file_of_a_setting_that_is_no_text(tmp_path: Path, name: str, file: str) -> None:
    """One complaint, which names the setting."""
    (tmp_path / file).write_bytes(b"hello \xff\xfe\n")
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n{name}={file}\n")
    with pytest.raises(UnusableSettings) as wrong:
        load_settings()

    (line,) = wrong.value.lines
    assert line.startswith(f'{name}: got "{file}", may be: the path of a readable ')


def test_hashes_in_a_file_come_beside_those_in_the_setting(tmp_path: Path) -> None:
    """API_TOKENS_FILE is a setting of its own: with comments, and more than API_TOKENS names."""
    one, other = (f"sha256${digit * 64}" for digit in "ab")
    (tmp_path / "tokens").write_text(f"# the shop\n{one}  # until May\n")
    (tmp_path / ".env").write_text(
        f"OPENAI_API_KEY={KEY}\nAPI_TOKENS={other}\nAPI_TOKENS_FILE=tokens\n"
    )

    assert load_settings().token_hashes == (other, one)


def test_an_agents_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, like a wrong setting."""
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "shop.agent.yaml").write_bytes(b"name: \xff\xfe\n")
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\nAGENTS_DIR=agents\n")
    code = main(["check"])

    assert code == 2
    assert capsys.readouterr().err == "agents/shop.agent.yaml: is not a UTF-8 text file\n"
