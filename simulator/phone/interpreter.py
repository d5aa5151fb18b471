"""Runs one TwiML document after the other on a line.

Owns which verb is running. Knows no verb by name, and no network.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol
from xml.etree.ElementTree import Element

from simulator.phone.twiml import Document
from simulator.phone.verbs import VERBS
from simulator.phone.verbs.attributes import schema_warning
from simulator.phone.verbs.verb import Line, Stop


class DocumentLine(Line, Protocol):
    """What the interpreter itself asks of the call."""

    def document_over(self) -> None:
        """Nothing is left to run."""
        ...


class Interpreter:
    """At most one verb of one document runs at a time."""

    def __init__(self, line: DocumentLine) -> None:
        self._line = line
        self._run = 0
        self._stop: Stop | None = None

    def run(self, document: Document) -> None:
        """Start `document`; what ran before is stopped."""
        self.stop()
        self._step(document, 0, self._run)

    def stop(self) -> None:
        """Stop the running verb; nothing follows it."""
        self._run += 1
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def _step(self, document: Document, index: int, run: int) -> None:
        if run != self._run:
            return
        self._stop = None
        if index == len(document.verbs):
            # fidelity: documented twilio.md 3 - the end of the document hangs up
            self._line.document_over()
            return
        # not inside the last verb's callback: a long document is no deep stack
        step = partial(self._step, document, index + 1, run)

        def then() -> None:
            if run == self._run:
                self._stop = self._line.after(0.0, step)

        stop = self._begin(document.verbs[index], document, index, then)
        if run == self._run:
            self._stop = stop

    def _begin(self, element: Element, document: Document, index: int, then: Stop) -> Stop:
        kind = VERBS.get(element.tag)
        if kind is None:
            # fidelity: inferred twilio.md 3 - an unknown verb warns 12200 and is skipped
            what = f"<{element.tag}> is no verb. It is skipped; verbs are {', '.join(VERBS)}"
            schema_warning(self._line.warn, what)
            return self._line.after(0.0, then)
        verb = kind(element, document.url, self._line, first=index == 0)
        if verb.answers:
            # fidelity: documented twilio.md 3 - answered before the first verb but Reject and Pause
            self._line.answer()
        return verb.run(then)
