"""The HTTP face: what is signed by Twilio is let in, and nothing else."""

import json

import pytest

from tests.app_client import FORM, app_with, handshake_status, signed, webhook
from tests.far_ends import (
    CALL,
    Lines,
    production,
)

URL = "https://voice.example.com/incoming-call"


@pytest.mark.parametrize(
    ("url", "form", "status"),
    [
        (URL, FORM, 200),
        ("https://voice.example.com:443/incoming-call", FORM, 200),
        (f"{URL}/", FORM, 200),
        ("https://other.example/incoming-call", FORM, 403),
        (URL, {**FORM, "From": "+15550100124"}, 403),
        (URL, {}, 403),
    ],
)
async def test_the_webhook_is_verified(url: str, form: dict[str, str], status: int) -> None:
    """With an auth token only Twilio is answered; the signature covers URL and form."""
    lines = Lines()
    response = await webhook(app_with(production(), lines), headers=signed(url, form))

    assert response.status_code == status
    assert len(lines.all("request_refused")) == (status == 403)
    assert "15550100" not in json.dumps(lines)


async def test_a_get_webhook_is_verified_with_its_query() -> None:
    """The query is part of the signed URL, exactly as it was sent."""
    client = app_with(production()).test_client()
    path = f"/incoming-call?CallSid={CALL}&From=%2B15550100123&FromCity="
    good = await client.get(path, headers=signed("https://voice.example.com" + path))
    bad = await client.get(path + "x", headers=signed("https://voice.example.com" + path))

    assert (good.status_code, bad.status_code) == (200, 403)


async def test_without_public_url_the_forwarded_host_is_verified() -> None:
    """A proxy that does not tell the scheme does not break the signature."""
    app = app_with(production(public_url=None))
    for scheme in ("https", "http"):
        headers = signed(f"{scheme}://f.example/incoming-call", FORM)
        response = await webhook(app, headers={**headers, "X-Forwarded-Host": "f.example"})
        assert response.status_code == 200
    assert (await webhook(app, headers={**headers, "Host": "g.example"})).status_code == 403


@pytest.mark.parametrize("host", ["a:99999", "a:0", "[1]", "a..b", "a b"])
async def test_a_forwarded_host_that_is_none(host: str) -> None:
    """Without PUBLIC_URL it is 400, before any signature is computed; with it nobody reads it."""
    headers = {"X-Forwarded-Host": host, "X-Twilio-Signature": "x"}
    found = {}
    for public_url in (None, "https://voice.example.com"):
        app = app_with(production(public_url=public_url))
        found[public_url] = [
            (await webhook(app, headers=headers)).status_code,
            (await app.test_client().get("/incoming-call", headers=headers)).status_code,
            await handshake_status(app, headers),
        ]

    assert found == {None: [400] * 3, "https://voice.example.com": [403] * 3}


@pytest.mark.parametrize("url", ["https://voice.example.com/media-stream", ""])
async def test_a_stream_without_signature_is_refused_before_it_is_accepted(url: str) -> None:
    """The handshake is signed with the wss URL; anything else gets 403 and no WebSocket."""
    lines = Lines()
    app = app_with(production(), lines)
    status = await handshake_status(app, signed(url))

    assert status == 403
    assert lines.all("request_refused")[0]["what"] == "stream"
    assert not lines.all("call_ended")
