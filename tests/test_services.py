"""The services that tools ask in a simulated world: names, papers, answers, and reading them."""

import hashlib
import hmac
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from simulator.network import Connection, Direction, Pace
from simulator.scenario.format import ServiceAnswer, ServiceSetup
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source
from simulator.services.network import ServiceNetwork
from simulator.timeline import EPOCH, Timeline
from simulator.trace import Event, Trace

SECRET = "sixteen characters"
OK = ServiceAnswer(body=b'{"a": 1}', content_type="application/json")


class Internet:
    """A network of services over a link of 10 ms, and everything that happened."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.events: list[Event] = []
        self.trace = Trace(lambda: timeline.now_ms)
        self.trace.subscribe(self.events.append)

    def network(self, secret: str | None = SECRET, **hosts: ServiceSetup) -> ServiceNetwork:
        """The hosts; an underscore in a name is a point."""
        there, back = (
            Direction(self.timeline, Pace(10.0, 0.0), random.Random(0)) for _ in range(2)
        )
        setups = {host.replace("_", "."): setup for host, setup in hosts.items()}
        return ServiceNetwork(
            setups,
            there,
            back,
            lambda: Connection(self.timeline, back, there),
            self.timeline,
            self.trace,
            secret,
        )

    def told(self, name: str) -> list[dict[str, object]]:
        """The fields of all such events."""
        return [event.data for event in self.events if event.name == name]


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """A world with nothing in it but services."""
    async with trio.open_nursery() as nursery:
        timeline = Timeline()
        nursery.start_soon(timeline.run)
        yield Internet(timeline)
        nursery.cancel_scope.cancel()


async def ask(network: ServiceNetwork, request: bytes, host: str = "a.b") -> bytes:
    """The bytes with which a host answers."""
    (address,) = await network.resolve(host, 443)
    stream = await network.open_address(address, 443, host)
    await stream.send_all(request)
    answer = b""
    while data := await stream.receive_some():
        answer += data
    await stream.aclose()
    return answer


def signed(
    target: str = "/x?number=1",
    secret: str = SECRET,
    at: float = EPOCH.timestamp(),
    body: bytes = b"",
    method: str = "GET",
) -> bytes:
    """A request as docs/tools.md says."""
    head = f"{method}\n{target}\n{at:.0f}\n".encode()
    mac = hmac.new(secret.encode(), head + body, hashlib.sha256).hexdigest()
    lines = (
        f"{method} {target} HTTP/1.1",
        "Host: a.b",
        "Idempotency-Key: k",
        f"Content-Length: {len(body)}",
        f"Callbridge-Timestamp: {at:.0f}",
        f"Callbridge-Signature: v1={mac}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_a_signed_request_is_answered(autojump_clock: MockClock, internet: Internet) -> None:
    """And told without its query: that may hold what a caller said."""
    network = internet.network(a_b=ServiceSetup((OK,)))
    answer = await ask(network, signed(body=b"{}", method="POST"))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'\r\n\r\n{"a": 1}')
    assert internet.told("request") == [
        {"host": "a.b", "method": "POST", "path": "/x", "signed": "yes", "idempotent": True,
         "body_bytes": 2}
    ]  # fmt: skip
    assert "number" not in str(internet.events)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /x HTTP/1.1\r\nHost: a.b\r\n\r\n",
        signed(secret="another secret....."),
        signed(at=EPOCH.timestamp() - 301),
        signed().replace(b"number=1", b"number=2"),
        signed().replace(b"GET", b"PUT"),
        signed().replace(b"Timestamp: ", b"Timestamp: x"),
    ],
)
async def test_wrong_papers_are_refused(
    autojump_clock: MockClock, internet: Internet, request_bytes: bytes
) -> None:
    """401, and no answer of the script is used up."""
    network = internet.network(a_b=ServiceSetup((OK, ServiceAnswer(status=503))))

    assert (await ask(network, request_bytes)).startswith(b"HTTP/1.1 401 ")
    assert (await ask(network, signed())).startswith(b"HTTP/1.1 200 ")
    assert [told["signed"] for told in internet.told("request")] == ["wrong", "yes"]


async def test_where_nobody_signs_a_signature_is_wrong(
    autojump_clock: MockClock, internet: Internet
) -> None:
    """The bridge must not invent one without a secret."""
    network = internet.network(None, a_b=ServiceSetup((OK,)))

    assert (await ask(network, signed())).startswith(b"HTTP/1.1 401 ")
    plain = b"GET /x HTTP/1.1\r\nHost: a.b\r\n\r\n"
    assert (await ask(network, plain)).startswith(b"HTTP/1.1 200 ")


async def test_answers_come_in_order(autojump_clock: MockClock, internet: Internet) -> None:
    """The last one for all further requests, each after its time."""
    late = ServiceAnswer(status=503, after_ms=2000)
    network = internet.network(a_b=ServiceSetup((late, OK)))

    began = trio.current_time()
    assert (await ask(network, signed())).startswith(b"HTTP/1.1 503 ")
    # The name, TCP, TLS and the request itself: four round trips of 20 ms.
    assert trio.current_time() - began == pytest.approx(2.08, abs=0.02)
    assert (await ask(network, signed())).startswith(b"HTTP/1.1 200 ")
    assert (await ask(network, signed())).startswith(b"HTTP/1.1 200 ")


async def test_a_redirect_and_an_endless_answer(
    autojump_clock: MockClock, internet: Internet
) -> None:
    """The first leads somewhere; the second does not say how long it is."""
    network = internet.network(
        a_b=ServiceSetup((ServiceAnswer(status=302, location="/y"), ServiceAnswer(size_bytes=9000)))
    )

    assert b"\r\nlocation: /y\r\n" in await ask(network, signed())
    answer = await ask(network, signed())
    assert answer.count(b"x") >= 9000
    assert b"content-length" not in answer


async def test_a_service_that_breaks_off(autojump_clock: MockClock, internet: Internet) -> None:
    """The connection is reset."""
    network = internet.network(a_b=ServiceSetup((ServiceAnswer("drop"),)))

    with pytest.raises(trio.BrokenResourceError):
        await ask(network, signed())
    assert internet.told("dropped") == [{"host": "a.b"}]


async def test_a_service_that_never_answers(autojump_clock: MockClock, internet: Internet) -> None:
    """Whoever leaves is told of; one that comes and says nothing is not."""
    network = internet.network(a_b=ServiceSetup((ServiceAnswer("never"),)))

    with trio.move_on_after(5) as patience:
        await ask(network, signed())
    assert patience.cancelled_caught
    stream = await network.open_address("93.184.216.1", 443, "a.b")
    await stream.aclose()
    await trio.sleep(1)

    assert internet.told("given_up") == []  # nobody closed the first one


async def test_who_leaves_before_the_answer_is_told_of(
    autojump_clock: MockClock, internet: Internet
) -> None:
    """With how the connection ended."""
    network = internet.network(a_b=ServiceSetup((OK,)))
    stream = await network.open_address("93.184.216.1", 443, "a.b")
    await stream.send_all(signed())
    await trio.sleep(0.02)
    await stream.aclose()
    await trio.sleep(1)

    assert internet.told("given_up") == [{"host": "a.b", "by": "eof"}]
    assert internet.told("answered") == []


async def test_what_is_no_http_is_a_violation(
    autojump_clock: MockClock, internet: Internet
) -> None:
    """The connection is reset, and the trace says why."""
    network = internet.network(a_b=ServiceSetup((OK,)))

    with pytest.raises(trio.BrokenResourceError):
        await ask(network, b"hello\r\n\r\n")
    (told,) = internet.told("violation")
    assert told["host"] == "a.b"


async def test_names_and_addresses(autojump_clock: MockClock, internet: Internet) -> None:
    """Each host has its own; an unknown name, an unknown address and a wrong certificate do not."""
    network = internet.network(
        a_b=ServiceSetup((OK,)), c_d=ServiceSetup((OK,)), e_f=ServiceSetup((OK,), ("10.0.0.5",))
    )

    assert await network.resolve("a.b", 443) == ["93.184.216.1"]
    assert await network.resolve("c.d", 443) == ["93.184.216.2"]
    assert await network.resolve("e.f", 80) == ["10.0.0.5"]
    with pytest.raises(OSError, match="no such name"):
        await network.resolve("g.h", 443)
    for address, name in (("93.184.216.9", None), ("10.0.0.5", "a.b")):
        with pytest.raises(OSError, match="refused"):
            await network.open_address(address, 443, name)
    await (await network.open_address("10.0.0.5", 80, None)).aclose()
    assert [told["host"] for told in internet.told("connecting")] == ["", "e.f", "e.f"]


# -- reading

WRITTEN = """
name: a
caller: []
services:
  a.example.com:
    - {json: {state: on its way, "count": 2}, after: 300ms}
    - {text: open until six}
    - {status: 302, location: "http://10.0.0.1/"}
    - {bytes: 70000}
    - never: true
    - drop: true
  b.internal:
    addresses: [10.0.0.5, "::1"]
    answers: [{status: 204}]
