"""Settings: names, defaults, limits, and what a user reads when a value is wrong."""

from pathlib import Path
from typing import Any

import pytest

from bridge.settings import (
    Settings,
    UnusableSettings,
    load_settings,
    missing_for_production,
    misspelt,
    settings_from,
)
from tests.environment import forget_settings

KEY = "sk-planted-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own variables must not decide a test."""
    forget_settings(monkeypatch)


def made(**given: Any) -> Settings:
    """Settings as a mapping would give them: secrets as plain text."""
    return Settings(**given)


def env_file(tmp_path: Path, *lines: str) -> Path:
    """Write a .env file; return its path."""
    path = tmp_path / ".env"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def complaints(path: Path | None) -> list[str]:
    """What is said about a .env file that is wrong."""
    with pytest.raises(UnusableSettings) as wrong:
        load_settings(path)
    assert wrong.value.__context__ is None
    return wrong.value.lines


def test_a_key_is_enough() -> None:
    """Everything but the key has a default, and the defaults are the documented ones."""
    settings = made(openai_api_key=KEY)

    assert settings.port == 5050
    assert settings.model == "gpt-realtime-2.1"
    assert settings.voice == "marin"
    assert settings.vad_silence_duration_ms == 500
    assert settings.end_call_grace_seconds == 3
    assert settings.end_call_watchdog_seconds == 4
    assert not settings.can_release


def test_the_env_file_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the process overrides the same one in .env."""
    path = env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "VOICE=cedar", "PORT=6000", "EDITOR=vi")
    monkeypatch.setenv("PORT", "7000")
    settings = load_settings(path)

    assert settings.api_key == KEY
    assert settings.voice == "cedar"
    assert settings.port == 7000


def test_all_wrong_values_are_named_at_once(tmp_path: Path) -> None:
    """Each complaint is one line: the variable, what it got, what it may be."""
    path = env_file(
        tmp_path,
        "PORT=many",
        "VAD_THRESHOLD=3",
        "REALTIME_DIALECT=gamma",
        "REALTIME_URL=https://api.openai.com",
        "PUBLIC_URL=ftp://x",
        "SYSTEM_MESSAGE_FILE=/nowhere",
        "TWILIO_ACCOUNT_SID=AC12",
    )
    lines = complaints(path)
    line = f"; set in {path}, line"

    assert lines == [
        "OPENAI_API_KEY: is missing, may be: a key such as sk-...",
        f'REALTIME_URL: got "https://api.openai.com", may be: a wss:// or ws:// URL{line} 4',
        f'REALTIME_DIALECT: got "gamma", may be: ga, beta or xai{line} 3',
        (
            'SYSTEM_MESSAGE_FILE: got "/nowhere", may be: the path of a readable UTF-8 text file'
            f"{line} 6"
        ),
        f'VAD_THRESHOLD: got "3", may be: a number from 0 to 1{line} 2',
        f'TWILIO_ACCOUNT_SID: got "AC12", may be: AC and 32 hexadecimal digits{line} 7',
        f'PORT: got "many", may be: a port from 0 to 65535{line} 1',
        f'PUBLIC_URL: got "ftp://x", may be: a URL such as https://voice.example.com{line} 5',
    ]


def test_settings_from_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping is read alone, whatever the process's environment says, and strictly."""
    monkeypatch.setenv("VOICE", "cedar")
    given = settings_from({"OPENAI_API_KEY": KEY, "PORT": "6000"})
    with pytest.raises(UnusableSettings) as wrong:
        settings_from({"OPENAI_API_KEY": KEY, "PROT": "1", "PORT": "x"})

    assert (given.voice, given.port) == ("marin", 6000)
    assert wrong.value.lines == [
        'PORT: got "x", may be: a port from 0 to 65535',
        "PROT: unknown setting (did you mean PORT?)",
    ]


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    """Not even a secret that cannot be right is repeated to the screen."""
    path = env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "CALL_TOKEN_SECRET=hunter2")
    (line,) = complaints(path)

    assert line == (
        "CALL_TOKEN_SECRET: got a value that does not fit (not shown), "
        f"may be: at least 16 characters; set in {path}, line 2"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("VOICE=marine", 'VOICE: got "marine", may be: alloy, '),
        ("PROMPT_VERSION=2", "PROMPT_VERSION: set without PROMPT_ID"),
        ("REALTIME_URL=wss://host:port/x", 'REALTIME_URL: got "wss://host:port/x"'),
        ("PUBLIC_URL=https://h.example/?a=b", 'PUBLIC_URL: got "https://h.example/?a=b"'),
        ("TWILIO_API_URL=ws://h.example", 'TWILIO_API_URL: got "ws://h.example"'),
        ("MODEL=" + "a " * 100, 'MODEL: got "a a a'),
        ("SYSTEM_MESSAGE=a\nSYSTEM_MESSAGE_FILE=.env", "SYSTEM_MESSAGE and SYSTEM_MESSAGE_FILE"),
    ],
)
def test_values_that_do_not_fit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, complaint: str
) -> None:
    """Rules over several settings complain in the same form."""
    monkeypatch.chdir(tmp_path)
    env_file(tmp_path, f"OPENAI_API_KEY={KEY}", *line.split("\n"))
    (found,) = complaints(Path(".env"))

    assert found.startswith(complaint)
    assert len(found) < 250


