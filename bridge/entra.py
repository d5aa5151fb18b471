"""Tokens of Microsoft Entra, which Azure takes instead of a key.

Owns the client-credentials grant, with a secret or with a workload identity's token from a file,
and how long a token is used. Must not know what a token opens. A token is a secret: it is in no
log, no error and no text of ours.

Source: learn.microsoft.com, "OAuth 2.0 client credentials flow", "Microsoft Entra workload
identity".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import msgspec
import trio

from bridge.errors import ConnectRefused, ConnectTimeout

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ATTEMPT_S_MAX: Final = 5.0
SPARE_S: Final = 60.0
"""A token is not used any more when it is valid for less."""
REFRESH_PART: Final = 0.2
"""`keep` replaces a token when this part of its life is left."""
RETRY_S: Final = 30.0
"""`keep` tries again after so long."""
LIFE_S_MAX: Final = 24 * 3600.0


@dataclass(frozen=True)
class Application:
    """Who asks for tokens, of whom, and what for; a secret or a token file shows who it is."""

    token_url: str
    client_id: str
    scope: str
    secret: str = ""
    token_file: Path | None = None


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: float


class EntraTokens:
    """The token of one application.

    Args:
        application: whose.
        transport: carries the requests; None = httpx's own.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        application: Application,
        transport: httpx.AsyncBaseTransport | None,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._application = application
        self._transport = transport
        self._clock = clock
        self._tls = httpx.create_ssl_context() if transport is None else False
        self._token = ""
        self._good_until = -math.inf
        self._refresh_at = -math.inf
        self._lock = trio.Lock()

    async def token(self) -> str:
        """A token that is valid now. Asks for one only if there is none: `keep` replaces it.

        Raises:
            ConnectRefused: Entra gives none.
            ConnectTimeout: it does not answer in time.
        """
        async with self._lock:
            if self._clock() >= self._good_until:
                await self._fetch()
            return self._token

    async def keep(self) -> None:
        """Replace the token well before it expires, so that no call waits for one; for ever."""
        while True:
            wait_s = self._refresh_at - self._clock()
            if wait_s <= 0:
                try:
                    await self._fetch()
                except (ConnectRefused, ConnectTimeout):
                    wait_s = RETRY_S  # whoever needs the token says what is wrong
                else:
                    wait_s = self._refresh_at - self._clock()
            await trio.sleep(wait_s)

    async def _fetch(self) -> None:
        asked_at = self._clock()
        try:
            with trio.fail_after(ATTEMPT_S_MAX):
                response = await self._post(await self._form())
        except trio.TooSlowError:
            raise ConnectTimeout(f"Entra: no answer in {ATTEMPT_S_MAX:g} s") from None
        except (httpx.TransportError, OSError) as error:
            raise ConnectRefused(None, f"Entra: {type(error).__name__}") from None
        answer = _read(response)
        life_s = min(answer.expires_in, LIFE_S_MAX)
        self._token = answer.access_token
        self._good_until = asked_at + life_s - SPARE_S
        self._refresh_at = max(asked_at + life_s * (1 - REFRESH_PART), asked_at + RETRY_S)

    async def _form(self) -> dict[str, str]:
        app = self._application
        form = {
            "grant_type": "client_credentials",
            "client_id": app.client_id,
            "scope": app.scope,
        }
        if app.token_file is None:
            return {**form, "client_secret": app.secret}
        # It is replaced every hour or so.
        assertion = (await trio.Path(app.token_file).read_text("utf-8")).strip()
        return {**form, "client_assertion_type": ASSERTION, "client_assertion": assertion}

    async def _post(self, form: dict[str, str]) -> httpx.Response:
        http = httpx.AsyncClient(transport=self._transport, verify=self._tls, timeout=ATTEMPT_S_MAX)
        try:
            return await http.post(self._application.token_url, data=form)
        finally:
            # A transport that was given lives on.
            if self._transport is None:
                with trio.CancelScope(deadline=-math.inf):
                    await http.aclose()


def _read(response: httpx.Response) -> _Answer:
    """The token. What else Entra says is not quoted: only its error's name, a word of its own."""
    if response.status_code != httpx.codes.OK:
        raise ConnectRefused(response.status_code, f"Entra: {_error_name(response.content)}")
    try:
        return msgspec.json.decode(response.content, type=_Answer)
    except (msgspec.MsgspecError, UnicodeError):
        raise ConnectRefused(response.status_code, "Entra: the answer holds no token") from None


def _error_name(content: bytes) -> str:
    try:
        name = msgspec.json.decode(content, type=dict[str, object]).get("error")
    except (msgspec.MsgspecError, UnicodeError):
        name = None
    known = isinstance(name, str) and name.replace("_", "").isalnum()
    return str(name)[:64] if known else "no token"
