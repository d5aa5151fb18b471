"""What Twilio reports about one media stream: its debugger's lines and the status callbacks.

Owns what is said once per stream and what is told to whom. Knows no frame.
"""

from __future__ import annotations

from simulator.phone.courier import Callback, Courier
from simulator.phone.dates import iso_nanoseconds
from simulator.phone.identity import Identity
from simulator.phone.verbs.verb import StreamRequest
from simulator.timeline import Timeline
from simulator.trace import Trace

ERRORS = frozenset({31901, 31902, 31903, 31910, 31920, 31921, 31922, 31923, 31924, 31941})
"""The codes which are errors; the others are warnings."""


class StreamReport:
    """One stream's."""

    def __init__(
        self,
        request: StreamRequest,
        stream_sid: str,
        *,
        identity: Identity,
        courier: Courier,
        timeline: Timeline,
        trace: Trace,
    ) -> None:
        self._request = request
        self._stream_sid = stream_sid
        self._identity = identity
        self._courier = courier
        self._timeline = timeline
        self._trace = trace
        self._warned: set[int] = set()
        self._running = False

    def problem(self, code: int, text: str) -> None:
        """Record an error or warning; `first` is what Twilio's debugger would show."""
        # fidelity: documented twilio.md 1.4 - warnings are shown once per stream
        # fidelity: inferred twilio.md 1.5 - errors, and only they, are told as stream-error
        first = code not in self._warned
        self._trace.record("twilio", "warning", code=code, text=text, first=first)
        self._warned.add(code)
        if first and code in ERRORS:
            self._tell("stream-error", f"{code}: {text}")

    def started(self) -> None:
        """The bridge took the stream."""
        self._running = True
        self._tell("stream-started")

    def stopped(self) -> None:
        """The stream is over; nothing is told of one that never was."""
        if self._running:
            self._running = False
            self._tell("stream-stopped")

    def _tell(self, event: str, error: str = "") -> None:
        # fidelity: documented twilio.md 1.5 - the fields; StreamName is the sid without a name
        request = self._request
        if not request.status_callback:
            return
        form = [
            ("AccountSid", self._identity.account_sid),
            ("CallSid", self._identity.call_sid),
            ("StreamSid", self._stream_sid),
            ("StreamName", request.name or self._stream_sid),
            ("StreamEvent", event),
            ("Timestamp", iso_nanoseconds(self._timeline.date)),
        ]
        if error:
            form.insert(5, ("StreamError", error))
        method, url = request.status_callback_method, request.status_callback
        self._courier.deliver(Callback("stream", event, method, url, tuple(form)))
