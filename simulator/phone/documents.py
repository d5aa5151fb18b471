"""Gets the documents of one call: fetched, given, or the fallback; and the apology for none.

Owns what follows from a document that cannot be used. What a document does is the interpreter's.
"""

from __future__ import annotations

from typing import Protocol

from simulator.phone.order import CallOrder
from simulator.phone.signature import NO_FORM, Form
from simulator.phone.twiml import Document, TwimlError, document_of, parse
from simulator.phone.verbs.speaking import MS_PER_WORD
from simulator.phone.webhook import Fetch, FetchFailed, Outcome, Outgoing
from simulator.timeline import Timer

DOCUMENTS_MAX = 100
"""Documents fetched for one call: a redirect that never ends is an application error."""
APOLOGY = "We are sorry, an application error has occurred. Goodbye."


class DocumentUser(Protocol):
    """The call, as its documents see it."""

    order: CallOrder

    def webhook_form(self, extra: Form) -> Form:
        """The form of a webhook about the call as it is now."""
        ...

    def run(self, document: Document) -> None:
        """Carry out a document; what ran before is stopped."""
        ...

    def halt(self) -> None:
        """Stop the document that runs."""
        ...

    def warn(self, code: int, text: str) -> None:
        """Write down an error."""
        ...

    def answer(self) -> None:
        """Take the call, if that has not happened yet."""
        ...

    def apologized(self) -> None:
        """The apology is over: hang up."""
        ...


class Documents:
    """At most one fetch is under way."""

    def __init__(self, out: Outgoing, user: DocumentUser) -> None:
        self._out = out
        self._user = user
        self._fetch: Fetch | None = None
        self._apology: Timer | None = None
        self._count = 0
        self._in_fallback = False

    def fetch(self, url: str, method: str, extra: Form = NO_FORM) -> None:
        """Ask for a document and run it."""
        self._in_fallback = False
        self._ask(url, method, extra)

    def give(self, twiml: str) -> None:
        """Run a document which came with the order."""
        try:
            document = parse(twiml.encode())
        except TwimlError as problem:
            self.fail(problem.code, problem.text, "")
            return
        self._user.run(document)

    def cancel(self) -> None:
        """Give up the fetch under way, and the apology."""
        fetch, self._fetch = self._fetch, None
        if fetch is not None:
            fetch.cancel()
        if self._apology is not None:
            self._apology.cancel()

    def fail(self, code: int, text: str, url: str) -> None:
        """The document at `url` cannot be used: the fallback, or an apology and the end."""
        # fidelity: documented twilio.md 2.2 - at once the fallback URL, with ErrorCode, ErrorUrl
        # fidelity: documented twilio.md 2.2 - without a fallback URL: an apology, then hangup
        # fidelity: inferred twilio.md 2.2 - a fallback that fails is not followed by another
        self._user.warn(code, text)
        self._user.halt()
        self.cancel()
        order = self._user.order
        if order.fallback_url and not self._in_fallback:
            self._in_fallback = True
            extra = (("ErrorCode", str(code)), ("ErrorUrl", url))
            self._ask(order.fallback_url, order.fallback_method, extra)
            return
        self._user.answer()
        length_ms = len(APOLOGY.split()) * MS_PER_WORD
        self._apology = self._out.timeline.after(length_ms, self._user.apologized)

    def _ask(self, url: str, method: str, extra: Form) -> None:
        self._user.halt()
        self.cancel()
        self._count += 1
        if self._count > DOCUMENTS_MAX and not self._in_fallback:
            self._in_fallback = self._count > DOCUMENTS_MAX + 1  # the fallback leads back as well
            text = (
                f"more than {DOCUMENTS_MAX} documents for one call, the last one from {url}. "
                "Look for a <Redirect> or an action that leads back to itself"
            )
            self.fail(11215, f"HTTP too many redirects: {text}", url)
            return
        form = self._user.webhook_form(extra)
        self._fetch = Fetch(self._out, method, url, form, self._fetched)

    def _fetched(self, outcome: Outcome) -> None:
        self._fetch = None
        if isinstance(outcome, FetchFailed):
            self.fail(outcome.code, outcome.text, outcome.url)
            return
        try:
            document = document_of(outcome)
        except TwimlError as problem:
            self.fail(problem.code, f"{problem.text}. It came from {outcome.url}", outcome.url)
            return
        self._user.run(document)
