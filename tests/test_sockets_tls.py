"""Real connections for the fakes: TLS, and the certificates for it."""

import ssl
from pathlib import Path

import pytest
import trio
import trustme

from simulator.sockets import certificate
from simulator.sockets.certificate import CertificateProblem
from simulator.wire import Origin
from tests.socket_ends import Ear, bench, raw_client

MUCH = bytes(range(256)) * 4096 * 4
MADE = certificate.made()


async def test_bytes_pass_both_ways_under_tls() -> None:
    """What is sent before the handshake is done arrives, and comes back."""
    async with bench() as on:
        _, port = await on.net.listen(on.echo, tls=MADE.context)
        ear = Ear()
        wire = on.net.connect(Origin("https", "localhost", port), ear, tls=MADE.trusting())
        wire.send(b"hello ")
        wire.send(MUCH)

        assert await ear.hears(6 + len(MUCH)) == b"hello " + MUCH


async def test_a_tls_end_is_orderly() -> None:
    """`close` before the handshake is done still delivers all, and both ends hear `eof`."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept, tls=MADE.context)
        ear = Ear()
        wire = on.net.connect(Origin("https", "127.0.0.1", port), ear, tls=MADE.trusting())
        wire.send(b"all of it")
        wire.close()

        assert await ear.ends() == "eof"
        assert [end.data for end in on.accepted] == [b"all of it"]
        assert await on.accepted[0].ends() == "eof"


async def test_a_stranger_to_the_authority_is_told_so() -> None:
    """A client that does not trust the certificate fails with `tls`; both sides say why."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept, tls=MADE.context)
        ear = Ear()
        on.net.connect(Origin("https", "localhost", port), ear, tls=ssl.create_default_context())
        why = await ear.ends()
        while len(on.told) < 2:
            await trio.lowlevel.checkpoint()

        assert why == "tls"
        assert on.accepted == []
        assert any("the certificate is not accepted" in told for told in on.told)
        assert any("alert unknown ca" in told for told in on.told)


async def test_a_certificate_of_another_host_is_not_accepted() -> None:
    """The certificate must be the origin's, also when the address is another."""
    async with bench() as on:
        at = await on.net.listen(on.accept, tls=MADE.context)
        ear = Ear()
        origin = Origin("https", "api.example.com", 443)
        on.net.connect(origin, ear, at=at, tls=MADE.trusting())

        assert await ear.ends() == "tls"


async def test_plain_text_to_a_tls_port() -> None:
    """A client that speaks HTTP to a TLS port is told about and let go."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept, tls=MADE.context)
        ear = Ear()
        on.net.connect(Origin("http", "127.0.0.1", port), ear).send(b"GET / HTTP/1.1\r\n\r\n")

        assert await ear.ends() == "eof"
        assert "http request" in on.told[0]


async def test_tls_to_a_port_that_speaks_plainly() -> None:
    """A server without TLS is `tls` to a client that asked for it."""
    async with bench() as on:
        _, port = await on.net.listen(on.echo)
        ear = Ear()
        on.net.connect(Origin("https", "127.0.0.1", port), ear, tls=MADE.trusting())

        assert await ear.ends() == "tls"


async def test_a_handshake_that_never_comes_times_out() -> None:
    """A server that accepts and says nothing is a `timeout`."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept)
        ear = Ear()
        origin = Origin("https", "127.0.0.1", port)
        on.net.connect(origin, ear, tls=MADE.trusting(), timeout_ms=30)

        assert await ear.ends() == "timeout"


async def test_an_end_without_farewell() -> None:
    """A far end that resets the connection under TLS is `reset`; TLS says no farewell."""
    async with bench() as on:
        _, port = await on.net.listen(on.accept, tls=MADE.context)
        ear = Ear()
        wire = on.net.connect(Origin("https", "127.0.0.1", port), ear, tls=MADE.trusting())
        wire.send(b"x")
        await (await on.first()).hears(1)
        wire.abort()

        assert await on.accepted[0].ends() == "reset"


async def test_a_host_that_no_certificate_can_name() -> None:
    """`connect` never raises, whatever the host."""
    async with bench() as on:
        ear = Ear()
        on.net.connect(Origin("https", ".example.com", 443), ear, tls=MADE.trusting())

        assert await ear.ends() == "unresolved"


async def test_a_given_certificate(tmp_path: Path) -> None:
    """A certificate and key from files serve like a made one."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    async with bench() as on:
        _, port = await on.net.listen(on.echo, tls=certificate.given(chain, key).context)
        ear = Ear()
        on.net.connect(Origin("https", "localhost", port), ear, tls=trusting).send(b"x")

        assert await ear.hears(1) == b"x"


def test_wrong_certificate_files(tmp_path: Path) -> None:
    """What is wrong with a file is said, with its name."""
    one, other = (trustme.CA().issue_cert("localhost") for _ in range(2))
    chain, key, text = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "note.txt"
    chain.write_bytes(one.cert_chain_pems[0].bytes())
    key.write_bytes(other.private_key_pem.bytes())
    text.write_text("not a certificate", "utf-8")

    with pytest.raises(CertificateProblem, match=r"gone.pem: No such file"):
        certificate.given(tmp_path / "gone.pem", key)
    with pytest.raises(CertificateProblem, match=r"key.pem is not the key of .*chain.pem"):
        certificate.given(chain, key)
    with pytest.raises(CertificateProblem, match=r"note.txt .* are not a certificate"):
        certificate.given(text, key)


def test_names_of_a_certificate() -> None:
    """A server is known by the loopback's names and by the host it listens on."""
    assert certificate.names_for("127.0.0.1") == certificate.LOOPBACK_NAMES
    assert certificate.names_for("0.0.0.0") == certificate.LOOPBACK_NAMES
    assert certificate.names_for("calls.local") == (*certificate.LOOPBACK_NAMES, "calls.local")
    with pytest.raises(CertificateProblem, match="no certificate can be made"):
        certificate.made("not/a host")


def test_a_server_is_reachable_by_an_ordinary_client() -> None:
    """Python's own ssl module, with the made authority, shakes hands with our listener."""

    async def serve() -> bytes:
        async with bench() as on:
            _, port = await on.net.listen(on.echo, tls=MADE.context)

            def converse() -> bytes:
                plain = raw_client(port)
                with MADE.trusting().wrap_socket(plain, server_hostname="localhost") as client:
                    client.sendall(b"ordinary")
                    return client.recv(8)

            return await trio.to_thread.run_sync(converse)

    assert trio.run(serve) == b"ordinary"
