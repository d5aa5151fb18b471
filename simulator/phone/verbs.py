"""The TwiML verbs this Twilio knows: one small class each, listed in `VERBS`.

Owns what each verb does to the line. A new verb is a new class and its line in `VERBS`; whatever is
not listed there is skipped with warning 12200.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

from simulator.phone.signature import NO_FORM, Form

Stop = Callable[[], None]
Then = Callable[[], None]

MS_PER_WORD = 400.0
"""150 words a minute: how long `<Say>` takes."""
PLAY_MS = 3_000.0
"""How long a sound of unknown length takes; `<Play>` does not fetch it."""
DIGIT_MS = 500.0
LOOPS_MAX = 1000
"""Twilio's own most; also what loop="0" (for ever) means here."""
PARAMETER_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What `<Connect><Stream>` asks for; `url` is absolute and without a query."""

    url: str
    name: str
    parameters: Mapping[str, str]


class Line(Protocol):
    """What a verb may do to the call."""

    def after(self, delay_ms: float, then: Then) -> Stop:
        """Call `then` later, unless stopped."""
        ...

    def tell(self, verb: str, **attributes: str) -> None:
        """Record that a verb is carried out."""
        ...

    def warn(self, code: int, text: str) -> None:
        """Record a TwiML error or warning."""
        ...

    def stream_problem(self, code: int, text: str) -> None:
        """Record an error of a media stream that was not opened."""
        ...

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """Ask for a new document; this one is over."""
        ...

    def open_stream(self, request: StreamRequest, over: Then) -> Stop:
        """Open a media stream; `over` is called when the bridge or the network ends it."""
        ...

    def release(self, how: str, status: str) -> None:
        """End the call, by TwiML."""
        ...


class Verb(ABC):
    """One element of a document. `first` = nothing ran before it in this document."""

    attributes: ClassVar[frozenset[str]] = frozenset()
    answers: ClassVar[bool] = True
    """The call is answered before this verb runs."""

    def __init__(self, element: Element, url: str, *, first: bool) -> None:
        self.element = element
        self.url = url
        self.first = first

    @abstractmethod
    def run(self, line: Line, then: Then, /) -> Stop:
        """Begin; call `then` when the next verb may run. Returns what stops it early."""

    def number(self, name: str, default: int) -> int:
        """A whole number attribute; nonsense means the default."""
        text = self.element.get(name, "").strip()
        return int(text) if text.isascii() and text.isdigit() else default

    def loops(self) -> int:
        """How often to repeat: `loop`, where 0 is for ever."""
        return min(self.number("loop", 1) or LOOPS_MAX, LOOPS_MAX)


def _nothing() -> None:
    """Stop what is already over."""


class Say(Verb):
    """Speaks to the caller."""

    # fidelity: inferred twilio.md 3 - takes time by its words, 150 a minute
    attributes = frozenset({"voice", "language", "loop"})

    def run(self, line: Line, then: Then) -> Stop:
        """Last as long as the words take."""
        words = " ".join("".join(self.element.itertext()).split())
        line.tell("Say", text=words)
        return line.after(len(words.split()) * MS_PER_WORD * self.loops(), then)


class Play(Verb):
    """Plays a sound or digits."""

    # fidelity: inferred twilio.md 3 - a fixed length; the sound is not fetched
    attributes = frozenset({"loop", "digits"})

    def run(self, line: Line, then: Then) -> Stop:
        """Last as long as the digits, or a fixed time."""
        digits = self.element.get("digits", "")
        url = urljoin(self.url, (self.element.text or "").strip())
        line.tell("Play", **({"digits": digits} if digits else {"url": url}))
        length_ms = len(digits) * DIGIT_MS if digits else PLAY_MS
        return line.after(length_ms * self.loops(), then)


class Pause(Verb):
    """Waits."""

    # fidelity: documented twilio.md 3 - one second; as the first verb it delays the answer
    attributes = frozenset({"length"})
    answers = False

    def run(self, line: Line, then: Then) -> Stop:
        """Last `length` seconds."""
        length_s = self.number("length", 1)
        line.tell("Pause", length=str(length_s))
        return line.after(length_s * 1000.0, then)


class Hangup(Verb):
    """Ends the call."""

    # fidelity: documented twilio.md 3
    def run(self, line: Line, _then: Then) -> Stop:
        """Release the line; nothing follows."""
        line.tell("Hangup")
        line.release("hangup", "completed")
        return _nothing


class Reject(Verb):
    """Refuses the call before it is answered."""

    # fidelity: documented twilio.md 3 - busy or no-answer, and never answered, if it is first
    attributes = frozenset({"reason"})
    answers = False

    def run(self, line: Line, _then: Then) -> Stop:
        """Release the line, unanswered if possible; nothing follows."""
        reason = self.element.get("reason", "rejected")
        line.tell("Reject", reason=reason)
        if self.first:
            line.release("rejected", "busy" if reason == "busy" else "no-answer")
        else:
            line.release("hangup", "completed")
        return _nothing


class Redirect(Verb):
    """Goes on with another document."""

    # fidelity: documented twilio.md 3 - POST by default; later verbs are unreachable
    attributes = frozenset({"method"})

    def run(self, line: Line, _then: Then) -> Stop:
        """Fetch the other document; nothing of this one follows."""
        method = self.element.get("method", "POST").upper()
        target = (self.element.text or "").strip()
        line.tell("Redirect", url=target, method=method)
        line.fetch(urljoin(self.url, target), method, NO_FORM)
        return _nothing


class Connect(Verb):
    """Hands the caller to a media stream."""

    # fidelity: documented twilio.md 1.5 - blocks while the stream lives; then action or next verb
    attributes = frozenset({"action", "method"})
    stream_attributes = frozenset(
        {"url", "name", "track", "statusCallback", "statusCallbackMethod"}
        | {"connectorName", "audioFormat", "sampleRate"}
    )

    def run(self, line: Line, then: Then) -> Stop:
        """Open the stream, or skip to the next verb if it cannot be opened."""
        request = None
        for noun in self.element:
            if noun.tag != "Stream":
                line.warn(12200, f"Schema validation warning: {noun.tag} in Connect")
            elif request is None:
                request = self._request(noun, line)
        if request is None:
            return line.after(0.0, then)
        names = ",".join(request.parameters)
        line.tell("Connect", url=request.url, name=request.name, parameters=names)
        return line.open_stream(request, lambda: self._over(line, then))

    def _over(self, line: Line, then: Then) -> None:
        action = self.element.get("action")
        if action is None:
            then()
            return
        line.fetch(urljoin(self.url, action), self.element.get("method", "POST").upper(), NO_FORM)

    def _request(self, noun: Element, line: Line) -> StreamRequest | None:
        for name in sorted(set(noun.keys()) - self.stream_attributes):
            line.warn(12200, f"Schema validation warning: attribute {name} of Stream")
        track = noun.get("track", "inbound_track")
        if track != "inbound_track":
            line.stream_problem(31941, f"Stream - Invalid Track configuration: {track}")
            return None
        url = self._stream_url(noun.get("url", "").strip(), line)
        if url is None:
            return None
        return StreamRequest(url, noun.get("name", ""), _parameters(noun, line))

    def _stream_url(self, written: str, line: Line) -> str | None:
        # fidelity: documented twilio.md 1.1, 1.4 - relative or wss; 31922 scheme, 31923 malformed
        # fidelity: inferred twilio.md 1.1 - an unsupported query string is cut off, with 31920
        url = written
        if url and "://" not in url and self.url:
            url = "wss" + urljoin(self.url, url).removeprefix("https").removeprefix("http")
        try:
            parts = urlsplit(url)
            scheme, host, _ = parts.scheme, parts.hostname, parts.port
        except ValueError:
            scheme, host = "", None
        if scheme and scheme != "wss":
            line.stream_problem(31922, f"Stream - WebSocket - URL schema not supported: {scheme}")
            return None
        if not scheme or not host:
            line.stream_problem(31923, f"Stream - WebSocket - Malformed URL: {written!r}")
            return None
        if parts.query:
            line.stream_problem(31920, "Stream - WebSocket - query strings are not supported")
        return parts._replace(query="", fragment="").geturl()


def _parameters(noun: Element, line: Line) -> dict[str, str]:
    # fidelity: documented twilio.md 1.2 - name and value together under 500 characters
    # fidelity: inferred - a longer one is left out, with 12200
    parameters: dict[str, str] = {}
    for child in noun:
        name, value = child.get("name", ""), child.get("value", "")
        if child.tag != "Parameter" or not name:
            line.warn(12200, f"Schema validation warning: {child.tag} in Stream")
        elif len(name) + len(value) >= PARAMETER_CHARACTERS:
            line.warn(12200, f"Schema validation warning: Parameter {name} has 500 characters")
        else:
            parameters[name] = value
    return parameters


VERBS: Mapping[str, type[Verb]] = {
    verb.__name__: verb for verb in (Say, Play, Pause, Connect, Hangup, Reject, Redirect)
}
