"""`callbridge call`, `callbridge token`, and the settings of calls out."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.agents.choosing import Agents
from bridge.api_tokens import hash_of
from bridge.cli import main
from bridge.outbound.command import place_call
from bridge.outside import Outside
from bridge.settings import Settings, UnusableSettings, settings_from
from bridge.wiring import log_for
from tests.environment import forget_settings
from tests.far_ends import KEY
from tests.outbound_parts import FROM, ORIGIN, TO, outbound_settings
from tests.rest_answers import FakeRest

SID = "CA" + "1" * 32
HASHES = [hash_of("one"), hash_of("two")]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own variables and .env must not decide a test."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def call(monkeypatch: pytest.MonkeyPatch, rest: FakeRest, *arguments: str, **given: Any) -> int:
    """Run `callbridge call` against this REST API."""
    settings = outbound_settings(**given)
    monkeypatch.setattr("bridge.cli.usable.load_settings", lambda _file: settings)

    def placed(options: Any, its_settings: Settings, agents: Agents, log: Any) -> int:
        return place_call(options, its_settings, agents, log, Outside(http_transport=rest))

    monkeypatch.setattr("bridge.outbound.command.place_call", placed)
    return main(["call", *arguments])


def made() -> httpx.Response:
    """Twilio's answer to a create."""
    return httpx.Response(201, json={"sid": SID, "status": "queued"})


def test_a_call_prints_its_sid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only that, so that a script can use it; the webhook is the running service's."""
    rest = FakeRest(made())
    code = call(monkeypatch, rest, TO, "--parameter", "guest=Zoe=x", "--machine-detection")
    out, err = capsys.readouterr()
    form = dict(httpx.QueryParams(rest.requests[0].content.decode()))

    assert (code, out, err) == (0, f"{SID}\n", "")
    assert (form["To"], form["From"]) == (TO, FROM)
    assert form["Url"] == f"{ORIGIN}/outbound-twiml?guest=Zoe%3Dx"
    assert form["MachineDetection"] == "Enable"


@pytest.mark.parametrize(
    ("arguments", "given", "code", "says"),
    [
        ([TO, "--from", "5"], {}, 2, "from_number: must be a phone number"),
        (["12345"], {}, 2, "to_number: must be"),
        ([TO, "--agent", "nobody"], {}, 2, "agent: there is no agent"),
        ([TO], {"outbound_allowed": "+44"}, 2, "OUTBOUND_ALLOWED"),
        ([TO], {"public_url": None}, 1, "PUBLIC_URL must be set"),
        ([TO], {"twilio_account_sid": None}, 1, "TWILIO_ACCOUNT_SID"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    given: dict[str, Any],
    code: int,
    says: str,
) -> None:
    """2 for what was asked, 1 for what cannot be done; Twilio is not asked."""
    rest = FakeRest()
    found = call(monkeypatch, rest, *arguments, **given)
    out, err = capsys.readouterr()

    assert (found, out) == (code, "")
    assert says in err
    assert not rest.requests


def test_a_call_that_may_have_rung(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One request, one sentence, exit code 1."""
    rest = FakeRest(httpx.Response(503, json={"code": 20503, "message": "No.", "status": 503}))
    code = call(monkeypatch, rest, TO)

    assert code == 1
    assert "may have rung" in capsys.readouterr().err
    assert len(rest.requests) == 1


def test_a_parameter_needs_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the command line's."""
    with pytest.raises(SystemExit) as left:
        main(["call", TO, "--parameter", "guest"])

    assert left.value.code == 2
    assert "'guest' is not NAME=TEXT" in capsys.readouterr().err


def test_a_new_token(capsys: pytest.CaptureFixture[str]) -> None:
    """Token and hash belong together; no settings are needed."""
    assert main(["token"]) == 0
    token, stored = (line.split()[1] for line in capsys.readouterr().out.splitlines())

    assert stored == hash_of(token)


# ------------------------------------------------------------------------------ settings
def unusable(**given: str) -> list[str]:
    """What is said about wrong settings."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from({"OPENAI_API_KEY": KEY, **given})
    return wrong.value.lines


def test_hashes_come_from_the_setting_and_from_a_file(tmp_path: Path) -> None:
    """Both count; comments and empty lines do not."""
    file = tmp_path / "tokens"
    file.write_text(f"# who\n\n{HASHES[1]}  # the shop\n", "utf-8")
    given = settings_from(
        {"OPENAI_API_KEY": KEY, "API_TOKENS": HASHES[0], "API_TOKENS_FILE": str(file)}
    )

    assert given.token_hashes == tuple(HASHES)


def test_no_token_is_shown_as_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`check` masks the hashes that are there, and only those."""
    file = tmp_path / "settings.env"
    for line, shown in (("", "API_TOKENS=  (default)"), (HASHES[0], "API_TOKENS=********")):
        file.write_text(f"OPENAI_API_KEY={KEY}\nAPI_TOKENS={line}\n", "utf-8")
        main(["check", "--env-file", str(file)])

        assert shown in capsys.readouterr().out.splitlines()


def test_a_token_itself_is_refused(tmp_path: Path) -> None:
    """In the setting as in the file, and it is not shown again in full."""
    file = tmp_path / "tokens"
    file.write_text("cb_of-nobody\n", "utf-8")
    (one,) = unusable(API_TOKENS="cb_of-nobody")
    (other,) = unusable(API_TOKENS_FILE=str(file))
    (missing,) = unusable(API_TOKENS_FILE=str(tmp_path / "nowhere"))

    assert one.startswith("API_TOKENS: got a value that does not fit (not shown)")
    assert "cb_of-nobody" not in one + other
    assert "callbridge token" in one
    assert missing.startswith("API_TOKENS_FILE: got")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWILIO_PHONE_NUMBER", "5550100001"),
        ("OUTBOUND_ALLOWED", "1,44"),
        ("OUTBOUND_ALLOWED", "+0"),
        ("OUTBOUND_PER_MINUTE", "0"),
        ("MACHINE_DETECTED", "shout"),
        ("MACHINE_MESSAGE", "x" * 4001),
    ],
)
def test_wrong_values(name: str, value: str) -> None:
    """Each has a line."""
    (line,) = unusable(**{name: value})

    assert line.startswith(f"{name}: got ")


def test_a_message_must_be_given() -> None:
    """Who wants to leave one says which."""
    assert unusable(MACHINE_DETECTED="message") == [
        "MACHINE_MESSAGE: is missing, and MACHINE_DETECTED is message"
    ]


def test_lists_with_commas() -> None:
    """Spaces and brackets do no harm."""
    given = settings_from({"OPENAI_API_KEY": KEY, "OUTBOUND_ALLOWED": "['+1', '+44']"})

    assert given.outbound_allowed == ("+1", "+44")
    assert outbound_settings(outbound_allowed=("+1",), api_tokens_file=None).token_hashes


def test_the_log_of_a_call_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is for the sid."""
    log_for(outbound_settings(), Outside(log=lambda _line: None)).info("call_placed")

    assert capsys.readouterr().out == ""
