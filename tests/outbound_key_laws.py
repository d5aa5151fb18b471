"""What every place for idempotency keys must do; memory, SQLite and Postgres alike."""

from dataclasses import dataclass

import pytest
import trio

from bridge.outbound.keys import KEEP_S, CallKeys, Kept, KeyedRequest

KEY = KeyedRequest.of("order-17", "owner", "a call")
PLACED = Kept(KEY.digest, "placed", "CA" + "1" * 32, "queued")


@dataclass
class Clock:
    """A wall clock that a test moves."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


class KeyLaws:
    """Cases; a subclass has a fixture `keys` on the fixture `clock`."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The keys' clock."""
        return Clock()

    async def test_the_first_one_gets_it(self, keys: CallKeys) -> None:
        """Whoever comes later is told what is kept, and that is at first: somebody asks."""
        assert await keys.claim(KEY) is None
        assert await keys.claim(KEY) == Kept(KEY.digest)

    async def test_of_many_at_once_one_gets_it(self, keys: CallKeys) -> None:
        """However they interleave."""
        found: list[Kept | None] = []

        async def claim() -> None:
            found.append(await keys.claim(KEY))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(claim)

        assert found.count(None) == 1
        assert found.count(Kept(KEY.digest)) == 4

    async def test_an_outcome_is_told_again(self, keys: CallKeys) -> None:
        """And other keys know nothing of it."""
        await keys.claim(KEY)
        await keys.settle(KEY.key, PLACED)

        assert await keys.claim(KEY) == PLACED
        assert await keys.claim(KeyedRequest.of("order-18", "owner", "a call")) is None

    async def test_another_request_finds_the_first_ones(self, keys: CallKeys) -> None:
        """The digests tell that the key was used for something else."""
        await keys.claim(KEY)
        found = await keys.claim(KeyedRequest.of("order-17", "owner", "another call"))

        assert found == Kept(KEY.digest)

    async def test_a_released_key_may_come_again(self, keys: CallKeys) -> None:
        """When it is certain that nothing rang."""
        await keys.claim(KEY)
        await keys.release(KEY.key)

        assert await keys.claim(KEY) is None

    async def test_a_day_later_it_is_forgotten(self, keys: CallKeys, clock: Clock) -> None:
        """Not earlier, whatever has become of it since."""
        await keys.claim(KEY)
        clock.now += KEEP_S - 1
        await keys.settle(KEY.key, PLACED)

        assert await keys.claim(KEY) == PLACED
        clock.now += 2
        assert await keys.claim(KEY) is None
