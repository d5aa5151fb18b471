"""The Media Streams vocabulary, as Twilio's documentation and captures have it."""

import json

import pytest
from hypothesis import given

from bridge.core import twilio
from tests.strategies import twilio_texts

SID = "MZ" + "0" * 32

CAPTURED = [
    ('{"event":"connected","protocol":"Call","version":"1.0.0"}', twilio.Connected()),
    (
        (
            '{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"MZ1",'
            '"callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw",'
            '"sampleRate":8000,"channels":1},"customParameters":{"a":"b"}},"streamSid":"MZ1"}'
        ),
        twilio.Start("MZ1", "CA1", "AC1", {"a": "b"}, twilio.MediaFormat()),
    ),
    (
        (
            '{"event":"media","sequenceNumber":"2","media":{"track":"inbound","chunk":"1",'
            '"timestamp":"155","payload":"//9/"},"streamSid":"MZ1"}'
        ),
        twilio.Media(155, 1, b"\xff\xff\x7f"),
    ),
    (
        '{"event":"mark","sequenceNumber":"3","streamSid":"MZ1","mark":{"name":"171"}}',
        twilio.Mark("171"),
    ),
    (
        (
            '{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5",'
            '"dtmf":{"track":"inbound_track","digit":"#"}}'
        ),
        twilio.Dtmf("#"),
    ),
    (
        (
            '{"event":"stop","sequenceNumber":"352","streamSid":"MZ1",'
            '"stop":{"accountSid":"AC1","callSid":"CA1"}}'
        ),
        twilio.Stop(),
    ),
]


@pytest.mark.parametrize(("text", "message"), CAPTURED)
def test_captured_messages_are_understood(text: str, message: twilio.Inbound) -> None:
    """Each message Twilio is known to send becomes its value, from text and from bytes."""
    assert twilio.decode(text) == message
    assert twilio.decode(text.encode()) == message


def test_numbers_may_be_numbers() -> None:
    """Twilio writes numbers as strings, but a number is a number."""
    text = '{"event":"media","media":{"timestamp":155,"chunk":1,"payload":""}}'

    assert twilio.decode(text) == twilio.Media(155, 1, b"")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("not json", "JSON is malformed"),
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ('{"event":7}', "$.event"),
        ('{"event":"mark"}', "mark: "),
        ('{"event":"media","media":{"timestamp":"soon","payload":""}}', "$.media.timestamp"),
        ('{"event":"media","media":{"timestamp":"1","payload":"%%%"}}', "$.media.payload"),
        ('{"event":"dtmf","dtmf":{"digit":"12"}}', "$.dtmf.digit"),
        ('{"event":"start","x":' + "[" * 100_000, "recursion"),
        ("\ud800", "UnicodeEncodeError"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, place: str) -> None:
    """A broken message is a value that names the place of the first fault."""
    message = twilio.decode(text)

    assert isinstance(message, twilio.Malformed)
    assert place in message.why


def test_a_new_kind_of_message_is_no_fault() -> None:
    """An event that Twilio may invent is unknown, not malformed."""
    assert twilio.decode('{"event":"hologram","x":1}') == twilio.Unknown("hologram")


@given(twilio_texts)
def test_decoding_is_total(text: str | bytes) -> None:
    """No text or bytes raises."""
    assert isinstance(twilio.decode(text), twilio.Inbound)


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (
            twilio.SendMedia(SID, b"\xff\xff\x7f"),
            {"event": "media", "streamSid": SID, "media": {"payload": "//9/"}},
        ),
        (
            twilio.SendMark(SID, "g1:i:8"),
            {"event": "mark", "streamSid": SID, "mark": {"name": "g1:i:8"}},
        ),
        (twilio.Clear(SID), {"event": "clear", "streamSid": SID}),
    ],
)
def test_what_is_sent_has_exactly_the_vendors_fields(
    message: twilio.Outbound, wire: dict[str, object]
) -> None:
    """A missing or an extra field would be warning 31951."""
    assert json.loads(twilio.encode(message)) == wire
