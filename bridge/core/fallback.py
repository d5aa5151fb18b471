"""What becomes of a caller whose model cannot be reached any more.

Owns which failures of the Realtime API may pass, and the words Twilio says in the agent's place.
Knows nothing of when the model is given up.

Sources: openai-python 3.52 ``resources/realtime`` (close codes after which it connects again),
livekit-agents (codes that no retry will change).
"""

from typing import Final

from bridge.core.commands import TransferLine
from bridge.core.plan import CallPlan
from bridge.core.realtime import Closed, ErrorDetail

PASSING_ERRORS: Final = frozenset(
    {
        "server_error",
        "internal_error",
        "session_expired",
        "rate_limit_exceeded",
        "inference_rate_limit_exceeded",
        "overloaded",
    }
)
"""Codes or types of errors before a session is ready that may be gone at the next attempt."""

PASSING_CLOSES: Final = frozenset({1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015})
PASSING_STATUS: Final = frozenset({408, 425, 429})

NOBODY_ANSWERS: Final = (
    "We are sorry, there is a technical problem on our side, and this conversation cannot go on. "
    "Please call again in a few minutes. Goodbye."
)
SOMEBODY_ELSE: Final = (
    "We are sorry, there is a technical problem on our side. Please hold the line, you are being "
    "connected to somebody who can help you."
)


def may_pass(refusal: ErrorDetail | Closed) -> bool:
    """Whether another attempt makes sense after this error or close of a session not ready yet."""
    if isinstance(refusal, ErrorDetail):
        return bool({refusal.code, refusal.type} & PASSING_ERRORS)
    code = refusal.code
    if code is None or code in PASSING_CLOSES or code in PASSING_STATUS:
        return True
    return 500 <= code < 600


def way_out(plan: CallPlan) -> TransferLine:
    """Return what is done with the line: the caller hears why, and is connected or released."""
    ours = SOMEBODY_ELSE if plan.fallback_number else NOBODY_ANSWERS
    text = plan.fallback_text or ours
    language = plan.fallback_language if plan.fallback_text else "en-US"
    return TransferLine(plan.fallback_number, text, language)
