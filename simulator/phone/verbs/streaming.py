"""The verbs about media streams: Connect (both ways, blocking), Start and Stop (listening only).

Owns what a `<Stream>` may ask for. Opening one is the line's business.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import SplitResult, urlsplit
from xml.etree.ElementTree import Element

from simulator.phone.http import resolve
from simulator.phone.verbs.attributes import METHOD, TEXT, URL, Attributes, read, schema_warning
from simulator.phone.verbs.verb import Line, Stop, StreamRequest, Then, Verb

PARAMETER_CHARACTERS = 500
STREAM: Attributes = {
    "url": TEXT,
    "name": TEXT,
    "track": TEXT,
    "statusCallback": URL,
    "statusCallbackMethod": METHOD,
    "connectorName": TEXT,
    "audioFormat": TEXT,
    "sampleRate": TEXT,
}
# fidelity: documented twilio.md 1.2, 1.4 - the tracks of each kind of stream
TRACKS = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}


class Connect(Verb):
    """Hands the caller to a media stream."""

    # fidelity: documented twilio.md 1.5 - blocks while the stream lives; then action or next verb
    attributes: ClassVar[Attributes] = {"action": URL, "method": METHOD}

    def run(self, then: Then) -> Stop:
        """Open the stream, or skip to the next verb if it cannot be opened."""
        request = stream_request(self.element, self.url, self.line, both_ways=True)
        if request is None:
            return self.line.after(0.0, then)
        names = ",".join(request.parameters)
        self.line.tell("Connect", url=request.url, name=request.name, parameters=names)
        return self.line.open_stream(request, lambda: self._over(then))

    def _over(self, then: Then) -> None:
        action = self.given.get("action")
        if action is None:
            then()
        else:
            self.go_to(action, self.method())


class Start(Verb):
    """Lets a media stream listen while the document goes on."""

    # fidelity: documented twilio.md 1.5 - does not block; the call ends if nothing follows
    attributes: ClassVar[Attributes] = {"action": URL, "method": METHOD}

    def run(self, then: Then) -> Stop:
        """Open the stream and go on."""
        request = stream_request(self.element, self.url, self.line, both_ways=False)
        if request is not None:
            tracks = ",".join(request.tracks)
            self.line.tell("Start", url=request.url, name=request.name, tracks=tracks)
            self.line.start_stream(request)
        return self.line.after(0.0, then)


class Stop_(Verb):  # noqa: N801 - `Stop` is what stops a verb
    """Ends a media stream that only listens."""

    # fidelity: documented twilio.md 1.5 - by name; a stream both ways cannot be stopped so
    def run(self, then: Then) -> Stop:
        """End it and go on."""
        for noun in self.element:
            if noun.tag != "Stream":
                _wrong_noun(noun, self.element, self.line)
                continue
            name = read(noun, STREAM, self.line.warn).get("name", "")
            self.line.tell("Stop", name=name)
            if not self.line.stop_stream(name):
                what = f"<Stop><Stream> names no listening stream of this call: {name!r}"
                schema_warning(self.line.warn, f"{what}. Use the name given in <Start><Stream>")
        return self.line.after(0.0, then)


def stream_request(
    verb: Element, base: str, line: Line, *, both_ways: bool
) -> StreamRequest | None:
    """What the first usable `<Stream>` of `verb` asks for; why not is told to the line."""
    request = None
    nouns = 0
    for noun in verb:
        if noun.tag != "Stream":
            _wrong_noun(noun, verb, line)
            continue
        nouns += 1
        if nouns == 1:
            request = _request(noun, base, line, both_ways=both_ways)
        else:
            schema_warning(line.warn, f"<{verb.tag}> has more than one <Stream>. Only one is used")
    if not nouns:
        what = f"<{verb.tag}> holds no <Stream>. This Twilio knows no other noun"
        schema_warning(line.warn, f"{what}; it is skipped")
    return request


def _wrong_noun(noun: Element, verb: Element, line: Line) -> None:
    what = f"<{noun.tag}> in <{verb.tag}> is not known here, only <Stream>. It is skipped"
    schema_warning(line.warn, what)


def _request(noun: Element, base: str, line: Line, *, both_ways: bool) -> StreamRequest | None:
    given = read(noun, STREAM, line.warn)
    track = given.get("track", "inbound_track")
    allowed = ["inbound_track"] if both_ways else list(TRACKS)
    if track not in allowed:
        # fidelity: documented twilio.md 1.4 - 31941
        line.stream_problem(
            31941,
            f"Stream - Invalid Track configuration: track={track[:80]!r} came, and "
            f"{' or '.join(allowed)} was expected. The stream is not opened",
        )
        return None
    url = stream_url(given.get("url", ""), base, line)
    if url is None:
        return None
    callback = given.get("statusCallback", "")
    if callback and urlsplit(callback).scheme not in ("http", "https"):
        # fidelity: documented twilio.md 1.5 - the status callback of a stream is absolute
        what = f"statusCallback={callback[:200]!r} of <Stream> is not absolute"
        schema_warning(line.warn, f"{what}. It is not used; write the whole URL")
        callback = ""
    return StreamRequest(
        url,
        given.get("name", ""),
        _parameters(noun, line),
        tracks=TRACKS[track],
        both_ways=both_ways,
        status_callback=callback,
        status_callback_method=given.get("statusCallbackMethod", "POST").upper(),
    )


def stream_url(written: str, base: str, line: Line) -> str | None:
    """The stream's URL, absolute; None if it is unusable, which is told to the line."""
    # fidelity: documented twilio.md 1.1, 1.4 - relative or wss; 31922 scheme, 31923 malformed
    # fidelity: inferred twilio.md 1.1 - an unsupported query string is cut off, with 31920
    url = written
    if url and "://" not in url and base:
        url = "wss" + resolve(base, url).removeprefix("https").removeprefix("http")
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    if scheme and scheme != "wss":
        line.stream_problem(
            31922,
            f"Stream - WebSocket - URL schema not supported: {scheme}:// came, and wss:// was "
            f"expected. Write the stream's URL with wss{_told_where_it_is(parts)}",
        )
        return None
    if not scheme or not host:
        line.stream_problem(
            31923,
            f"Stream - WebSocket - Malformed URL: {written[:200]!r} came, and "
            "wss://host/path was expected",
        )
        return None
    if parts.query:
        line.stream_problem(
            31920,
            "Stream - WebSocket - Handshake Error: the URL has a query string, which streams do "
            "not support. It is cut off; use <Parameter> instead",
        )
    return parts._replace(query="", fragment="").geturl()


def _told_where_it_is(parts: SplitResult) -> str:
    """What helps a bridge that made its URL of a request without TLS."""
    if parts.scheme != "ws":
        return ""
    public = f"https://{parts.netloc[:200]}"
    return (
        "; a bridge behind plain HTTP must be told its public https URL, ours by "
        f"PUBLIC_URL={public}"
    )


def _parameters(noun: Element, line: Line) -> dict[str, str]:
    # fidelity: documented twilio.md 1.2 - name and value together under 500 characters
    # fidelity: inferred twilio.md 1.2 - a longer one is left out, with 12200
    parameters: dict[str, str] = {}
    for child in noun:
        name, value = child.get("name", ""), child.get("value", "")
        if child.tag != "Parameter" or not name:
            what = f"<{child.tag}> in <Stream> is no <Parameter name=… value=…>"
            schema_warning(line.warn, f"{what}. It is skipped")
        elif len(name) + len(value) >= PARAMETER_CHARACTERS:
            what = f"<Parameter> {name[:80]} has {len(name) + len(value)} characters"
            schema_warning(line.warn, f"{what}, and less than 500 are allowed. It is left out")
        else:
            parameters[name] = value
    return parameters
