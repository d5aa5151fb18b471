"""`X-Twilio-Signature`, as Twilio computes it.

Owns the algorithm and the ways in which a request can be signed wrongly. Written from the
documented rule, not from any validator, so that validators are tested against it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

from simulator.scenario.format import PhoneSetup

Form = tuple[tuple[str, str], ...]
"""Form parameters in the order they are sent; a name may come twice."""

NO_FORM: Form = ()


def sign(url: str, form: Iterable[tuple[str, str]], auth_token: str) -> str:
    """The base64 HMAC-SHA1 over `url` and the sorted form parameters."""
    # fidelity: documented twilio.md 2.3 - URL, then each name with its unique sorted values
    values: dict[str, set[str]] = {}
    for name, value in form:
        values.setdefault(name, set()).add(value)
    tail = "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    mac = hmac.new(auth_token.encode(), (url + tail).encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


class Signer:
    """Signs this call's requests, faithfully or as the scenario's faults say."""

    def __init__(self, auth_token: str, setup: PhoneSetup) -> None:
        self._auth_token = auth_token
        self._setup = setup

    def headers(self, url: str, form: Form = NO_FORM) -> Mapping[str, str]:
        """The signature header for a request to `url` (none if the signature is to be missing)."""
        if self._setup.signature == "missing":
            return {}
        key = self._auth_token
        if self._setup.signature == "forged":
            key = key[::-1] + "-forged"
        return {"x-twilio-signature": sign(self._signed_url(url), form, key)}

    def _signed_url(self, url: str) -> str:
        # fidelity: documented twilio.md 2.2 - the fragment is not signed
        # fidelity: inferred twilio.md 1.1 - :443 and a trailing slash are quirk knobs
        scheme, netloc, path, query, _ = urlsplit(url)
        if self._setup.sign_with_port and ":" not in netloc:
            netloc += ":443"
        if self._setup.sign_trailing_slash and not path.endswith("/"):
            path += "/"
        return urlunsplit((scheme, netloc, path, query, ""))
