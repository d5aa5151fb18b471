"""The lean phone: one call's media stream, its caller's frames and its caller's ear.

Owns one stream from the upgrade to its close, as Twilio's side of it (twilio.md 1). It leaves out:
TwiML other than the stream, status callbacks, REST, silence suppression, jitter of timestamps, the
sound of what is heard. Marks come back at the next frame after their audio.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import trio

from simulator.load.books import Books
from simulator.load.caller import Caller, spoken
from simulator.load.ear import Ear
from simulator.load.framing import Broken, ClientFrames, FrameReader
from simulator.load.handshake import Head, Upgrade
from simulator.load.reactor import Link, Reactor
from simulator.load.relay import DownRelay, UpRelay
from simulator.load.stream_reading import Clear, Mark, decode
from simulator.load.tag import CALLS, SILENT, Frame, bits_of_call
from simulator.phone.stream_messages import CONNECTED, StreamMessages
from simulator.scenario.format import Action, HangUp, Press, Say, Scenario
from simulator.websocket import CLOSE, PING, PONG, TEXT, close_data

UNSENT_BYTES_MAX: Final = 2 * 50 * 400
"""Two seconds of frames, beyond which Twilio discards the caller's audio (twilio.md 1.4, 31930)."""
HANDSHAKE_MS: Final = 10_000.0
CLOSE_MS: Final = 2_000.0
PATIENCE_S: Final = 20.0
"""A caller who waits longer than this for the agent gives up."""
NORMAL: Final = 1000
_FIRST_TIMESTAMP_MS: Final = 120
_FRAME_MS: Final = 20

State = Literal["dialling", "opening", "streaming", "closing", "over"]


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """Where a call's stream is: the address, and what the upgrade says."""

    address: tuple[str, int]
    host: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]


