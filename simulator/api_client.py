"""Whoever has the bridge call somebody: the software of a business, with an API token.

Owns the orders it posts, and what it is told. Knows of the bridge what its documentation says.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable

from simulator.phone.http import Answer, Exchange, NoAnswer, Patience, Request
from simulator.scenario.format import CallSetup
from simulator.timeline import Timeline
from simulator.trace import Trace
from simulator.wire import Connect

PATIENCE = Patience(connect_ms=5_000.0, read_ms=30_000.0, total_ms=30_000.0)


class ApiClient:
    """Posts one order, and perhaps the same order again; `done` is called when all are answered."""

    def __init__(
        self,
        setup: CallSetup,
        url: str,
        token: str,
        *,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        connect: Connect,
        done: Callable[[], None],
    ) -> None:
        """Get ready.

        Args:
            setup: what is ordered.
            url: where.
            token: the API token.
            timeline: clock and timers.
            trace: where orders and answers are recorded, as `client`.
            rng: the Idempotency-Key is drawn from it.
            connect: opens a connection to an origin.
            done: nothing more is to be expected.
        """
        self._timeline = timeline
        self._trace = trace
        self._connect = connect
        self._done = done
        self._again_ms = setup.again_ms
        self._open = 1 if setup.again_ms is None else 2
        body = json.dumps(order_in(setup)).encode()
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "idempotency-key": str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
        }
        self._request = Request("POST", url, headers, body)

    @property
    def idle(self) -> bool:
        """Every order is answered."""
        return not self._open

    def order(self) -> None:
        """Post the order, and later the same one again if that is wanted."""
        self._post()
        if self._again_ms is not None:
            self._timeline.after(self._again_ms, self._post)

    def _post(self) -> None:
        self._trace.record("client", "ordered")
        Exchange(
            self._request,
            timeline=self._timeline,
            connect=self._connect,
            patience=PATIENCE,
            done=self._answered,
        )

    def _answered(self, outcome: Answer | NoAnswer) -> None:
        if isinstance(outcome, NoAnswer):
            self._trace.record("client", "answered", status=0, problem=outcome.why)
        else:
            self._trace.record("client", "answered", status=outcome.status, **_told(outcome.body))
        self._open -= 1
        if self.idle:
            self._done()


def order_in(setup: CallSetup) -> dict[str, object]:
    """The order in the bridge's words."""
    order: dict[str, object] = {"to_number": setup.to, "from_number": setup.from_}
    parameters = dict(setup.parameters)
    if "agent" in parameters:  # a field of its own in an order
        order["agent"] = parameters.pop("agent")
    if parameters:
        order["parameters"] = parameters
    if setup.machine_detection:
        order["machine_detection"] = setup.machine_detection
    return order


def _told(body: bytes) -> dict[str, object]:
    """The fields of an answer that a scenario may want to see."""
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(answer, dict):
        return {}
    return {name: answer[name] for name in ("call_sid", "detail", "code") if name in answer}
