"""The TwiML answer: what Twilio is told to do, in order."""

from xml.etree import ElementTree as ET

import pytest

from bridge.twiml import answer, fits, hold, message

URL = "wss://h.example/media-stream"


def test_the_smallest_answer() -> None:
    """One verb: the stream with its parameters, and nothing after it that could hold the line."""
    text = answer(URL, {"token": "abc", "agent": "billing"})
    root = ET.fromstring(text)

    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    assert [verb.tag for verb in root] == ["Connect"]
    (stream,) = root[0]
    assert (stream.tag, stream.attrib) == ("Stream", {"url": URL})
    assert [(child.tag, child.attrib) for child in stream] == [
        ("Parameter", {"name": "token", "value": "abc"}),
        ("Parameter", {"name": "agent", "value": "billing"}),
    ]


def test_greeting_and_pause_come_first() -> None:
    """Twilio speaks and waits before it connects; markup in the greeting is only text."""
    root = ET.fromstring(answer(URL, {}, greeting="One <moment> & please", pause_s=2))

    assert [verb.tag for verb in root] == ["Say", "Pause", "Connect"]
    assert root[0].text == "One <moment> & please"
    assert root[1].attrib == {"length": "2"}


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [("a", "b" * 498, True), ("a", "b" * 499, False), ("", "b", False), ("a", "", True)],
)
def test_twilios_limit_on_parameters(name: str, value: str, accepted: bool) -> None:
    """Name and value together stay under 500 characters."""
    assert fits(name, value) is accepted


@pytest.mark.parametrize("odd", ["\0", "\x0b", "\x1f", "\ufffe", "\ud800"])
def test_what_xml_cannot_hold_does_not_fit(odd: str) -> None:
    """A control character would make the whole document unreadable."""
    assert not fits("name", f"a{odd}")
    assert not fits(f"n{odd}", "a")
    assert fits("name", "a\tb\nü漢😀")


def test_a_message_and_then_the_line_is_free() -> None:
    """Words are spoken as they are; without words there is only the end."""
    spoken = ET.fromstring(message("Fish & <chips>"))

    assert [(verb.tag, verb.text) for verb in spoken] == [
        ("Say", "Fish & <chips>"),
        ("Hangup", None),
    ]
    assert [verb.tag for verb in ET.fromstring(message(""))] == ["Hangup"]


def test_a_caller_who_waits() -> None:
    """Words, if there are any; a pause; then Twilio asks again, at an address that is escaped."""
    first = ET.fromstring(hold("Please <hold>.", 5, "/x?a=1&b=2"))
    again = ET.fromstring(hold("", 5, "/x"))

    assert [(verb.tag, verb.text) for verb in first] == [
        ("Say", "Please <hold>."),
        ("Pause", None),
        ("Redirect", "/x?a=1&b=2"),
    ]
    assert first[1].attrib == {"length": "5"}
    assert [verb.tag for verb in again] == ["Pause", "Redirect"]
