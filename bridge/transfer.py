"""Handing the line on: REST update of a call with new TwiML.

Owns this one wish. Must not know why, nor what Twilio's answers mean (`line_update`).
"""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from bridge import twiml
from bridge.agents.choosing import DEFAULT
from bridge.core.commands import TransferLine
from bridge.line_update import update_line
from bridge.twilio_rest import TwilioRest

AFTER: Final = "/transfer-ended"
"""Where Twilio asks what to do when the other side has hung up, or nobody was there."""


@dataclass(frozen=True)
class Transferred:
    """How it went. `why` is for the log: a status and Twilio's code, never its message."""

    outcome: Literal["transferred", "already_over", "failed"]
    why: str = ""


class LineTransfer:
    """Hands on calls of one account.

    Args:
        rest: the account.
        caller_id: whom the dialled side sees calling, a number of the account or one verified by
            it; "" = Twilio's choice: the caller of a call to us, our own number in a call from us.
        public_url: where Twilio reaches us; None = it is not asked to ask.
    """

    def __init__(
        self, rest: TwilioRest, caller_id: str = "", public_url: str | None = None
    ) -> None:
        self._rest = rest
        self._caller_id = caller_id
        self._after = "" if public_url is None else public_url + AFTER

    async def transfer(self, call_sid: str, wish: TransferLine, agent: str) -> Transferred:
        """Hand the call on, bounded in time. Whatever happens comes out as a value.

        `agent`: whose call it is. It has its own words for somebody who reaches nobody.
        """
        said = {"agent": "" if agent == DEFAULT else agent, "language": wish.language}
        query = urlencode({name: value for name, value in said.items() if value})
        after = f"{self._after}?{query}" if self._after and query else self._after
        words = (wish.announcement, wish.language)
        document = twiml.hand_on(wish.number, *words, self._caller_id, after)
        # A second attempt after one that was carried out, and whose answer was lost, comes too late
        # to dial twice: Twilio has closed the stream by then, and the call's end cancels us.
        updated = await update_line(self._rest, call_sid, twiml=document)
        outcome = updated.outcome
        return Transferred("transferred" if outcome == "done" else outcome, updated.why)
