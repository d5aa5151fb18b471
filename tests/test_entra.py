"""Tokens of Entra: how they are asked for, how long they are used, and what a refusal says."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
import trio
import trio.testing

from bridge.entra import ASSERTION, ATTEMPT_S_MAX, RETRY_S, SPARE_S, Application, EntraTokens
from bridge.errors import ConnectRefused, ConnectTimeout
from bridge.outside import Outside
from bridge.settings import UnusableSettings, settings_from
from bridge.settings.secret_texts import secrets_of
from bridge.wiring import endpoint_for, entra_for

URL = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
SECRET = "a-client-secret-of-nobody"
WITH_SECRET = Application(URL, "client", "scope/.default", SECRET)
SETTINGS = {
    "REALTIME_URL": "wss://x.openai.azure.com/openai/v1/realtime",
    "REALTIME_AUTH": "entra",
    "AZURE_TENANT_ID": "tenant",
    "AZURE_CLIENT_ID": "client",
    "AZURE_CLIENT_SECRET": SECRET,
    "CALL_TOKEN_SECRET": "0123456789abcdef",
}


class Entra:
    """Answers like Entra, with a token per request that counts them."""

    def __init__(self, answer: Callable[[], httpx.Response] | None = None) -> None:
        self.forms: list[dict[str, str]] = []
        self._answer = answer

    def transport(self) -> httpx.MockTransport:
        """The way to it."""
        return httpx.MockTransport(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == URL
        form = parse_qs((await request.aread()).decode())
        self.forms.append({name: given[0] for name, given in form.items()})
        if self._answer is not None:
            return self._answer()
        token = f"token-{len(self.forms)}"
        return httpx.Response(200, json={"access_token": token, "expires_in": 3600})


async def test_a_token_is_asked_for_with_the_secret_and_kept() -> None:
    """One request, however often it is needed, until a minute before its end."""
    entra = Entra()
    clock = [100.0]
    tokens = EntraTokens(WITH_SECRET, entra.transport(), lambda: clock[0])
    first = [await tokens.token(), await tokens.token()]
    clock[0] += 3600 - SPARE_S - 1
    kept = await tokens.token()
    clock[0] += 1
    renewed = await tokens.token()

    assert first == ["token-1", "token-1"]
    assert (kept, renewed) == ("token-1", "token-2")
    assert entra.forms[0] == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "scope": "scope/.default",
        "client_secret": SECRET,
    }


async def test_calls_that_begin_at_once_share_one_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Ten calls need a token, and there is none yet."""
    entra = Entra()
    tokens = EntraTokens(WITH_SECRET, entra.transport())
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(tokens.token)

    assert len(entra.forms) == 1


async def test_a_workload_identity_shows_its_file_as_it_is_now(tmp_path: Path) -> None:
    """Kubernetes replaces it; no secret is sent."""
    file = tmp_path / "token"
    file.write_text("assertion-1\n")
    entra = Entra()
    application = Application(URL, "client", "scope/.default", token_file=file)
    await EntraTokens(application, entra.transport(), lambda: 0.0).token()

    assert entra.forms[0]["client_assertion"] == "assertion-1"
    assert entra.forms[0]["client_assertion_type"] == ASSERTION
    assert "client_secret" not in entra.forms[0]


async def test_a_missing_file_is_a_refusal(tmp_path: Path) -> None:
    """A call ends with a reason, not with a traceback."""
    application = Application(URL, "client", "scope", token_file=tmp_path / "nothing")
    with pytest.raises(ConnectRefused, match="FileNotFoundError"):
        await EntraTokens(application, Entra().transport(), lambda: 0.0).token()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(401, json={"error": "invalid_client", "error_description": SECRET}), "inv"),
        (httpx.Response(400, json={"error": {"odd": SECRET}}), "no token"),
        (httpx.Response(503, text=f"<html>{SECRET}"), "no token"),
        (httpx.Response(200, json={"access_token": 7}), "holds no token"),
    ],
)
async def test_a_refusal_names_the_error_and_quotes_nothing(
    answer: httpx.Response, why: str
) -> None:
    """What Entra writes can hold anything; only its error's name is passed on."""
    tokens = EntraTokens(WITH_SECRET, Entra(lambda: answer).transport(), lambda: 0.0)
    with pytest.raises(ConnectRefused, match=why) as refused:
        await tokens.token()

    assert SECRET not in str(refused.value)
    assert refused.value.status == answer.status_code


