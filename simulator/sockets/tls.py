"""TLS over any `Wire`, without I/O: a peer of the wire below and a wire for the fake above.

Owns the handshake, the records and the orderly end. It is sans-IO (`ssl.SSLObject` on two memory
buffers), so that a TLS frame costs no task either, and what a wire promises stays true: nothing
here blocks, and the queue and its limit are those of the wire below.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from simulator.sockets.tcp import SEND_QUEUE_BYTES_MAX
from simulator.wire import Peer, Throttled, Wire

READ_BYTES: Final = 64 * 1024


class TlsWire:
    """One TLS connection.

    Args:
        below: carries the records; attach this object to it as its peer.
        context: the settings, with the certificate for a server.
        server_hostname: whose certificate the far end must have; None = we are the server.
        opened: called when the handshake is done, gives the peer for what follows.
        failed: called instead with `tls`, or with what `below` said, and a sentence.
    """

    def __init__(
        self,
        below: Wire,
        context: ssl.SSLContext,
        server_hostname: str | None,
        opened: Callable[[Wire], Peer],
        failed: Callable[[str, str], None],
    ) -> None:
        self._below = below
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._in,
            self._out,
            server_side=server_hostname is None,
            server_hostname=server_hostname,
        )
        self._opened, self._failed = opened, failed
        self._peer: Peer | None = None
        self._early: list[bytes] = []
        self._open = self._closing = self._told = False

    def begin(self) -> None:
        """Begin the handshake: a client's first record."""
        self._shake_hands()

    @property
    def is_open(self) -> bool:
        """The handshake is done."""
        return self._open

    # -- as a Wire ------------------------------------------------------------

    @property
    def unread(self) -> int:
        """As the wire below says: records, a little more than was sent."""
        return self._below.unread

    def send(self, data: bytes) -> None:
        """Send; before the handshake is done, as soon as it is."""
        if self._closing or self._told or not data:
            return
        if self._open:
            self._tls.write(data)
            self._push()
        elif sum(map(len, self._early)) + len(data) > SEND_QUEUE_BYTES_MAX:
            self.abort()
        else:
            self._early.append(data)

    def read_on(self, wanted: bool) -> None:
        """As the wire below; records which were read already are given all the same."""
        if isinstance(self._below, Throttled):
            self._below.read_on(wanted)

    def close(self) -> None:
        """Send what there is, TLS's own end (close_notify) and then TCP's."""
        if self._closing:
            return
        self._closing = True
        if self._open:
            self._say_end()

    def abort(self) -> None:
        """Reset the connection below; TLS says no farewell."""
        self._closing = True
        self._below.abort()

    def _say_end(self) -> None:
        with suppress(ssl.SSLError):  # WantRead: the far end's own close_notify is not waited for
            self._tls.unwrap()
        self._push()
        self._below.close()

    def _push(self) -> None:
        records = self._out.read()
        if records:
            self._below.send(records)

    # -- as the Peer of the wire below ----------------------------------------

    def receive(self, data: bytes) -> None:
        """Take records."""
        self._in.write(data)
        if not self._open:
            self._shake_hands()
        if self._open:
            self._read()

    def closed(self, why: str) -> None:
        """The connection below has ended, with or without close_notify."""
        if self._open:
            self._tell_closed(why)
        else:
            during = why in ("eof", "reset") and not self._closing
            self._give_up("tls" if during else why, "the connection ended during the handshake")

    # -- TLS ------------------------------------------------------------------

    def _shake_hands(self) -> None:
        if self._told:
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._push()
            return
        except ssl.SSLError as error:
            self._push()  # the alert that tells the far end
            self._below.close()
            self._give_up("tls", _sentence(error))
            return
        self._open = True
        self._push()
        self._peer = self._opened(self)
        for data in self._early:
            self._tls.write(data)
        self._early.clear()
        self._push()
        if self._closing:
            self._say_end()

    def _read(self) -> None:
        while not self._told:
            try:
                data = self._tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                self._push()  # a key update is answered
                return
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError:
                self._below.abort()
                self._tell_closed("reset")
                return
            if not data:
                self._tell_closed("eof")
                self.close()
            elif not self._closing:
                assert self._peer is not None
                self._peer.receive(data)

    def _tell_closed(self, why: str) -> None:
        if not self._told:
            self._told = True
            assert self._peer is not None
            self._peer.closed(why)

    def _give_up(self, why: str, sentence: str) -> None:
        if not self._told:
            self._told = True
            self._failed(why, sentence)


def _sentence(error: ssl.SSLError) -> str:
    """What went wrong, in OpenSSL's words but without its file names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return str(error.reason or "not TLS").replace("_", " ").lower()
