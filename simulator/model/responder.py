"""Who has the floor: which response is active, what waits for it, and what cuts it short.

Owns the rule "one response at a time in the conversation", the order of late response.done events,
and the idle timeout. The session says when a turn is over; the script says what is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from simulator.model import errors
from simulator.model.configuration import only_one_modality
from simulator.model.conversation import Item, of_client
from simulator.model.errors import Refused
from simulator.model.options import Options, overlay
from simulator.model.responses import Response
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
        on_idle: Callable[[float], None],
    ) -> None:
        self._studio = studio
        self._setup = setup
        self._script = script
        self._cut = cut
        self._write = note
        self._on_idle = on_idle
        self._active: Response | None = None
        self._apart: dict[str, Response] = {}
        self._after_done: list[Callable[[], None]] = []
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
            # fidelity: documented realtime.md 4.1 - interrupt_response false: a turn is answered
            #   after the active response
            self._waiting = request
            return
        self._begin(request, {})

    def create(self, request: Request, asked: Values) -> None:
        """Respond to response.create.

        Raises:
            Refused: another response is active, or the options cannot be had.
        """
        only_one_modality(asked, "response")
        configuration = self._studio.configuration
        voice = asked.get("audio", {}).get("output", {}).get("voice", configuration.voice)
        # fidelity: inferred realtime.md 3.1 - the voice lock holds for response.create, too
        if self.has_spoken and voice != configuration.voice:
            raise Refused(errors.voice_is_fixed())
        context = self._context(asked)
        # fidelity: documented realtime.md 5 - "none" may run beside the conversation's response
        if self._active is not None and asked.get("conversation") != "none":
            raise Refused(errors.already_active(self._active.id))
        self._begin(request, asked, context)

    def _context(self, asked: Values) -> tuple[Item, ...] | None:
        """The items of `input`; None = the conversation is read."""
        if "input" not in asked:
            return None
        return tuple(self._context_item(value) for value in asked["input"])

    def _context_item(self, value: Values) -> Item:
        conversation = self._studio.conversation
        if value["type"] != "item_reference":
            encoding = self._studio.configuration.input_encoding
            return of_client(value, self._studio.ids.new("item"), encoding.bytes_per_ms)
        if value["id"] not in conversation:
            raise Refused(errors.no_such_reference(value["id"]))
        return conversation.find(value["id"], "retrieving")

    def _begin(
        self, request: Request, asked: Values, context: tuple[Item, ...] | None = None
    ) -> None:
        reply = self._choose(request)
        options = overlay(self._studio.configuration, asked, context)
        options.mcp_tools = self._studio.mcp.listed(options.mcp_tools)
        response = Response(self._studio, reply, options, self._setup.delta_ms, self._over)
        if options.in_conversation:
            self.stop_idling()
            self._active = response
        else:
            self._apart[response.id] = response
        self._note("reply", kind=request.kind, line=reply.line, response_id=response.id)
        self._tell_tools(response, options)
        response.start()
        self._plan_cut(reply)
        if self._late:
            self._studio.alarms.after(NEXT_TICK_MS, self._finish_late)

    def _tell_tools(self, response: Response, options: Options) -> None:
        """Let the trace say where the script and the client's tools disagree."""
        for call in response.reply.calls:
            if not options.offers_call(call):
                self._note("tool_not_offered", tool=call.name, response_id=response.id)
        if options.is_forced(response.reply):
            self._note("tool_forced", response_id=response.id)

    def _choose(self, request: Request) -> Reply:
        reply = self._script.choose(request)
        if self._setup.refuse == "insufficient_quota":
            # fidelity: observed realtime.md 1 [knob: model.refuse] - an empty account shows in the
            #   response, not at admission
            return Reply(request.kind, fail="insufficient_quota")
        if reply is None:
            self._note("unscripted", kind=request.kind, turn=self._script.turns)
            return Reply(request.kind)
        return reply

    def _plan_cut(self, reply: Reply) -> None:
        from_ms = reply.after_ms if reply.items else 0.0
        if reply.stall_after_ms is not None:
            self._studio.alarms.after(from_ms + reply.stall_after_ms, self._cut.stall)
        if reply.drop_after_ms is not None:
            self._studio.alarms.after(from_ms + reply.drop_after_ms, self._cut.drop)

    # -- cutting short --------------------------------------------------------

    def interrupt(self) -> None:
        """The caller speaks: cancel the active response, if there is one."""
        # fidelity: documented realtime.md 4.1 - when generation is over, an interruption brings
        #   only speech_started
        if self._active is not None and not self._active.cancelled:
            self._cancel(self._active, "turn_detected")

    def cancel(self, response_id: str | None) -> None:
        """The client cancels.

        Raises:
            Refused: no such response is active.
        """
        apart = self._apart.get(response_id or "")
        if apart is not None and not apart.cancelled:
            self._cancel(apart, "client_cancelled")
            return
        active = self._active
        if active is None or active.cancelled or response_id not in {None, active.id}:
            raise Refused(errors.cancel_not_active())
        self._cancel(active, "client_cancelled")

    def _cancel(self, response: Response, reason: str) -> None:
        if self._setup.cancelled_done_late and response is self._active:
            # fidelity: observed realtime.md 2.4 [knob: model.cancelled_done_late] - a cancelled
            #   response may be done after the next is created
            self._active = None
            self._studio.alarms.after(LATE_DONE_MS_MAX, self._finish_late)
        response.cancel(reason, self._setup.stragglers)

    # -- ending ---------------------------------------------------------------

    def after_done(self, response_id: str, do: Callable[[], None]) -> None:
        """Call `do` when this response is done: at once, if it is not the active one."""
        if self._active is not None and self._active.id == response_id:
            self._after_done.append(do)
        else:
            do()

    def _over(self, response: Response) -> None:
        if self._apart.pop(response.id, None) is not None:
            response.finish()
            return
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
        self._do_after_done()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._begin(waiting, {})
        elif not response.cancelled:
            self._wait_for_caller(response.audio_ms)

    def _finish_late(self) -> None:
        late, self._late = self._late, []
        for response in late:
            response.finish()
        self._do_after_done()

    def _do_after_done(self) -> None:
        waiting, self._after_done = self._after_done, []
        for do in waiting:
            do()

    # -- idle timeout ---------------------------------------------------------

    def _wait_for_caller(self, playing_ms: float) -> None:
        turn = self._studio.configuration.turn_detection or {}
        idle_ms = turn.get("idle_timeout_ms")
        if idle_ms is not None:
            # fidelity: documented realtime.md 2.6 - the idle timeout counts from response.done plus
            #   its playback
            on_idle = partial(self._on_idle, idle_ms)
            self._idle = self._studio.alarms.after(playing_ms + idle_ms, on_idle)

    def stop_idling(self) -> None:
        """Something happens: the caller is not silent."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _note(self, name: str, **data: Any) -> None:
        self._write(name, data)