async def test_a_broken_connection_is_a_refusal() -> None:
    """And it names the kind of trouble only."""

    def broken() -> httpx.Response:
        raise httpx.ConnectError("no route")

    tokens = EntraTokens(WITH_SECRET, Entra(broken).transport(), lambda: 0.0)
    with pytest.raises(ConnectRefused, match="ConnectError"):
        await tokens.token()


async def test_no_answer_is_a_timeout(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody waits for ever."""

    async def never(_: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    began = trio.current_time()
    with pytest.raises(ConnectTimeout):
        await EntraTokens(WITH_SECRET, httpx.MockTransport(never)).token()

    assert trio.current_time() - began == pytest.approx(ATTEMPT_S_MAX)


async def test_it_is_replaced_before_anybody_must_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """At four fifths of its life; calls only ever take what is there."""
    entra = Entra()
    tokens = EntraTokens(WITH_SECRET, entra.transport())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tokens.keep)
        await trio.sleep(1)
        first = len(entra.forms)
        await trio.sleep(3600 * 0.8)
        second = len(entra.forms)
        token = await tokens.token()
        nursery.cancel_scope.cancel()

    assert (first, second, token) == (1, 2, "token-2")


async def test_keeping_goes_on_after_a_failure(autojump_clock: trio.testing.MockClock) -> None:
    """It tries again, and is loud in the calls only."""
    answers = [
        httpx.Response(500),
        httpx.Response(200, json={"access_token": "t", "expires_in": 9}),
    ]
    entra = Entra(lambda: answers.pop(0) if len(answers) > 1 else answers[0])
    tokens = EntraTokens(WITH_SECRET, entra.transport())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tokens.keep)
        await trio.sleep(RETRY_S + 1)
        nursery.cancel_scope.cancel()

    assert len(entra.forms) == 2


# ------------------------------------------------------------------------------ settings
async def test_the_endpoint_shows_the_token_as_a_bearer() -> None:
    """And neither a key nor a beta header."""
    settings = settings_from(SETTINGS)
    entra = entra_for(settings, Outside(http_transport=Entra().transport()))
    endpoint = endpoint_for(settings, entra)

    assert await endpoint.headers() == [(b"Authorization", b"Bearer token-1")]
    assert SECRET in secrets_of(settings)


def test_without_entra_nothing_is_asked() -> None:
    """A key is all there is."""
    assert entra_for(settings_from({"OPENAI_API_KEY": "sk-x"}), Outside()) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"AZURE_TENANT_ID": ""}, "AZURE_TENANT_ID: is needed with REALTIME_AUTH=entra"),
        ({"AZURE_CLIENT_ID": ""}, "AZURE_CLIENT_ID: is needed with REALTIME_AUTH=entra"),
        ({"AZURE_CLIENT_SECRET": ""}, "AZURE_CLIENT_SECRET: REALTIME_AUTH=entra needs either"),
        ({"AZURE_FEDERATED_TOKEN_FILE": "/x"}, "AZURE_CLIENT_SECRET: REALTIME_AUTH=entra needs"),
        ({"CALL_TOKEN_SECRET": ""}, "CALL_TOKEN_SECRET: is needed with REALTIME_AUTH=entra"),
        (
            {"REALTIME_AUTH": "bearer", "OPENAI_API_KEY": "sk-x"},
            "AZURE_CLIENT_SECRET: is used with REALTIME_AUTH=entra only",
        ),
        ({"AZURE_AUTHORITY_HOST": "http://x"}, "AZURE_AUTHORITY_HOST: got "),
        ({"REALTIME_AUTH": "bearer"}, "OPENAI_API_KEY: is missing"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, str], complaint: str) -> None:
    """In words, at start."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from({**SETTINGS, **change})

    assert any(line.startswith(complaint) for line in wrong.value.lines)
