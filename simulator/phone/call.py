"""One phone call of the fake Twilio, from the ring to the line's release.

Owns the state of the line and puts the parts together: webhook, TwiML, stream, caller, REST. The
line is released exactly once. Knows nothing of the bridge but its public host.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from simulator.phone.caller import Caller
from simulator.phone.ear import Ear
from simulator.phone.http import Connect
from simulator.phone.identity import Identity
from simulator.phone.interpreter import Interpreter
from simulator.phone.media_stream import MediaStream, Surroundings
from simulator.phone.mouth import Mouth
from simulator.phone.rest import Answer, RestApi
from simulator.phone.signature import NO_FORM, Form, Signer
from simulator.phone.stream_socket import HANDSHAKE_TIMEOUT_MS, EndedBy
from simulator.phone.twiml import Document, TwimlError, document_of
from simulator.phone.verbs import MS_PER_WORD, Stop, StreamRequest, Then
from simulator.phone.webhook import FetchFailed, Outcome, Webhooks, same_host
from simulator.scenario.format import Scenario
from simulator.sound import load_clip
from simulator.timeline import Timeline
from simulator.trace import Trace

WEBHOOK_PATH = "/incoming-call"
"""What the number's voice URL points to."""
DOCUMENTS_MAX = 100
"""Documents fetched for one call: a redirect that never ends is an application error."""
APOLOGY = "We are sorry, an application error has occurred. Goodbye."
TOKEN_LIFE_SECONDS = 3600
"""How long a call waits before it shows an expired token, unless the scenario sets its life."""

ReleasedBy = Literal["caller", "bridge", "twiml", "network"]


