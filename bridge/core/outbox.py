"""What the call wants sent, in order.

Owns the numbering of client events; that nobody speaks on a leg that is not open is an invariant
here, and the call's business. Knows no rule of turns.
"""

from typing import Any

from bridge.core import realtime, twilio
from bridge.core.commands import End, Note, OpenRealtime, ReleaseLine
from bridge.core.plan import CallPlan
from bridge.core.playback import Cut, Piece
from bridge.core.tools import END_CALL

Command = twilio.Outbound | realtime.Outbound | OpenRealtime | ReleaseLine | End | Note


class Outbox:
    """Collects the commands of one step of the call."""

    def __init__(self) -> None:
        self.stream_sid = ""
        self.realtime_open = False
        self._commands: list[Command] = []
        self._events = 0

    def take(self) -> list[Command]:
        """Return what was collected, and begin anew."""
        commands, self._commands = self._commands, []
        return commands

    def put(self, command: OpenRealtime | ReleaseLine | End) -> None:
        """Tell the shell."""
        self._commands.append(command)

    def note(self, event: str, **fields: Any) -> None:
        """Write one log line."""
        self._commands.append(Note(event, fields))

    # -------------------------------------------------------------------- to Twilio
    def play(self, pieces: list[Piece]) -> None:
        """Send audio, a mark behind each piece."""
        for piece in pieces:
            self._commands.append(twilio.SendMedia(self.stream_sid, piece.audio))
            self._commands.append(twilio.SendMark(self.stream_sid, piece.mark))

    def mark(self, name: str) -> None:
        """Send a mark alone."""
        self._commands.append(twilio.SendMark(self.stream_sid, name))

    def clear(self) -> None:
        """Stop the sound."""
        self._commands.append(twilio.Clear(self.stream_sid))

    # -------------------------------------------------------------------- to OpenAI
    def configure(self, plan: CallPlan) -> None:
        """Send the whole session configuration."""
        self._to_realtime(
            realtime.SessionUpdate(
                event_id=self._event_id(),
                voice=plan.voice,
                instructions=plan.instructions,
                turn_detection=plan.turn_detection,
                tools=(END_CALL,),
                transcription_model=plan.transcription_model,
                prompt_id=plan.prompt_id,
                prompt_version=plan.prompt_version,
                temperature=plan.temperature,
            )
        )

    def turn_detection(self, detection: realtime.TurnDetection) -> None:
        """Change turn detection."""
        self._to_realtime(realtime.TurnDetectionUpdate(self._event_id(), detection))

    def append(self, audio: bytes) -> None:
        """Send caller audio."""
        self._to_realtime(realtime.InputAudioBufferAppend(self._event_id(), audio))

    def say_for_caller(self, text: str) -> None:
        """Add what the caller did, in words, to the conversation."""
        item = realtime.UserMessage((realtime.InputText(text),))
        self._to_realtime(realtime.ConversationItemCreate(self._event_id(), item))

    def tool_output(self, call_id: str, output: str) -> None:
        """Answer a function call."""
        item = realtime.FunctionCallOutput(call_id, output)
        self._to_realtime(realtime.ConversationItemCreate(self._event_id(), item))

    def truncate(self, cut: Cut) -> None:
        """Make the model forget what was not heard."""
        event_id = self._event_id()
        self._to_realtime(
            realtime.ConversationItemTruncate(event_id, cut.item_id, cut.audio_end_ms)
        )

    def ask(self, options: realtime.ResponseOptions) -> str:
        """Ask for a response. Returns the event id, by which an error would name it."""
        event_id = self._event_id()
        self._to_realtime(realtime.ResponseCreate(event_id, options))
        return event_id

    def cancel(self, response_id: str) -> None:
        """Stop a response."""
        self._to_realtime(realtime.ResponseCancel(self._event_id(), response_id))

    def _event_id(self) -> str:
        self._events += 1
        return f"cb_{self._events}"

    def _to_realtime(self, event: realtime.Outbound) -> None:
        assert self.realtime_open
        self._commands.append(event)
