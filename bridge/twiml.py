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


def reject() -> str:
    """The document for a caller too many: the busy tone, at no charge."""
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)
