"""A fake of Microsoft Entra's token endpoint: the client-credentials grant, and nothing else.

Owns who is given a token. Written from the vendor's page "OAuth 2.0 client credentials flow".
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from simulator.account.parameters import Fields
from simulator.account.request import Answer, Auth, Reply
from simulator.pretended import ENTRA_CLIENT_SECRET, ENTRA_TOKEN
from simulator.trace import Trace

HOST: Final = "login.microsoftonline.com"
PATH_END: Final = "/oauth2/v2.0/token"
LIFE_S: Final = 3599


def is_entra(url: str) -> bool:
    """Whether a request is meant for it."""
    return urlsplit(url).hostname == HOST


class FakeEntra:
    """Gives one token, to whoever shows the pretended secret."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def ask(self, method: str, url: str, form: Fields, _auth: Auth, reply: Reply) -> None:
        """Answer one request."""
        path = urlsplit(url).path
        status, body = self._judge(method, path, {name: given[0] for name, given in form.items()})
        self._trace.record("entra", "asked", method=method, path=path, status=status)
        answer: Answer = (status, {"content-type": "application/json"}, msgspec.json.encode(body))
        reply(answer)

    def _judge(
        self, method: str, path: str, form: dict[str, str]
    ) -> tuple[int, dict[str, str | int]]:
        if method != "POST" or not path.endswith(PATH_END):
            return 404, {"error": "not_found"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if not form.get("scope", "").endswith("/.default"):
            return 400, {"error": "invalid_scope", "error_description": "AADSTS1002012"}
        known = form.get("client_id") and form.get("client_secret") == ENTRA_CLIENT_SECRET
        if not known:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215"}
        return 200, {"token_type": "Bearer", "expires_in": LIFE_S, "access_token": ENTRA_TOKEN}
