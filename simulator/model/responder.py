"""Who has the floor: which response is active, what waits for it, and what cuts it short.

Owns the rule "one response at a time in the conversation", the order of late response.done events,
and the idle timeout. The session says when a turn is over; the script says what is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from simulator.model import errors
from simulator.model.errors import Refused
from simulator.model.responses import Options, Response
from simulator.model.script import Request, Script
from simulator.model.stage import Studio
from simulator.model.timing import Timer
from simulator.scenario.format import ModelSetup, Reply

NEXT_TICK_MS: Final = 1.0
LATE_DONE_MS_MAX: Final = 2000.0
"""A response.done held back for the next response.created comes by then at the latest."""

Values = dict[str, Any]


@dataclass(slots=True)
class Cut:
    """Breaks of the connection that a reply may bring: reset it, or say nothing any more."""

    drop: Callable[[], None]
    stall: Callable[[], None]


class Responder:
    """All responses of one session."""

    def __init__(
        self,
        studio: Studio,
        setup: ModelSetup,
        script: Script,
        cut: Cut,
        note: Callable[[str, Values], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._studio = studio
        self._setup = setup
        self._script = script
        self._cut = cut
        self._write = note
        self._on_idle = on_idle
        self._active: Response | None = None
        self._late: list[Response] = []
        self._waiting: Request | None = None
        self._idle: Timer | None = None
        self._has_spoken = False

    @property
    def has_spoken(self) -> bool:
        """Whether the conversation holds speech of the model."""
        return self._has_spoken or (self._active is not None and self._active.audio_ms > 0)

    @property
    def is_active(self) -> bool:
        """Whether a response of the conversation is under way."""
        return self._active is not None

    # -- beginning ------------------------------------------------------------

    def answer(self, request: Request) -> None:
        """Respond to a turn of the caller: now, or when the active response is over."""
        if self._active is not None:
            # fidelity: documented realtime.md 4.1 (answered later when not interrupted)
            self._waiting = request
            return
        self._begin(request, {})

    def create(self, request: Request, asked: Values) -> None:
        """Respond to response.create.

        Raises:
            Refused: another response is active.
        """
        if self._active is not None and asked.get("conversation") != "none":
            raise Refused(errors.already_active(self._active.id))
        self._begin(request, asked)

    def _begin(self, request: Request, asked: Values) -> None:
        self.stop_idling()
        reply = self._choose(request)
        options = self._options(asked)
        response = Response(self._studio, reply, options, self._over)
        if options.in_conversation:
            self._active = response
        self._note("reply", kind=request.kind, line=reply.line, response_id=response.id)
        for call in reply.calls:
            if not options.offers(call.name):
                self._note("tool_not_offered", tool=call.name, response_id=response.id)
        response.start()
        self._plan_cut(reply)
        if self._late:
            self._studio.alarms.after(NEXT_TICK_MS, self._finish_late)

    def _choose(self, request: Request) -> Reply:
        reply = self._script.choose(request)
        if self._setup.refuse == "insufficient_quota":
            # fidelity: observed realtime.md 1 (no money shows in the response, not at admission)
            return Reply(request.kind, fail="insufficient_quota")
        if reply is None:
            self._note("unscripted", kind=request.kind, turn=self._script.turns)
            return Reply(request.kind)
        return reply

    def _options(self, asked: Values) -> Options:
        configuration = self._studio.configuration
        output = asked.get("audio", {}).get("output", {})
        tools = asked.get("tools", configuration.tools)
        has_prompt = asked.get("prompt", configuration.prompt) is not None
        return Options(
            modalities=asked.get("output_modalities", configuration.modalities),
            voice=output.get("voice", configuration.voice),
            format=output.get("format", configuration.output_format),
            # fidelity: documented realtime.md 5 (replaces the session's for this response)
            instructions=asked.get("instructions", configuration.instructions),
            tool_names=frozenset(tool["name"] for tool in tools if tool["type"] == "function"),
            # fidelity: inferred realtime.md 3.1 (a stored prompt has tools, unless overlaid)
            has_own_tools=has_prompt and "tools" not in asked,
            tool_choice=asked.get("tool_choice", configuration.tool_choice),
            tokens_max=asked.get("max_output_tokens", configuration.tokens_max),
            metadata=asked.get("metadata"),
            in_conversation=asked.get("conversation") != "none",
        )

    def _plan_cut(self, reply: Reply) -> None:
        from_ms = reply.after_ms if reply.items else 0.0
        if reply.stall_after_ms is not None:
            self._studio.alarms.after(from_ms + reply.stall_after_ms, self._cut.stall)
        if reply.drop_after_ms is not None:
            self._studio.alarms.after(from_ms + reply.drop_after_ms, self._cut.drop)

    # -- cutting short --------------------------------------------------------

    def interrupt(self) -> None:
        """The caller speaks: cancel the active response, if there is one."""
        # fidelity: documented realtime.md 4.1 (nothing to cancel when generation is over)
        if self._active is not None and not self._active.cancelled:
            self._cancel(self._active, "turn_detected")

    def cancel(self, response_id: str | None) -> None:
        """The client cancels.

        Raises:
            Refused: no such response is active.
        """
        active = self._active
        if active is None or active.cancelled or response_id not in {None, active.id}:
            raise Refused(errors.cancel_not_active())
        self._cancel(active, "client_cancelled")

    def _cancel(self, response: Response, reason: str) -> None:
        if self._setup.cancelled_done_late:
            # fidelity: observed realtime.md 2.4 (its done may come after the next created)
            self._active = None
            self._studio.alarms.after(LATE_DONE_MS_MAX, self._finish_late)
        response.cancel(reason, self._setup.stragglers)

    # -- ending ---------------------------------------------------------------

    def _over(self, response: Response) -> None:
        self._has_spoken = self._has_spoken or response.audio_ms > 0
        late = response.cancelled and self._setup.cancelled_done_late
        if late and self._active is None:
            self._late.append(response)
            return
        self._finish(response)

    def _finish(self, response: Response) -> None:
        response.finish()
        if response is not self._active:
            return
        self._active = None
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._begin(waiting, {})
        elif not response.cancelled:
            self._wait_for_caller(response.audio_ms)

    def _finish_late(self) -> None:
        late, self._late = self._late, []
        for response in late:
            response.finish()

    # -- idle timeout ---------------------------------------------------------

    def _wait_for_caller(self, playing_ms: float) -> None:
        turn = self._studio.configuration.turn_detection or {}
        idle_ms = turn.get("idle_timeout_ms")
        if idle_ms is not None:
            # fidelity: documented realtime.md 2.6 (counted from done plus its playback)
            self._idle = self._studio.alarms.after(playing_ms + idle_ms, self._on_idle)

    def stop_idling(self) -> None:
        """Something happens: the caller is not silent."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _note(self, name: str, **data: Any) -> None:
        self._write(name, data)
