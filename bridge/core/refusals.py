"""Which failures of the Realtime API may pass, and which never will.

Owns the codes. Knows nothing of what becomes of a call.

Sources: openai-python 3.52 ``resources/realtime`` (close codes after which it connects again),
livekit-agents (codes that no retry will change).
"""

from typing import Final

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
"""Codes or types of errors that may be gone at the next attempt."""

FINAL_ERRORS: Final = frozenset(
    {"insufficient_quota", "invalid_api_key", "account_deactivated", "billing_hard_limit_reached"}
)
"""Codes or types of errors that no retry will change."""

PASSING_CLOSES: Final = frozenset({1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015})
PASSING_STATUS: Final = frozenset({408, 425, 429})


def may_pass(refusal: ErrorDetail | Closed) -> bool:
    """Whether another attempt makes sense after this error, or this close before the session."""
    if isinstance(refusal, ErrorDetail):
        return bool({refusal.code, refusal.type} & PASSING_ERRORS)
    code = refusal.code
    if code is None or code in PASSING_CLOSES or code in PASSING_STATUS:
        return True
    return 500 <= code < 600


def is_final(error: ErrorDetail) -> bool:
    """Whether nothing that is asked of this API will be answered any more."""
    return bool({error.code, error.type} & FINAL_ERRORS)
