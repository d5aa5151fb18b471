"""How long the model may be silent: when something is owed, and while the caller is said to speak.

Owns one deadline, and the question for a sign of life. Knows no rule of turns; what becomes of a
call whose model has stalled is not decided here.

A response that is owed must move within ``response_timeout_s``; while the caller speaks, the model
cannot answer, and it counts from then on. A caller who is heard for two minutes without a pause may
be a server that has died in the middle of a word, or music on hold: the session is asked to confirm
its turn detection, which changes nothing. One that does is there, and goes on listening.
"""

from typing import Final

from bridge.core.responses import Responses
from bridge.core.rule import Parts, Rule

RESPONSE: Final = "response"
"""Deadline: the model owes us something, or a sign of life, and has not moved since."""

SPEECH_MAX_S: Final = 120.0
"""After so much speech without a pause the server is asked whether it is there."""
DEFERRED_S: Final = 1.0
"""What is owed while the caller speaks is looked at again so much later."""


class Stalls(Rule):
    """The watch over one call's model."""

    def __init__(self, parts: Parts, responses: Responses) -> None:
        super().__init__(parts)
        self.speaking_since: float | None = None
        """When the server heard the caller begin; None: the caller is silent."""
        self.closing = False
        """A goodbye is said: the caller's voice does not matter, and the hangup has a watchdog."""
        self.over = False
        """Nothing more is wanted of the model."""
        self._responses = responses
        self._owed_since: float | None = None
        self._there_at = 0.0
        self._asked_at: float | None = None

    def spoken(self, since: float | None) -> None:
        """The caller has begun to speak, or is silent."""
        self.speaking_since = since
        self._asked_at = None
        if since is not None:
            self._there_at = since

    def is_there(self, now: float) -> None:
        """The session has confirmed something: whatever it owes, it lives."""
        self._asked_at = None
        self._there_at = now
        self.look(now)

    def look(self, now: float, *, progress: bool = False) -> None:
        """Something has happened: know when to look again. ``progress``: a response has moved."""
        if not (self._responses.owed and self._outbox.realtime_open):
            self._owed_since = None
        elif progress or self._owed_since is None:
            self._owed_since = now
        if self.over:
            self._deadlines.clear(RESPONSE)
        elif self._owed_since is not None:
            at = self._owed_since + self._plan.response_timeout_s
            self._deadlines.set(RESPONSE, max(now, at))
        elif self.speaking_since is not None and not self.closing:
            self._deadlines.set(RESPONSE, self._patience_until)
        else:
            self._deadlines.clear(RESPONSE)

    def due(self, now: float) -> bool:
        """`RESPONSE` has come. Whether the model has stalled; a speaking caller defers it."""
        if self.speaking_since is None or self.closing:
            return True
        if now >= self._patience_until:
            if self._asked_at is not None:
                return True
            self._ask_for_a_sign(now)
        again_at = self._patience_until
        if self._asked_at is None:
            again_at = min(now + DEFERRED_S, again_at)
        self._deadlines.set(RESPONSE, again_at)
        return False

    @property
    def _patience_until(self) -> float:
        if self._asked_at is not None:
            return self._asked_at + self._plan.response_timeout_s
        return self._there_at + SPEECH_MAX_S

    def _ask_for_a_sign(self, now: float) -> None:
        if self._plan.abilities.streams:
            self._there_at = now  # its stream has a watch of its own
        else:
            self._asked_at = now
            self._outbox.turn_detection(self._plan.turn_detection)
