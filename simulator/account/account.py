"""One Twilio account: who may ask, what is asked, and the calls it is asked about.

Owns routes, authentication and the changes to calls. What a call does is its own business, behind
`CallControl`; how a request and its answer travel is the transport's.
"""

from __future__ import annotations

import hmac
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

from simulator.account.control import IN_PROGRESS, CallControl
from simulator.account.create import KNOWN, TIME_LIMIT_S_MAX, order_from
from simulator.account.errors import RefusedError
from simulator.account.faults import LOST_ANSWER, TIMEOUT, RestFaults
from simulator.account.ledger import Ledger
from simulator.account.listing import page_of
from simulator.account.parameters import Fields, Parameters
from simulator.account.queue import DialQueue
from simulator.account.record import CallRecord, Facts
from simulator.account.request import LOST, Answer, Auth, Reply
from simulator.account.resource import API, Resources
from simulator.account.streams import STREAM_KNOWN, create_stream, stop_stream
from simulator.phone.identity import draw_sid
from simulator.phone.order import CallOrder
from simulator.timeline import Timeline
from simulator.trace import Trace

Place = Callable[[CallOrder, str], CallControl]
"""Makes the call of an order under a sid; the account dials it when its turn comes."""

HOST = "api.twilio.com"
PATH = re.compile(
    rf"{API}(?P<account>[^/]+)/Calls"
    r"(?:/(?P<call>[^/]+?)(?P<streams>/Streams(?:/(?P<stream>[^/]+))?)?)?\.json"
)
SHOWN = ("Status", "Method")
GIVEN = ("Twiml", "Url")
UNKNOWN_TOLD_MAX = 10
UNKNOWN_CHARACTERS = 60
NOTHING_DONE = 0


