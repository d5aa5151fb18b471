"""Call tokens that were used: a token opens one stream, at whichever process and machine.

Owns the question and what is done when nobody can answer it: the call goes on, because a dead
database never hurts a call. Each process besides knows the tokens used there (`bridge.call_token`).
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, delete

from bridge.log import Log
from bridge.records.errands import Errands, insert_once
from bridge.records.schema import used_tokens
from bridge.records.store import StoreUnavailable


class UsedTokens:
    """Asked once a call, while it begins. By itself it knows of no other process."""

    async def is_first_use(self, token: str) -> bool:
        """Whether nobody used this token before, as far as is known; from now on it is used."""
        _ = token
        return True


class SqlUsedTokens(UsedTokens):
    """Tokens in the database of call records; only their hashes are there.

    Args:
        errands: goes to the database.
        valid_s: for how long a token is valid; an older one needs not to be remembered.
        wall_clock: seconds since the epoch; all processes must roughly agree.
    """

    def __init__(
        self, errands: Errands, valid_s: float, wall_clock: Callable[[], float], log: Log
    ) -> None:
        self._errands = errands
        self._kept = dt.timedelta(seconds=2 * valid_s)
        self._wall_clock = wall_clock
        self._log = log

    async def is_first_use(self, token: str) -> bool:
        """Of many at once one is told so: the table's primary key decides."""
        now = dt.datetime.fromtimestamp(self._wall_clock(), dt.UTC)
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        try:
            return await self._errands.run(
                partial(_claim, digest=digest, now=now, old=now - self._kept)
            )
        except StoreUnavailable as why:
            self._log.warning("used_tokens_unknown", why=str(why))
            return True


def _claim(connection: Connection, digest: str, now: dt.datetime, old: dt.datetime) -> bool:
    connection.execute(delete(used_tokens).where(used_tokens.c.used_at < old))
    return insert_once(connection, used_tokens, {"digest": digest, "used_at": now})
