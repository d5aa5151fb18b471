"""Real connections for the fakes: TCP."""

import socket
import struct
from typing import Any

import pytest
import trio

from simulator.sockets import open_sockets, tcp
from simulator.timeline import Timeline
from simulator.wire import Origin, Throttled, Wire
from tests.socket_ends import DEADLINE_S, Ear, bench, raw_client, unused_port

MUCH = bytes(range(256)) * 4096 * 4  # 4 MiB: more than the kernel takes at once


async def test_bytes_pass_in_both_directions() -> None:
    """What is sent before the connection is even up arrives, and comes back."""
    async with bench() as on:
        _, port = await on.net.listen(on.echo)
        ear = Ear()
        wire = on.net.connect(Origin("http", "127.0.0.1", port), ear)
        wire.send(b"hello ")
        wire.send(b"there")

        assert await ear.hears(11) == b"hello there"


async def test_much_arrives_whole_and_in_order() -> None:
    """What the kernel does not take at once waits and follows, in order."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        wire = on.net.connect(Origin("http", "127.0.0.1", port), Ear())
        wire.send(MUCH)
        wire.send(b"end")
        wire.close()

        assert await (await on.first()).ends() == "eof"
        assert on.accepted[0].data == MUCH + b"end"


async def test_a_name_is_looked_up() -> None:
    """A host that is no address is resolved, and every address of it is tried."""
    async with bench() as on:
        _, port = await on.net.listen(on.echo)
        ear = Ear()
        on.net.connect(Origin("http", "localhost", port), ear).send(b"x")

        assert await ear.hears(1) == b"x"


async def test_another_address_can_be_given() -> None:
    """`at` says where the origin really is, like an entry in a hosts file."""
    async with bench() as on:
        at = await on.net.listen(on.echo)
        ear = Ear()
        on.net.connect(Origin("http", "bridge.example.com", 80), ear, at=at).send(b"x")

        assert await ear.hears(1) == b"x"


async def test_a_closed_port_refuses() -> None:
    """Nobody listens: the peer is told, once, and not from inside `connect`."""
    async with bench() as on:
        ear = Ear()
        wire = on.net.connect(Origin("http", "127.0.0.1", unused_port()), ear)
        told_at_once = list(ear.why)
        wire.send(b"lost")

        assert told_at_once == []
        assert await ear.ends() == "refused"


class Ignorant(trio.abc.HostnameResolver):
    """A name service that knows nobody."""

    async def getaddrinfo(self, *_: object) -> list[Any]:
        """Know nobody."""
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        """Is not asked."""
        raise AssertionError


async def test_an_unknown_name_is_unresolved() -> None:
    """A host that the name service does not know is `unresolved`."""
    trio.socket.set_custom_hostname_resolver(Ignorant())
    async with bench() as on:
        ear = Ear()
        on.net.connect(Origin("http", "bridge.example.com", 80), ear)

        assert await ear.ends() == "unresolved"


async def test_an_impossible_name_is_unresolved() -> None:
    """A host that cannot be a name at all is `unresolved`, too."""
    async with bench() as on:
        ear = Ear()
        on.net.connect(Origin("http", "a" * 70 + ".example.com", 80), ear)

        assert await ear.ends() == "unresolved"


async def test_a_silent_address_times_out() -> None:
    """A listener whose queue is full answers no SYN; the peer is told `timeout`."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        async with bench() as on:
            ear = Ear()
            on.net.connect(Origin("http", "127.0.0.1", port), ear, timeout_ms=30)

            assert await ear.ends() == "timeout"
        for filler in fillers:
            filler.close()


async def test_the_far_end_closes() -> None:
    """An orderly end of the far end is `eof`, after all of its bytes."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        with raw_client(port) as client:
            client.sendall(b"bye")
            client.close()

            assert await (await on.first()).ends() == "eof"
            assert on.accepted[0].data == b"bye"


async def test_the_far_end_resets() -> None:
    """A reset of the far end is `reset`."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        client = raw_client(port)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await on.first()
        client.close()

        assert await on.accepted[0].ends() == "reset"


async def test_closing_sends_everything_and_then_the_end() -> None:
    """`close` lets the far end read what was sent; nothing sent later follows."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        client = raw_client(port)
        wire = await on.wire()
        wire.send(MUCH)
        wire.close()
        wire.send(b"too late")
        with client, client.makefile("rb") as file:
            read = await trio.to_thread.run_sync(file.read)

        assert read == MUCH
        assert await on.accepted[0].ends() == "eof"


async def test_after_closing_the_fake_hears_nothing() -> None:
    """What the far end still sends after our end is read and dropped."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        with raw_client(port) as client:
            wire = await on.wire()
            wire.close()
            await trio.to_thread.run_sync(client.recv, 1)
            client.sendall(b"still talking")
            client.close()

            assert await on.accepted[0].ends() == "eof"
            assert on.accepted[0].data == b""


