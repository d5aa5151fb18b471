"""Twilio's REST API, as far as one running call needs it: fetch the call, end it, redirect it.

Owns authentication, answers and error objects. Ending and redirecting are the call's own doing.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import urlsplit

from simulator.phone.identity import Identity
from simulator.phone.signature import Form
from simulator.phone.twiml import Document, TwimlError, parse
from simulator.trace import Trace

Answer = tuple[int, dict[str, str], bytes]
Fields = Mapping[str, list[str]]

HOST = "api.twilio.com"
API = "/2010-04-01/Accounts/"
LOST: Answer = (0, {}, b"")
"""No answer ever comes (status 0, which no server sends)."""
TWIML_CHARACTERS = 4000
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When the simulated world begins."""

MESSAGES = {
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {path} was not found"),
    20429: (429, "Too many requests"),
    20500: (500, "Internal server error"),
    20503: (503, "Service unavailable"),
    21205: (400, "Url parameter is not valid"),
    21220: (400, "Call is not in-progress. Cannot redirect."),
}
# fidelity: documented twilio.md 4.1 - 20001, 20003, 20404, 20429, 21205, 21220
# fidelity: inferred - 20004, 20500 and 20503 bodies
SUBRESOURCES = (
    "notifications",
    "recordings",
    "payments",
    "events",
    "siprec",
    "streams",
    "transcriptions",
    "user_defined_messages",
    "user_defined_message_subscriptions",
)


class CallControl(Protocol):
    """What the API may do with the call."""

    @property
    def status(self) -> str:
        """ringing, in-progress, completed, ..."""
        ...

    @property
    def times_ms(self) -> tuple[float, float | None, float | None]:
        """When it rang, was answered and ended."""
        ...

    def end_by_rest(self, status: str) -> None:
        """Hang up."""
        ...

    def was_over(self) -> None:
        """Make it true that the call ended just before a request."""
        ...

    def redirect(self, document: Document) -> None:
        """Tear the stream down and run `document`."""
        ...

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """Tear the stream down and run what `url` answers."""
        ...


