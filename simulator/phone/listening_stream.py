"""A media stream of `<Start>`: it only listens, and nothing may be sent back.

Owns one such stream from the upgrade to its end.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from simulator.phone.identity import Identity, draw_sid
from simulator.phone.media_stream import FIRST_MESSAGES_MS, FIRST_TIMESTAMP_MS, UNREAD_FRAMES_MAX
from simulator.phone.signature import Signer
from simulator.phone.stream_messages import CONNECTED, StreamMessages
from simulator.phone.stream_report import StreamReport
from simulator.phone.stream_socket import EndedBy, StreamSocket
from simulator.phone.surroundings import Surroundings
from simulator.phone.tracks import Tracks
from simulator.phone.verbs.verb import StreamRequest

CLOSE_CODE = 1000


class ListeningStream:
    """One stream; `over` is called when the bridge or the network ends it.

    `changed_ms` is when it was asked for, or when it ended.
    """

    def __init__(
        self,
        request: StreamRequest,
        *,
        around: Surroundings,
        identity: Identity,
        tracks: Tracks,
        over: Callable[[ListeningStream], None],
    ) -> None:
        self.request = request
        self.sid = draw_sid("MZ", around.rng)
        self._around = around
        self._tracks = tracks
        self._over = over
        self._messages = StreamMessages(identity.account_sid, identity.call_sid, self.sid)
        self.changed_ms = around.timeline.now_ms
        self._started = self._ended = False
        self._report = StreamReport(
            request,
            self.sid,
            identity=identity,
            courier=around.courier,
            timeline=around.timeline,
            trace=around.trace,
        )
        self._socket = StreamSocket(
            self,
            timeline=around.timeline,
            trace=around.trace,
            rng=random.Random(around.rng.getrandbits(64)),
            connect=around.connect,
            who="tap",
        )

    @property
    def running(self) -> bool:
        """Not over yet; it may still be waiting for the bridge to take the upgrade."""
        return not self._ended

    def open(self, signer: Signer) -> None:
        """Send the upgrade."""
        self._socket.request(self.request.url, signer.headers(self.request.url))

    def stop(self) -> None:
        """`stop`, then the close."""
        if self._ended:
            return
        if self._started:
            self._send(self._messages.stop(), event="stop")
        self._end()
        self._socket.close(CLOSE_CODE)

    # -- tracks.Tap -----------------------------------------------------------------------

    def hear(self, inbound: bytes, outbound: bytes) -> None:
        """20 ms of each track."""
        timestamp_ms = round(self._first_ms + self._around.timeline.now_ms - self._start_ms)
        tracks = self.request.tracks
        for track in tracks:
            if self._socket.unread_frames > UNREAD_FRAMES_MAX * len(tracks):
                self.problem(31930, "Stream - Media - Buffer Overflow: audio discarded")
                return
            frame = inbound if track == "inbound" else outbound
            self._socket.send_sound(self._messages.media_of(track, frame, timestamp_ms))
            self._around.trace.record("tap", "sent", event="media", track=track, audio=frame)

    # -- stream_socket.Listener --------------------------------------------------------------

    def opened(self) -> None:
        """The bridge took the upgrade."""
        self._report.started()
        self._around.timeline.after(FIRST_MESSAGES_MS, self._start)

    def text(self, _data: bytes) -> None:
        """A message, which nobody wants."""
        self._refuse("a text message")

    def binary(self) -> None:
        """Another one."""
        self._refuse("a binary message")

    def problem(self, code: int, text: str) -> None:
        """Report it."""
        self._report.problem(code, text)

    def over(self, _by: EndedBy) -> None:
        """The socket is gone, and not by us."""
        self._end()
        self._over(self)

    # -- inside -------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._ended:
            return
        self._send(CONNECTED, event="connected")
        parameters = self.request.parameters
        self._send(self._messages.start(parameters, self.request.tracks), event="start")
        self._started = True
        self._start_ms = self._around.timeline.now_ms
        self._first_ms = self._around.rng.randint(*FIRST_TIMESTAMP_MS)
        self._tracks.join(self)

    def _refuse(self, what: str) -> None:
        # fidelity: documented twilio.md 1.3 - nothing may be sent back: 31924
        # fidelity: inferred twilio.md 1.3 - which ends the stream
        self._socket.abandon(
            31924,
            f"Stream - WebSocket - Protocol Error: {what} came on a stream of <Start>, which only "
            "listens. Send nothing, or use <Connect><Stream>",
        )

    def _send(self, data: bytes, **what: object) -> None:
        self._socket.send(data)
        self._around.trace.record("tap", "sent", **what)

    def _end(self) -> None:
        self._ended = True
        self.changed_ms = self._around.timeline.now_ms
        self._tracks.leave(self)
        self._report.stopped()