class LoadCall:
    """One call. `over` is set when its socket is gone; `streaming` called when frames may begin."""

    def __init__(
        self,
        number: int,
        scenario: Scenario,
        books: Books,
        streaming: Callable[[LoadCall], None],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self.number = number % CALLS
        self.call_sid = "CA" + os.urandom(16).hex()
        self.up = UpRelay(books)
        self.down = DownRelay(books)
        self.over = trio.Event()
        self.session: object | None = None
        self.state: State = "dialling"
        self.hung_up_s: float | None = None
        self._scenario = scenario
        self._books = books
        self._streaming = streaming
        self._later = later
        self._bits = bits_of_call(self.number)
        self._frames: tuple[Frame, ...] = ()
        self._next_frame = 0
        self._keys = ""
        self._speech_frames = 0
        self._speech_end_s = 0.0
        """When the last of what is said was sent; until then, when it should be."""
        self._is_answering = False
        self.dialled_s = time.perf_counter()

    def open(self, reactor: Reactor, place: StreamPlace, account_sid: str) -> None:
        """Connect the stream."""
        self.state = "opening"
        self._place = place
        self._stream_sid = "MZ" + os.urandom(16).hex()
        self._words = StreamMessages(account_sid, self.call_sid, self._stream_sid)
        self._upgrade = Upgrade()
        self._head: Head | None = Head()
        self._writer = ClientFrames(os.urandom(4))
        self._reader = FrameReader(self._take, masked=False)
        self._ear = Ear()
        self._later(HANDSHAKE_MS, self._no_answer)
        self._link = Link.dial(reactor, place.address)
        self._link.owner = self

    def hang_up(self) -> None:
        """The caller is done: stop, close, and wait a little for the bridge's close."""
        if self.state == "streaming":
            self._note_end()
            self._send(self._words.stop())
            self._link.send(self._writer.write(CLOSE, close_data(NORMAL)))
            self.state = "closing"
            self._later(CLOSE_MS, self._finish)
        elif self.state == "opening":
            self._finish()

    # -- what the session tells ------------------------------------------------------------

    def configured(self, session: object) -> None:
        """The model's session hears this caller and is ready."""
        now_s = time.perf_counter()
        if self.session is None:
            self._books.session_ms.add((now_s - self._started_s) * 1000)
        self.session = session
        if not self.up.ready:
            self.up.configured(now_s)

    def answering(self) -> None:
        """The turn that was spoken last is being answered."""
        self._is_answering = True

    def session_gone(self) -> None:
        """The bridge has closed the session while the caller was there."""
        if self.state == "streaming":
            self._books.wrong("session_closed", "the bridge closed the session during the call")

    # -- Owner -----------------------------------------------------------------------------

    def connected(self) -> None:
        """TCP is up: ask for the upgrade."""
        place = self._place
        self._link.send(self._upgrade.request(place.host, place.path, place.headers))

    def receive(self, data: bytes) -> None:
        """Bytes of the bridge."""
        try:
            if self._head is not None:
                data = self._shake(self._head, data)
            if data:
                self._reader.feed(data)
        except (Broken, ValueError) as broken:
            self._failed("stream_protocol", str(broken))

    def closed(self, why: str) -> None:
        """The connection is gone."""
        if self.state == "closing":
            self._finish()
        else:
            self._failed(f"stream_{why}", f"the stream's connection: {why}")

    # -- fifty times a second ----------------------------------------------------------------

    def frame(self) -> None:
        """The next 20 ms of the caller, and whatever is due."""
        now_s = time.perf_counter()
        if self._frames:
            frame = self._frames[self._next_frame]
            self._next_frame += 1
            if self._next_frame == self._speech_frames:
                self._speech_end_s = now_s
            if self._next_frame == len(self._frames):
                self._frames = ()
        else:
            frame = SILENT
        number = self.up.sent(now_s)
        # fidelity: documented twilio.md 1.4 - a slow reader loses caller audio (lean, load)
        if self._link.unsent > UNSENT_BYTES_MAX:
            self._books.totals["frames_discarded"] += 1
        else:
            timestamp_ms = _FIRST_TIMESTAMP_MS + number * _FRAME_MS
            self._send(self._words.media_in_base64(frame.payload(self._bits, number), timestamp_ms))
        # fidelity: inferred twilio.md 1.3 - marks come back on the 20 ms beat (lean, load)
        next_mark_s = self._ear.next_mark_s
        if next_mark_s is not None and next_mark_s <= now_s:
            self._return(self._ear.reached(now_s))
        action = self._caller.due(now_s)
        if action is not None:
            self._act(action, now_s)
        elif self._keys and number % 10 == 0:
            self._send(self._words.dtmf(self._keys[0]))
            self._keys = self._keys[1:]
        elif number % 50 == 0:
            self._look(now_s)

    def _act(self, action: Action, now_s: float) -> None:
        if isinstance(action, Say):
            said = spoken(action.clips)
            self._frames, self._next_frame = said.frames, 0
            self._speech_frames = said.speech_frames
            self._speech_end_s = now_s + said.speech_frames * _FRAME_MS / 1000
        elif isinstance(action, Press):
            self._keys += action.digits
        elif isinstance(action, HangUp):
            self.hang_up()

    def _look(self, now_s: float) -> None:
        """Once a second: is anything missing that should have come?"""
        waits_since_s = self._caller.waits_since_s
        if not self.up.ready and now_s - self._started_s > PATIENCE_S:
            self._books.wrong("no_session", f"no Realtime session within {PATIENCE_S:g} s")
        elif waits_since_s is not None and now_s - waits_since_s > PATIENCE_S:
            self._books.wrong("no_answer", f"the caller waited {PATIENCE_S:g} s for the agent")
        else:
            return
        self.hang_up()

    # -- inside --------------------------------------------------------------------------------

    def _shake(self, head: Head, data: bytes) -> bytes:
        whole = head.feed(data)
        if whole is None:
            return b""
        first, headers, rest = whole
        refusal = self._upgrade.refusal(first, headers)
        if refusal is not None:
            self._failed(f"stream_refused_{refusal}", f"the upgrade was answered: {first[:80]}")
            return b""
        self._head = None
        self._books.connect_ms.add((time.perf_counter() - self.dialled_s) * 1000)
        self._books.totals["calls"] += 1
        self._send(CONNECTED)
        self._send(self._words.start(self._place.parameters))
        self.state = "streaming"
        self._started_s = time.perf_counter()
        self._caller = Caller(self._scenario.caller, self._ear, self._started_s)
        self._streaming(self)
        return rest

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == CLOSE:
            if self.state == "closing":
                self._finish()
            else:
                self._link.send(self._writer.write(CLOSE, data[:2]))
                self._failed("stream_closed", "the bridge closed the stream during the call")
        elif self.state != "streaming":
            return
        elif opcode == TEXT:
            self._hear(data)
        elif opcode == PING:
            self._link.send(self._writer.write(PONG, data))
        elif opcode != PONG:
            self._books.wrong("twilio: 31950", "a binary frame on the stream")

    def _hear(self, data: bytes) -> None:
        now_s = time.perf_counter()
        try:
            message = decode(data, self._stream_sid)
        except (msgspec.DecodeError, ValueError) as wrong:
            self._books.wrong("twilio: 31951", str(wrong))
            return
        if isinstance(message, bytes):
            begins = self.down.arrived(len(message), now_s)
            if begins and self._is_answering:
                self._is_answering = False
                if self._books.recording:
                    latency_s = now_s - self._speech_end_s
                    self._books.response_latency_ms.add(latency_s * 1000)
            self._ear.media(len(message), now_s)
        elif isinstance(message, Mark):
            self._ear.mark(message.mark.name, now_s)
            self._return(self._ear.reached(now_s))
        else:
            assert isinstance(message, Clear)
            self.down.cleared()
            self._return(self._ear.clear(now_s))

    def _return(self, marks: list[str]) -> None:
        for name in marks:
            self._send(self._words.mark(name))

    def _send(self, data: bytes) -> None:
        self._link.send(self._writer.write(TEXT, data))

    def _no_answer(self) -> None:
        if self.state == "opening":
            self._failed("stream_timeout", "the upgrade was not answered within 10 s")

    def _failed(self, kind: str, text: str) -> None:
        if self.state != "over":
            self._books.wrong(kind, text)
        self._finish()

    def _note_end(self) -> None:
        self.hung_up_s = time.perf_counter()
        self.up.close(self.hung_up_s)
        self.down.close(self.hung_up_s)

    def _finish(self) -> None:
        if self.state == "over":
            return
        if self.state == "streaming":
            self._note_end()
        self.state = "over"
        self._link.abort()
        self.over.set()
