"""The media streams of one call: at most one both ways, and some which only listen.

Owns opening them, with the scenario's faults, and stopping them. Knows no document.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from simulator.phone.ear import Ear
from simulator.phone.identity import Identity
from simulator.phone.listening_stream import ListeningStream
from simulator.phone.media_stream import MediaStream
from simulator.phone.mouth import Mouth
from simulator.phone.signature import Signer
from simulator.phone.stream_socket import HANDSHAKE_TIMEOUT_MS, EndedBy
from simulator.phone.surroundings import Surroundings
from simulator.phone.tracks import Tracks
from simulator.phone.verbs.attributes import schema_warning
from simulator.phone.verbs.verb import Stop, StreamRequest, Then
from simulator.scenario.format import Scenario

TOKEN_LIFE_SECONDS = 3600
"""How long a call waits before it shows an expired token, unless the scenario sets its life."""
TRACKS_MAX = 4
REMEMBERED_MAX = 100
"""Streams which only listened, as REST still finds them."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream which only listens, as REST tells it; `changed_ms` on the timeline."""

    sid: str
    name: str
    running: bool
    changed_ms: float


class Owner(Protocol):
    """The call, as its streams see it."""

    @property
    def ended(self) -> bool:
        """The line is down."""
        ...

    def warn(self, code: int, text: str) -> None:
        """The document has a fault."""
        ...

    def hang_up(self) -> None:
        """The caller hangs up."""
        ...

    def begin_caller(self) -> None:
        """The caller hears and can be heard."""
        ...


