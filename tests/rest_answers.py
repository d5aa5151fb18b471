"""Twilio's REST API as an HTTP transport: what was asked, and scripted answers."""

import httpx
import pytest
import trio

ACCOUNT = "AC" + "a" * 32
CALL = "CA" + "1" * 32


# What is JSON, and not the object that was to be expected.
ODD_JSON = (
    *(b"[]", b"null", b'"x"', b"5", b'{"start_time": 5}', b'{"date_created": ["x"]}'),
    b'{"end_time": "1 Jan 99999999999999999999 00:00:00"}',
    b"[" * 100_000,
)


class FakeRest(httpx.AsyncBaseTransport):
    """Twilio's REST API as far as it matters here: a list of answers, and what was asked when."""

    def __init__(self, *answers: httpx.Response | Exception | float) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Give the next answer, now or after its time."""
        await request.aread()
        self.requests.append(request)
        self.times.append(trio.current_time())
        answer = self.answers.pop(0)
        if isinstance(answer, float):
            await trio.sleep(answer)
            pytest.fail("nobody should have waited so long")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        """Remember being closed."""
        self.closed = True


def completed() -> httpx.Response:
    """Twilio's answer when the call has been completed."""
    return httpx.Response(200, json={"sid": CALL, "status": "completed"})


def refused(status: int, code: int, **headers: str) -> httpx.Response:
    """One of Twilio's error answers."""
    body = {"code": code, "message": "No.", "more_info": "https://x", "status": status}
    return httpx.Response(status, json=body, headers=headers)
