"""Responses: from response.created to response.done, and how they are cut short.

Owns one response's life, status and bill. When a response is made, and why, is the session's
business; its items are `stage`'s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.model.errors import failure
from simulator.model.formats import ENCODINGS
from simulator.model.generation import Beat, beats, spoken_items
from simulator.model.stage import Stage, Studio
from simulator.model.timing import Timer
from simulator.model.usage import Tokens, usage_view
from simulator.scenario.format import Reply, ToolCall

STRAGGLER_MS: Final = 4.0
CLOCK_ROUNDING_MS: Final = 0.001
# fidelity: observed realtime.md 2.3
RATE_LIMITS_MS: Final = 43.0

Values = dict[str, Any]


@dataclass(slots=True)
class Options:
    """One response's settings: the session's, overlaid with those of response.create."""

    modalities: list[str]
    voice: Any
    format: Values
    instructions: str
    tool_names: frozenset[str]
    has_own_tools: bool
    tool_choice: Any
    tokens_max: int | str
    metadata: Values | None = None
    in_conversation: bool = True

    def offers(self, tool: str) -> bool:
        """Whether the model may call `tool`; a stored prompt brings tools which nobody sees."""
        return self.tool_choice != "none" and (self.has_own_tools or tool in self.tool_names)


class Response:
    """One response. `done` is called once, when response.done may be sent."""

    def __init__(
        self, studio: Studio, reply: Reply, options: Options, done: Callable[["Response"], None]
    ) -> None:
        self.id = studio.ids.new("resp")
        self.reply = reply
        self.options = options
        self.status = "in_progress"
        self.cancelled = False
        self._studio = studio
        self._done = done
        self._details: Values | None = None
        self._usage: Values | None = None
        self._timer: Timer | None = None
        self._pending: Beat | None = None
        self._began_ms = 0.0
        self._in = (Tokens(), Tokens())
        encoding = ENCODINGS[options.format["type"]]
        is_text = options.modalities == ["text"]
        self._stage = Stage(
            studio,
            self.id,
            is_text=is_text,
            in_conversation=options.in_conversation,
            bytes_per_ms=encoding.bytes_per_ms,
        )
        self._beats = beats(
            self._stage,
            reply,
            spoken_items(reply, studio.clips, encoding),
            self._calls(),
            encoding,
            is_text=is_text,
        )

    @property
    def audio_ms(self) -> float:
        """Speech generated so far."""
        return self._stage.audio_ms

    def _calls(self) -> Sequence[ToolCall]:
        # A model cannot call what it is not offered, whatever the script says.
        return [call for call in self.reply.calls if self.options.offers(call.name)]

    def start(self) -> None:
        """Send response.created and begin."""
        studio = self._studio
        self._began_ms = studio.alarms.now_ms
        self._in = studio.meter.read(self.options.instructions, studio.conversation)
        studio.outlet.send("response.created", response=self.view())
        self._advance()

    def view(self) -> Values:
        """The response object."""
        # fidelity: observed realtime.md 2.3 step 3
        options = self.options
        conversation_id = self._studio.conversation.id if options.in_conversation else None
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": self._details,
            "output": [item.view() for item in self._stage.output],
            "conversation_id": conversation_id,
            "output_modalities": options.modalities,
            "max_output_tokens": options.tokens_max,
            "audio": {"output": {"format": options.format, "voice": options.voice}},
            "usage": self._usage,
            "metadata": options.metadata,
        }

    # -- time -----------------------------------------------------------------

    def _advance(self) -> None:
        """Do all that is due, then sleep until the next beat."""
        while True:
            beat = self._pending = next(self._beats, None)
            if beat is None:
                self._complete()
                return
            delay_ms = self._began_ms + beat.at_ms - self._studio.alarms.now_ms
            if delay_ms > CLOCK_ROUNDING_MS:
                self._timer = self._studio.alarms.after(delay_ms, self._resume)
                return
            if not self._play(beat):
                return

    def _resume(self) -> None:
        assert self._pending is not None
        if self._play(self._pending):
            self._advance()

    def _play(self, beat: Beat) -> bool:
        """Do one beat; False when it was one too many."""
        beat.do()
        if self._is_over_limit():
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
            return False
        return True

    def _is_over_limit(self) -> bool:
        limit = self.options.tokens_max
        return isinstance(limit, int) and self._stage.tokens().total > limit

    def _complete(self) -> None:
        if self.reply.fail is not None:
            problem = failure(self.reply.fail)
            error = {"type": problem.type, "code": problem.code, "message": problem.message}
            # fidelity: observed realtime.md 1 (status_details.error.code), 2.4
            self._end("failed", {"type": "failed", "error": error})
        elif self.reply.incomplete:
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
        else:
            self._end("completed", None)

    def cancel(self, reason: str, stragglers: int) -> None:
        """Stop generating; `stragglers` pieces of the open item still come before the end."""
        if self._timer is not None:
            self._timer.cancel()
        self.cancelled = True
        # fidelity: observed realtime.md 2.4 (a few deltas may still come)
        self._straggle(reason, stragglers if self._stage.is_open else 0)

    def _straggle(self, reason: str, left: int) -> None:
        beat = self._pending
        if left > 0 and beat is not None and beat.is_delta:
            beat.do()
            self._pending = next(self._beats, None)
            self._studio.alarms.after(STRAGGLER_MS, lambda: self._straggle(reason, left - 1))
            return
        # fidelity: documented realtime.md 2.4 (reason turn_detected or client_cancelled; billed)
        self._end("cancelled", {"type": "cancelled", "reason": reason})

    def _end(self, status: str, details: Values | None) -> None:
        self.status, self._details = status, details
        if self._stage.is_open:
            # fidelity: documented realtime.md 2.4 (interrupted items have status incomplete)
            self._stage.close("incomplete")
        self._usage = usage_view(*self._in, self._stage.tokens())
        self._done(self)

    def finish(self) -> None:
        """Send response.done, and the rate limits a little later."""
        studio = self._studio
        studio.outlet.send("response.done", response=self.view())
        assert self._usage is not None
        used = self._usage["total_tokens"]
        studio.alarms.after(
            RATE_LIMITS_MS,
            lambda: studio.outlet.send(
                "rate_limits.updated", rate_limits=studio.meter.limits(studio.alarms.now_ms, used)
            ),
        )
