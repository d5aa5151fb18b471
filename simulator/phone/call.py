"""One phone call of the fake Twilio, from the ring to the line's release.

Owns the state of the line and puts the parts together: documents, streams, caller, callbacks. The
line is released exactly once. Knows nothing of the bridge but the URLs it was given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from simulator.phone.caller import Caller
from simulator.phone.courier import Callback, Courier, Progress
from simulator.phone.dates import rfc2822
from simulator.phone.documents import Documents
from simulator.phone.ear import Ear
from simulator.phone.identity import Identity
from simulator.phone.interpreter import Interpreter
from simulator.phone.line import PhoneLine
from simulator.phone.machine_detection import detection
from simulator.phone.mouth import Mouth
from simulator.phone.order import CallOrder
from simulator.phone.signature import NO_FORM, Form, Signer
from simulator.phone.streams import Streams
from simulator.phone.surroundings import Surroundings
from simulator.phone.twiml import Document
from simulator.phone.webhook import Outgoing
from simulator.scenario.format import Scenario
from simulator.sound import load_clip
from simulator.timeline import Timeline, Timer
from simulator.trace import Trace
from simulator.wire import Connect

# fidelity: observed twilio.md 2.4 - SipResponseCode 486 of a busy call
# fidelity: inferred twilio.md 2.4 - the codes of other endings
SIP_CODES = {"busy": "486", "no-answer": "487", "canceled": "487", "failed": "404"}

ReleasedBy = Literal["caller", "bridge", "twiml", "network"]


class FakePhone:
    """One call. `on_end` is called once, after `ended` is True.

    `scenario` says who calls and how the line behaves, `order` what the call was created with.
    `connect` opens a byte connection to an origin; `rng` is this call's own randomness: sids,
    timestamps, masks. `account_sid` owns the call; its `auth_token` None = the bridge has none, and
    cannot check a signature. `sid` is the call's own; "" = drawn.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        connect: Connect,
        order: CallOrder,
        auth_token: str | None,
        account_sid: str,
        sid: str = "",
    ) -> None:
        self.ended = False
        self.on_end: list[Callable[[], None]] = []
        self.order = order
        self.status = "ringing"
        self.answered_by: str | None = None
        self.identity = Identity.draw(
            account_sid, order, scenario.call.parameters, rng, issued=timeline.date, sid=sid
        )
        self._setup = scenario.phone
        self._timeline = timeline
        self._trace = trace
        signer = Signer(auth_token or rng.randbytes(16).hex(), scenario.phone)
        out = Outgoing(timeline, trace, connect, signer)
        courier = Courier(out, scenario.phone.callbacks)
        self._courier = courier
        self._progress = self._progress_of(order)
        self._around = Surroundings(timeline, trace, rng, connect, courier)
        self._ear = Ear(timeline, trace)
        mouth = Mouth(_tone_of(scenario.phone.room_tone))
        self._caller = Caller(
            scenario, timeline=timeline, trace=trace, mouth=mouth, ear=self._ear, handset=self
        )
        self.streams = Streams(
            scenario,
            around=self._around,
            identity=self.identity,
            signer=signer,
            mouth=mouth,
            ear=self._ear,
            owner=self,
        )
        self._documents = Documents(out, self)
        self._line = PhoneLine(
            self,
            around=self._around,
            setup=scenario.phone,
            identity=self.identity,
            documents=self._documents,
            streams=self.streams,
        )
        self._interpreter = Interpreter(self._line)
        self._timers: dict[str, Timer] = {}
        self._moments_ms: dict[str, float] = {}
        self._words: list[str] = []

    @property
    def sid(self) -> str:
        """CA and 32 hexadecimal digits."""
        return self.identity.call_sid

    # -- for the world and the account ----------------------------------------------------

    def dial(self) -> None:
        """Ring: the bridge is asked what to do, at once or when the called party answers."""
        self._moments_ms["rang"] = self._timeline.now_ms
        outbound = self.order.direction != "inbound"
        self._trace.record("phone", "rang", direction="outbound" if outbound else "inbound")
        if not outbound:
            self._ask(NO_FORM)
            return
        # fidelity: documented twilio.md 2.1 - an outbound call fetches its TwiML once answered
        self._tell("initiated", "initiated")
        self._tell("ringing", "ringing")
        self._ring_out()

    @property
    def times_ms(self) -> tuple[float, float | None, float | None]:
        """When it rang, was answered and ended."""
        moments_ms = self._moments_ms
        return moments_ms["rang"], moments_ms.get("answered"), moments_ms.get("ended")

    def end_by_rest(self, status: str) -> None:
        """The bridge ends the call."""
        # fidelity: documented twilio.md 1.5 - stop and close, as if the caller had hung up
        self._end("bridge", "rest", status)

    def was_over(self) -> None:
        """A request that is told the call is over was overtaken by the caller's hanging up."""
        self.hang_up()

    def redirect(self, document: Document) -> None:
        """New TwiML for a running call."""
        # fidelity: documented twilio.md 1.5 - the stream is torn down, the new TwiML runs
        self._documents.cancel()
        self._interpreter.run(document)

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """A new document for a running call."""
        self._documents.fetch(url, method, extra)

    def amend(self, order: CallOrder) -> None:
        """Go on with another order: fallback, callback and time limit."""
        if (order.status_callback, order.status_callback_events) != (
            self.order.status_callback,
            self.order.status_callback_events,
        ):
            self._progress = self._progress_of(order)
        self.order = order
        self._limit()

    # -- caller.Handset -------------------------------------------------------------------

    def press(self, digit: str) -> None:
        """A key of the caller; without a stream or a question nobody notices."""
        self.streams.press(digit)
        if self._line.listener is not None:
            self._line.listener.pressed(digit)

    def speech_began(self) -> None:
        """The caller begins to speak."""
        if self._line.listener is not None:
            self._line.listener.speech_began()

    def speech_ended(self, words: str) -> None:
        """The caller has said `words`."""
        self._words.append(words)
        if self._line.listener is not None:
            self._line.listener.speech_ended(words)

    def take_words(self) -> str:
        """What the caller has said since this was asked last."""
        words, self._words = self._words, []
        return " ".join(filter(None, words))

    def hang_up(self) -> None:
        """The caller hangs up."""
        if not self.ended:
            self._trace.record("caller", "hung_up")
            status = "completed" if self.status == "in-progress" else "no-answer"
            self._end("caller", "hangup", status)

    # -- documents.DocumentUser, streams.Owner, line.LineOwner ------------------------------

    def webhook_form(self, extra: Form) -> Form:
        """The form of a webhook about the call as it is now."""
        return self.identity.form(self.status, extra)

    def run(self, document: Document) -> None:
        """Carry out a document."""
        self._interpreter.run(document)

    def halt(self) -> None:
        """Stop the document that runs."""
        self._interpreter.stop()

    def warn(self, code: int, text: str) -> None:
        """A document has a fault, or cannot be used."""
        self._trace.record("phone", "twiml_error", code=code, text=text)

    def answer(self) -> None:
        """Take the call."""
        if self.status != "ringing":
            return
        self.status = "in-progress"
        self._moments_ms["answered"] = self._timeline.now_ms
        self._trace.record("phone", "answered")
        self._tell("answered", "in-progress")
        self._limit()

    def apologized(self) -> None:
        """The apology is over."""
        self._end("twiml", "application_error", "completed")

    def begin_caller(self) -> None:
        """The caller hears and can be heard."""
        self._caller.begin()

    def end_by_twiml(self, how: str, status: str) -> None:
        """The document ends the call; if only because its stream ended, say who ended that."""
        by: ReleasedBy = "twiml"
        stream_ended_by = self.streams.ended_by
        if stream_ended_by == "bridge":
            by, how = "bridge", "stream_closed"
        elif stream_ended_by == "refused":
            by, how = "bridge", "stream_refused"
        elif stream_ended_by == "network":
            by, how = "network", "stream_lost"
        self._end(by, how, status)

    # -- inside ---------------------------------------------------------------------------

    def _ring_out(self) -> None:
        # fidelity: documented twilio.md 4.2 - Timeout: after that, no answer
        # fidelity: inferred twilio.md 4.2 [knob: phone.outcome] - who answers a call
        outcome, after_ms = self._setup.outcome, self._setup.answer_after_ms
        patience_ms = self.order.timeout_s * 1000.0
        if outcome == "no_answer" or after_ms > patience_ms:
            self._later("ring", patience_ms, lambda: self._end("caller", "no_answer", "no-answer"))
        elif outcome == "busy":
            self._later("ring", after_ms, lambda: self._end("caller", "busy", "busy"))
        elif outcome == "failed":
            self._later("ring", after_ms, lambda: self._end("network", "failed", "failed"))
        elif after_ms:
            self._later("ring", after_ms, self._picked_up)
        else:
            self._picked_up()

    def _picked_up(self) -> None:
        # fidelity: documented twilio.md 4.5 - synchronous: TwiML waits; asynchronous: it does not
        self.answer()
        found = detection(self.order, self._setup)
        if found is None:
            self._ask(NO_FORM)
            return
        who, after_ms = found
        duration = ("MachineDetectionDuration", str(round(after_ms)))
        form: Form = (("AnsweredBy", who), duration)
        if self.order.async_amd:
            self._later("detection", after_ms, lambda: self._detected(who, form))
            self._ask(NO_FORM)
            return

        def ask() -> None:
            self._found(who)
            self._ask(form)

        self._later("detection", after_ms, ask)

    def _detected(self, who: str, form: Form) -> None:
        self._found(who)
        url, method = (
            self.order.async_amd_status_callback,
            self.order.async_amd_status_callback_method,
        )
        if not url:
            # fidelity: documented twilio.md 4.5 - 21262
            self.warn(
                21262,
                "Answering machine detection: AsyncAmd is set without AsyncAmdStatusCallback. "
                "Give it one, or nobody learns who answered",
            )
            return
        named = (("CallSid", self.sid), ("AccountSid", self.identity.account_sid))
        self._courier.deliver(Callback("amd", who, method, url, named + form))

    def _found(self, who: str) -> None:
        self.answered_by = who
        self._trace.record("phone", "detected", answered_by=who)

    def _ask(self, extra: Form) -> None:
        """The first document of the call."""
        # fidelity: documented twilio.md 4.2 - with Url and Twiml, Twiml is ignored
        if self.order.url:
            self._documents.fetch(self.order.url, self.order.method, extra)
        else:
            self._documents.give(self.order.twiml)

    def _later(self, name: str, delay_ms: float, then: Callable[[], None]) -> None:
        """Call `then` unless the call ends before; a new timer of a name replaces the old one."""
        old = self._timers.pop(name, None)
        if old is not None:
            old.cancel()
        self._timers[name] = self._timeline.after(delay_ms, then)

    def _limit(self) -> None:
        """End the call when its time is over."""
        answered_ms = self._moments_ms.get("answered")
        if answered_ms is None or self.ended:
            return
        left_ms = answered_ms + self.order.time_limit_s * 1000.0 - self._timeline.now_ms
        self._later("limit", left_ms, lambda: self._end("twiml", "time_limit", "completed"))

    def _progress_of(self, order: CallOrder) -> Progress:
        # fidelity: inferred twilio.md 2.4 - of an inbound call, only `completed` is told
        inbound = order.direction == "inbound"
        events = ("completed",) if inbound else order.status_callback_events
        return Progress(self._courier, order.status_callback, order.status_callback_method, events)

    def _tell(self, event: str, status: str, extra: Form = ()) -> None:
        at = rfc2822(self._timeline.date)
        self._progress.tell(event, lambda more: self.identity.form(status, more + extra), at)

    def _tell_end(self) -> None:
        # fidelity: observed twilio.md 2.4 - Duration in begun minutes, CallDuration in seconds
        _, answered_ms, ended_ms = self.times_ms
        seconds = 0
        if answered_ms is not None and ended_ms is not None:
            seconds = round((ended_ms - answered_ms) / 1000)
        extra: list[tuple[str, str]] = [
            ("Duration", str(-(-seconds // 60))),
            ("CallDuration", str(seconds)),
        ]
        if self.order.direction != "inbound" and self.status in SIP_CODES:
            extra.append(("SipResponseCode", SIP_CODES[self.status]))
        if self.answered_by is not None:
            extra.append(("AnsweredBy", self.answered_by))
        self._tell("completed", self.status, tuple(extra))

    def _end(self, by: ReleasedBy, how: str, status: str) -> None:
        if self.ended:
            return
        self.ended = True
        self.status = status
        self._moments_ms["ended"] = self._timeline.now_ms
        self._moments_ms.setdefault("rang", self._timeline.now_ms)
        for timer in self._timers.values():
            timer.cancel()
        self._documents.cancel()
        self._interpreter.stop()
        self.streams.stop_all()
        self._caller.stop()
        self._ear.stop()
        self._trace.record("phone", "ended", by=by, how=how, status=status)
        self._tell_end()
        for do in self.on_end:
            do()


def _tone_of(room: Path | None) -> bytes:
    return b"" if room is None else load_clip(room).audio