def test_a_voice_nearly_right_gets_a_hint(tmp_path: Path) -> None:
    """A misspelt voice is answered with the one that was meant."""
    (line,) = complaints(env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "VOICE=marine"))

    assert "(did you mean marin?)" in line


def test_other_servers_have_other_voices() -> None:
    """Voices are checked against the list of the server that has it, and custom ones are free."""
    elsewhere = made(openai_api_key=KEY, voice="tara", realtime_url="ws://localhost:8000/v1")
    custom = made(openai_api_key=KEY, voice="voice_123")

    assert elsewhere.voice == "tara"
    assert custom.voice == "voice_123"


def test_misspelt_variables_get_a_hint(tmp_path: Path) -> None:
    """Only what looks like one of ours is reported; a .env file is shared with other programs."""
    path = env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "VOICE_=x", "MODLE=y", "EDITOR=vi")

    assert misspelt(path) == [
        "VOICE_: unknown setting (did you mean VOICE?)",
        "MODLE: unknown setting (did you mean MODEL?)",
    ]
    assert misspelt(tmp_path / "none") == []
    assert misspelt(None) == []


def test_an_env_file_that_is_no_text(tmp_path: Path) -> None:
    """A binary .env is a complaint, not a traceback."""
    path = tmp_path / ".env"
    path.write_bytes(b"VOICE=\xff\xfe\n")

    assert complaints(path) == [f"{path}: is not a UTF-8 text file"]


def test_empty_means_default_but_an_empty_greeting_is_silence(tmp_path: Path) -> None:
    """`NAME=` lines of a copied .env.example change nothing, except GREETING."""
    settings = load_settings(
        env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "PORT=", "TEMPERATURE=", "GREETING=")
    )

    assert settings.port == 5050
    assert settings.temperature is None
    assert settings.first_words == ""


def test_the_company_is_in_the_default_words() -> None:
    """COMPANY_NAME reaches both the instructions and the greeting."""
    named = made(openai_api_key=KEY, company_name="Wellington Ltd")
    nameless = made(openai_api_key=KEY)

    assert "assistant of Wellington Ltd" in named.instructions
    assert "end_call" in named.instructions
    assert named.first_words == "Thank you for calling Wellington Ltd. How can I help you?"
    assert "assistant." in nameless.instructions
    assert nameless.first_words == "Hello. How can I help you?"


def test_own_words_win(tmp_path: Path) -> None:
    """SYSTEM_MESSAGE, its file, and GREETING replace the default words."""
    path = tmp_path / "prompt.txt"
    path.write_text("Répondez en français.\n", encoding="utf-8")

    assert made(openai_api_key=KEY, system_message="Be brief.").instructions == "Be brief."
    assert made(openai_api_key=KEY, system_message_file=path).instructions == (
        "Répondez en français."
    )
    assert made(openai_api_key=KEY, greeting="Ahoy.").first_words == "Ahoy."


@pytest.mark.parametrize("given", ["response.done,error", "['response.done', 'error']"])
def test_event_types_as_people_write_them(tmp_path: Path, given: str) -> None:
    """Commas or a list: both are read."""
    settings = load_settings(
        env_file(tmp_path, f"OPENAI_API_KEY={KEY}", f"LOG_EVENT_TYPES={given}")
    )

    assert settings.log_event_types == ("response.done", "error")
    assert made(openai_api_key=KEY, log_event_types=("a",)).log_event_types == ("a",)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("voice.example.com", "https://voice.example.com"),
        ("https://voice.example.com/", "https://voice.example.com"),
        ("http://localhost:5050/base/", "http://localhost:5050/base"),
    ],
)
def test_the_public_url_is_tidied(given: str, kept: str) -> None:
    """A bare host and a final slash are accepted."""
    assert made(openai_api_key=KEY, public_url=given).public_url == kept


def test_what_production_needs() -> None:
    """Each gap is named, and a complete set has none."""
    complete = made(
        openai_api_key=KEY,
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token="secret",
        public_url="https://voice.example.com",
    )
    local = made(openai_api_key=KEY, public_url="http://localhost:1", temperature=0.8)

    assert missing_for_production(complete) == []
    assert complete.can_release
    assert [gap.split(":")[0] for gap in missing_for_production(made(openai_api_key=KEY))] == [
        "TWILIO_AUTH_TOKEN is not set",
        "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not both set",
        "PUBLIC_URL is not set",
    ]
    assert [gap.split(":")[0] for gap in missing_for_production(local)[2:]] == [
        "PUBLIC_URL is not https",
        "TEMPERATURE is set and will not be used",
    ]


def test_a_service_without_a_database_is_told_what_it_lacks() -> None:
    """Records, and what several processes must know together."""
    with_it, without = (
        missing_for_production(made(openai_api_key=KEY, database_url=url))
        for url in ("sqlite:///calls.db", "off")
    )

    assert [gap.split(":")[0] for gap in without if gap not in with_it] == ["DATABASE_URL is off"]
