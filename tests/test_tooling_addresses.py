"""Which addresses a tool may be sent to, and that the checked one is the one connected to."""

from collections.abc import Sequence

import pytest
import trio

from bridge.tooling.addresses import is_public
from bridge.tooling.guarded_door import AddressRefused, GuardedDoor, NotConnected
from tests.tool_service import PUBLIC, Service

INWARD = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16",
    "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1",
    "192.0.2.1", "203.0.113.9",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:a00:1", "::127.0.0.1",
    "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2001:0:53aa:64c:0:1234:f5ff:fffe", "2001:db8::1", "100::1", "3fff::1", "5f00::1",
]  # fmt: skip
OUTWARD = [
    PUBLIC, "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.169.0.1",
    "2606:4700::1111", "2a00:1450::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INWARD)
def test_an_address_that_leads_inward_is_none_of_the_internet(address: str) -> None:
    """Private, loopback, link-local, metadata, CGNAT, multicast, reserved; in each disguise."""
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTWARD)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """The neighbours of private ranges, and public addresses in disguise, are not refused."""
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "0x7f.1", "127.1", "2130706433", "1.2.3.4/8"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    """Only a plain address counts; other spellings never come out of a resolver."""
    assert not is_public(text)


@pytest.mark.parametrize("address", INWARD)
async def test_a_name_that_leads_inward_is_refused(address: str) -> None:
    """No connection is made, whatever the name is."""
    service = Service(names={"innocent.example.com": [address]})

    with pytest.raises(AddressRefused):
        await service.door().open("innocent.example.com", 443, tls=True)

    assert service.connected == []


async def test_of_several_addresses_only_public_ones_are_tried() -> None:
    """A private address among public ones is left out."""
    service = Service(names={"api.example.com": ["10.0.0.1", PUBLIC, "::1"]})

    await service.door().open("api.example.com", 443, tls=True)

    assert service.connected == [(PUBLIC, 443, "api.example.com")]


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name is asked for once: a second answer, inward, would find nobody asking (rebinding)."""
    service = Service()
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(host: str, port: int) -> Sequence[str]:
        await trio.lowlevel.checkpoint()
        return answers.pop(0)

    door = GuardedDoor(resolve, service.open_address, frozenset())
    await door.open("rebinding.example.com", 443, tls=True)

    assert service.connected == [(PUBLIC, 443, "rebinding.example.com")]
    assert len(answers) == 1


async def test_a_private_host_that_is_listed_is_reached() -> None:
    """TOOL_PRIVATE_HOSTS allows exactly the host it names."""
    service = Service(names={"orders.internal": ["10.0.0.7"], "other.internal": ["10.0.0.7"]})
    door = service.door("orders.internal")

    await door.open("orders.internal", 8080, tls=False)
    with pytest.raises(AddressRefused):
        await door.open("other.internal", 8080, tls=False)

    assert service.connected == [("10.0.0.7", 8080, None)]


async def test_the_next_address_is_tried() -> None:
    """A host of which one address is dead is reached at another."""
    service = Service(names={"api.example.com": ["2606:4700::1111", PUBLIC]})
    service.answers = [OSError("unreachable"), b""]

    await service.door().open("api.example.com", 443, tls=True)

    assert [address for address, *_ in service.connected] == ["2606:4700::1111", PUBLIC]


async def test_nobody_there() -> None:
    """A name without addresses, an unknown one, and hosts that refuse are all the same."""
    service = Service(names={"nowhere.example.com": [], "dead.example.com": [PUBLIC]})
    service.answers = [OSError("refused")]

    for name in ("nowhere.example.com", "dead.example.com", "unknown.example.com"):
        with pytest.raises(NotConnected):
            await service.door().open(name, 443, tls=True)


async def test_an_address_that_never_answers_is_not_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Three seconds, then the next address."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        await trio.lowlevel.checkpoint()
        return ["8.8.8.8"]

    async def open_address(address: str, port: int, name: str | None) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(NotConnected):
        await GuardedDoor(resolve, open_address, frozenset()).open("a.example.com", 443, tls=True)

    assert trio.current_time() == pytest.approx(3.0)
