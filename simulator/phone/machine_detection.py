"""Answering machine detection: who answered, and when that is known.

Owns the verdict's words. What is done with it is the call's business.
"""

from __future__ import annotations

from simulator.phone.order import CallOrder
from simulator.scenario.format import PhoneSetup

# fidelity: documented twilio.md 4.5 - the words of each mode
# fidelity: inferred twilio.md 4.5 - what one mode makes of the other one's words
_WORDS = {
    "Enable": {"machine_end_beep": "machine_start"},
    "DetectMessageEnd": {"machine_start": "machine_end_other"},
}


def detection(order: CallOrder, setup: PhoneSetup) -> tuple[str, float] | None:
    """AnsweredBy, and after how many ms it is known; None = nothing is detected."""
    # fidelity: documented twilio.md 4.2 - SendDigits overrides it; 30 s are the most by default
    # fidelity: inferred twilio.md 4.5 [knob: phone.answered_by] - who answered
    # fidelity: inferred twilio.md 4.5 [knob: phone.detection] - the verdict takes four seconds
    if not order.machine_detection or order.send_digits or order.direction == "inbound":
        return None
    limit_ms = order.machine_detection_timeout_s * 1000.0
    if setup.detection_ms > limit_ms:
        return "unknown", limit_ms
    known = _WORDS.get(order.machine_detection, {})
    return known.get(setup.answered_by, setup.answered_by), setup.detection_ms
