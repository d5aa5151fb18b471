"""What is done for a call beside it: the line's release, its handing on, and tools.

Owns how the answer of each becomes a message for the call. Must not know why it is wanted.
"""

from collections.abc import Callable
from typing import assert_never

from bridge.core.commands import (
    CallTool,
    LineReleased,
    LineTransferred,
    ReleaseLine,
    ToolAnswered,
    TransferLine,
)
from bridge.services import Services
from bridge.tooling.running import CallFacts

Errand = ReleaseLine | TransferLine | CallTool


async def run_errand(
    errand: Errand, call: CallFacts, services: Services, note: Callable[..., None]
) -> LineReleased | LineTransferred | ToolAnswered:
    """Do it. It ends by itself, and nothing but a cancellation is raised.

    Args:
        errand: what is to be done.
        call: for whom.
        services: who does it.
        note: writes a line of the call's log: an event and its fields.
    """
    match errand:
        case CallTool():
            return await services.tools.run(errand, call)
        case ReleaseLine():
            assert services.releaser is not None
            released = await services.releaser.release(call.call_sid)
            note("line_released", outcome=released.outcome, why=released.why)
            return LineReleased(released.outcome)
        case TransferLine():
            assert services.transfer is not None
            transferred = await services.transfer.transfer(call.call_sid, errand, call.agent)
            note("line_transferred", outcome=transferred.outcome, why=transferred.why)
            return LineTransferred(transferred.outcome)
        case _:
            assert_never(errand)
