"""Where Twilio believes we are, from the headers of a request."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from bridge.addresses import as_websocket, is_host, origins, stream_origin
from bridge.signature import url_variants


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Host": "h.example"}, ["https://h.example", "http://h.example"]),
        ({"Host": "localhost:1"}, ["http://localhost:1", "https://localhost:1"]),
        ({"Host": "[::1]:1"}, ["http://[::1]:1", "https://[::1]:1"]),
        ({"Host": "h", "X-Forwarded-Proto": "HTTP, https"}, ["http://h", "https://h"]),
        ({"Host": "h", "X-Forwarded-Proto": "wss"}, ["https://h", "http://h"]),
        (
            {"Host": "h", "X-Forwarded-Host": "a.example , b"},
            ["https://a.example", "http://a.example"],
        ),
        ({}, []),
        ({"Host": "h/path"}, []),
        ({"Host": "user@h"}, []),
        ({"Host": "h", "X-Forwarded-Host": "a b"}, []),
        ({"Host": "h", "X-Forwarded-Host": "a:99999"}, []),
        ({"Host": "h", "X-Forwarded-Host": "[1]"}, []),
        ({"Host": "h", "X-Forwarded-Host": "a..b"}, []),
        ({"Host": "a:99999", "X-Forwarded-Host": "b:1"}, ["https://b:1", "http://b:1"]),
    ],
)
def test_origins(headers: dict[str, str], expected: list[str]) -> None:
    """The likeliest origin is the first; a host that is none gives nothing."""
    assert origins(None, Headers(headers)) == expected
    assert origins("https://p.example/x", Headers(headers)) == ["https://p.example/x"]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        *((text, True) for text in ("h", "h.", "a_b.c-d:1", "h:65535", "h:00080", f"{'a' * 63}.b")),
        *((text, True) for text in ("127.0.0.1:5050", "[::1]", "[::1]:80", "[::ffff:1.2.3.4]")),
        *((text, False) for text in ("", "h:0", "h:65536", "h:99999", "h:", "h:x", "h:1:2", ":1")),
        *((text, False) for text in (".", "...", "a..b", ".a", "a..", f"{'a' * 64}.b")),
        *((text, False) for text in ("[1]", "[]", "[::1", "::1", "[1.2.3.4]", "[::1]:0", "[::1]x")),
        *((text, False) for text in ("h:\u0661", "\u00e9.example", "\u00ad", "a b", "u@h", "h/p")),
    ],
)
def test_what_is_a_host(text: str, host: bool) -> None:
    """A name that DNS could have or an address, and a port from 1 to 65535 or none."""
    assert is_host(text) is host
    assert not is_host(f"{text}\n")
    assert bool(origins(None, Headers({"Host": text}))) is host


@given(
    st.text(st.characters(exclude_characters="\r\n"))
    | st.from_regex(r"(\[[0-9a-f:.]*\]|[a-z0-9.-]*)(:[0-9]{0,6})?", fullmatch=True)
    | st.ip_addresses(v=6).map(lambda address: f"[{address}]:1")
)
def test_every_origin_can_be_used(host: str) -> None:
    """No header a stranger sends makes an origin that cannot be taken apart again, or routed to."""
    for origin in origins(None, Headers({"Host": "x:0", "X-Forwarded-Host": host})):
        parts = urlsplit(stream_origin(origin, chosen=False))

        assert parts.hostname
        assert parts.port is None or 1 <= parts.port <= 65_535
        assert parts.hostname.encode("idna")
        assert url_variants(origin)


@pytest.mark.parametrize(
    ("origin", "chosen", "stream"),
    [
        ("https://h/x", True, "wss://h/x"),
        ("http://h", True, "ws://h"),
        ("http://h", False, "wss://h"),
        ("http://127.0.0.1:5050", False, "ws://127.0.0.1:5050"),
    ],
)
def test_streams_are_encrypted(origin: str, chosen: bool, stream: str) -> None:
    """Twilio insists on wss; ws is for trials on one machine, or if the operator wrote http."""
    assert stream_origin(origin, chosen=chosen) == stream


def test_the_websocket_form_of_an_origin() -> None:
    """Https becomes wss and http ws, and nothing else changes."""
    assert as_websocket("https://h:8443/x") == "wss://h:8443/x"
    assert as_websocket("http://h") == "ws://h"