class _RefusedError(Exception):
    """A request is answered with an error object."""

    def __init__(self, code: int, detail: str = "", status: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status


class RestApi:
    """Answers at once; latency is the network's business."""

    def __init__(
        self,
        control: CallControl,
        *,
        trace: Trace,
        identity: Identity,
        auth_token: str | None,
        completions: tuple[int | str, ...],
    ) -> None:
        self._control = control
        self._trace = trace
        self._identity = identity
        self._auth_token = auth_token
        self._completions = list(completions)

    def answer(self, method: str, url: str, form: Fields, auth: tuple[str, str] | None) -> Answer:
        """Status, headers and body for one request; status 0 means that no answer ever comes."""
        path = urlsplit(url).path
        try:
            status, body = self._dispatch(method, path, form, auth)
            code = 0
        except _RefusedError as refused:
            code = refused.code
            usual, message = MESSAGES[code]
            status = refused.status or usual
            body = {
                "code": code,
                "message": refused.detail or message.format(path=path),
                "more_info": f"https://www.twilio.com/docs/errors/{code}",
                "status": status,
            }
        shown = {name: values[-1] for name, values in form.items() if name in ("Status", "Method")}
        given = [name for name in ("Twiml", "Url") if name in form]
        shown |= dict.fromkeys(given, "given")
        self._trace.record(
            "phone", "rest", method=method, path=path, form=shown, status=status, code=code
        )
        if not status:
            return LOST
        return status, {"content-type": "application/json"}, json.dumps(body).encode()

    def _dispatch(
        self, method: str, path: str, form: Fields, auth: tuple[str, str] | None
    ) -> tuple[int, dict[str, object]]:
        account, call = self._identity.account_sid, self._identity.call_sid
        if not self._authentic(auth):
            raise _RefusedError(20003)
        if path != f"{API}{account}/Calls/{call}.json":
            raise _RefusedError(20404)
        if method == "GET":
            return 200, self._resource()
        if method != "POST":
            raise _RefusedError(20004)
        return self._update({name: values[-1] for name, values in form.items()})

    def _authentic(self, auth: tuple[str, str] | None) -> bool:
        if auth is None or self._auth_token is None:
            return False
        wanted = f"{self._identity.account_sid}:{self._auth_token}".encode()
        return hmac.compare_digest(":".join(auth).encode(), wanted)

    def _update(self, fields: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        # fidelity: documented twilio.md 4.1, 4.3 - 21220 when over; Url or Twiml, not both
        status = fields.get("Status")
        if status is not None and status not in ("completed", "canceled"):
            raise _RefusedError(20001, f"Status {status!r} is not completed or canceled")
        if "Twiml" in fields and "Url" in fields:
            raise _RefusedError(20001, "Url and Twiml exclude each other")
        if status is not None and not self._scripted():
            return 0, {}
        if self._control.status not in ("ringing", "in-progress"):
            raise _RefusedError(21220)
        if status == "canceled" and self._control.status == "in-progress":
            raise _RefusedError(21220)
        if status is not None:
            self._control.end_by_rest(status)
        elif "Twiml" in fields:
            self._control.redirect(_document(fields["Twiml"]))
        elif "Url" in fields:
            self._redirect_to(fields["Url"], fields.get("Method", "POST").upper())
        return 200, self._resource()

    def _scripted(self) -> bool:
        """Give the scenario's answer to this completion; False = none at all."""
        answer = self._completions.pop(0) if self._completions else "ok"
        if answer in (404, 21220):
            self._control.was_over()
            raise _RefusedError(20404 if answer == 404 else 21220)
        if isinstance(answer, int):
            known = {429: 20429, 503: 20503, 401: 20003}
            raise _RefusedError(known.get(answer, 20500), status=answer)
        return answer != "timeout"

    def _redirect_to(self, url: str, method: str) -> None:
        if urlsplit(url).scheme not in ("http", "https") or method not in ("GET", "POST"):
            raise _RefusedError(21205)
        self._control.fetch(url, method, ())

    def _resource(self) -> dict[str, object]:
        # fidelity: documented twilio.md 4.4 - the fields of a call; duration is a string or null
        identity, setup = self._identity, self._identity.setup
        path = f"{API}{identity.account_sid}/Calls/{identity.call_sid}"
        rang_ms, answered_ms, ended_ms = self._control.times_ms
        lasted_s = None
        if ended_ms is not None and answered_ms is not None:
            lasted_s = str(round((ended_ms - answered_ms) / 1000))
        return {
            "sid": identity.call_sid,
            "date_created": _date(rang_ms),
            "date_updated": _date(ended_ms or answered_ms or rang_ms),
            "parent_call_sid": None,
            "account_sid": identity.account_sid,
            "to": setup.to,
            "to_formatted": setup.to,
            "from": setup.from_,
            "from_formatted": setup.from_,
            "phone_number_sid": None,
            "status": self._control.status,
            "start_time": _date(answered_ms),
            "end_time": _date(ended_ms),
            "duration": lasted_s,
            "price": None,
            "price_unit": "USD",
            "direction": "inbound" if setup.direction == "inbound" else "outbound-api",
            "answered_by": None,
            "api_version": "2010-04-01",
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": "0",
            "trunk_sid": None,
            "uri": f"{path}.json",
            "subresource_uris": {
                name: f"{path}/{''.join(part.title() for part in name.split('_'))}.json"
                for name in SUBRESOURCES
            },
        }


def _date(at_ms: float | None) -> str | None:
    return None if at_ms is None else format_datetime(EPOCH + timedelta(milliseconds=at_ms))


def _document(twiml: str) -> Document:
    if len(twiml) > TWIML_CHARACTERS:
        raise _RefusedError(20001, f"Twiml has more than {TWIML_CHARACTERS} characters")
    try:
        return parse(twiml.encode())
    except TwimlError as problem:
        raise _RefusedError(20001, problem.text) from problem
