"""The TwiML answer to an incoming call.

Owns what Twilio is told to do. Must not know where its words come from.
"""

from collections.abc import Mapping

from twilio.twiml.voice_response import Connect, VoiceResponse

# https://www.twilio.com/docs/voice/twiml/stream: name and value together stay under 500 characters.
PARAMETER_CHARS_MAX = 499
PARAMETERS_MAX = 50


def fits(name: str, value: str) -> bool:
    """Whether Twilio accepts this call parameter."""
    return name != "" and len(name) + len(value) <= PARAMETER_CHARS_MAX


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
