"""Other calls which a bridge has: each rings, is answered with a document, and gets no stream.

Owns their webhooks. What the bridge makes of them, the call of the scenario finds out.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from simulator.phone.identity import Identity
from simulator.phone.order import CallOrder
from simulator.phone.signature import Signer
from simulator.phone.webhook import Fetch, Fetched, Outcome, Outgoing
from simulator.scenario.format import Scenario
from simulator.timeline import Timeline
from simulator.trace import Trace
from simulator.wire import Connect


class OtherCalls:
    """Rings `scenario.bridge.others` times; `done` is called when every ring is answered.

    The requests are not in the call's trace; what they were answered is: `world.other_call`.
    """

    def __init__(
        self,
        scenario: Scenario,
        order: CallOrder,
        *,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        connect: Connect,
        account_sid: str,
        auth_token: str | None,
    ) -> None:
        self._scenario = scenario
        self._order = order
        self._trace = trace
        self._rng = rng
        self._account_sid = account_sid
        unseen = Trace(lambda: timeline.now_ms)
        signer = Signer(auth_token or rng.randbytes(16).hex(), scenario.phone)
        self._out = Outgoing(timeline, unseen, connect, signer)

    def ring(self, done: Callable[[], None]) -> None:
        """All at once."""
        process = self._scenario.bridge
        waiting = set(range(process.others))
        if not waiting:
            done()
        for number in range(process.others):
            from_ = self._order.from_ if process.same_caller else f"+1555019{number:04}"
            order = replace(self._order, direction="inbound", from_=from_)
            identity = Identity.draw(self._account_sid, order, {}, self._rng)
            answered = partial(self._answered, number, waiting, done)
            form = identity.form("ringing")
            Fetch(self._out, order.method, order.url, form, answered)

    def _answered(
        self, number: int, waiting: set[int], done: Callable[[], None], outcome: Outcome
    ) -> None:
        status = outcome.answer.status if isinstance(outcome, Fetched) else 0
        self._trace.record("world", "other_call", status=status)
        waiting.discard(number)
        if not waiting:
            done()