class Account:
    """Answers at once; how long an answer travels is the network's business."""

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str | None,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        place: Place | None = None,
        api_keys: Mapping[str, str] | None = None,
        calls_per_second: float = 1.0,
        calls_max: int | None = None,
        completions: tuple[int | str, ...] = (),
        faults: RestFaults | None = None,
    ) -> None:
        """Open an account.

        Args:
            account_sid: AC and 32 hexadecimal digits.
            auth_token: its password; None = nobody is let in.
            timeline: the world's clock, calendar and timers.
            trace: where every request is recorded, as `phone.rest`.
            rng: the sids of new calls are drawn from it.
            place: makes a call that was created; None = these are test credentials, with which a
                request to create is checked, answered, and comes to nothing.
            api_keys: further names and passwords: SK sid → secret.
            calls_per_second: how fast created calls are dialled.
            calls_max: more calls than these at a time are refused with 20429; None = no limit.
            completions: scripted answers to attempts to end a call, for each call anew.
            faults: what goes wrong with whole requests.
        """
        self.faults = faults or RestFaults()
        self._sid = account_sid
        self._passwords = {
            name: secret
            for name, secret in {account_sid: auth_token, **(api_keys or {})}.items()
            if secret is not None
        }
        self._timeline = timeline
        self._trace = trace
        self._rng = rng
        self._place = place
        self._calls_max = calls_max
        self._completions = completions
        self._resources = Resources(account_sid, timeline.began)
        self._queue = DialQueue(calls_per_second)
        self._ledger = Ledger()

    def adopt(self, call: CallControl) -> None:
        """Enter a call that rings by itself: inbound, or dialled by somebody else."""
        self._ledger.add(
            CallRecord(call, self._timeline, dialled=True, completions=self._completions)
        )

    @property
    def calls_running(self) -> int:
        """Calls that are queued, ringing or in progress."""
        return self._ledger.running

    # -- requests -------------------------------------------------------------------------

    def ask(self, method: str, url: str, form: Fields, auth: Auth, reply: Reply) -> None:
        """Process one request now; `reply` gets the answer when it is due, or never."""
        answer = self.answer(method, url, form, auth)
        if not answer[0]:
            return
        if self.faults.delay_ms:
            self._timeline.after(self.faults.delay_ms, lambda: reply(answer))
        else:
            reply(answer)

    def answer(self, method: str, url: str, form: Fields, auth: Auth) -> Answer:
        """Process one request; status 0 means that no answer ever comes."""
        path = urlsplit(url).path
        try:
            status, body = self._dispatch(method, url, form, auth)
            code = 0
        except RefusedError as refused:
            status, body = refused.answer(path)
            code = refused.code
        self._record(method, path, form, status, code)
        if not status:
            return LOST
        if body is None:
            return status, {}, b""
        headers = {"content-type": "application/json"}
        if status == 401:
            # fidelity: inferred twilio.md 4.1 - the challenge
            headers["www-authenticate"] = 'Basic realm="Twilio API"'
        return status, headers, json.dumps(body).encode()

    def _record(self, method: str, path: str, form: Fields, status: int, code: int) -> None:
        shown = {name: values[-1] for name, values in form.items() if name in SHOWN}
        shown |= dict.fromkeys((name for name in GIVEN if name in form), "given")
        if status == 201:
            # fidelity: inferred twilio.md 4.2 - a parameter nobody knows is ignored
            known = STREAM_KNOWN if path.endswith("/Streams.json") else KNOWN
            unknown = sorted(set(form) - known)[:UNKNOWN_TOLD_MAX]
            shown |= {name[:UNKNOWN_CHARACTERS]: "unknown" for name in unknown}
        self._trace.record(
            "phone", "rest", method=method, path=path, form=shown, status=status, code=code
        )

    def _dispatch(
        self, method: str, url: str, form: Fields, auth: Auth
    ) -> tuple[int, dict[str, object] | None]:
        fault = self.faults.strike(self._timeline.now_ms)
        if fault == TIMEOUT:
            return NOTHING_DONE, None
        if not self._authentic(auth):
            raise RefusedError(20003)
        parts = urlsplit(url)
        route = PATH.fullmatch(parts.path)
        if route is None or route["account"] != self._sid:
            raise RefusedError(20404)
        if route["streams"] is not None:
            answer = self._streams(method, route["call"], route["stream"], form)
        elif route["call"] is not None:
            answer = self._call(method, route["call"], form)
        else:
            answer = self._calls(method, parts.query, form)
        return (NOTHING_DONE, None) if fault == LOST_ANSWER else answer

    def _authentic(self, auth: Auth) -> bool:
        name, password = auth or ("", "")
        secret = self._passwords.get(name)
        return secret is not None and hmac.compare_digest(password.encode(), secret.encode())

    def _calls(self, method: str, query: str, form: Fields) -> tuple[int, dict[str, object] | None]:
        if method == "GET":
            given = Parameters(parse_qs(query))
            calls = [record.facts for record in self._ledger.newest_first()]
            return 200, page_of(calls, given, self._resources)
        if method == "POST":
            return 201, self._create(Parameters(form))
        raise RefusedError(20004)

    def _call(self, method: str, sid: str, form: Fields) -> tuple[int, dict[str, object] | None]:
        if method == "DELETE":
            self._ledger.remove(sid)
            return 204, None
        record = self._ledger.find(sid)
        if method == "POST":
            if not self._update(record, Parameters(form)):
                return NOTHING_DONE, None
        elif method != "GET":
            raise RefusedError(20004)
        return 200, self._resources.call(record.facts)

    def _streams(
        self, method: str, call_sid: str, name: str | None, form: Fields
    ) -> tuple[int, dict[str, object] | None]:
        record = self._ledger.find(call_sid)
        if method != "POST":
            raise RefusedError(20004)
        given = Parameters(form)
        if name is None:
            return 201, self._resources.stream(call_sid, create_stream(record.control(), given))
        state = stop_stream(record.control(), unquote(name), given)
        return 200, self._resources.stream(call_sid, state)

    # -- changes ----------------------------------------------------------------------------

    def _create(self, given: Parameters) -> dict[str, object]:
        # fidelity: documented twilio.md 4.2 - 201, queued; no idempotency: each request is a call
        order = order_from(given, test_credentials=self._place is None)
        # fidelity: inferred twilio.md 4.1 - 20429 when too many calls are up (--calls)
        if self._calls_max is not None and self._ledger.running >= self._calls_max:
            raise RefusedError(20429, "Too many concurrent calls")
        now_ms = self._timeline.now_ms
        wait_ms = self._queue.wait_ms(now_ms)
        sid = draw_sid("CA", self._rng)
        if self._place is None:
            return self._resources.call(Facts(sid, order, "queued", now_ms, wait_ms))
        call = self._place(order, sid)
        record = CallRecord(call, self._timeline, queue_ms=wait_ms, completions=self._completions)
        self._ledger.add(record)
        self._timeline.after(wait_ms, record.dial)
        return self._resources.call(record.facts)

    def _update(self, record: CallRecord, given: Parameters) -> bool:
        """Change a call; False: not changed, and no answer comes."""
        # fidelity: documented twilio.md 4.1, 4.3 - 21220 when over; Url or Twiml, not both
        status = given.choice("Status", ("completed", "canceled"))
        if "Twiml" in given and "Url" in given:
            raise RefusedError(20001, "Url and Twiml exclude each other")
        moves = status or "Twiml" in given or "Url" in given
        if moves and not self._goes_by_script(record):
            return False
        if status:
            self._end(record, status)
            return True
        call = record.control()
        if "TimeLimit" in given:
            limit_s = given.whole("TimeLimit", call.order.time_limit_s, 1, TIME_LIMIT_S_MAX)
            call.amend(replace(call.order, time_limit_s=limit_s))
        if "Twiml" in given or "Url" in given:
            self._redirect(record, call, given)
        return True

    def _goes_by_script(self, record: CallRecord) -> bool:
        """What the call's script has in store for a request to move it on. False: no answer."""
        answer = record.scripted_completion()
        if answer in (404, 21220):
            if record.running:
                record.control().was_over()
            raise RefusedError(20404 if answer == 404 else 21220)
        if isinstance(answer, int):
            raise RefusedError.of_status(answer)
        return answer != TIMEOUT

    def _end(self, record: CallRecord, status: str) -> None:
        call = record.control()
        # fidelity: documented twilio.md 4.3 - canceled only affects queued and ringing calls
        # fidelity: inferred twilio.md 4.3 - 21220 for another one; completed ends any call
        state = record.facts.status
        if status == "canceled" and state == IN_PROGRESS:
            raise RefusedError(21220)
        call.end_by_rest("canceled" if state == "queued" else status)

    def _redirect(self, record: CallRecord, call: CallControl, given: Parameters) -> None:
        # fidelity: documented twilio.md 4.1, 4.3 - only a call in progress can be redirected
        # fidelity: inferred twilio.md 4.3 - callbacks are changed together with Url only
        if record.facts.status != IN_PROGRESS:
            raise RefusedError(21220)
        document = given.twiml("Twiml")
        if document is not None:
            call.redirect(document)
            return
        url, method = given.url("Url", code=21205), given.method("Method")
        order = call.order
        if "FallbackUrl" in given:
            fallback = given.url("FallbackUrl"), given.method("FallbackMethod")
            order = replace(order, fallback_url=fallback[0], fallback_method=fallback[1])
        if "StatusCallback" in given:
            told = given.url("StatusCallback"), given.method("StatusCallbackMethod")
            order = replace(order, status_callback=told[0], status_callback_method=told[1])
        if order != call.order:
            call.amend(order)
        call.fetch(url, method, ())