class Streams:
    """All of one call."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        around: Surroundings,
        identity: Identity,
        signer: Signer,
        mouth: Mouth,
        ear: Ear,
        owner: Owner,
    ) -> None:
        self.ended_by: EndedBy | None = None
        """Who ended the last stream both ways, until another verb but `<Hangup>` runs."""
        self._setup = scenario.phone
        self._token_life_s = float(
            scenario.agent.settings.get("CALL_TOKEN_SECONDS", TOKEN_LIFE_SECONDS)
        )
        self._around = around
        self._identity = identity
        self._signer = signer
        self._mouth = mouth
        self._ear = ear
        self._owner = owner
        self._tracks = Tracks(around.timeline, mouth)
        self._stream: MediaStream | None = None
        self._listening: list[ListeningStream] = []
        self._remembered: deque[ListeningStream] = deque(maxlen=REMEMBERED_MAX)
        self._stop_waiting: Stop | None = None

    def connect(self, request: StreamRequest, over: Then) -> Stop:
        """Open a stream both ways, with the scenario's faults."""
        wait_ms = 0.0
        if self._setup.token == "expired":  # noqa: S105 - the name of a fault
            wait_ms = (self._token_life_s + 1) * 1000
        request = replace(request, parameters=self._tampered(request.parameters))
        self._wait(wait_ms, lambda: self._open(request, over))
        return self.disconnect

    def disconnect(self) -> None:
        """Stop the stream both ways, if there is one."""
        stop_waiting, self._stop_waiting = self._stop_waiting, None
        if stop_waiting is not None:
            stop_waiting()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stop()

    def press(self, digit: str) -> None:
        """A key of the caller."""
        if self._stream is not None:
            self._stream.press(digit)

    def sound(self, audio: bytes, lasts_ms: float) -> Stop:
        """Let streams which only listen hear what a verb plays to the caller."""
        return self._tracks.sound(audio, lasts_ms)

    def start(self, request: StreamRequest) -> None:
        """Open a stream which only listens, as a document asks."""
        # fidelity: inferred twilio.md 1.5 - one track too many is 31941, a name used twice 12200
        if self.name_is_taken(request):
            what = f"the name {request.name!r} of <Stream> is used by another stream of this call"
            schema_warning(self._owner.warn, f"{what}. It is not opened; take another name")
        elif self.is_a_track_too_many(request):
            text = (
                "Stream - Invalid Track configuration: the call's streams listen to as many "
                f"tracks as they may, {TRACKS_MAX}. Stop one first"
            )
            self.problem(31941, text)
        else:
            self.open(request)

    def name_is_taken(self, request: StreamRequest) -> bool:
        """Another stream of this call, which still runs, has that name."""
        return bool(request.name) and any(
            stream.request.name == request.name for stream in self._listening
        )

    def is_a_track_too_many(self, request: StreamRequest) -> bool:
        """It would listen to more tracks than a call's streams may in all."""
        # fidelity: documented twilio.md 1.5 - up to four tracks of such streams per call
        in_use = sum(len(stream.request.tracks) for stream in self._listening)
        return in_use + len(request.tracks) > TRACKS_MAX

    def open(self, request: StreamRequest) -> StreamState:
        """Open a stream which only listens; whether it may was asked before."""
        stream = ListeningStream(
            request,
            around=self._around,
            identity=self._identity,
            tracks=self._tracks,
            over=self._listening_over,
        )
        self._listening.append(stream)
        self._remembered.append(stream)
        stream.open(self._signer)
        return _state(stream)

    def find(self, name: str) -> StreamState | None:
        """A stream which only listens, or did, by sid or name; of several, the latest."""
        for stream in reversed(self._remembered):
            if name in (stream.sid, stream.request.name):
                return _state(stream)
        return None

    def stop(self, name: str) -> bool:
        """Stop a stream which only listens, by name or sid; False = there is none."""
        for stream in self._listening:
            if name and name in (stream.request.name, stream.sid):
                self._listening.remove(stream)
                stream.stop()
                return True
        return False

    def stop_all(self) -> None:
        """The line is down."""
        self.disconnect()
        listening, self._listening = self._listening, []
        for stream in listening:
            stream.stop()

    def problem(self, code: int, text: str) -> None:
        """A stream cannot be opened as asked."""
        self._around.trace.record("twilio", "warning", code=code, text=text, first=True)

    # -- inside ---------------------------------------------------------------------------

    def _open(self, request: StreamRequest, over: Then) -> None:
        if self._setup.connect == "never":
            self.problem(
                31901,
                "Stream - WebSocket - Connection Timeout: the scenario keeps the stream from "
                "being opened",
            )
            self._wait(HANDSHAKE_TIMEOUT_MS, lambda: self._over("network", over))
            return
        self._stream = MediaStream(
            request,
            around=self._around,
            setup=self._setup,
            identity=self._identity,
            mouth=self._mouth,
            ear=self._ear,
            tracks=self._tracks,
            began=self._owner.begin_caller,
            over=lambda by: self._over(by, over),
        )
        self._stream.open(self._signer)
        if self._setup.connect == "hang_up":
            self._owner.hang_up()

    def _wait(self, delay_ms: float, then: Callable[[], None]) -> None:
        self._stop_waiting = self._around.timeline.after(delay_ms, then).cancel

    def _over(self, by: EndedBy, over: Then) -> None:
        if not self._owner.ended:
            self._stream = None
            self.ended_by = by
            over()

    def _listening_over(self, stream: ListeningStream) -> None:
        if stream in self._listening:
            self._listening.remove(stream)

    def _tampered(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """The parameters as a stranger would send them: none, or with a token of the same shape."""
        if self._setup.token == "missing":  # noqa: S105 - the name of a fault
            return {}
        if self._setup.token != "forged":  # noqa: S105 - the name of a fault
            return parameters
        tokens = {name for name in parameters if "token" in name.lower()} or set(parameters)
        return {
            name: _forged(value) if name in tokens else value for name, value in parameters.items()
        }


def _state(stream: ListeningStream) -> StreamState:
    return StreamState(stream.sid, stream.request.name, stream.running, stream.changed_ms)


def _forged(value: str) -> str:
    """Another value of the same alphabet and length."""
    forged = value[:-8] + value[-8:][::-1].swapcase()
    return forged if forged != value else value + "x"
