"""POST /outbound asked twice: a key rings once, even if keys cannot be kept."""

import trio

from bridge.outbound.keys import CallKeys, Kept, KeyedRequest, KeysUnavailable
from tests.outbound_parts import KEY, body_of, service


async def test_the_same_key_rings_once() -> None:
    """The second answer is the first one."""
    async with service(outbound_per_minute=1) as it:
        first, second = [await body_of(await it.order(KEY)) for _ in range(2)]

        assert first == second
        assert len(it.door.requests) == 1


async def test_without_a_key_every_request_rings() -> None:
    """Twilio has no idempotency of its own."""
    async with service() as it:
        await it.order()
        await it.order()

        assert len(it.rang) == 2


async def test_a_key_used_for_another_call() -> None:
    """A mistake of the client's, which must not look like a call to somebody else."""
    async with service() as it:
        await it.order(KEY)
        response = await it.order(KEY, to_number="+15550100003")

        assert response.status_code == 422
        assert (await body_of(response))["field"] == "Idempotency-Key"
        assert len(it.rang) == 1


async def test_a_retry_while_the_first_is_under_way() -> None:
    """409: it is not known yet, and it is not made again."""
    async with service() as it, trio.open_nursery() as nursery:
        it.door.gate = trio.Event()
        nursery.start_soon(it.order, KEY)
        while not it.rang:
            await trio.lowlevel.checkpoint()
        retried = await it.order(KEY)
        it.door.gate.set()

    assert retried.status_code == 409
    assert retried.headers["Retry-After"] == "1"
    assert len(it.rang) == 1


async def test_a_client_that_gives_up_and_comes_again() -> None:
    """What was begun is finished and kept: the retry is told the call that rang."""
    async with service() as it:
        it.door.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.order, KEY)
            while not it.rang:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
            it.door.gate.set()
        retried = await body_of(await it.order(KEY))

        assert retried["call_sid"] == it.rang[0].sid
        assert len(it.rang) == 1


class Unusable(CallKeys):
    """A database of keys that fails at one of its errands."""

    def __init__(self, fails_at: str) -> None:
        self._fails_at = fails_at
        self._claimed: Kept | None = None

    async def claim(self, request: KeyedRequest) -> Kept | None:
        """Claim, or fail."""
        self._do("claim")
        found, self._claimed = self._claimed, Kept(request.digest)
        return found

    async def settle(self, key: str, kept: Kept) -> None:
        """Fail, or forget."""
        self._do("settle")

    async def release(self, key: str) -> None:
        """Fail, or forget."""
        self._do("release")

    def _do(self, errand: str) -> None:
        if errand == self._fails_at:
            raise KeysUnavailable("the database is away")


async def test_when_keys_cannot_be_kept_nothing_rings() -> None:
    """503; a request without a key needs no database."""
    async with service(call_keys=Unusable("claim")) as it:
        response = await it.order(KEY)
        rang_with_key = len(it.rang)
        without = await it.order()

        assert (response.status_code, rang_with_key) == (503, 0)
        assert "nothing rang" in (await body_of(response))["detail"]
        assert without.status_code == 200


async def test_when_the_outcome_cannot_be_kept() -> None:
    """The call is told, and the key stays claimed: 409 rather than a second call."""
    async with service(call_keys=Unusable("settle")) as it:
        first, second = [await it.order(KEY) for _ in range(2)]

        assert (first.status_code, second.status_code) == (200, 409)
        assert len(it.rang) == 1
        assert it.lines.all("idempotency_keys_unavailable")


async def test_when_a_key_cannot_be_released() -> None:
    """What Twilio said is told all the same."""
    async with service(429, call_keys=Unusable("release")) as it:
        assert (await it.order(KEY)).status_code == 429
