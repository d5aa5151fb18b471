"""Fetches TwiML from the bridge with Twilio's headers, patience, redirects and error codes.

Owns the HTTP manners of a voice webhook. Knows no TwiML: the answer is handed on as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

from simulator.phone.http import PROXY_HEADERS, Answer, Connect, Exchange, NoAnswer, Request
from simulator.phone.signature import NO_FORM, Form, Signer
from simulator.timeline import Timeline
from simulator.trace import Trace

TOTAL_TIMEOUT_MS = 15_000.0
RETRIES_MAX = 1
REDIRECTS_MAX = 10
FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A 2xx answer and the URL it came from."""

    answer: Answer
    url: str


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """Twilio's error code and its meaning."""

    code: int
    text: str


Outcome = Fetched | FetchFailed

_NO_ANSWER = {
    "timeout": FetchFailed(11200, "HTTP retrieval failure: no answer within 15 s"),
    "eof": FetchFailed(11200, "HTTP retrieval failure: the connection closed without an answer"),
    "broken": FetchFailed(11200, "HTTP retrieval failure: not an HTTP answer"),
    "too_long": FetchFailed(11750, "TwiML response body too large"),
    "reset": FetchFailed(11205, "HTTP connection failure"),
}
# fidelity: documented twilio.md 2.2 - 11200 retrieval, 11205 connection failure
# fidelity: inferred - 11750 above 64 kB


def same_host(netloc: str, host: str) -> bool:
    """Whether a URL's authority is the bridge's public host, with or without the standard port."""
    return netloc.lower().removesuffix(":443") == host.lower().removesuffix(":443")


class Webhooks:
    """Fetches for one call; at most one fetch is under way."""

    def __init__(
        self, *, timeline: Timeline, trace: Trace, connect: Connect, host: str, signer: Signer
    ) -> None:
        self._timeline = timeline
        self._trace = trace
        self._connect = connect
        self._host = host
        self._signer = signer
        self._exchange: Exchange | None = None

    def fetch(self, method: str, url: str, form: Form, done: Callable[[Outcome], None]) -> None:
        """Ask `url`; `done` is called once, later."""
        self.cancel()
        self._deadline_ms = self._timeline.now_ms + TOTAL_TIMEOUT_MS
        self._retries = self._redirects = 0
        self._done = done
        self._ask(method, url, form)

    def cancel(self) -> None:
        """Give the fetch under way up; its `done` will not be called."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.cancel()

    def _ask(self, method: str, url: str, form: Form) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not same_host(parts.netloc, self._host):
            failed = FetchFailed(11210, f"HTTP bad host name: {parts.scheme}://{parts.netloc}")
            self._timeline.after(0.0, lambda: self._done(failed))
            return
        request = self._request(method, url, form)
        self._trace.record("phone", "webhook_sent", method=method, path=parts.path or "/")
        self._exchange = Exchange(
            request,
            timeline=self._timeline,
            connect=self._connect,
            timeout_ms=self._deadline_ms - self._timeline.now_ms,
            done=lambda outcome: self._answered(method, url, form, outcome),
        )

    def _request(self, method: str, url: str, form: Form) -> Request:
        # fidelity: observed twilio.md 2.1 - headers; GET has the form in its query, and signs it
        parts = urlsplit(url)
        body = b""
        if method == "GET":
            query = "&".join(filter(None, [parts.query, urlencode(form)]))
            url, form = urlunsplit(parts._replace(query=query)), NO_FORM
        else:
            body = urlencode(form).encode()
        url = urlunsplit(urlsplit(url)._replace(fragment=""))
        headers = {"user-agent": "TwilioProxy/1.1"}
        if method != "GET":
            headers |= {"content-length": str(len(body)), "content-type": FORM_TYPE}
        headers |= {
            "accept": "*/*",
            "accept-encoding": "gzip",
            "x-home-region": "us1",
            "x-twilio-service-flow-event": quote('{"service":"voice"}'),
            **self._signer.headers(url, form),
            **PROXY_HEADERS,
            "x-forwarded-host": self._host,
        }
        return Request(method, url, headers, body)

    def _answered(self, method: str, url: str, form: Form, outcome: Answer | NoAnswer) -> None:
        self._exchange = None
        if isinstance(outcome, NoAnswer):
            self._trace.record("phone", "webhook_answered", status=0, problem=outcome.why)
            # fidelity: documented twilio.md 2.2 - by default one retry, of failed connections
            if outcome.why == "reset" and self._retries < RETRIES_MAX:
                self._retries += 1
                self._ask(method, url, form)
                return
            self._done(_NO_ANSWER[outcome.why])
            return
        self._trace.record("phone", "webhook_answered", status=outcome.status)
        if outcome.status in REDIRECTS and "location" in outcome.headers:
            self._redirect(url, outcome.headers["location"])
        elif 200 <= outcome.status < 300:
            self._done(Fetched(outcome, url))
        else:
            self._done(FetchFailed(11200, f"HTTP retrieval failure: status {outcome.status}"))

    def _redirect(self, url: str, location: str) -> None:
        # fidelity: documented twilio.md 2.1 - followed with GET, the form is lost
        # fidelity: inferred - 11215 after ten
        self._redirects += 1
        if self._redirects > REDIRECTS_MAX:
            self._done(FetchFailed(11215, "HTTP too many redirects"))
            return
        self._ask("GET", urljoin(url, location), NO_FORM)
