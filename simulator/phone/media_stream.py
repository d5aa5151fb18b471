"""Twilio's Media Streams client: the caller's frames out, the agent's audio in, marks and clear.

Owns one bidirectional stream from the upgrade to its end. Knows neither TwiML nor why the caller
says what it says.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from simulator.phone.ear import Ear
from simulator.phone.identity import Identity, draw_sid
from simulator.phone.mouth import Mouth
from simulator.phone.signature import Signer
from simulator.phone.stream_messages import CONNECTED, StreamMessages
from simulator.phone.stream_report import StreamReport
from simulator.phone.stream_schema import Clear, Invalid, Mark, Media, read
from simulator.phone.stream_socket import EndedBy, StreamSocket
from simulator.phone.surroundings import Surroundings
from simulator.phone.tracks import Tracks
from simulator.phone.verbs.verb import StreamRequest
from simulator.playout import MarkReached, Played, Playout
from simulator.scenario.format import PhoneSetup
from simulator.sound import FRAME_MS, SILENT_FRAME
from simulator.timeline import Timer

FIRST_MESSAGES_MS = 90.0
FIRST_TIMESTAMP_MS = (100, 180)
UNREAD_FRAMES_MAX = 2 * 50
"""Two seconds of frames: beyond it Twilio discards the caller's audio."""

DIGITAL_SILENCE = b"\xff\x7f"
"""The two mu-law codes of sample value zero."""


