"""The line, as the verbs of a document use it.

Owns who of the call's parts carries out what a verb asks for. Decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.phone.documents import Documents
from simulator.phone.identity import Identity
from simulator.phone.legs import Legs
from simulator.phone.signature import Form
from simulator.phone.streams import Streams
from simulator.phone.surroundings import Surroundings
from simulator.phone.verbs.verb import (
    CallerListener,
    DialRequest,
    DialResult,
    Stop,
    StreamRequest,
    Then,
    nothing,
)
from simulator.scenario.format import PhoneSetup


class LineOwner(Protocol):
    """The call, as its line sees it."""

    def answer(self) -> None:
        """Take the call, if that has not happened yet."""
        ...

    def warn(self, code: int, text: str) -> None:
        """The document has a fault."""
        ...

    def begin_caller(self) -> None:
        """The caller hears and can be heard."""
        ...

    def end_by_twiml(self, how: str, status: str) -> None:
        """The document ends the call."""
        ...


class PhoneLine:
    """One call's line."""

    def __init__(
        self,
        owner: LineOwner,
        *,
        around: Surroundings,
        setup: PhoneSetup,
        identity: Identity,
        documents: Documents,
        streams: Streams,
    ) -> None:
        self.listener: CallerListener | None = None
        self._owner = owner
        self._around = around
        self._setup = setup
        self._identity = identity
        self._documents = documents
        self._streams = streams
        self._answers = list(setup.gather)

    def after(self, delay_ms: float, then: Then) -> Stop:
        """Call `then` later, unless stopped."""
        return self._around.timeline.after(delay_ms, then).cancel

    def answer(self) -> None:
        """Take the call."""
        self._owner.answer()

    def tell(self, verb: str, **attributes: str) -> None:
        """A verb is carried out; after a stream, any but `<Hangup>` is the TwiML's own doing."""
        self._around.trace.record("phone", "twiml", verb=verb, **attributes)
        if verb != "Hangup":
            self._streams.ended_by = None

    def warn(self, code: int, text: str) -> None:
        """The document has a fault."""
        self._owner.warn(code, text)

    def give_up(self, code: int, text: str) -> None:
        """The document cannot go on."""
        self._documents.fail(code, text, "")

    def stream_problem(self, code: int, text: str) -> None:
        """A stream cannot be opened as asked."""
        self._streams.problem(code, text)

    def sound(self, audio: bytes, lasts_ms: float) -> Stop:
        """Let streams which listen hear what the caller does."""
        return self._streams.sound(audio, lasts_ms)

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """Go on with another document."""
        self._documents.fetch(url, method, extra)

    def open_stream(self, request: StreamRequest, over: Then) -> Stop:
        """Open the stream both ways."""
        return self._streams.connect(request, over)

    def start_stream(self, request: StreamRequest) -> None:
        """Open a stream which only listens."""
        self._streams.start(request)

    def stop_stream(self, name: str) -> bool:
        """Stop a stream which only listens."""
        return self._streams.stop(name)

    def listen(self, listener: CallerListener) -> Stop:
        """Tell `listener` what the caller does."""
        self.listener = listener
        self._owner.begin_caller()

        def stop() -> None:
            if self.listener is listener:
                self.listener = None

        return stop

    def gathered(self) -> str:
        """The scenario's next answer to a question."""
        return self._answers.pop(0) if self._answers else ""

    def dial(self, request: DialRequest, done: Callable[[DialResult], None]) -> Stop:
        """Ring somebody else."""
        stop_listening: Stop = nothing

        def over(result: DialResult) -> None:
            stop_listening()
            done(result)

        legs = Legs(
            request,
            setup=self._setup,
            identity=self._identity,
            timeline=self._around.timeline,
            trace=self._around.trace,
            rng=self._around.rng,
            courier=self._around.courier,
            bridged=self._owner.answer,
            done=over,
        )
        stop_listening = self.listen(_Star(legs) if request.hangup_on_star else _Nobody())
        legs.ring()

        def stop() -> None:
            stop_listening()
            legs.stop()

        return stop

    def release(self, how: str, status: str) -> None:
        """The document ends the call."""
        self._owner.end_by_twiml(how, status)

    def document_over(self) -> None:
        """Nothing is left to do: hang up."""
        self._owner.end_by_twiml("twiml_end", "completed")


class _Nobody:
    """Listens to a caller who talks to somebody else."""

    def pressed(self, _digit: str) -> None:
        """Not for us."""

    def speech_began(self) -> None:
        """Not for us."""

    def speech_ended(self, _words: str) -> None:
        """Not for us."""


class _Star(_Nobody):
    """Waits for the star that ends a talk."""

    def __init__(self, legs: Legs) -> None:
        self._legs = legs

    def pressed(self, digit: str) -> None:
        """Star: enough."""
        if digit == "*":
            self._legs.hang_up()
