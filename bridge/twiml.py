"""The TwiML answers to a call.

Owns what Twilio is told to do. Must not know where its words come from.
"""

import re
from collections.abc import Mapping
from typing import Final

from twilio.twiml.voice_response import Connect, VoiceResponse

# https://www.twilio.com/docs/voice/twiml/stream: name and value together stay under 500 characters.
PARAMETER_CHARS_MAX = 499
PARAMETERS_MAX = 50
# A document given by value has 4000 characters at most, and escaping makes six of one.
ANNOUNCEMENT_CHARS_MAX: Final = 500
# https://www.w3.org/TR/xml/#charsets; a control character would make the document no XML at all.
_UNWRITABLE: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fits(name: str, value: str) -> bool:
    """Whether Twilio accepts this call parameter."""
    short = name != "" and len(name) + len(value) <= PARAMETER_CHARS_MAX
    return short and not _UNWRITABLE.search(name + value)


def answer(
    stream_url: str, parameters: Mapping[str, str], greeting: str = "", pause_s: int = 0
) -> str:
    """The document: an optional spoken greeting, an optional pause, then the stream.

    Nothing stands after <Connect>: when the stream ends the call ends, also without the REST API.
    """
    assert all(fits(name, value) for name, value in parameters.items())
    response = VoiceResponse()
    if greeting:
        response.say(greeting)
    if pause_s:
        response.pause(length=pause_s)
    connect = Connect()
    stream = connect.stream(url=stream_url)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    response.append(connect)
    return str(response)


def message(words: str) -> str:
    """The document for an answering machine: a spoken message, or none; then the line is free."""
    response = VoiceResponse()
    if words:
        response.say(words)
    response.hangup()
    return str(response)


def hand_on(
    number: str,
    announcement: str = "",
    language: str = "",
    caller_id: str = "",
    after_url: str = "",
) -> str:
    """The document that takes a running call away from us: words, then another number, or the end.

    Args:
        number: who is dialled: a phone number or a `sip:` address; "" = nobody, hang up.
        announcement: spoken before, by Twilio's voice; what XML cannot hold is left out.
        language: of the announcement, such as `es-ES`; "" = Twilio's default.
        caller_id: whom the dialled side sees; "" = Twilio's choice.
        after_url: who is asked what to do when that is over; "" = nobody, the call ends.
    """
    response = VoiceResponse()
    words = _UNWRITABLE.sub(" ", announcement[:ANNOUNCEMENT_CHARS_MAX]).strip()
    if words:
        response.say(words, language=language or None)
    if not number:
        response.hangup()
        return str(response)
    dial = response.dial(caller_id=caller_id or None, action=after_url or None)
    if number.startswith("sip:"):
        dial.sip(number)
    else:
        dial.number(number)
    return str(response)


def hold(words: str, pause_s: int, url: str) -> str:
    """The document for a caller who waits: words, or none; a pause; and then the question again.

    `url` may be relative to where this document comes from.
    """
    response = VoiceResponse()
    if words:
        response.say(words)
    response.pause(length=pause_s)
    response.redirect(url)
    return str(response)


def reject() -> str:
    """The document for a caller too many: the busy tone, at no charge."""
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)
