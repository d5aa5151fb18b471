"""The default outside: real TCP and TLS, on the loopback interface."""

import socket
import ssl

import pytest
import trio

from bridge.outside import KEEP_ALIVE_IDLE_S, Outside, guard_against_dead_peers


async def test_a_plain_stream() -> None:
    """Bytes go through, and TCP watches the peer."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def echo(stream: trio.SocketStream) -> None:
            await stream.send_all(await stream.receive_some())

        nursery.start_soon(trio.serve_listeners, echo, [listener])
        stream = await Outside().open_stream("127.0.0.1", listener.socket.getsockname()[1], False)
        await stream.send_all(b"x")
        answer = await stream.receive_some()
        assert isinstance(stream, trio.SocketStream)
        kept_alive = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        await stream.aclose()
        nursery.cancel_scope.cancel()

    assert answer == b"x"
    assert kept_alive == 1


async def test_tls_is_verified() -> None:
    """A far end that cannot prove who it is gets no byte of ours."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def answer_nonsense(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 This is no TLS\r\n\r\n")

        nursery.start_soon(trio.serve_listeners, answer_nonsense, [listener])
        stream = await Outside().open_stream("127.0.0.1", listener.socket.getsockname()[1], True)
        with pytest.raises(trio.BrokenResourceError) as broken:
            await stream.send_all(b"x")
        await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()

    assert isinstance(broken.value.__cause__, ssl.SSLError)
    assert isinstance(stream, trio.SSLStream)


async def test_a_closed_port_is_an_os_error() -> None:
    """Nobody listens: OSError, as promised."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match=r"."):
            await Outside().open_stream("127.0.0.1", port, False)


def test_a_platform_without_an_option_keeps_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep-alive is everywhere, the finer options are not."""
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT", raising=False)
    with socket.socket() as sock:
        guard_against_dead_peers(sock)
        if hasattr(socket, "TCP_KEEPIDLE"):
            idle_s = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            assert idle_s == KEEP_ALIVE_IDLE_S
