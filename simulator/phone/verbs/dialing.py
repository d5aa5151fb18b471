"""Dial: connects the caller to somebody else.

Owns what a `<Dial>` asks for and what is posted afterwards. Who answers is the line's business.
"""

from __future__ import annotations

from typing import ClassVar
from xml.etree.ElementTree import Element

from simulator.phone.http import resolve
from simulator.phone.verbs.attributes import (
    FLAG,
    METHOD,
    SECONDS,
    TEXT,
    URL,
    Attributes,
    many_of,
    one_of,
    read,
    schema_warning,
)
from simulator.phone.verbs.verb import Callee, DialRequest, DialResult, Stop, Then, Verb

TIMEOUT_S = 30
TIME_LIMIT_S = 14_400
TARGET_MAX = 500
"""Characters of the numbers and addresses dialled that are traced."""
NOUN: Attributes = {
    "statusCallback": URL,
    "statusCallbackMethod": METHOD,
    "statusCallbackEvent": many_of("initiated", "ringing", "answered", "completed"),
    "url": URL,
    "method": METHOD,
    "sendDigits": TEXT,
    "byoc": TEXT,
    "phoneNumberSid": TEXT,
    "username": TEXT,
    "password": TEXT,
    "machineDetection": one_of("Enable", "DetectMessageEnd"),
    "machineDetectionTimeout": SECONDS,
    "machineDetectionSpeechThreshold": TEXT,
    "machineDetectionSpeechEndThreshold": TEXT,
    "machineDetectionSilenceTimeout": TEXT,
    "amdStatusCallback": URL,
    "amdStatusCallbackMethod": METHOD,
    "muted": FLAG,
    "beep": TEXT,
    "startConferenceOnEnter": FLAG,
    "endConferenceOnExit": FLAG,
    "waitUrl": TEXT,
    "waitMethod": METHOD,
    "maxParticipants": SECONDS,
    "participantLabel": TEXT,
    "coach": TEXT,
    "region": TEXT,
    "jitterBufferSize": TEXT,
    "eventCallbackUrl": URL,
    "record": TEXT,
    "trim": TEXT,
    "recordingStatusCallback": URL,
    "recordingStatusCallbackMethod": METHOD,
    "recordingStatusCallbackEvent": TEXT,
    "recordingConfigurationId": TEXT,
    "reservationSid": TEXT,
    "postWorkActivitySid": TEXT,
}
"""Of all nouns together; most of it makes no difference to a call here."""
NOUNS = ("Number", "Client", "Sip", "Conference", "Queue")


class Dial(Verb):
    """Rings others and puts the caller through to the first who answers."""

    # fidelity: documented twilio.md 3 - defaults; several nouns ring at once; action or next verb
    attributes: ClassVar[Attributes] = {
        "action": URL,
        "method": METHOD,
        "timeout": SECONDS,
        "timeLimit": SECONDS,
        "events": TEXT,
        "passports": TEXT,
        "recordingConfigurationId": TEXT,
        "callerId": TEXT,
        "answerOnBridge": FLAG,
        "hangupOnStar": FLAG,
        "record": TEXT,
        "recordingStatusCallback": URL,
        "recordingStatusCallbackMethod": METHOD,
        "recordingStatusCallbackEvent": TEXT,
        "recordingTrack": TEXT,
        "trim": TEXT,
        "ringTone": TEXT,
        "sequential": FLAG,
        "referUrl": URL,
        "referMethod": METHOD,
    }

    @property
    def answers(self) -> bool:
        """With `answerOnBridge` the caller hears it ring until somebody answers."""
        return not self.flag("answerOnBridge")

    def run(self, then: Then) -> Stop:
        """Ring, and go on when that is over."""
        callees = self._callees()
        self.line.tell(
            "Dial",
            to=",".join(callee.kind for callee in callees),
            target=",".join(callee.to for callee in callees)[:TARGET_MAX],
        )
        if not callees:
            what = "<Dial> holds nobody to ring: a number, or one of " + ", ".join(NOUNS)
            schema_warning(self.line.warn, f"{what}. It is skipped")
            return self.line.after(0.0, then)
        request = DialRequest(
            callees,
            timeout_s=self.number("timeout", TIMEOUT_S),
            time_limit_s=self.number("timeLimit", TIME_LIMIT_S),
            caller_id=self.given.get("callerId", ""),
            hangup_on_star=self.flag("hangupOnStar"),
        )
        return self.line.dial(request, lambda result: self._over(result, then))

    def _over(self, result: DialResult, then: Then) -> None:
        # fidelity: documented twilio.md 3 - what the action is told
        if "action" not in self.given:
            then()
            return
        form = (
            ("DialCallStatus", result.status),
            ("DialCallSid", result.sid),
            ("DialCallDuration", str(result.duration_s)),
            ("DialBridged", "true" if result.bridged else "false"),
        )
        self.go_to(self.given["action"], self.method(), form)

    def _callees(self) -> tuple[Callee, ...]:
        plain = (self.element.text or "").strip()
        callees = [self._callee(noun) for noun in self.element]
        if plain:
            callees.insert(0, Callee("Number", plain))
        return tuple(callee for callee in callees if callee is not None)

    def _callee(self, noun: Element) -> Callee | None:
        to = "".join(noun.itertext()).strip()
        if noun.tag not in NOUNS or not to:
            what = f"<{noun.tag}> in <Dial> is none of {', '.join(NOUNS)}, or is empty"
            schema_warning(self.line.warn, f"{what}. It is skipped")
            return None
        given = read(noun, NOUN, self.line.warn)
        callback = given.get("statusCallback", "")
        return Callee(
            noun.tag,
            to,
            status_callback=resolve(self.url, callback) if callback else "",
            status_callback_method=given.get("statusCallbackMethod", "POST").upper(),
            status_callback_events=tuple(given.get("statusCallbackEvent", "completed").split()),
        )
