"""The trio stream a simulated connection hands to the bridge.

Owns reading, writing and closing as a socket would do them: a write waits while the far end's
window is shut, a reset breaks both ways. Knows no link and no fake; `network.Connection` drives it.
"""

from typing import Protocol

import trio

WINDOW_BYTES = 256 * 1024
"""What one direction holds before the sender has to wait: send and receive buffers of TCP, some
twenty seconds of audio and marks. A far end that does not read shows at the bridge as a `send_all`
that does not return."""

TCP_USER_TIMEOUT_S = 30
"""How long a window may stay shut until TCP gives up, as the bridge asks its kernel to."""


class Carrier(Protocol):
    """What takes the bridge's bytes away."""

    def sent_by_bridge(self, data: bytes) -> None:
        """Carry `data` to the far end."""
        ...

    def closed_by_bridge(self) -> None:
        """Carry the end of the connection to the far end."""
        ...

    def given_up(self) -> None:
        """TCP's user timeout is over: the connection is broken."""
        ...


class SimulatedSocket:
    """Enough of a socket for hypercorn to learn addresses: loopback, and no file descriptor."""

    family = 2  # AF_INET

    def getpeername(self) -> tuple[str, int]:
        """An address of the documentation range (RFC 5737)."""
        return ("192.0.2.1", 40000)

    def getsockname(self) -> tuple[str, int]:
        """The address the bridge believes to listen on."""
        return ("127.0.0.1", 5050)


class BridgeStream(trio.abc.HalfCloseableStream):
    """The bridge's end of a connection."""

    def __init__(self, carrier: Carrier) -> None:
        self.socket = SimulatedSocket()
        self._carrier = carrier
        self._in = bytearray()
        self._in_flight = 0
        self._eof = self._reset = self._closed = self._said_eof = False
        self._reader: trio.lowlevel.Task | None = None
        self._writable = trio.lowlevel.ParkingLot()

    # -- driven by the network ------------------------------------------------

    @property
    def waiting(self) -> int:
        """Bytes that have arrived and that the bridge has not read."""
        return len(self._in)

    def take(self, data: bytes) -> None:
        """Bytes have arrived."""
        if not self._closed:
            self._in += data
            self._wake_reader()

    def take_eof(self) -> None:
        """The far end has closed in order."""
        self._eof = True
        self._wake_reader()

    def take_reset(self) -> None:
        """The connection is broken."""
        self._reset = True
        self._in.clear()
        self._wake_reader()
        self._writable.unpark_all()

    def delivered(self, size: int) -> None:
        """The far end has taken `size` bytes: the window opens."""
        self._in_flight -= size
        if self._writable and self._in_flight < WINDOW_BYTES:
            self._writable.unpark_all()

    # -- trio.abc.HalfCloseableStream -------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived, or the next that does; empty at the end."""
        self._check_open()
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._in:
            self._check_open()
            if self._eof:
                return b""
            await self._arrival()
        size = max_bytes or len(self._in)
        data = bytes(self._in[:size])
        del self._in[:size]
        return data

    async def _arrival(self) -> None:
        # A parking lot keeps an ordered crowd; here one task waits, fifty times a second.
        if self._reader is not None:
            raise trio.BusyResourceError("another task is receiving from this connection")
        self._reader = trio.lowlevel.current_task()

        def give_up(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._reader = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)

    def _wake_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            trio.lowlevel.reschedule(reader)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write; waits while the far end's window is shut."""
        self._check_writable()
        await trio.lowlevel.checkpoint_if_cancelled()
        await self._window()
        self._in_flight += len(data)
        self._carrier.sent_by_bridge(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Return when there is room in the window."""
        self._check_writable()
        await trio.lowlevel.checkpoint()
        await self._window()

    async def _window(self) -> None:
        while self._in_flight >= WINDOW_BYTES:
            with trio.move_on_after(TCP_USER_TIMEOUT_S) as patience:
                await self._writable.park()
            if patience.cancelled_caught:
                self._carrier.given_up()
            self._check_writable()

    async def send_eof(self) -> None:
        """Say that nothing more will be written."""
        self._check_open()
        await trio.lowlevel.checkpoint()
        self._say_eof()

    async def aclose(self) -> None:
        """Close at once; as with a socket, even when cancelled."""
        if not self._closed:
            self._closed = True
            self._in.clear()
            self._wake_reader()
            self._writable.unpark_all()
            self._say_eof()
        await trio.lowlevel.checkpoint()

    def _say_eof(self) -> None:
        if not self._said_eof:
            self._said_eof = True
            self._carrier.closed_by_bridge()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this end of the connection is closed")
        if self._reset:
            raise trio.BrokenResourceError("connection reset by the far end")

    def _check_writable(self) -> None:
        self._check_open()
        if self._said_eof:
            raise trio.ClosedResourceError("send_eof was called")
