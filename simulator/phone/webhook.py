"""Sends Twilio's requests to the bridge, with its headers, patience, redirects and error codes.

Owns the HTTP manners of a webhook. Knows no TwiML: the answer is handed on as it came.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from simulator.phone.http import (
    Answer,
    Exchange,
    NoAnswer,
    Request,
    authority,
    proxy_headers,
    resolve,
)
from simulator.phone.overrides import Overrides
from simulator.phone.signature import NO_FORM, Form, Signer
from simulator.timeline import Timeline
from simulator.trace import Trace
from simulator.wire import Connect, Origin

REDIRECTS_MAX = 10
FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECTION_LOST = frozenset({"reset", "refused", "timeout", "connect_timeout"})

Kind = Literal["webhook", "callback"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A 2xx answer and the URL it came from."""

    answer: Answer
    url: str


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """Twilio's error code, and in plain words what came, what was expected and what to do."""

    code: int
    text: str
    url: str


Outcome = Fetched | FetchFailed

_RETRIEVAL, _CONNECTION = "HTTP retrieval failure", "HTTP connection failure"
_CERTIFICATE = "Certificate invalid"
_SOONER = "Answer sooner; do slow work after answering"
_RUNNING = "Check that the bridge is running"
_NO_ANSWER = {
    "timeout": (11200, f"{_RETRIEVAL}: no complete answer within {{total}} ms. {_SOONER}"),
    "read_timeout": (11200, f"{_RETRIEVAL}: nothing came for {{read}} ms. {_SOONER}"),
    "eof": (11200, f"{_RETRIEVAL}: the connection closed in mid-answer. Send all of it first"),
    "broken": (11200, f"{_RETRIEVAL}: what came is not HTTP/1.1. Serve HTTP at this address"),
    "too_long": (11750, "TwiML response body too large: more than 64 kB came. Send less"),
    "reset": (11205, f"{_CONNECTION}: the connection was reset. {_RUNNING}"),
    "refused": (11205, f"{_CONNECTION}: the connection was refused. {_RUNNING} at this port"),
    "connect_timeout": (11205, f"{_CONNECTION}: none came up in {{connect}} ms. {_RUNNING}"),
    "unresolved": (11210, "HTTP bad host name: the host cannot be found. Check the address"),
    "tls": (11220, "TLS handshake failure. Serve https, with a certificate which all trust"),
    "tls_hostname": (11235, f"{_CERTIFICATE}: it is for another host. Get one for this name"),
    "tls_expired": (11236, f"{_CERTIFICATE}: it is not valid at this time. Renew it"),
    "tls_untrusted": (11237, f"{_CERTIFICATE}: no known authority made it. Send its whole chain"),
}
# fidelity: documented twilio.md 2.2 - 11200 retrieval, 11205 connection, 11210 host, 11220 TLS
# fidelity: inferred twilio.md 2.2 - 11750 above 64 kB; which of 11235, 11236 and 11237 means what


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a request to the bridge needs of its surroundings."""

    timeline: Timeline
    trace: Trace
    connect: Connect
    signer: Signer


class Fetch:
    """One request with its retries and redirects; `done` is called once, later, unless cancelled.

    `shown` are fields for the trace, where the request and its answers are `phone.KIND_sent` and
    `phone.KIND_answered`.
    """

    def __init__(
        self,
        out: Outgoing,
        method: str,
        url: str,
        form: Form,
        done: Callable[[Outcome], None],
        *,
        kind: Kind = "webhook",
        shown: Mapping[str, object] | None = None,
    ) -> None:
        self._out = out
        self._done = done
        self._kind = kind
        self._shown = dict(shown or {})
        self._overrides = Overrides() if _unusable(url) else Overrides.of(url)
        self._deadline_ms = out.timeline.now_ms + self._overrides.total_ms
        self._retries = self._redirects = 0
        self._authorized = self._cancelled = False
        self._exchange: Exchange | None = None
        self._ask(method, url, form)

    def cancel(self) -> None:
        """Give up; `done` will not be called."""
        self._cancelled = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.cancel()

    def _ask(self, method: str, url: str, form: Form) -> None:
        problem = _unusable(url)
        if problem:
            failed = FetchFailed(11210, f"HTTP bad host name: {problem}. Check the address", url)
            self._out.timeline.after(0.0, lambda: None if self._cancelled else self._done(failed))
            return
        request = self._request(method, url, form)
        path = urlsplit(url).path or "/"
        self._out.trace.record(
            "phone", f"{self._kind}_sent", method=method, path=path, **self._shown
        )
        self._exchange = Exchange(
            request,
            timeline=self._out.timeline,
            connect=self._out.connect,
            patience=self._overrides.patience(self._deadline_ms - self._out.timeline.now_ms),
            done=lambda outcome: self._answered(method, url, form, outcome),
        )

    def _request(self, method: str, url: str, form: Form) -> Request:
        # fidelity: observed twilio.md 2.1 - headers; GET has the form in its query, and signs it
        parts = urlsplit(url)
        body = b""
        if method == "GET":
            query = "&".join(filter(None, [parts.query, urlencode(form)]))
            url, signed = urlunsplit(parts._replace(query=query)), NO_FORM
        else:
            body, signed = urlencode(form).encode(), form
        url = urlunsplit(urlsplit(url)._replace(fragment=""))
        headers = {"user-agent": "TwilioProxy/1.1"}
        if method != "GET":
            headers |= {"content-length": str(len(body)), "content-type": FORM_TYPE}
        headers |= {
            "accept": "*/*",
            "accept-encoding": "gzip",
            "x-home-region": "us1",
            "x-twilio-service-flow-event": quote('{"service":"voice"}'),
            **self._out.signer.headers(url, signed),
            **proxy_headers(url),
        }
        if self._retries:
            # fidelity: inferred twilio.md 2.1 - retries carry a token, the first attempt none
            headers["i-twilio-idempotency-token"] = _token(url, form)
        if self._authorized:
            headers["authorization"] = _basic(parts.username or "", parts.password or "")
        return Request(method, url, headers, body)

    def _answered(self, method: str, url: str, form: Form, outcome: Answer | NoAnswer) -> None:
        self._exchange = None
        name = f"{self._kind}_answered"
        if isinstance(outcome, NoAnswer):
            self._out.trace.record("phone", name, status=0, problem=outcome.why, **self._shown)
            self._unanswered(method, url, form, outcome.why)
            return
        status = outcome.status
        self._out.trace.record("phone", name, status=status, **self._shown)
        if status in REDIRECTS and "location" in outcome.headers:
            self._redirect(url, outcome.headers["location"])
        elif 200 <= status < 300:
            self._done(Fetched(outcome, url))
        elif status == 401 and "@" in urlsplit(url).netloc and not self._authorized:
            # fidelity: documented twilio.md 2.1 - user and password are shown only when asked for
            self._authorized = True
            self._ask(method, url, form)
        elif self._may_retry(f"{status // 100}xx"):
            self._ask(method, url, form)
        else:
            text = (
                f"HTTP retrieval failure: {method} {_shown(url)} was answered with status "
                f"{status}, and 200 with a document was expected. Look for this request in the "
                "bridge's log"
            )
            self._done(FetchFailed(11200, text, url))

    def _unanswered(self, method: str, url: str, form: Form, why: str) -> None:
        # fidelity: documented twilio.md 2.2 - by default one retry, of failed connections
        connecting = why in CONNECTION_LOST and not (why == "timeout" and self._out_of_time)
        policy = "ct" if connecting else "rt" if why == "read_timeout" else ""
        if policy and self._may_retry(policy):
            self._ask(method, url, form)
            return
        known = why if why in _NO_ANSWER else "tls" if why.startswith("tls") else "reset"
        if why == "timeout" and connecting:
            known = "connect_timeout"
        code, text = _NO_ANSWER[known]
        limits = self._overrides
        text = text.format(total=limits.total_ms, read=limits.read_ms, connect=limits.connect_ms)
        self._done(FetchFailed(code, f"{text}. The request was {method} {_shown(url)}", url))

    @property
    def _out_of_time(self) -> bool:
        return self._out.timeline.now_ms >= self._deadline_ms - 1.0

    def _may_retry(self, policy: str) -> bool:
        if policy not in self._overrides.retry_on or self._retries >= self._overrides.retries:
            return False
        if self._out_of_time:
            return False
        self._retries += 1
        return True

    def _redirect(self, url: str, location: str) -> None:
        # fidelity: documented twilio.md 2.1 - followed with GET, the form is lost
        # fidelity: inferred twilio.md 2.2 - 11215 after ten
        self._redirects += 1
        if self._redirects > REDIRECTS_MAX:
            text = (
                f"HTTP too many redirects: more than {REDIRECTS_MAX}, the last one from "
                f"{_shown(url)} to {location[:200]!r}. Answer with the document"
            )
            self._done(FetchFailed(11215, text, url))
            return
        self._ask("GET", resolve(url, location), NO_FORM)


def _unusable(url: str) -> str:
    """Why nothing can be asked of `url`; "" if something can."""
    try:
        Origin.of(url)
    except ValueError as error:
        return f"{url[:200]!r}: {error}"
    if urlsplit(url).scheme not in ("http", "https"):
        return f"{url[:200]!r} is no http or https address"
    return ""


def _shown(url: str) -> str:
    """A URL for people: without user, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, authority(url), parts.path, "", ""))


def _token(url: str, form: Form) -> str:
    """A UUID which is the same for every attempt of one request."""
    digest = hashlib.sha256(f"{url}{form}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _basic(user: str, password: str) -> str:
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    return "Basic " + base64.b64encode(pair).decode()
