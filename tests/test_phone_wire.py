"""Origins of URLs, and the wire of a connection that never comes up."""

from __future__ import annotations

import pytest

from simulator.wire import NoWire, Origin


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Bridge.Example.com/x", Origin("https", "bridge.example.com", 443)),
        ("wss://bridge.example.com:8443/x?y", Origin("https", "bridge.example.com", 8443)),
        ("http://127.0.0.1/", Origin("http", "127.0.0.1", 80)),
        ("ws://[::1]:5050/x", Origin("http", "::1", 5050)),
        ("https://me:secret@a.example.com#rt=100", Origin("https", "a.example.com", 443)),
    ],
)
def test_the_origin_of_a_url(url: str, origin: Origin) -> None:
    """A WebSocket's origin is that of its HTTP; hosts are lower case, ports always there."""
    assert Origin.of(url) == origin


@pytest.mark.parametrize(
    "url", ["", "/x", "ftp://a/", "https://", "https://a b/", "http://a:0/", "http://a:70000/"]
)
def test_urls_without_an_origin(url: str) -> None:
    """What cannot be connected to is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        Origin.of(url)


@pytest.mark.parametrize(
    "text", ["https://a.example.com", "http://a.example.com:8080", "https://[::1]:8443"]
)
def test_an_origin_as_text(text: str) -> None:
    """An origin is written as in a URL, the port only where it is not the usual one."""
    assert str(Origin.of(text)) == text


def test_a_wire_to_nowhere() -> None:
    """Whatever is sent stays unread; closing and breaking it are harmless."""
    wire = NoWire()
    wire.send(b"four")
    wire.close()
    wire.abort()

    assert wire.unread == 4
