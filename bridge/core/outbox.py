"""What the call wants sent, in order.

Owns the numbering of client events, and that items of ours get into the memory: while no session is
there that is all, and the next one is given them. That nothing else is said on a leg that is not
open is an invariant here, and the call's business. Knows no rule of turns.
"""

from typing import Any

from bridge.core import realtime, twilio
from bridge.core.abilities import Abilities
from bridge.core.commands import (
    CallTool,
    CloseRealtime,
    End,
    Note,
    OpenRealtime,
    ReleaseLine,
    ToBeside,
    TransferLine,
    UseRealtime,
)
from bridge.core.memory import Memory, Restored
from bridge.core.plan import CallPlan
from bridge.core.playback import Cut, Piece
from bridge.core.tools import COLLECT_DIGITS, END_CALL, transfer_call

OurCommand = (
    OpenRealtime
    | ToBeside
    | UseRealtime
    | CloseRealtime
    | ReleaseLine
    | TransferLine
    | CallTool
    | End
    | Note
)
Command = twilio.Outbound | realtime.Outbound | OurCommand


class Outbox:
    """Collects the commands of one step of the call."""

    def __init__(self) -> None:
        self.stream_sid = ""
        self.realtime_open = False
        self.abilities = Abilities()
        """Of the engine behind the sessions: what it cannot do is not asked of it."""
        self.memory = Memory()
        self._commands: list[Command] = []
        self._events = 0

    def take(self) -> list[Command]:
        """Return what was collected, and begin anew."""
        commands, self._commands = self._commands, []
        return commands

    def put(self, command: OurCommand) -> None:
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
    def configure(self, plan: CallPlan, *, beside: bool = False) -> None:
        """Send the whole session configuration; ``beside``: to the session beside that in use."""
        update = realtime.SessionUpdate(
            event_id=self._event_id(),
            voice=plan.voice,
            instructions=plan.instructions,
            turn_detection=plan.turn_detection,
            tools=_offered(plan),
            transcription_model=plan.transcription_model,
            prompt_id=plan.prompt_id,
            prompt_version=plan.prompt_version,
            temperature=plan.temperature,
        )
        self._commands.append(ToBeside(update) if beside else update)

    def turn_detection(self, detection: realtime.TurnDetection) -> None:
        """Change turn detection."""
        self._to_realtime(realtime.TurnDetectionUpdate(self._event_id(), detection))

    def append(self, audio: bytes) -> None:
        """Send caller audio."""
        self._to_realtime(realtime.InputAudioBufferAppend(self._event_id(), audio))

    def say_for_caller(self, text: str) -> None:
        """Add what the caller did, in words, to the conversation."""
        self.memory.told(text)
        self._create(realtime.UserMessage((realtime.InputText(text),)))

    def tool_output(self, call_id: str, output: str) -> None:
        """Answer a function call."""
        self.memory.output(call_id, output)
        self._create(realtime.FunctionCallOutput(call_id, output))

    def remark(self, text: str) -> None:
        """Tell the model something that nobody has said."""
        self._create(realtime.SystemMessage((realtime.InputText(text),)))

    def restore(self, items: list[Restored]) -> None:
        """Put what was said before into a session that does not know it."""
        for one in items:
            self._to_realtime(
                realtime.ConversationItemCreate(self._event_id(), one.item, one.item_id, one.after)
            )

    def _create(self, item: realtime.Item) -> None:
        if self.realtime_open:
            self._to_realtime(realtime.ConversationItemCreate(self._event_id(), item))

    def truncate(self, cut: Cut) -> bool:
        """Make the model forget what was not heard. False: it cannot, or need not be told."""
        known = self.memory.cut(cut.item_id, cut.audio_end_ms)
        if not (known and self.realtime_open and self.abilities.truncates):
            return False
        event_id = self._event_id()
        self._to_realtime(
            realtime.ConversationItemTruncate(event_id, cut.item_id, cut.audio_end_ms)
        )
        return True

    def ask(self, options: realtime.ResponseOptions) -> str:
        """Ask for a response. Returns the event id, by which an error would name it."""
        event_id = self._event_id()
        self._to_realtime(realtime.ResponseCreate(event_id, options))
        return event_id

    def cancel(self, response_id: str) -> None:
        """Stop a response, if that can be done. What still comes of it is not played either way."""
        if self.abilities.cancels:
            self._to_realtime(realtime.ResponseCancel(self._event_id(), response_id))

    def _event_id(self) -> str:
        self._events += 1
        return f"cb_{self._events}"

    def _to_realtime(self, event: realtime.Outbound) -> None:
        assert self.realtime_open
        self._commands.append(event)


def _offered(plan: CallPlan) -> tuple[realtime.Tool, ...]:
    """Return what the model may call."""
    built_in = (END_CALL, transfer_call(tuple(plan.transfers)), COLLECT_DIGITS)
    return (*(tool for tool in built_in if tool.name in plan.offered), *plan.tools)