async def test_a_far_end_that_never_closes_is_reset() -> None:
    """When our end is not answered with one, the connection is reset after a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tcp, "CLOSE_MS", 20.0)
        async with bench() as on:
            _, port = await on.net.listen(on.accept)
            with raw_client(port):
                wire = await on.wire()
                wire.close()

                assert await on.accepted[0].ends() == "reset"


async def test_aborting_resets() -> None:
    """`abort` is a reset at the far end, whatever was queued."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        with raw_client(port) as client:
            wire = await on.wire()
            wire.abort()

            with pytest.raises(ConnectionResetError):
                await trio.to_thread.run_sync(client.recv, 1)
            assert await on.accepted[0].ends() == "reset"


async def test_a_far_end_that_does_not_read() -> None:
    """What it has not read shows as `unread`; at the limit the connection is reset, and told."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        with raw_client(port):
            wire = await on.wire()
            unread_before = wire.unread
            sent = 0
            while not on.told:
                wire.send(MUCH[: 1024 * 1024])
                sent += 1024 * 1024
                if not on.told:
                    unread = wire.unread

            assert unread_before == 0
            assert tcp.SEND_QUEUE_BYTES_MAX - 1024 * 1024 <= unread <= sent
            assert await on.accepted[0].ends() == "reset"
            assert len(on.told) == 1
            assert "does not read" in on.told[0]


def filled(client: socket.socket) -> int:
    """How many bytes a kernel takes that nobody reads."""
    sent = 0
    while True:
        try:
            sent += client.send(MUCH)
        except BlockingIOError:
            return sent


async def test_a_far_end_may_be_left_waiting() -> None:
    """What is not read stays with the kernel until its buffers are full, and comes afterwards."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        with raw_client(port) as client:
            client.sendall(b"one")
            await (await on.first()).hears(3)
            wire = await on.wire()
            assert isinstance(wire, Throttled)
            wire.read_on(False)
            client.setblocking(False)
            sent = filled(client)
            left = len(on.accepted[0].data)
            wire.send(b"still here")
            answer = client.recv(10)
            wire.read_on(True)

            assert (left, answer) == (3, b"still here")
            assert len(await on.accepted[0].hears(3 + sent)) == 3 + sent


async def test_what_came_before_a_reset_is_heard() -> None:
    """A write that finds the connection reset does not lose what the far end had said."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        client = raw_client(port)
        ear = await on.first()
        assert ear.wire is not None
        client.sendall(b"last words")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        ear.wire.send(b"are you there?")

        assert await ear.ends() == "reset"
        assert ear.data in {b"last words", b""}  # a reset may take what was not read yet


class Faulty(Ear):
    """A fake with a bug."""

    def receive(self, data: bytes) -> None:
        """Fail."""
        raise LookupError("a bug of the fake")


async def test_what_a_peer_raises_is_not_lost() -> None:
    """A bug in a callback ends the whole block with its own exception."""

    async def speak_to_it() -> None:
        async with bench() as on:
            _, port = await on.net.listen(lambda _: Faulty())
            on.net.connect(Origin("http", "127.0.0.1", port), Ear()).send(b"x")
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as raised:
        await speak_to_it()

    assert raised.group_contains(LookupError, match="a bug of the fake")


async def test_everything_ends_with_the_block() -> None:
    """Leaving the block closes each connection and stops listening."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        client = raw_client(port)
        await on.first()
    with client:
        read = client.recv(1)

    assert read == b""
    with pytest.raises(ConnectionRefusedError):
        raw_client(port)


async def test_a_port_that_is_taken_is_named() -> None:
    """Listening where someone listens is an OSError that says where."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        with pytest.raises(OSError, match="in use") as raised:
            await on.net.listen(on.accept, port=port)

        assert raised.value.filename == f"127.0.0.1:{port}"


async def test_a_peer_may_answer_while_it_is_accepted() -> None:
    """An acceptor may send and close before it has even given its peer."""

    def turn_away(wire: Wire) -> Ear:
        wire.send(b"full")
        wire.close()
        return Ear()

    async with bench() as on:
        _, port = await on.net.listen(turn_away)
        ear = Ear()
        on.net.connect(Origin("http", "127.0.0.1", port), ear)

        assert await ear.ends() == "eof"
        assert ear.data == b"full"


async def test_listening_on_ipv6() -> None:
    """An IPv6 address can be listened on and connected to."""
    async with bench() as on:
        _, port = await on.net.listen(on.echo, host="::1")
        ear = Ear()
        on.net.connect(Origin("http", "::1", port), ear).send(b"x")

        assert await ear.hears(1) == b"x"


async def test_a_process_without_descriptors_goes_on_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the system gives no descriptor, that is told, and accepting goes on when it does."""
    timeline = Timeline()
    told: list[str] = []
    ear = Ear()
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timeline.run)
            async with open_sockets(timeline, tell=told.append) as net:
                _, port = await net.listen(lambda _: ear)
                monkeypatch.setattr(socket.socket, "accept", _out_of_descriptors)
                with raw_client(port) as client:
                    client.sendall(b"x")
                    while not told:
                        await trio.lowlevel.checkpoint()
                    monkeypatch.undo()
                    heard = await ear.hears(1)
            nursery.cancel_scope.cancel()

    assert heard == b"x"
    assert told == ["cannot accept a connection: Too many open files"]


def _out_of_descriptors(_: socket.socket) -> None:
    raise OSError(24, "Too many open files")
