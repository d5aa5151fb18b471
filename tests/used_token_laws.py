"""What every database of used tokens must do; SQLite and Postgres alike."""

import pytest
import trio

from bridge.log import make_log
from bridge.operations.used_tokens import SqlUsedTokens, UsedTokens
from bridge.records.errands import Errands, errands_at
from bridge.records.store import SqlStore
from tests.far_ends import NOW, Lines
from tests.outbound_key_laws import Clock


def known_to(
    errands: Errands, clock: Clock | None = None, lines: Lines | None = None
) -> UsedTokens:
    """What a process knows that reaches this database; tokens are valid for a minute."""
    log = make_log((Lines() if lines is None else lines).keep, lambda: NOW)
    return SqlUsedTokens(errands, 60, clock or Clock(), log)


class UsedTokenLaws:
    """Cases; a subclass has a fixture `url` of an empty database."""

    async def test_of_all_processes_one_has_the_first_use(self, url: str) -> None:
        """However they interleave; another token is another matter."""
        found: list[bool] = []

        async def use(tokens: UsedTokens) -> None:
            found.append(await tokens.is_first_use("a"))

        async with errands_at(SqlStore(url)) as here, errands_at(SqlStore(url)) as there:
            one, two = known_to(here), known_to(there)
            async with trio.open_nursery() as nursery:
                for tokens in (one, two, one, two):
                    nursery.start_soon(use, tokens)

            assert sorted(found) == [False, False, False, True]
            assert await two.is_first_use("b")

    @pytest.mark.parametrize(("later_s", "first"), [(61, False), (121, True)])
    async def test_a_token_is_remembered_for_as_long_as_it_is_valid(
        self, url: str, later_s: int, first: bool
    ) -> None:
        """And a while longer, for clocks that do not agree; then it is gone from the table."""
        clock = Clock()
        async with errands_at(SqlStore(url)) as errands:
            tokens = known_to(errands, clock)
            await tokens.is_first_use("a")
            clock.now += later_s

            assert await tokens.is_first_use("a") is first
