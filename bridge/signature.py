"""Whether a request carries Twilio's signature.

Owns the variants of a URL that Twilio may have signed. Must not know routes or settings.
"""

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

SIGNATURE_HEADER = "X-Twilio-Signature"
STANDARD_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def url_variants(url: str) -> list[str]:
    """The URLs Twilio may have signed for `url`: standard port or none, final slash or none.

    Twilio is not consistent about the port, and a proxy may add or drop the slash. The SDK's own
    validator adds :80 to a wss URL and drops any port at all, so it is used for computing only.
    A fragment is never signed.
    """
    parts = urlsplit(url)._replace(fragment="")
    port = STANDARD_PORTS.get(parts.scheme)
    netlocs = [parts.netloc]
    if parts.port is None:
        netlocs.append(f"{parts.netloc}:{port}")
    elif parts.port == port:
        netlocs.append(parts.netloc.removesuffix(f":{port}"))
    stem = parts.path.rstrip("/")
    paths = [parts.path] + [path for path in (stem, f"{stem}/") if path != parts.path]
    return [
        parts._replace(netloc=netloc, path=path).geturl() for netloc in netlocs for path in paths
    ]


def is_signed(
    auth_token: str, urls: Iterable[str], form: MultiDict[str, str], signature: str
) -> bool:
    """Whether `signature` is Twilio's for one of `urls` (with its variants) and the posted form.

    The data signed is the URL and the form's names and values, sorted; for a GET and for the
    WebSocket handshake the form is empty
    (https://www.twilio.com/docs/usage/webhooks/webhooks-security).
    """
    validator = RequestValidator(auth_token)
    given = signature.encode("utf-8", "replace")
    matches = [
        hmac.compare_digest(validator.compute_signature(variant, form).encode(), given)
        for url in urls
        for variant in url_variants(url)
    ]
    return any(matches)
