"""The verbs after which nothing of their document follows: Redirect, Hangup, Reject."""

from __future__ import annotations

from typing import ClassVar

from simulator.phone.verbs.attributes import METHOD, Attributes, one_of
from simulator.phone.verbs.verb import Stop, Then, Verb, nothing


class Hangup(Verb):
    """Ends the call."""

    # fidelity: documented twilio.md 3 - as the first verb: answered all the same, then ended
    def run(self, _then: Then) -> Stop:
        """Release the line; nothing follows."""
        self.line.tell("Hangup")
        self.line.release("hangup", "completed")
        return nothing


class Reject(Verb):
    """Refuses the call before it is answered."""

    # fidelity: documented twilio.md 3 - busy or no-answer, and never answered, if it is first
    attributes: ClassVar[Attributes] = {"reason": one_of("rejected", "busy")}

    @property
    def answers(self) -> bool:
        """Whoever is refused is not answered."""
        return False

    def run(self, _then: Then) -> Stop:
        """Release the line, unanswered if possible; nothing follows."""
        reason = self.given.get("reason", "rejected")
        self.line.tell("Reject", reason=reason)
        if self.first:
            self.line.release("rejected", "busy" if reason == "busy" else "no-answer")
        else:
            self.line.release("hangup", "completed")
        return nothing


class Redirect(Verb):
    """Goes on with another document."""

    # fidelity: documented twilio.md 3 - POST by default; later verbs are unreachable
    attributes: ClassVar[Attributes] = {"method": METHOD}

    def run(self, _then: Then) -> Stop:
        """Fetch the other document; nothing of this one follows."""
        target = (self.element.text or "").strip()
        self.line.tell("Redirect", url=target, method=self.method())
        self.go_to(target, self.method())
        return nothing
