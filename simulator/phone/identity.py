"""Who calls whom: the sids and numbers of one call, and the form a webhook carries about it.

Owns the parameters of Twilio's voice requests. Knows no transport.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from simulator.phone.order import CallOrder
from simulator.phone.signature import Form
from simulator.timeline import EPOCH


def draw_sid(prefix: str, rng: random.Random) -> str:
    """A sid: two letters and 32 hexadecimal digits."""
    return prefix + rng.randbytes(16).hex()


def _call_token(call_sid: str, order: CallOrder, rng: random.Random, issued: datetime) -> str:
    # fidelity: observed twilio.md 2.1 - CallToken is percent-encoded JSON around an ES256 JWT
    claims = {"callSid": call_sid, "from": order.from_, "to": order.to}
    claims["iat"] = str(round(issued.timestamp()))
    parts = (b'{"alg":"ES256"}', json.dumps(claims).encode(), rng.randbytes(64))
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return quote(json.dumps({"parentCallInfoToken": token, "identityHeaderTokens": []}))


@dataclass(frozen=True, slots=True)
class Identity:
    """The unchanging facts of one call."""

    account_sid: str
    call_sid: str
    call_token: str
    order: CallOrder
    parameters: Mapping[str, str]

    @classmethod
    def draw(
        cls,
        account_sid: str,
        order: CallOrder,
        parameters: Mapping[str, str],
        rng: random.Random,
        *,
        issued: datetime = EPOCH,
        sid: str = "",
    ) -> Identity:
        """A new call of `account_sid`; `parameters` are the scenario's own for every webhook."""
        call_sid = sid or draw_sid("CA", rng)
        token = _call_token(call_sid, order, rng, issued)
        return cls(account_sid, call_sid, token, order, parameters)

    def form(self, status: str, extra: Form = ()) -> Form:
        """The form of a webhook about this call in `status`, in the order Twilio was seen to send.

        A scenario's own parameters replace those of the same name or come at the end.
        """
        # fidelity: observed twilio.md 2.1 - all fields of an inbound call; places may be empty
        inbound = self.order.direction == "inbound"
        named = self._named(self.call_sid, self.order.direction, self.order.from_, self.order.to)
        own = {"StirVerstat": "TN-Validation-Passed-A", "CallToken": self.call_token}
        return _form(named, status, own if inbound else {}, self.parameters) + extra

    def leg_form(self, sid: str, to: str, from_: str, status: str, extra: Form = ()) -> Form:
        """The form of a callback about a leg which `<Dial>` made."""
        # fidelity: documented twilio.md 2.4 - its own CallSid, ParentCallSid, outbound-dial
        named = self._named(sid, "outbound-dial", from_, to)
        return _form(named, status, {"ParentCallSid": self.call_sid}, {}) + extra

    def _named(self, sid: str, direction: str, from_: str, to: str) -> Mapping[str, str]:
        return {
            "AccountSid": self.account_sid,
            "CallSid": sid,
            "Direction": direction,
            "From": from_,
            "To": to,
        }


def _form(
    named: Mapping[str, str], status: str, own: Mapping[str, str], more: Mapping[str, str]
) -> Form:
    to, from_ = named["To"], named["From"]
    fields = {
        "Called": to,
        "ToState": "",
        "CallerCountry": "US",
        "Direction": named["Direction"],
        "CallerState": "CA",
        "ToZip": "",
        "CallSid": named["CallSid"],
        "To": to,
        "CallerZip": "94103",
        "ToCountry": "US",
        **own,
        "CalledZip": "",
        "ApiVersion": "2010-04-01",
        "CalledCity": "",
        "CallStatus": status,
        "From": from_,
        "AccountSid": named["AccountSid"],
        "CalledCountry": "US",
        "CallerCity": "SAN FRANCISCO",
        "ToCity": "",
        "FromCountry": "US",
        "Caller": from_,
        "FromCity": "SAN FRANCISCO",
        "CalledState": "",
        "FromZip": "94103",
        "FromState": "CA",
    }
    return tuple((fields | dict(more)).items())
