"""What a request to create a call must look like, and the order that comes of it.

Owns the parameters of `POST Calls.json` and their checks. Makes no call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from simulator.account.errors import RefusedError
from simulator.account.parameters import Parameters
from simulator.phone.order import CallOrder

STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")
TIMEOUT_S_MAX = 600
TIME_LIMIT_S_MAX = 86_400
NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
ADDRESS = re.compile(r"(?:sip|sips|client|sim):\S{1,255}", re.IGNORECASE)
SEND_DIGITS = re.compile(r"[0-9A-D#*wW]{1,32}")
BYOC = re.compile(r"BY[0-9a-fA-F]{32}")

MAGIC_FROM = "+15005550006"
MAGIC_FROM_INVALID = "+15005550001"
MAGIC_TO: Mapping[str, int] = {
    "+15005550001": 21217,
    "+15005550002": 21214,
    "+15005550003": 21215,
    "+15005550004": 21216,
}
# fidelity: documented twilio.md 4.1 - with test credentials any From but +15005550006 is 21210
# fidelity: inferred twilio.md 4.1 - the other magic numbers, which no account can ever call

CHECKED: Mapping[str, Callable[[Parameters, str], object]] = {
    "Record": lambda given, name: given.flag(name),
    "RecordingChannels": lambda given, name: given.choice(name, ("mono", "dual")),
    "RecordingStatusCallback": lambda given, name: given.url(name),
    "RecordingStatusCallbackMethod": lambda given, name: given.method(name),
    "RecordingTrack": lambda given, name: given.choice(name, ("inbound", "outbound", "both")),
    "Trim": lambda given, name: given.choice(name, ("trim-silence", "do-not-trim")),
    "MachineDetectionSpeechThreshold": lambda given, name: given.whole(name, 2400, 1000, 6000),
    "MachineDetectionSpeechEndThreshold": lambda given, name: given.whole(name, 1200, 500, 5000),
    "MachineDetectionSilenceTimeout": lambda given, name: given.whole(name, 5000, 2000, 10_000),
    "Byoc": lambda given, name: given.matching(name, BYOC, "the sid of a trunk"),
    "ClientNotificationUrl": lambda given, name: given.url(name),
}
"""Parameters that are checked and then make no difference to the simulated call."""
# fidelity: documented twilio.md 4.2 - the ranges of detection; recordings are not made
# fidelity: inferred twilio.md 4.2 - the words of Trim and Recording*, as the SDK says

ORDERED = frozenset({
    *("To", "From", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback"),
    *("StatusCallbackMethod", "StatusCallbackEvent", "SendDigits", "Timeout", "TimeLimit"),
    *("CallerId", "MachineDetection", "MachineDetectionTimeout", "AsyncAmd"),
    *("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod"),
})  # fmt: skip
UNCHECKED = frozenset({
    *("ApplicationSid", "CallReason", "CallToken", "SipAuthUsername", "SipAuthPassword"),
    *("Passports", "RecordingConfigurationId", "RecordingStatusCallbackEvent"),
})  # fmt: skip
KNOWN = ORDERED | UNCHECKED | frozenset(CHECKED)
"""Every parameter of 4.2; another one is ignored, as Twilio does, but told in the trace."""


def order_from(given: Parameters, *, test_credentials: bool) -> CallOrder:
    """The call a request asks for.

    Raises:
        RefusedError: a parameter is missing or cannot be, with Twilio's code.
    """
    to, from_ = _numbers(given, test_credentials=test_credentials)
    twiml = _instructions(given)
    for name, check in CHECKED.items():
        check(given, name)
    digits = given.matching("SendDigits", SEND_DIGITS, "up to 32 of 0-9 A-D # * w W")
    detection = given.choice("MachineDetection", ("Enable", "DetectMessageEnd"))
    return CallOrder(
        to=to,
        from_=from_,
        direction="outbound-api",
        url=given.text("Url"),
        method=given.method("Method"),
        twiml=twiml,
        fallback_url=given.url("FallbackUrl"),
        fallback_method=given.method("FallbackMethod"),
        status_callback=given.url("StatusCallback"),
        status_callback_method=given.method("StatusCallbackMethod"),
        # fidelity: documented twilio.md 2.4 - without events, only completed
        status_callback_events=given.several("StatusCallbackEvent", STATUS_EVENTS)
        or ("completed",),
        # fidelity: documented twilio.md 4.1, 4.2 - 60 s, at most 600, else 21208
        timeout_s=given.whole("Timeout", 60, 1, TIMEOUT_S_MAX, code=21208),
        time_limit_s=given.whole("TimeLimit", 14_400, 1, TIME_LIMIT_S_MAX),
        send_digits=digits,
        # fidelity: documented twilio.md 4.2 - SendDigits overrides MachineDetection
        machine_detection="" if digits else detection,
        # fidelity: inferred twilio.md 4.2 - the range of the time-out
        machine_detection_timeout_s=given.whole("MachineDetectionTimeout", 30, 3, 59),
        async_amd=given.flag("AsyncAmd"),
        async_amd_status_callback=given.url("AsyncAmdStatusCallback"),
        async_amd_status_callback_method=given.method("AsyncAmdStatusCallbackMethod"),
        caller_id=_caller_id(given),
    )


def _numbers(given: Parameters, *, test_credentials: bool) -> tuple[str, str]:
    to, from_ = given.text("To"), given.text("From")
    if not to:
        raise RefusedError(21201)
    if not from_:
        raise RefusedError(21213)
    if not _is_callable(to):
        raise RefusedError(21211, value=to)
    if not _is_callable(from_) or from_ == MAGIC_FROM_INVALID:
        raise RefusedError(21212, value=from_)
    if to in MAGIC_TO:
        raise RefusedError(MAGIC_TO[to], value=to)
    if test_credentials and from_ != MAGIC_FROM:
        raise RefusedError(21210, value=from_)
    return to, from_


def _is_callable(text: str) -> bool:
    # fidelity: inferred twilio.md 4.1 - E.164 with its plus, or an address; national forms are not
    return bool(NUMBER.fullmatch(text) or ADDRESS.fullmatch(text))


def _caller_id(given: Parameters) -> str:
    caller_id = given.text("CallerId")
    if caller_id and not _is_callable(caller_id):
        raise RefusedError(21212, value=caller_id)
    return caller_id


def _instructions(given: Parameters) -> str:
    """The document given by value, "" where a URL stands."""
    # fidelity: documented twilio.md 4.2 - one of Url, Twiml, ApplicationSid; Url beats Twiml
    if given.url("Url", code=21205):
        return ""
    if given.twiml("Twiml") is not None:
        return given.text("Twiml")
    if "ApplicationSid" in given:
        # fidelity: inferred - the account has no applications
        raise RefusedError(20001, "ApplicationSid names no application of this account")
    raise RefusedError(21205, "Url parameter is required")
