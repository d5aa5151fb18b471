"""The lean Realtime endpoint: takes connections, answers upgrades, and knows what is still open.

Owns the server's side of the WebSockets. Knows nothing of sessions but how to feed them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from simulator.load import handshake
from simulator.load.framing import Broken, FrameReader, server_frame
from simulator.load.reactor import Door, Link, Reactor
from simulator.load.session import Session
from simulator.model import errors
from simulator.timeline import Timeline, Timer
from simulator.websocket import BINARY, CLOSE, PING, PONG, TEXT, close_data

PING_MS: Final = 20_000.0  # realtime.md 1

MakeSession = Callable[[int, Callable[[bytes], None]], Session]


class SessionSocket:
    """One connection of the bridge. `over` is called once, when it is gone."""

    def __init__(
        self,
        link: Link,
        number: int,
        make_session: MakeSession,
        timeline: Timeline,
        over: Callable[[SessionSocket], None],
    ) -> None:
        self.session: Session | None = None
        self._link = link
        self._number = number
        self._make_session = make_session
        self._timeline = timeline
        self._over = over
        self._head = handshake.Head()
        self._reader = FrameReader(self._take, masked=True)
        self._pinger: Timer | None = None

    def connected(self) -> None:
        """It was, from the beginning."""

    def receive(self, data: bytes) -> None:
        """Bytes of the bridge."""
        try:
            if self.session is None:
                self._shake(data)
            else:
                self._reader.feed(data)
        except (Broken, ValueError):
            self.close()

    def closed(self, why: str) -> None:  # noqa: ARG002 - Owner's shape
        """The bridge is gone."""
        self._finish()

    def close(self) -> None:
        """Give the connection up."""
        self._link.abort()
        self._finish()

    def _shake(self, data: bytes) -> None:
        whole = self._head.feed(data)
        if whole is None:
            return
        first, headers, rest = whole
        answer = handshake.accept(first, headers)
        if answer is None:
            self.close()
            return
        self._link.send(answer)
        self.session = self._make_session(self._number, self._link.send)
        self.session.open()
        self._ping()
        if rest:
            self._reader.feed(rest)

    def _take(self, opcode: int, data: bytes) -> None:
        assert self.session is not None
        if opcode == TEXT:
            self.session.hear(data)
        elif opcode == PING:
            self._link.send(server_frame(PONG, data))
        elif opcode == BINARY:
            self.session.refuse(errors.binary_frame())
        elif opcode == CLOSE:
            self._link.send(server_frame(CLOSE, close_data(1000)))
            self.close()

    def _ping(self) -> None:
        self._link.send(server_frame(PING, os.urandom(4)))
        self._pinger = self._timeline.after(PING_MS, self._ping)

    def _finish(self) -> None:
        if self._pinger is not None:
            self._pinger.cancel()
        if self.session is not None:
            self.session.stop()
        self._over(self)


class Endpoint:
    """Listens on loopback. `open` are the connections that live."""

    def __init__(
        self,
        reactor: Reactor,
        timeline: Timeline,
        make_session: MakeSession,
        gone: Callable[[Session], None],
        *,
        port: int = 0,
    ) -> None:
        self.open: set[SessionSocket] = set()
        self._timeline = timeline
        self._make_session = make_session
        self._gone = gone
        self._number = 0
        self._door = Door(reactor, self._accept, host="127.0.0.1", port=port)

    @property
    def url(self) -> str:
        """What a bridge is to be told."""
        host, port = self._door.address
        return f"ws://{host}:{port}/v1/realtime"

    def _accept(self, link: Link) -> SessionSocket:
        self._number += 1
        made = SessionSocket(link, self._number, self._make_session, self._timeline, self._leave)
        self.open.add(made)
        return made

    def _leave(self, left: SessionSocket) -> None:
        if left in self.open:
            self.open.discard(left)
            if left.session is not None:
                self._gone(left.session)
