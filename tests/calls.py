"""A call on the test bench: it is told messages, and shows the commands that follow."""

from collections.abc import Sequence
from typing import TypeVar

from bridge.core import realtime, twilio
from bridge.core.call import Call, CallPlan, Command, End, EndReason, Inbound, Note

STREAM_SID = "MZ" + "0" * 32
CALL_SID = "CA" + "0" * 32
ACCOUNT_SID = "AC" + "0" * 32

START = twilio.Start(
    stream_sid=STREAM_SID,
    call_sid=CALL_SID,
    account_sid=ACCOUNT_SID,
    custom_parameters={},
    media_format=twilio.MediaFormat(),
)

STARTED, STOPPED = realtime.SpeechStarted(), realtime.SpeechStopped()
COMMITTED = realtime.InputAudioBufferCommitted()
TURN = (STARTED, STOPPED, COMMITTED)
"""The caller has spoken."""

UP = (realtime.SessionCreated(), realtime.SessionUpdated())
GONE = realtime.Closed(1006)

LOOK_UP = realtime.Tool("look_up", "Looks something up.", {"type": "object", "properties": {}})

C = TypeVar("C")


def of_type(commands: Sequence[object], kind: type[C]) -> list[C]:
    """Return the commands of one kind, in order."""
    return [command for command in commands if isinstance(command, kind)]


def sent_audio(commands: Sequence[Command]) -> bytes:
    """Return all audio for the caller in ``commands``."""
    return b"".join(media.payload for media in of_type(commands, twilio.SendMedia))


def appended_audio(commands: Sequence[Command]) -> bytes:
    """Return all audio for the model in ``commands``."""
    return b"".join(append.audio for append in of_type(commands, realtime.InputAudioBufferAppend))


def cuts(commands: Sequence[Command]) -> list[tuple[str, int]]:
    """Return the truncations in ``commands``: item and end in milliseconds."""
    truncations = of_type(commands, realtime.ConversationItemTruncate)
    return [(truncation.item_id, truncation.audio_end_ms) for truncation in truncations]


def media(audio: bytes = b"\x55" * 160) -> twilio.Media:
    """Return caller audio as it comes in."""
    return twilio.Media(timestamp_ms=0, chunk=1, payload=audio)


def frame(number: int) -> bytes:
    """A caller frame that can be told from others."""
    return number.to_bytes(2, "big") * 80


def created(response_id: str) -> realtime.ResponseCreated:
    """Return the beginning of a response."""
    return realtime.ResponseCreated(realtime.Response(response_id))


def delta(response_id: str, item_id: str, duration_ms: int) -> realtime.OutputAudioDelta:
    """Return agent audio."""
    return realtime.OutputAudioDelta(response_id, item_id, b"\x11" * (duration_ms * 8))


def done(
    response_id: str,
    status: str = "completed",
    *,
    code: str | None = None,
    kind: str | None = None,
) -> realtime.ResponseDone:
    """Return the end of a response."""
    error = realtime.ErrorDetail(code=code, type=kind) if code or kind else None
    details = realtime.StatusDetails(error=error) if error else None
    return realtime.ResponseDone(realtime.FinishedResponse(response_id, status, details))


def tool_call(
    response_id: str,
    name: str = "end_call",
    *,
    call_id: str = "call_1",
    arguments: str = "{}",
    status: str | None = "completed",
) -> realtime.OutputItemDone:
    """Return a function call of the model."""
    item = realtime.OutputItem("function_call", "item_f", status, name, call_id, arguments)
    return realtime.OutputItemDone(response_id, item)


def error(code: str, *, event_id: str | None = None) -> realtime.Error:
    """Return an error event."""
    return realtime.Error(realtime.ErrorDetail(code=code, event_id=event_id))


class Bench:
    """One call. Time stands still unless ``wait`` is called; deadlines are kept on the way."""

    def __init__(self, plan: CallPlan | None = None) -> None:
        self.now = 0.0
        self.call = Call(plan or CallPlan(), self.now)
        self.commands: list[Command] = []

    def hear(self, *messages: Inbound) -> list[Command]:
        """Return what follows from ``messages``, at this instant."""
        fresh: list[Command] = []
        for message in messages:
            fresh += self.call.receive(message, self.now)
        self.commands += fresh
        return fresh

    def wait(self, duration_s: float) -> list[Command]:
        """Let time pass, expiring what is due when it is due. Return what followed."""
        until = self.now + duration_s
        fresh: list[Command] = []
        while self.call.deadline <= until:
            self.now = self.call.deadline
            fresh += self.call.expire(self.now)
        self.now = until
        self.commands += fresh
        return fresh

    def started(self) -> "Bench":
        """Bring the stream up. The probe comes back after 100 ms."""
        self.hear(twilio.Connected(), START)
        return self

    def ready(self) -> "Bench":
        """Bring both legs up; the round trip to Twilio measured as 100 ms."""
        self.started()
        probe = of_type(self.commands, twilio.SendMark)[-1]
        self.wait(0.1)
        self.hear(twilio.Mark(probe.name))
        self.hear(*UP)
        return self

    def played(self, commands: Sequence[Command]) -> list[Command]:
        """Return what follows when all marks in ``commands`` come back."""
        return self.hear(*[twilio.Mark(mark.name) for mark in of_type(commands, twilio.SendMark)])

    def reason(self) -> EndReason | None:
        """Why the call ended; None while it has not."""
        ends = of_type(self.commands, End)
        assert len(ends) <= 1
        assert not ends or isinstance(self.commands[-1], End)
        return ends[0].reason if ends else None

    def notes(self, event: str) -> list[Note]:
        """Return the log lines of one kind."""
        return [note for note in of_type(self.commands, Note) if note.event == event]


def answering(bench: Bench, duration_s: float) -> bytes:
    """Let time pass on a line that answers probes and has no sound. The audio a session got."""
    heard = b""
    for _ in range(round(duration_s * 10)):
        commands = bench.wait(0.1)
        heard += appended_audio(commands)
        bench.played(commands)
    return heard


def asks(bench: Bench) -> list[realtime.ResponseOptions]:
    """What the model was asked for so far."""
    return [request.response for request in of_type(bench.commands, realtime.ResponseCreate)]


def says(bench: Bench, name: str) -> None:
    """The agent says something for a second, and it is heard."""
    said = bench.hear(created(name), delta(name, f"i{name}", 1000), done(name))
    bench.wait(1.1)
    bench.played(said)


def closing(plan: CallPlan | None = None) -> Bench:
    """A call whose agent said a goodbye of one second and hung up in the same response."""
    bench = Bench(plan).ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), done("r1"))
    return bench


def heard_out(bench: Bench) -> Bench:
    """The goodbye has been played and its last mark is back."""
    bench.wait(1.1)
    bench.played(bench.commands)
    return bench
