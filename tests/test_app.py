"""The HTTP face: the webhook, who is let in, the pages."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bridge.call_sid import CALL_SID
from bridge.guarded import BODY_BYTES_MAX
from bridge.settings import Settings
from tests.app_client import FORM, app_with, handshake_status, stream_of, webhook
from tests.far_ends import (
    CALL,
    KEY,
    Lines,
    production,
    settings,
)


# ------------------------------------------------------------------------------ the webhook
async def test_the_answer_is_twiml() -> None:
    """A POST is answered with a stream to us and a token of this call."""
    app = app_with(settings())
    response = await webhook(app, headers={"Host": "voice.example.com"})
    url, parameters = await stream_of(response)

    assert response.status_code == 200
    assert response.content_type == "text/xml; charset=utf-8"
    assert url == "wss://voice.example.com/media-stream"
    assert list(parameters) == ["token"]
    assert app.services.tokens.is_valid(parameters["token"], CALL)


async def test_a_get_webhook_works_too() -> None:
    """Twilio can be set to GET: its fields are in the query then, and are not handed on."""
    response = await app_with(settings()).test_client().get("/incoming-call", query_string=FORM)
    _, parameters = await stream_of(response)

    assert list(parameters) == ["token"]


async def test_greeting_and_pause() -> None:
    """TWIML_GREETING and TWIML_PAUSE_SECONDS come before the stream."""
    given = settings(twiml_greeting="One moment please.", twiml_pause_seconds=1)
    text = await (await webhook(app_with(given))).get_data(as_text=True)

    assert [verb.tag for verb in ET.fromstring(text)] == ["Say", "Pause", "Connect"]


async def test_call_parameters_come_from_the_webhooks_query() -> None:
    """Lower-case names are handed on; Twilio's, the token's and oversized ones are not."""
    lines = Lines()
    app = app_with(settings(), lines)
    response = await webhook(
        app, f"/incoming-call?agent=billing&lang=d%26e&From=x&token=forged&long={'x' * 600}"
    )
    _, parameters = await stream_of(response)

    assert {**parameters, "token": ""} == {"token": "", "agent": "billing", "lang": "d&e"}
    assert parameters["token"] != "forged"
    assert lines.all("parameters_dropped")[0]["count"] == 1


@pytest.mark.parametrize(
    ("public_url", "headers", "url"),
    [
        (None, {"Host": "h.example"}, "wss://h.example"),
        (None, {"Host": "h.example:8443"}, "wss://h.example:8443"),
        (None, {"Host": "h.example", "X-Forwarded-Proto": "http"}, "wss://h.example"),
        (None, {"Host": "localhost:5050"}, "ws://localhost:5050"),
        (None, {"Host": "[::1]:5050"}, "ws://[::1]:5050"),
        (None, {"Host": "localhost:5050", "X-Forwarded-Proto": "https"}, "wss://localhost:5050"),
        (
            None,
            {"Host": "10.0.0.7", "X-Forwarded-Host": "a.example, b", "X-Forwarded-Proto": "https"},
            "wss://a.example",
        ),
        ("https://p.example/base", {"Host": "evil.example"}, "wss://p.example/base"),
        ("http://trial.example:5050", {"Host": "x"}, "ws://trial.example:5050"),
    ],
)
async def test_where_the_stream_goes(
    public_url: str | None, headers: dict[str, str], url: str
) -> None:
    """PUBLIC_URL decides, else the forwarded host, else Host; always wss but for trials at home."""
    app = app_with(settings(public_url=public_url))

    assert (await stream_of(await webhook(app, headers=headers)))[0] == f"{url}/media-stream"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"form": {}}, 400),
        ({"form": {"CallSid": "../../Messages"}}, 400),
        ({"headers": {"Host": 'x"><evil'}}, 400),
        ({"headers": {"X-Forwarded-Host": "a:0"}}, 400),
        ({"form": {"x": "y" * BODY_BYTES_MAX}}, 413),
    ],
)
async def test_what_is_no_webhook(given: dict[str, Any], status: int) -> None:
    """A request that cannot be Twilio's gets a status and, where it helps, a sentence."""
    response = await webhook(app_with(settings()), **given)

    assert response.status_code == status


@pytest.mark.parametrize("public_url", [None, "https://p.example"])
@pytest.mark.parametrize("given", [settings, production])
@pytest.mark.parametrize(
    "host", ["...", "a..b", "a" * 64, "x:99999", "x:0", "x:", 'x"><evil', "\u00e9.example"]
)
async def test_a_host_that_is_none(
    host: str, given: Callable[..., Settings], public_url: str | None
) -> None:
    """400 in one sentence and one line, on every path, before a signature is looked at."""
    lines = Lines()
    app = app_with(given(public_url=public_url), lines)
    client, headers = app.test_client(), {"Host": host}
    answers = [
        await client.get("/incoming-call", query_string=FORM, headers=headers),
        await client.post("/incoming-call", form=FORM, headers=headers),
        await client.get("/health", headers=headers),
        await client.get("/nowhere", headers=headers),
    ]
    statuses = [answer.status_code for answer in answers]
    texts = {await answer.get_data(as_text=True) for answer in answers}
    stream = await handshake_status(app, headers)

    assert statuses == [400] * 4
    assert stream == 400
    assert texts == {"the Host header is not a host name\n"}
    assert [(line["event"], line["what"]) for line in lines] == [
        *(("request_refused", "http"),) * 4,
        ("request_refused", "websocket"),
    ]


async def test_a_query_that_is_no_text() -> None:
    """Bytes that are no UTF-8, as HTTP/2 can carry them, are 400 and no crash."""
    lines = Lines()
    app = app_with(settings(), lines)
    answer = await app.test_client().get("/", scope_base={"query_string": b"CallSid=\xff"})

    assert answer.status_code == 400
    assert [line["event"] for line in lines] == ["request_refused"]


def test_a_call_sid_has_its_form() -> None:
    """It goes into the path of a REST request, so it is nothing but hexadecimal."""
    assert CALL_SID.fullmatch(CALL)
    assert not CALL_SID.fullmatch(CALL + "/x")


async def test_a_stopping_process_takes_no_calls() -> None:
    """Twilio hears 503 and asks its fallback."""
    app = app_with(settings())
    app.calls.stopping = True

    assert (await webhook(app)).status_code == 503
    assert await handshake_status(app) == 503


# ------------------------------------------------------------------------------ pages
async def test_health() -> None:
    """Machines see whether it lives and how many calls there are, and no configuration."""
    app = app_with(settings())
    answer = await (await app.test_client().get("/health")).get_json()
    app.calls.stopping = True
    stopping = await (await app.test_client().get("/health")).get_json()

    assert answer.keys() == {"status", "version", "calls"}
    assert (answer["status"], answer["calls"]) == ("ok", 0)
    assert stopping["status"] == "stopping"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (settings(company_name="R<b>ust"), ["of R&lt;b&gt;ust", "callbridge check"]),
        (production(), ["It is configured."]),
    ],
)
async def test_the_home_page(given: Settings, words: list[str]) -> None:
    """A person who opens the address reads what this is, but not what is insecure about it."""
    response = await app_with(given).test_client().get("/")
    text = await response.get_data(as_text=True)

    assert response.content_type == "text/html; charset=utf-8"
    assert all(word in text for word in words)
    assert "signature" not in text.lower()
    assert KEY not in text
