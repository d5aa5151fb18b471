"""Where Twilio believes we are, from the headers of a request."""

import pytest
from werkzeug.datastructures import Headers

from bridge.addresses import as_websocket, origins, stream_origin


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
    ],
)
def test_origins(headers: dict[str, str], expected: list[str]) -> None:
    """The likeliest origin is the first; a host that is none gives nothing."""
    assert origins(None, Headers(headers)) == expected
    assert origins("https://p.example/x", Headers(headers)) == ["https://p.example/x"]


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
