"""One outbound call, from a checked request to Twilio's answer: key, rate, create, outcome.

Owns the order of these steps, and that a step once begun is finished: whoever asked may hang up on
us meanwhile. Must not know HTTP. The same for the API and for `callbridge call`.
"""

from dataclasses import dataclass
from typing import Final

import trio

from bridge.log import Log
from bridge.outbound.keys import CallKeys, Kept, KeyedRequest, KeysUnavailable, repeated
from bridge.outbound.problems import Refusal
from bridge.outbound.rate import RateLimit
from bridge.outbound.request import OutboundRequest, Rules
from bridge.outbound.twilio_calls import Placed, TwilioCalls

PATH: Final = "/outbound-twiml"


@dataclass(frozen=True)
class OutboundCalls:
    """Everything calls out need. `origin` is where Twilio reaches us: PUBLIC_URL."""

    twilio: TwilioCalls
    keys: CallKeys
    rate: RateLimit
    rules: Rules
    origin: str
    log: Log

    def webhook_url(self, request: OutboundRequest) -> str:
        """Where Twilio asks for the call's TwiML; its parameters travel in the query."""
        query = request.query
        return f"{self.origin}{PATH}" + (f"?{query}" if query else "")

    async def place(self, request: OutboundRequest, keyed: KeyedRequest | None) -> Placed:
        """Make the call, or tell once more what became of it.

        Raises:
            Refusal: 409, 422, 429, 502 or 503.
        """
        # A client that hangs up cancels us. What Twilio is asked then still rings, so the answer
        # is still to be taken and kept; each step has a limit of its own.
        with trio.CancelScope(shield=True):
            kept = None if keyed is None else await self._claim(keyed)
            if keyed is not None and kept is not None:
                outcome = repeated(keyed, kept)
                self.log.info("call_repeated", call_sid=outcome.call_sid)
                return Placed(outcome.call_sid, outcome.status)
            try:
                placed = await self._create(request)
            except Refusal as refusal:
                self._note(refusal)
                if keyed is not None:
                    await self._keep(keyed, refusal)
                raise
            self.log.info("call_placed", call_sid=placed.call_sid, status=placed.status)
            if keyed is not None:
                await self._keep(keyed, placed)
        return placed

    async def _create(self, request: OutboundRequest) -> Placed:
        wait_s = self.rate.take(trio.current_time())
        if wait_s:
            raise Refusal(
                429, "too many calls in this minute (OUTBOUND_PER_MINUTE)", retry_after_s=wait_s
            )
        return await self.twilio.create(request, self.webhook_url(request))

    async def _claim(self, keyed: KeyedRequest) -> Kept | None:
        try:
            return await self.keys.claim(keyed)
        except KeysUnavailable as why:
            self.log.warning("idempotency_keys_unavailable", why=str(why))
            raise Refusal(
                503,
                "the Idempotency-Key cannot be kept now, so nothing rang; "
                "try again later, with a new key",
                retry_after_s=5,
            ) from None

    async def _keep(self, keyed: KeyedRequest, outcome: Placed | Refusal) -> None:
        """Keep the outcome. If that fails, the key stays claimed: it will not ring again."""
        try:
            if isinstance(outcome, Placed):
                kept = Kept(keyed.digest, "placed", outcome.call_sid, outcome.status)
                await self.keys.settle(keyed.key, kept)
            elif outcome.may_have_rung:
                await self.keys.settle(keyed.key, Kept(keyed.digest, "unsure"))
            else:
                await self.keys.release(keyed.key)
        except KeysUnavailable as why:
            self.log.warning("idempotency_keys_unavailable", why=str(why))

    def _note(self, refusal: Refusal) -> None:
        self.log.warning(
            "call_not_placed",
            status=refusal.status,
            code=refusal.code,
            may_have_rung=refusal.may_have_rung,
        )
