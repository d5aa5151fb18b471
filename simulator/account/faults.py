"""A REST API that is not well: scripted refusals, silence, slowness and a limit on requests.

Owns what goes wrong with whole requests, whatever they ask for. What goes wrong with one call's
end is that call's own script.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulator.account.errors import RefusedError

WINDOW_MS = 1000.0
OK, TIMEOUT, LOST_ANSWER = "ok", "timeout", "lost"


@dataclass(slots=True)
class RestFaults:
    """May be changed at any time.

    `answers` to successive requests: "ok"; "timeout" = nothing is done and no answer comes; "lost"
    = it is done, but no answer comes; or the HTTP status (400 to 599) of a refusal. After the last
    one comes "ok". `delay_ms` = how long each answer takes. `requests_per_second_max` 0 = no limit.
    """

    answers: list[int | str] = field(default_factory=list)
    delay_ms: float = 0.0
    requests_per_second_max: int = 0
    _recent_ms: deque[float] = field(default_factory=deque, init=False, repr=False)

    def strike(self, now_ms: float) -> str:
        """What happens to the request that comes now: OK, TIMEOUT or LOST_ANSWER.

        Raises:
            RefusedError: it is refused, and never processed.
        """
        self._limit(now_ms)
        answer = self.answers.pop(0) if self.answers else OK
        if isinstance(answer, int):
            raise RefusedError.of_status(answer)
        return answer

    def _limit(self, now_ms: float) -> None:
        # fidelity: documented twilio.md 4.1 - 20429, not processed (--rest-limit)
        if not self.requests_per_second_max:
            return
        recent = self._recent_ms
        while recent and recent[0] <= now_ms - WINDOW_MS:
            recent.popleft()
        if len(recent) >= self.requests_per_second_max:
            raise RefusedError(20429)
        recent.append(now_ms)
