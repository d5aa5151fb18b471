"""Who calls whom: the sids and numbers of one call, and the form a webhook carries about it.

Owns the parameters of Twilio's voice requests. Knows no transport.
"""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass
from urllib.parse import quote

from simulator.phone.signature import Form
from simulator.scenario.format import CallSetup


def draw_sid(prefix: str, rng: random.Random) -> str:
    """A sid: two letters and 32 hexadecimal digits."""
    return prefix + rng.randbytes(16).hex()


def _call_token(call_sid: str, setup: CallSetup, rng: random.Random) -> str:
    # fidelity: observed twilio.md 2.1 - CallToken is percent-encoded JSON around an ES256 JWT
    claims = {"callSid": call_sid, "from": setup.from_, "to": setup.to, "iat": "1767225600"}
    parts = (b'{"alg":"ES256"}', json.dumps(claims).encode(), rng.randbytes(64))
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return quote(json.dumps({"parentCallInfoToken": token, "identityHeaderTokens": []}))


@dataclass(frozen=True, slots=True)
class Identity:
    """The unchanging facts of one call."""

    account_sid: str
    call_sid: str
    call_token: str
    setup: CallSetup

    @classmethod
    def draw(cls, account_sid: str, setup: CallSetup, rng: random.Random) -> Identity:
        """A new call of `account_sid`."""
        call_sid = draw_sid("CA", rng)
        return cls(account_sid, call_sid, _call_token(call_sid, setup, rng), setup)

    def form(self, status: str, extra: Form = ()) -> Form:
        """The form of a webhook about this call in `status`, in the order Twilio was seen to send.

        A scenario's own parameters replace those of the same name or come at the end.
        """
        # fidelity: observed twilio.md 2.1 - all fields of an inbound call; places may be empty
        setup = self.setup
        inbound = setup.direction == "inbound"
        fields = {
            "Called": setup.to,
            "ToState": "",
            "CallerCountry": "US",
            "Direction": "inbound" if inbound else "outbound-api",
            "CallerState": "CA",
            "ToZip": "",
            "CallSid": self.call_sid,
            "To": setup.to,
            "CallerZip": "94103",
            "ToCountry": "US",
        }
        if inbound:
            fields |= {"StirVerstat": "TN-Validation-Passed-A", "CallToken": self.call_token}
        fields |= {
            "CalledZip": "",
            "ApiVersion": "2010-04-01",
            "CalledCity": "",
            "CallStatus": status,
            "From": setup.from_,
            "AccountSid": self.account_sid,
            "CalledCountry": "US",
            "CallerCity": "SAN FRANCISCO",
            "ToCity": "",
            "FromCountry": "US",
            "Caller": setup.from_,
            "FromCity": "SAN FRANCISCO",
            "CalledState": "",
            "FromZip": "94103",
            "FromState": "CA",
        }
        return tuple((fields | dict(setup.parameters)).items()) + extra
