"""What becomes of a caller whose model cannot be reached any more.

Owns the words Twilio says in the agent's place. Knows nothing of when the model is given up.
"""

from typing import Final

from bridge.core.commands import TransferLine
from bridge.core.plan import CallPlan

NOBODY_ANSWERS: Final = (
    "We are sorry, there is a technical problem on our side, and this conversation cannot go on. "
    "Please call again in a few minutes. Goodbye."
)
SOMEBODY_ELSE: Final = (
    "We are sorry, there is a technical problem on our side. Please hold the line, you are being "
    "connected to somebody who can help you."
)


def way_out(plan: CallPlan) -> TransferLine:
    """Return what is done with the line: the caller hears why, and is connected or released."""
    ours = SOMEBODY_ELSE if plan.fallback_number else NOBODY_ANSWERS
    text = plan.fallback_text or ours
    language = plan.fallback_language if plan.fallback_text else "en-US"
    return TransferLine(plan.fallback_number, text, language)