class FakePhone:
    """One call. `rest` may be asked at any time; `on_end` is called once, after `ended` is True."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        connect: Connect,
        host: str,
        auth_token: str | None,
        account_sid: str,
        webhook_method: str = "POST",
    ) -> None:
        """Set a call up.

        Args:
            scenario: who calls, and how.
            timeline: the world's clock and timers.
            trace: where everything is recorded.
            rng: this call's own randomness: sids, timestamps, masks.
            connect: opens a byte connection to port 443 of the bridge's public host.
            host: that host, as requests and signatures name it.
            auth_token: the account's; None = the bridge has none, and cannot check a signature.
            account_sid: the account that owns the number called.
            webhook_method: POST or GET, as configured for the number.
        """
        self.ended = False
        self.on_end: list[Callable[[], None]] = []
        self.status = "ringing"
        self.identity = Identity.draw(account_sid, scenario.call, rng)
        self._scenario = scenario
        self._setup = scenario.phone
        self._host = host
        self._url = f"https://{host}{WEBHOOK_PATH}"
        self._webhook_method = webhook_method
        self._timeline = timeline
        self._trace = trace
        self._around = Surroundings(timeline, trace, rng, connect)
        self._signer = Signer(auth_token or rng.randbytes(16).hex(), scenario.phone)
        self._webhooks = Webhooks(
            timeline=timeline, trace=trace, connect=connect, host=host, signer=self._signer
        )
        self._interpreter = Interpreter(self)
        self._rest = RestApi(
            self,
            trace=trace,
            identity=self.identity,
            auth_token=auth_token,
            completions=scenario.phone.hangup_rest,
        )
        self._ear = Ear(timeline, trace)
        self._mouth = Mouth(_tone_of(scenario.phone.room_tone))
        self._caller = Caller(
            scenario, timeline=timeline, trace=trace, mouth=self._mouth, ear=self._ear, handset=self
        )
        self._stream: MediaStream | None = None
        self._stop_waiting: Stop | None = None
        self._stream_ended_by: EndedBy | None = None
        self._documents = 0
        self._moments_ms: dict[str, float] = {}

    # -- for the world ------------------------------------------------------------------

    def dial(self) -> None:
        """Ring: Twilio asks the bridge what to do."""
        self._moments_ms["rang"] = self._timeline.now_ms
        self._trace.record("phone", "rang", direction=self._scenario.call.direction)
        if self._scenario.call.direction == "outbound":
            # fidelity: documented twilio.md 2.1 - an outbound call fetches its TwiML once answered
            self.answer()
        self.fetch(self._url, self._webhook_method, NO_FORM)

    def rest(
        self,
        method: str,
        url: str,
        form: Mapping[str, list[str]],
        auth: tuple[str, str] | None,
    ) -> Answer:
        """Twilio's REST API: status, headers, body of the answer. Status 0: none ever comes."""
        return self._rest.answer(method, url, form, auth)

    # -- caller.Handset -------------------------------------------------------------------

    def press(self, digit: str) -> None:
        """A key of the caller; without a stream nobody notices."""
        if self._stream is not None:
            self._stream.press(digit)

    def hang_up(self) -> None:
        """The caller hangs up."""
        if not self.ended:
            self._trace.record("caller", "hung_up")
            status = "completed" if self.status == "in-progress" else "no-answer"
            self._end("caller", "hangup", status)

    # -- rest.CallControl -------------------------------------------------------------------

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
        self._webhooks.cancel()
        self._interpreter.run(document)

    # -- verbs.Line ---------------------------------------------------------------------------

    def after(self, delay_ms: float, then: Then) -> Stop:
        """Call `then` later, unless stopped."""
        return self._timeline.after(delay_ms, then).cancel

    def answer(self) -> None:
        """Take the call."""
        if self.status == "ringing":
            self.status = "in-progress"
            self._moments_ms["answered"] = self._timeline.now_ms
            self._trace.record("phone", "answered")

    def tell(self, verb: str, **attributes: str) -> None:
        """A verb is carried out; after a stream, any but `<Hangup>` is the TwiML's own doing."""
        self._trace.record("phone", "twiml", verb=verb, **attributes)
        if verb != "Hangup":
            self._stream_ended_by = None

    def warn(self, code: int, text: str) -> None:
        """The TwiML has a fault."""
        self._trace.record("phone", "twiml_error", code=code, text=text)

    def stream_problem(self, code: int, text: str) -> None:
        """A stream cannot be opened as asked."""
        self._trace.record("twilio", "warning", code=code, text=text, first=True)

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """Ask for a document and run it."""
        self._interpreter.stop()
        self._documents += 1
        if self._documents > DOCUMENTS_MAX:
            self._application_error(11215, "too many documents for one call")
            return
        self._webhooks.fetch(method, url, self.identity.form(self.status, extra), self._fetched)

    def open_stream(self, request: StreamRequest, over: Then) -> Stop:
        """Open a media stream, with the scenario's faults."""
        wait_ms = 0.0
        if self._setup.token == "expired":  # noqa: S105 - the name of a fault
            settings = self._scenario.agent.settings
            life_s = float(settings.get("CALL_TOKEN_SECONDS", TOKEN_LIFE_SECONDS))
            wait_ms = (life_s + 1) * 1000
        request = replace(request, parameters=self._tampered(request.parameters))
        self._stop_waiting = self.after(wait_ms, lambda: self._open(request, over))
        return self._stop_stream

    def release(self, how: str, status: str) -> None:
        """The TwiML ends the call."""
        self._by_twiml(how, status)

    def document_over(self) -> None:
        """Nothing is left to do: hang up."""
        self._by_twiml("twiml_end", "completed")

    # -- inside -----------------------------------------------------------------------------------

    def _fetched(self, outcome: Outcome) -> None:
        if isinstance(outcome, FetchFailed):
            self._application_error(outcome.code, outcome.text)
            return
        try:
            document = document_of(outcome)
        except TwimlError as problem:
            self._application_error(problem.code, problem.text)
            return
        self._interpreter.run(document)

    def _application_error(self, code: int, text: str) -> None:
        # fidelity: documented twilio.md 2.2 - without a fallback URL: an apology, then hangup
        self.warn(code, text)
        self._interpreter.stop()
        self.answer()
        length_ms = len(APOLOGY.split()) * MS_PER_WORD
        self.after(length_ms, lambda: self._end("twiml", "application_error", "completed"))

    def _open(self, request: StreamRequest, over: Then) -> None:
        host = request.url.removeprefix("wss://").partition("/")[0]
        if self._setup.connect == "never" or not same_host(host, self._host):
            self.stream_problem(31901, "Stream - WebSocket - Connection Timeout")
            self._stop_waiting = self.after(
                HANDSHAKE_TIMEOUT_MS, lambda: self._stream_over("network", over)
            )
            return
        self._stream = MediaStream(
            request,
            around=self._around,
            setup=self._setup,
            identity=self.identity,
            mouth=self._mouth,
            ear=self._ear,
            began=self._caller.begin,
            over=lambda by: self._stream_over(by, over),
        )
        self._stream.open(self._signer)
        if self._setup.connect == "hang_up":
            self.hang_up()

    def _stream_over(self, by: EndedBy, over: Then) -> None:
        if self.ended:
            return
        self._stream = None
        self._stream_ended_by = by
        over()

    def _stop_stream(self) -> None:
        stop_waiting, self._stop_waiting = self._stop_waiting, None
        if stop_waiting is not None:
            stop_waiting()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stop()

    def _tampered(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """The parameters as a stranger would send them: none, or with a token of the same shape."""
        if self._setup.token == "missing":  # noqa: S105 - the name of a fault
            return {}
        if self._setup.token != "forged":  # noqa: S105 - the name of a fault
            return parameters
        tokens = {name for name in parameters if "token" in name.lower()} or set(parameters)
        return {
            name: _forged(value) if name in tokens else value for name, value in parameters.items()
        }

    def _by_twiml(self, how: str, status: str) -> None:
        """The document ends the call; if only because its stream ended, say who ended that."""
        by: ReleasedBy = "twiml"
        if self._stream_ended_by == "bridge":
            by, how = "bridge", "stream_closed"
        elif self._stream_ended_by == "refused":
            by, how = "bridge", "stream_refused"
        elif self._stream_ended_by == "network":
            by, how = "network", "stream_lost"
        self._end(by, how, status)

    def _end(self, by: ReleasedBy, how: str, status: str) -> None:
        if self.ended:
            return
        self.ended = True
        self.status = status
        self._moments_ms["ended"] = self._timeline.now_ms
        self._webhooks.cancel()
        self._interpreter.stop()
        self._stop_stream()
        self._caller.stop()
        self._ear.stop()
        self._trace.record("phone", "ended", by=by, how=how, status=status)
        for do in self.on_end:
            do()


def _tone_of(room: Path | None) -> bytes:
    return b"" if room is None else load_clip(room).audio


def _forged(value: str) -> str:
    """Another value of the same alphabet and length."""
    forged = value[:-8] + value[-8:][::-1].swapcase()
    return forged if forged != value else value + "x"
