"""Secrets from files: NAME_FILE instead of NAME, for every secret and for nothing else."""

from pathlib import Path

import pytest

from bridge.settings import UnusableSettings, load_settings, misspelt, secret_names
from bridge.settings.secret_files import BYTES_MAX
from tests.environment import forget_settings

KEY = "sk-planted-0123456789abcdefghij"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own variables must not decide a test."""
    forget_settings(monkeypatch)


def secret(tmp_path: Path, content: bytes = KEY.encode() + b"\n") -> str:
    """A file as an orchestrator mounts it."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    return str(path)


def complaint(env_file: Path | None = None) -> list[str]:
    """What is wrong."""
    with pytest.raises(UnusableSettings) as unusable:
        load_settings(env_file)
    return unusable.value.lines


def test_every_secret_can_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line feed at its end does not belong to it."""
    monkeypatch.setenv("OPENAI_API_KEY_FILE", secret(tmp_path))
    loaded = load_settings(None)

    assert loaded.api_key == KEY
    assert {"OPENAI_API_KEY", "TWILIO_AUTH_TOKEN", "DATABASE_URL", "METRICS_TOKEN"} <= set(
        secret_names()
    )


def test_the_env_file_can_name_the_file(tmp_path: Path) -> None:
    """It is no misspelt setting then."""
    env_file = tmp_path / "settings.env"
    env_file.write_text(f"OPENAI_API_KEY_FILE={secret(tmp_path)}\n")

    assert load_settings(env_file).api_key == KEY
    assert misspelt(env_file) == []


def test_one_of_the_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both at once is a mistake, and which one would win a riddle."""
    monkeypatch.setenv("OPENAI_API_KEY_FILE", secret(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    assert complaint() == ["OPENAI_API_KEY_FILE: OPENAI_API_KEY is set, too; set one of them"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "is not a short UTF-8 text"),
        (b"x" * (BYTES_MAX + 1), "is not a short UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    """One line for it, and none of its content."""
    path = tmp_path / "missing" if content is None else Path(secret(tmp_path, content))
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(path))

    assert complaint() == [f"OPENAI_API_KEY_FILE: cannot read {path}: {why}"]


def test_an_env_file_that_is_no_text(tmp_path: Path) -> None:
    """It is said once, by whoever reads the settings."""
    env_file = tmp_path / "settings.env"
    env_file.write_bytes(b"\xff\xfe\x00")

    assert complaint(env_file) == [f"{env_file}: is not a UTF-8 text file"]
