"""bridge.settings.secret_texts: no secret of any setting is forgotten."""

import pytest
from pydantic import SecretStr

from bridge.log import REMOVED, make_log
from bridge.settings import Settings, is_secret
from bridge.settings.secret_texts import CHARS_MIN, secrets_of
from tests.far_ends import NOW, Lines, settings

SECRETS = sorted(name for name in Settings.model_fields if is_secret(name))


def of(name: str, value: object) -> list[str]:
    """What is secret when one setting has this value; nothing is checked."""
    return secrets_of(Settings.model_construct(**{name: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_setting_is_among_them(name: str) -> None:
    """Whichever there are today, and whichever will be added."""
    given = f"the-{name}-of-somebody"

    assert given in of(name, SecretStr(given))


def test_there_are_secret_settings() -> None:
    """The list above is not empty by mistake."""
    assert {"openai_api_key", "twilio_auth_token", "database_url", "metrics_token"} <= set(SECRETS)


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("postgresql://calls:p%40ssword@db/calls", {"p%40ssword", "p@ssword"}),
        ("postgresql://db/calls?user=calls&password=p%40ssword", {"p@ssword"}),
        ("sqlite:///callbridge.db", set()),
        ("off", set()),
        ("https://[nonsense", set()),
    ],
)
def test_a_password_in_a_url_is_a_secret(url: str, hidden: set[str]) -> None:
    """As it is written, and as it is; a URL without one is an address that may be seen."""
    found = set(of("database_url", SecretStr(url)))

    assert found - {url} == hidden
    assert (url in found) == bool(hidden)


def test_so_is_one_in_a_setting_that_is_no_secret() -> None:
    """An operator may write it anywhere."""
    assert of("otel_exporter_otlp_endpoint", "https://me:hunter22@collector:4318") == ["hunter22"]


def test_secrets_by_name_are_secrets() -> None:
    """Settings that hold several."""
    found = of("database_url", {"A": SecretStr("first-secret"), "B": SecretStr("second-secret")})

    assert found == ["second-secret", "first-secret"]


def test_what_is_too_short_is_left_alone() -> None:
    """To remove `off` would spoil every line with `off` in it."""
    assert of("twilio_auth_token", SecretStr("x" * (CHARS_MIN - 1))) == []


def test_the_log_shows_none_of_them() -> None:
    """The longest goes first: a URL leaves nothing of itself."""
    url = "postgresql://calls:hunter22@db/calls"
    lines = Lines()
    log = make_log(lines.keep, lambda: NOW, secrets_of(settings(database_url=url)))
    log.error("trouble", why=f"cannot connect to {url} with hunter22")

    assert lines[0]["why"] == f"cannot connect to {REMOVED} with {REMOVED}"
