"""The settings of tools, and secrets that an operator names."""

import os
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.settings import UnusableSettings, load_settings, misspelt, settings_from
from bridge.settings.secret_texts import secrets_of
from tests.environment import forget_settings

ORDERS = "TOOL_SECRET_ORDERS"
VALUE = "planted-0123456789"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own variables must not decide a test."""
    forget_settings(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def test_a_secret_of_a_tool_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment, in the .env file, or in a file that either names."""
    (tmp_path / "secret").write_text(f"{VALUE}\n")
    env_file = tmp_path / "settings.env"
    env_file.write_text(f"TOOL_SECRET_A=a\nTOOL_SECRET_B=b\nTOOL_SECRET_C_FILE={tmp_path}/secret\n")
    monkeypatch.setenv("TOOL_SECRET_B", "b from the environment")
    monkeypatch.setenv("TOOL_SECRET_EMPTY", "")

    loaded = load_settings(env_file)

    assert {name: secret.get_secret_value() for name, secret in loaded.tool_secrets.items()} == {
        "TOOL_SECRET_A": "a", "TOOL_SECRET_B": "b from the environment", "TOOL_SECRET_C": VALUE,
    }  # fmt: skip
    assert misspelt(env_file) == []


def test_a_secrets_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv(f"{ORDERS}_FILE", "/nowhere/secret")

    with pytest.raises(UnusableSettings) as unusable:
        load_settings(None)

    (line,) = unusable.value.lines
    assert line.startswith(f"{ORDERS}_FILE: cannot read /nowhere/secret")


def test_a_secret_is_shown_by_its_name_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`callbridge check` says that it is there; logs have it removed."""
    monkeypatch.setenv(ORDERS, VALUE)
    monkeypatch.setenv("TOOL_SIGNING_SECRET", "0123456789abcdef")

    assert main(["check", "--env-file", os.devnull]) == 0
    shown = capsys.readouterr().out
    assert f"TOOL_SECRETS={ORDERS}\n" in shown
    assert VALUE not in shown
    assert "0123456789abcdef" not in shown
    assert {VALUE, "0123456789abcdef"} <= set(secrets_of(load_settings(None)))


def test_settings_from_a_mapping_have_them_too() -> None:
    """A simulated world gives the whole environment as a mapping."""
    given = settings_from({"OPENAI_API_KEY": "sk-test", ORDERS: VALUE})

    assert given.tool_secrets[ORDERS].get_secret_value() == VALUE
    assert VALUE not in repr(given)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        ("orders.internal", ("orders.internal",)),
        ("Orders.Internal, 10.0.0.5 [::1]", ("orders.internal", "10.0.0.5", "::1")),
    ],
)
def test_private_hosts_are_a_list(text: str, hosts: tuple[str, ...]) -> None:
    """As a URL has them: small letters, no brackets."""
    given = settings_from({"OPENAI_API_KEY": "sk-test", "TOOL_PRIVATE_HOSTS": text})

    assert given.tool_private_hosts == hosts


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TOOL_PRIVATE_HOSTS", "http://orders.internal/"),
        ("TOOL_PRIVATE_HOSTS", "*.internal"),
        ("TOOL_SIGNING_SECRET", "short"),
        ("TOOL_FILLER_SECONDS", "-1"),
        ("TRANSFER_NUMBER", "5550100021"),
        ("TRANSFER_NUMBER", "sip:a b"),
        ("TRANSFER_LANGUAGE", "Spanish!"),
        ("TRANSFER_CALLER_ID", "sip:desk@example.com"),
        ("TRANSFER_ANNOUNCEMENT", "x" * 501),
    ],
)
def test_a_wrong_value_is_refused(name: str, text: str) -> None:
    """With the variable's name and what it may be."""
    with pytest.raises(UnusableSettings) as unusable:
        settings_from({"OPENAI_API_KEY": "sk-test", name: text})

    (line,) = unusable.value.lines
    assert line.startswith(f"{name}: got ")
    assert ", may be: " in line


def test_check_tells_what_tools_do_and_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where they reach, how long they may take, who signs; and what is set in vain."""
    http = "description: It.\nurl: https://api.example.com/{a}\nmethod: GET\nparameters:\n"
    http += "  {type: object, properties: {a: {type: string}}, required: [a]}\n"
    (tmp_path / "order.tool.yaml").write_text(http)
    function = "function: calendar:isleap\ndescription: It.\nparameters: {type: object}\n"
    (tmp_path / "leap.tool.yaml").write_text(function)
    monkeypatch.setenv("AGENTS_DIR", str(tmp_path))
    monkeypatch.setenv("TRANSFER_NUMBER", "+15550100021")

    assert main(["check", "--env-file", os.devnull]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert "tool order: GET https://api.example.com/{a}, 8 s" in lines
    assert "tool leap: a function, in a thread, 8 s" in lines
    assert "! TOOL_SIGNING_SECRET is not set: requests of HTTP tools are not signed" in lines
    assert any(line.startswith("! TRANSFER_NUMBER is set and will not be used") for line in lines)