"""


def test_services_are_read() -> None:
    """Bodies as they are sent."""
    (scenario,), problems = read_scenario(Source(Path("a.call.yaml"), WRITTEN))
    first, second = scenario.services["a.example.com"], scenario.services["b.internal"]

    assert problems == []
    assert [(answer.kind, answer.status, answer.body) for answer in first.answers] == [
        ("answer", 200, b'{"state": "on its way", "count": 2}'),
        ("answer", 200, b"open until six"),
        ("answer", 302, b""),
        ("answer", 200, b""),
        ("never", 200, b""),
        ("drop", 200, b""),
    ]
    assert first.answers[0].after_ms == 300.0
    assert first.answers[3].size_bytes == 70_000
    assert second.addresses == ("10.0.0.5", "::1")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a.b: [{json: 1, text: a}]", "`json` and `text` exclude each other"),
        ("a.b: [{never: true, status: 200}]", "`never` is no answer, and has no status"),
        ("a.b: [{}]", "an empty answer"),
        ("a.b: []", "0 answers; there may be from 1 to 100"),
        ("a.b: 1", "a list of answers, or a block with `answers` is expected here"),
        ("a.b: {addresses: 10.0.0.1}", "a service needs the key `answers`"),
        ("a.b: {answers: [{status: 200}], addresses: home}", "an address is expected, not `home`"),
        ('"https://a.b": [{status: 200}]', "`https://a.b` is no host"),
        ("a.b: [{answer: 1}]", "unknown key `answer` in an answer"),
        ("a.b: [{status: 99}]", "`99` is out of bounds"),
    ],
)
def test_mistakes_are_told(written: str, said: str) -> None:
    """With their line."""
    text = f"caller: []\nservices:\n  {written}\n"
    scenarios, problems = read_scenario(Source(Path("a.call.yaml"), text))

    assert scenarios == []
    assert [problem.message for problem in problems] == [said]
    assert problems[0].line == 3
