"""Reads a TwiML document: bounded, without entities, into its verbs.

Owns what counts as a document. What a verb does is `verbs`' business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from simulator.phone.webhook import Fetched

DOCUMENT_BYTES_MAX = 64 * 1024
BEGINNING_BYTES = 40
"""How much of a broken document is shown."""
TWIML_TYPES = frozenset({"text/xml", "application/xml", "text/html"})


class TwimlError(Exception):
    """A document Twilio cannot use, with Twilio's error code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Document:
    """Verbs in order. `url` is what relative URLs resolve against, "" if there is none."""

    url: str
    verbs: tuple[Element, ...]


class _Builder(TreeBuilder):
    """Refuses a DOCTYPE, and with it every entity a document could define."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        text = f"Document parse failure: a DOCTYPE ({name}) came. Leave it out; TwiML has none"
        raise TwimlError(12100, text)


def parse(body: bytes, url: str = "") -> Document:
    """The document in `body`.

    Raises:
        TwimlError: it is too large, not XML, or its root is not `Response`.
    """
    # fidelity: documented twilio.md 2.2, 3 - malformed XML is 12100; names are case-sensitive
    if len(body) > DOCUMENT_BYTES_MAX:
        text = f"TwiML response body too large: {len(body)} bytes came. Send at most 64 kB"
        raise TwimlError(11750, text)
    parser = XMLParser(target=_Builder())  # noqa: S314 - bounded above, entities refused by _Builder
    try:
        parser.feed(body)
        root: Element = parser.close()
    except ParseError as error:
        what = f"{error}. It begins {_beginning(body)}" if body.strip() else "the body is empty"
        text = f"Document parse failure: {what}. Well-formed XML was expected: <Response>…"
        raise TwimlError(12100, text) from error
    if root.tag != "Response":
        text = (
            f"Document parse failure: the root is <{root.tag}>, and <Response> was expected. "
            "Put the verbs into <Response>"
        )
        raise TwimlError(12100, text)
    return Document(url, tuple(root))


def _beginning(body: bytes) -> str:
    return repr(body[:BEGINNING_BYTES].decode("utf-8", "replace"))


def _say(body: bytes, url: str) -> Document:
    say = Element("Say")
    say.text = body.decode("utf-8", "replace")
    return Document(url, (say,))


def _play(_body: bytes, url: str) -> Document:
    play = Element("Play")
    play.text = url
    return Document(url, (play,))


def document_of(fetched: Fetched) -> Document:
    """The document in a webhook's answer, by its content type.

    Raises:
        TwimlError: the content type or the document is unusable.
    """
    # fidelity: documented twilio.md 2.1 - XML types are TwiML, text/plain is said, audio is played
    # fidelity: inferred twilio.md 2.1 - 12300 without a usable content type
    answer = fetched.answer
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    reader: Callable[[bytes, str], Document]
    if kind in TWIML_TYPES:
        reader = parse
    elif kind == "text/plain":
        reader = _say
    elif kind.startswith("audio/"):
        reader = _play
    else:
        text = (
            f"Invalid Content-Type: {kind or 'none'} came, and text/xml was expected. Set the "
            "header of the answer"
        )
        raise TwimlError(12300, text)
    return reader(answer.body, fetched.url)
