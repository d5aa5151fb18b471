"""Responses: from response.created to response.done, and how they are cut short.

Owns one response's life, status and bill. When a response is made, and why, is the session's
business; its items are `stage`'s.
"""

from collections.abc import Callable
from typing import Any, Final

from simulator.model.errors import failure
from simulator.model.formats import ENCODINGS
from simulator.model.generation import Beat, Calls, Pace, beats, spoken_items
from simulator.model.options import Options
from simulator.model.stage import Stage, Studio
from simulator.model.timing import Timer
from simulator.model.usage import Tokens, usage_view
from simulator.scenario.format import Reply

CLOCK_ROUNDING_MS: Final = 0.001
# fidelity: observed realtime.md 2.3 - rate_limits.updated comes 43 ms after response.done
RATE_LIMITS_MS: Final = 43.0

Values = dict[str, Any]


class Response:
    """One response. `done` is called once, when response.done may be sent."""

    def __init__(
        self,
        studio: Studio,
        reply: Reply,
        options: Options,
        delta_ms: float,
        done: Callable[["Response"], None],
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
        # A model that must call a function does not speak as well.
        spoken = []
        if not options.is_forced(reply):
            spoken = spoken_items(reply, studio.clips, encoding, options.speed)
        self._beats = beats(
            self._stage,
            reply,
            spoken,
            self._calls(),
            Pace(encoding, delta_ms, reply.burst, reply.trickle, reply.deliver),
            is_text=is_text,
        )

    def _calls(self) -> Calls:
        options = self.options
        made = options.calls(self.reply)
        asked = [call for call in made if options.asks_first(call)]
        approved = self._studio.mcp.take_approved() if options.in_conversation else ()
        return Calls(made, asked, approved)

    @property
    def audio_ms(self) -> float:
        """Speech generated so far."""
        return self._stage.audio_ms

    def start(self) -> None:
        """Send response.created and begin."""
        studio = self._studio
        self._began_ms = studio.alarms.now_ms
        self._in = self._read()
        studio.outlet.send("response.created", response=self.view())
        if studio.meter.is_overfull(self._in[0], studio.configuration.truncation):
            # fidelity: inferred realtime.md 3.1 - truncation disabled: a response on a full context
            #   fails
            self._fail("context_length_exceeded")
        else:
            self._advance()

    def _read(self) -> tuple[Tokens, Tokens]:
        """What the response reads: all of it, and what of it was cached."""
        meter, options = self._studio.meter, self.options
        if options.context is not None:
            return meter.read_apart(options.instructions, options.context), Tokens()
        truncation = self._studio.configuration.truncation
        return meter.read(options.instructions, self._studio.conversation, truncation)

    def view(self) -> Values:
        """The response object."""
        # fidelity: observed realtime.md 2.3 - the fields of a response
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
            self._fail(self.reply.fail)
        elif self.reply.incomplete:
            # fidelity: documented realtime.md 2.4 [knob: reply.incomplete] - incomplete responses:
            #   max_output_tokens, content_filter
            self._end("incomplete", {"type": "incomplete", "reason": self.reply.incomplete})
        else:
            self._end("completed", None)

    def _fail(self, code: str) -> None:
        problem = failure(code)
        error = {"type": problem.type, "code": problem.code, "message": problem.message}
        # fidelity: observed realtime.md 1, 2.4 [knob: reply.fail] - a failed response has its error
        #   in status_details
        self._end("failed", {"type": "failed", "error": error})

    def cancel(self, reason: str, stragglers: int) -> None:
        """Stop generating; `stragglers` pieces of the open item still come before the end."""
        if self._timer is not None:
            self._timer.cancel()
        self.cancelled = True
        # fidelity: observed realtime.md 2.4 [knob: model.stragglers] - a few deltas of a cancelled
        #   response still come
        self._straggle(reason, stragglers if self._stage.is_open else 0)

    def _straggle(self, reason: str, left: int) -> None:
        beat = self._pending
        if left > 0 and beat is not None and beat.is_delta:
            beat.do()
            self._pending = next(self._beats, None)
            every_ms = self._studio.straggler_ms
            self._studio.alarms.after(every_ms, lambda: self._straggle(reason, left - 1))
            return
        # fidelity: documented realtime.md 2.4 - a cancelled response says turn_detected or
        #   client_cancelled, and is billed
        self._end("cancelled", {"type": "cancelled", "reason": reason})

    def _end(self, status: str, details: Values | None) -> None:
        self.status, self._details = status, details
        if self._stage.is_open:
            # fidelity: documented realtime.md 2.4 - an interrupted item has status incomplete
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
