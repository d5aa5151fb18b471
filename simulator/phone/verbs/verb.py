"""What every verb of TwiML is made of, and what it may do to the line.

Owns the seam between verbs and the call. Knows no verb by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from simulator.phone.http import resolve
from simulator.phone.signature import NO_FORM, Form
from simulator.phone.verbs.attributes import Attributes, read

Stop = Callable[[], None]
Then = Callable[[], None]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a `<Stream>` asks for; `url` is absolute and without a query.

    `tracks` are out of "inbound" and "outbound". `both_ways`: the bridge may send audio.
    """

    url: str
    name: str
    parameters: Mapping[str, str]
    tracks: tuple[str, ...] = ("inbound",)
    both_ways: bool = True
    status_callback: str = ""
    status_callback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class Callee:
    """One noun of a `<Dial>`: `kind` is Number, Client, Sip, Conference or Queue."""

    kind: str
    to: str
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class DialRequest:
    """Whom to ring, all at once; who answers first is connected."""

    callees: tuple[Callee, ...]
    timeout_s: int
    time_limit_s: int
    caller_id: str
    hangup_on_star: bool


@dataclass(frozen=True, slots=True)
class DialResult:
    """How it went: `status` completed, answered, busy, no-answer, failed or canceled."""

    status: str
    sid: str
    duration_s: int
    bridged: bool


class CallerListener(Protocol):
    """Someone who listens to what the caller does."""

    def pressed(self, digit: str) -> None:
        """A key."""
        ...

    def speech_began(self) -> None:
        """The caller begins to speak."""
        ...

    def speech_ended(self, words: str) -> None:
        """The caller has said `words`."""
        ...


class Line(Protocol):
    """What a verb may do to the call."""

    def after(self, delay_ms: float, then: Then) -> Stop:
        """Call `then` later, unless stopped."""
        ...

    def answer(self) -> None:
        """Take the call, if that has not happened yet."""
        ...

    def tell(self, verb: str, **attributes: str) -> None:
        """Record that a verb is carried out."""
        ...

    def warn(self, code: int, text: str) -> None:
        """Record a TwiML error or warning."""
        ...

    def give_up(self, code: int, text: str) -> None:
        """The document cannot go on: the fallback, or an apology and the end."""
        ...

    def stream_problem(self, code: int, text: str) -> None:
        """Record an error of a media stream that was not opened."""
        ...

    def sound(self, audio: bytes, lasts_ms: float) -> Stop:
        """Let the caller hear `audio`, over and over, for so long, unless stopped."""
        ...

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """Ask for a new document; this one is over."""
        ...

    def open_stream(self, request: StreamRequest, over: Then) -> Stop:
        """Open a stream both ways; `over` is called when the bridge or the network ends it."""
        ...

    def start_stream(self, request: StreamRequest) -> None:
        """Open a stream which only listens, beside whatever else happens."""
        ...

    def stop_stream(self, name: str) -> bool:
        """End a stream which only listens, by its name; False = there is none."""
        ...

    def listen(self, listener: CallerListener) -> Stop:
        """Tell `listener` what the caller does; the caller may act from now on."""
        ...

    def gathered(self) -> str:
        """What the scenario has the caller answer to this question: keys, words, or nothing."""
        ...

    def dial(self, request: DialRequest, done: Callable[[DialResult], None]) -> Stop:
        """Ring somebody else."""
        ...

    def release(self, how: str, status: str) -> None:
        """End the call, by TwiML."""
        ...


class Verb(ABC):
    """One element of a document. `first` = nothing ran before it in this document."""

    attributes: ClassVar[Attributes] = {}

    def __init__(self, element: Element, url: str, line: Line, *, first: bool = False) -> None:
        self.element = element
        self.url = url
        self.line = line
        self.first = first
        self.given = read(element, self.attributes, line.warn)

    @property
    def answers(self) -> bool:
        """The call is answered before this verb runs."""
        return True

    @abstractmethod
    def run(self, then: Then, /) -> Stop:
        """Begin; call `then` when the next verb may run. Returns what stops it early."""

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self.given.get(name, default))

    def flag(self, name: str) -> bool:
        """True or false; false by default."""
        return self.given.get(name, "").lower() == "true"

    def method(self, name: str = "method") -> str:
        """GET or POST; POST by default."""
        return self.given.get(name, "POST").upper()

    def go_to(self, written: str, method: str, extra: Form = NO_FORM) -> None:
        """Go on with the document at `written`, relative to this one's URL."""
        # fidelity: documented twilio.md 3 - 15004: without a URL nothing can be relative
        url = resolve(self.url, written)
        if not self.url and not _absolute(url):
            self.line.give_up(
                15004,
                f"<{self.element.tag}> leads to {written[:200]!r}, which is relative, and a "
                "document given over REST has no URL. Write the whole URL",
            )
            return
        self.line.fetch(url, method, extra)


def _absolute(url: str) -> bool:
    try:
        return bool(urlsplit(url).scheme)
    except ValueError:
        return True


def nothing() -> None:
    """Stop what is already over."""
