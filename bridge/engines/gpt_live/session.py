"""One GPT-Live session as the words of a call.

Owns which of the vendor's messages says what, in both directions, and the seconds that are billed.
What the model says is made responses of by `mouth`, what the caller says turns by `ear`, and the
functions of the `backend` are told as the model's own.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

import msgspec

from bridge.core import realtime
from bridge.core.abilities import Abilities
from bridge.engines.engine import Told
from bridge.engines.gpt_live import backend, wire
from bridge.engines.gpt_live.backend import Backend
from bridge.engines.gpt_live.ear import Ear
from bridge.engines.gpt_live.mouth import Mouth

ABILITIES: Final = Abilities(truncates=False, cancels=False, takes_turns=False, streams=True)

SPEAK: Final = (
    "Speak now, do not wait for the caller to speak first; after that, pause and listen. "
    "What to say: "
)
ANSWER: Final = "Answer the caller now, or react to what has just happened."

_encode = msgspec.json.Encoder().encode


class GptLive:
    """The translator of one session.

    Args:
        model: the voice.
        backend_model: the text model to which it delegates.
    """

    abilities = ABILITIES

    def __init__(self, model: str, backend_model: str) -> None:
        self._model = model
        self._backend_model = backend_model
        self._mouth = Mouth()
        self._ear = Ear()
        self._backend = Backend()
        self._begun = False
        self._muted = False
        self._seconds = 0.0

    # ------------------------------------------------------------------ server → call
    def opened(self) -> Sequence[Told]:
        """The server waits for us to speak first."""
        return _told([realtime.SessionCreated()])

    def inward(self, text: str) -> Sequence[Told]:
        """What a text means; ids of responses and items are ours."""
        event = wire.decode(text)
        if event is None:
            return ()
        if isinstance(event, realtime.Unknown | realtime.Malformed):
            return ((text, event),)
        return _told(self._meaning(event))

    def _meaning(self, event: wire.ServerEvent) -> Sequence[realtime.ServerEvent]:
        match event:
            case wire.OutputAudioDelta(delta=audio):
                return self._hear(audio)
            case wire.SessionStarted(session=session):
                self._mouth.name(session.id)
                self._ear.name(session.id)
                return [realtime.SessionUpdated()]
            case wire.OutputTranscriptDelta() | wire.InputTranscriptDelta():
                return self._words(event)
            case wire.CommentaryAppended(client_event_id=event_id):
                self._mouth.asked(event_id)
                return []
            case wire.ResponseEvent():
                return self._backend_goes_on(event)
            case wire.UsageUpdated(usage=usage):
                return self._lasted(usage.seconds)
            case wire.SessionClosed():
                return self._closed(event)
            case wire.Error(error=error):
                return self._refused(error)
            case _:
                assert_never(event)

    def _words(
        self, words: wire.OutputTranscriptDelta | wire.InputTranscriptDelta
    ) -> Sequence[realtime.ServerEvent]:
        if isinstance(words, wire.OutputTranscriptDelta):
            return self._mouth.words(words.delta, words.start_ms)
        return self._ear.words(words.delta, words.start_ms, self._mouth.clock_ms)

    def _backend_goes_on(self, event: wire.ResponseEvent) -> Sequence[realtime.ServerEvent]:
        calls, usage = self._backend.hear(event, self._mouth.response_id)
        if usage is not None:
            self._mouth.spend(usage)
        return calls

    def _hear(self, audio: bytes) -> Sequence[realtime.ServerEvent]:
        told = self._mouth.hear(audio, self._ear.since_ms)
        clock_ms = self._mouth.clock_ms
        return [*told, *self._ear.listen(clock_ms), *self._lasted(clock_ms // 1000)]

    def _lasted(self, seconds: float) -> list[realtime.ServerEvent]:
        """Tell of the seconds that are new, whoever has counted them: the stream or the server."""
        more = seconds - self._seconds
        if more <= 0:
            return []
        self._seconds = seconds
        return [realtime.SessionLasted(more)]

    def _closed(self, event: wire.SessionClosed) -> Sequence[realtime.ServerEvent]:
        told = [*self._mouth.silence(), *self._lasted(event.usage.seconds)]
        if event.reason == "expired":
            told.append(realtime.Error(realtime.ErrorDetail(code="session_expired")))
        elif event.reason != "close_requested":
            code = f"session_closed_{event.reason}"
            told.append(realtime.Error(realtime.ErrorDetail(code=code)))
        return told

    def _refused(self, error: wire.ErrorDetail) -> Sequence[realtime.ServerEvent]:
        self._mouth.refused(error.client_event_id)
        detail = realtime.ErrorDetail(
            type=error.type,
            code=error.code,
            message=error.message,
            param=error.param,
            event_id=error.client_event_id,
        )
        return [realtime.Error(detail)]

    # ------------------------------------------------------------------ call → server
    def outward(self, event: realtime.Outbound) -> Sequence[str]:
        """The messages that say ``event``; what the vendor has no word for is left out."""
        return [wire.encode(message) for message in self._messages(event)]

    def _messages(self, event: realtime.Outbound) -> Iterable[wire.Message]:
        match event:
            case realtime.InputAudioBufferAppend(audio=audio):
                return [wire.append_audio(audio)]
            case realtime.SessionUpdate():
                return [self._configure(event)]
            case realtime.TurnDetectionUpdate(event_id=event_id, turn_detection=detection):
                return self._listen(event_id, deaf=not detection.create_response)
            case realtime.ConversationItemCreate(event_id=event_id, item=item):
                return self._add(event_id, item)
            case realtime.ResponseCreate(event_id=event_id, response=options):
                return self._ask(event_id, options)
            case realtime.ConversationItemTruncate() | realtime.ResponseCancel():
                return []
            case _:
                assert_never(event)

    def closing(self) -> Sequence[str]:
        """A session is billed until it is closed."""
        return [wire.encode(wire.CLOSE)]

    def _configure(self, update: realtime.SessionUpdate) -> wire.Message:
        behind = backend.described(self._backend_model, update.instructions, update.tools)
        if self._begun:
            return wire.session_update(update.event_id, behind)
        self._begun = True
        instructions = update.instructions + backend.hint(update.tools)
        return wire.session_start(update.event_id, self._model, update.voice, instructions, behind)

    def _listen(self, event_id: str, *, deaf: bool) -> list[wire.Message]:
        """There is no turn detection to switch off: the model is given silence to hear."""
        if deaf == self._muted:
            return []
        self._muted = deaf
        return [wire.mute(event_id, muted=deaf)]

    def _add(self, event_id: str, item: realtime.Item) -> Iterable[wire.Message]:
        match item:
            case realtime.FunctionCallOutput(call_id=call_id, output=output):
                return self._answer(event_id, call_id, output)
            case realtime.FunctionCall(name=name, arguments=arguments):
                return _remember(event_id, f"The function {name} was called with {arguments}.")
            case realtime.SystemMessage():
                words = "".join(part.text for part in item.content)
                return [wire.obey(event_id, part) for part in wire.pieces(words)]
            case realtime.AssistantMessage():
                words = "".join(part.text for part in item.content)
                return _remember(event_id, f"You said: {words}")
            case realtime.UserMessage():
                return self._from_caller(event_id, item)
            case _:
                assert_never(item)

    def _from_caller(self, event_id: str, item: realtime.UserMessage) -> Iterable[wire.Message]:
        for part in item.content:
            if isinstance(part, realtime.InputAudio):
                yield wire.append_audio(part.audio)
            else:
                yield from _remember(event_id, f"From the caller: {part.text}")

    def _answer(self, event_id: str, call_id: str, output: str) -> Iterable[wire.Message]:
        if not self._backend.answers(call_id):
            yield from _remember(event_id, f"A function answered: {output}")
            return
        yield wire.function_output(event_id, call_id, output)
        if self._backend.may_go_on():
            yield wire.go_on(f"{event_id}_go_on")

    def _ask(self, event_id: str, options: realtime.ResponseOptions) -> Iterable[wire.Message]:
        self._mouth.ask(event_id)
        if options.instructions is None and self._backend.waits:
            self._mouth.asked(event_id)
            self._backend.want()
            if self._backend.may_go_on():
                yield wire.go_on(event_id)
            return
        *before, last = wire.pieces(options.instructions or ANSWER)
        for number, part in enumerate(before):
            yield wire.remember(f"{event_id}_{number}", part)
        yield wire.say(event_id, SPEAK + last)


def _remember(event_id: str, text: str) -> list[wire.Message]:
    return [wire.remember(event_id, part) for part in wire.pieces(text)]


def _told(events: Iterable[realtime.ServerEvent]) -> list[Told]:
    return [(_encode(event).decode(), event) for event in events]