class MediaStream:
    """One stream. `began` is called when `start` was sent, `over` when it ends by itself."""

    def __init__(
        self,
        request: StreamRequest,
        *,
        around: Surroundings,
        setup: PhoneSetup,
        identity: Identity,
        mouth: Mouth,
        ear: Ear,
        tracks: Tracks,
        began: Callable[[], None],
        over: Callable[[EndedBy], None],
    ) -> None:
        self.playout = Playout(start_delay_ms=setup.playout_delay_ms)
        self._request = request
        self._timeline = around.timeline
        self._trace = around.trace
        self._rng = around.rng
        self._setup = setup
        self._mouth = mouth
        self._ear = ear
        self._tracks = tracks
        self._began = began
        self._over = over
        self._stream_sid = draw_sid("MZ", around.rng)
        self._messages = StreamMessages(identity.account_sid, identity.call_sid, self._stream_sid)
        self._timer: Timer | None = None
        self._playout_timer: Timer | None = None
        self._playout_timer_ms = 0.0
        self._started = self._ended = False
        self._number = 0  # of the bridge's media messages
        self._ticks = 0
        self._timestamp_ms = 0
        self._report = StreamReport(
            request,
            self._stream_sid,
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
        )

    def open(self, signer: Signer) -> None:
        """Send the upgrade."""
        # fidelity: documented twilio.md 1.1 - signed: the wss URL as in the TwiML, no form
        self._socket.request(self._request.url, signer.headers(self._request.url))

    def press(self, digit: str) -> None:
        """The caller pressed a key."""
        # fidelity: documented twilio.md 1.2 - one message a digit
        # fidelity: inferred twilio.md 1.2 - the tone itself is not in the media
        if self._started and not self._ended:
            self._send(self._messages.dtmf(digit), event="dtmf", digit=digit)

    def stop(self) -> None:
        """The call ends or goes on elsewhere: `stop`, then the close."""
        # fidelity: documented twilio.md 1.2, 1.5 - stop, then close
        # fidelity: inferred twilio.md 1.2 - close code 1000
        if self._ended:
            return
        if self._started and self._setup.stop_before_close:
            self._send(self._messages.stop(), event="stop")
        self._end()
        self._socket.close(self._setup.close_code)

    # -- stream_socket.Listener --------------------------------------------------------

    def opened(self) -> None:
        """The bridge took the upgrade."""
        # fidelity: observed twilio.md 1.2 - connected, start, first media: one burst, 90 ms later
        self._report.started()
        self._timer = self._timeline.after(FIRST_MESSAGES_MS, self._first_messages)

    def text(self, data: bytes) -> None:
        """A message of the bridge."""
        message = read(data, self._stream_sid)
        now_ms = self._timeline.now_ms
        self._settle(now_ms)
        if isinstance(message, Media):
            self._media(message.audio, now_ms)
        elif isinstance(message, Mark):
            self._trace.record("twilio", "received", event="mark", name=message.name)
            self.playout.mark(message.name, now_ms)
            self._settle(now_ms)
        elif isinstance(message, Clear):
            self._clear(now_ms)
        else:
            self._invalid(message)
        self._plan()

    def binary(self) -> None:
        """A binary message."""
        self._invalid(
            Invalid(
                31950,
                "Stream - Media - Malformed Message: a binary frame came, and JSON in a text frame "
                "was expected. It is ignored; send audio as base64 in a media message",
            )
        )

    def problem(self, code: int, text: str) -> None:
        """Report it."""
        self._report.problem(code, text)

    def over(self, by: EndedBy) -> None:
        """The socket is gone, and not by us."""
        self._end()
        self._over(by)

    # -- the caller's side -----------------------------------------------------------------

    def _first_messages(self) -> None:
        self._send(CONNECTED, event="connected")
        if self._setup.start == "late":
            self._timer = self._timeline.after(self._setup.start_delay_ms, self._start)
        elif self._setup.start == "normal":
            self._start()

    def _start(self) -> None:
        parameters = self._request.parameters
        self._send(
            # fidelity: inferred twilio.md 1.5 [knob: phone.media_format] - audio other than mu-law
            #   at 8 kHz is coming, but not here
            self._messages.start(parameters, encoding=self._setup.media_format),
            event="start",
            stream_sid=self._stream_sid,
            parameters=",".join(parameters),
        )
        self._started = True
        self._start_ms = self._timeline.now_ms
        # fidelity: observed twilio.md 1.2 - the first timestamp is not zero
        first_ms = self._setup.first_timestamp_ms
        drawn_ms = self._rng.randint(*FIRST_TIMESTAMP_MS)
        self._first_timestamp_ms = drawn_ms if first_ms is None else first_ms
        self._ear.listen(self.playout)
        self._tracks.stream_began()
        self._mouth.attend(self._start_ms - FRAME_MS)
        self._tick()
        self._began()

    def _tick(self) -> None:
        """One frame; 50 a second, so this is the phone's hot path."""
        nominal_ms = FRAME_MS * self._ticks
        frame = self._mouth.frame(self._start_ms + nominal_ms)
        self._ticks += 1
        self._timer = self._timeline.at(self._start_ms + nominal_ms + FRAME_MS, self._tick)
        if frame is None:
            frame = SILENT_FRAME
        if self._tracks.taps:
            self._settle(self._timeline.now_ms)
            self._tracks.pass_on(frame, self.playout.position)
        if self._setup.dtx and not frame.strip(DIGITAL_SILENCE):
            return  # fidelity: documented twilio.md 1.2 - some lines send nothing in silence
        # fidelity: observed twilio.md 1.2 - timestamps waver around the 20 ms grid
        jitter_ms = self._setup.timestamp_jitter_ms * (2 * self._rng.random() - 1)
        timestamp_ms = round(self._first_timestamp_ms + nominal_ms + jitter_ms)
        timestamp_ms = max(timestamp_ms, self._timestamp_ms)
        self._timestamp_ms = timestamp_ms
        if self._socket.unread_frames > UNREAD_FRAMES_MAX:
            # fidelity: documented twilio.md 1.4 - 31930: a slow reader loses caller audio
            # fidelity: inferred twilio.md 1.4 - 31930 beyond two seconds of frames, whatever else
            #   is unread; sequence numbers stay contiguous
            self.problem(
                31930,
                "Stream - Media - Buffer Overflow: the bridge reads too slowly, and the caller's "
                "audio is discarded. Read the stream all the time",
            )
            lost = True
        else:
            self._socket.send_sound(self._messages.media(frame, timestamp_ms))
            lost = False
        self._trace.record(
            "twilio", "sent", event="media", audio=frame, timestamp_ms=timestamp_ms, lost=lost
        )

    # -- the agent's side -----------------------------------------------------------------

    def _media(self, audio: bytes, now_ms: float) -> None:
        self._number += 1
        self._trace.record("twilio", "received", event="media", number=self._number, audio=audio)
        position = self.playout.end
        # fidelity: documented twilio.md 1.3 - any size, played in order, no pacing
        discarded = self.playout.media(audio, now_ms, self._number)
        if discarded:
            # fidelity: documented twilio.md 1.3, 1.4 - beyond ten minutes: 31931
            self.problem(
                31931,
                f"Stream - Media - Media Discarded: more than ten minutes are buffered, and "
                f"{discarded} bytes are dropped. Send less ahead",
            )
            audio = audio[: len(audio) - discarded]
        if self._tracks.taps:
            self._tracks.queued(audio, position)
        self._ear.queued(audio, position)

    def _clear(self, now_ms: float) -> None:
        # fidelity: documented twilio.md 1.3 - drops unplayed audio, returns pending marks at once
        cleared = self.playout.clear(now_ms)
        self._settle(now_ms)
        self._trace.record(
            "twilio",
            "received",
            event="clear",
            pending_marks=len(cleared.marks),
            dropped_ms=cleared.dropped_bytes / 8,
        )
        self._ear.cut()
        if self._setup.clear_echo:
            for name in cleared.marks:
                self._return_mark(name, played=False)

    def _invalid(self, message: Invalid) -> None:
        # fidelity: documented twilio.md 1.3 - ignored, and the stream goes on
        self.problem(message.code, message.text)

    def _return_mark(self, name: str, *, played: bool) -> None:
        self._send(self._messages.mark(name), event="mark", name=name, played=played)

    def _settle(self, now_ms: float) -> None:
        """Tell what was heard until now, and return the marks that were reached."""
        # fidelity: documented twilio.md 1.3 - a mark comes back when the audio before it was played
        # fidelity: inferred twilio.md 1.3 - at once when nothing is buffered; first in, first out
        self._ear.catch_up()
        for happened in self.playout.advance(now_ms):
            if isinstance(happened, MarkReached):
                self._trace.record("playout", "marked", name=happened.name)
                self._return_mark(happened.name, played=True)
            else:
                self._played(happened)

    def _played(self, played: Played) -> None:
        self._trace.record(
            "playout",
            "played",
            number=played.tag,
            start_byte=played.start_byte,
            end_byte=played.end_byte,
            from_ms=played.from_ms,
            to_ms=played.to_ms,
        )

    def _plan(self) -> None:
        """Have one timer, at the next end of a message or mark."""
        next_ms = self.playout.next_ms
        timer = self._playout_timer
        if timer is not None:
            if self._playout_timer_ms <= next_ms:
                return  # it comes early enough, and plans again
            timer.cancel()
        self._playout_timer = None
        if self.playout.playing:
            self._playout_timer = self._timeline.at(next_ms, self._fire)
            self._playout_timer_ms = next_ms

    def _fire(self) -> None:
        self._playout_timer = None
        self._settle(self._timeline.now_ms)
        self._plan()

    # -- both -------------------------------------------------------------------------------

    def _send(self, data: bytes, **what: object) -> None:
        self._socket.send(data)
        self._trace.record("twilio", "sent", **what)

    def _end(self) -> None:
        """Nothing is said or heard any more."""
        self._ended = True
        self._report.stopped()
        if self._started:
            self._tracks.stream_over()
        for timer in (self._timer, self._playout_timer):
            if timer is not None:
                timer.cancel()
        now_ms = self._timeline.now_ms
        self._ear.catch_up()
        self.playout.clear(now_ms)
        for happened in self.playout.advance(now_ms):
            if isinstance(happened, Played):
                self._played(happened)
        if self._started:
            self._ear.cut()
