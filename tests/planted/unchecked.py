"""Field bugs of what is told to the model and where the line goes, and their rows.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it. Such bugs leave the call's course as it was: they are seen
only by who looks at the words, the number, the configuration.
"""

from dataclasses import replace
from typing import Any

import msgspec
from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

from bridge.core import realtime, realtime_requests, realtime_session, tools
from bridge.core.caller import Caller
from bridge.core.commands import TransferLine
from bridge.core.digits import Digits
from bridge.core.keypad import Keypad
from bridge.core.line import Line
from bridge.core.outbox import Outbox
from bridge.core.plan import CallPlan
from bridge.core.playback import Playback
from bridge.core.realtime import Dialect, SessionUpdate, TurnDetectionUpdate
from bridge.core.responses import Responses
from bridge.model_lines import ModelLine, ModelLines
from tests.planted.bug import bug


# -- what the model is told ------------------------------------------------------------------------
def keys_told_backwards(patch: MonkeyPatch) -> None:
    """The keys are kept on a stack."""
    close = Keypad._close

    def planted(self: Keypad) -> None:
        self._open.reverse()
        close(self)

    patch.setattr(Keypad, "_close", planted)


def first_key_lost(patch: MonkeyPatch) -> None:
    """The key that begins a group only starts the clock."""
    close = Keypad._close

    def planted(self: Keypad) -> None:
        del self._open[:1]
        close(self)

    patch.setattr(Keypad, "_close", planted)


def terminator_told(patch: MonkeyPatch) -> None:
    """The key that ends a group is taken for one of its digits."""
    press = Keypad.press

    def planted(self: Keypad, key: str, now: float) -> bool:
        if key == self._plan.dtmf_terminator and self._open:
            self._open.append(key)
        return press(self, key, now)

    patch.setattr(Keypad, "press", planted)


def collected_with_the_terminator(patch: MonkeyPatch) -> None:
    """The same where the model asked for the keys."""
    press = Digits.press

    def planted(self: Digits, key: str, now: float) -> str | None:
        if self._wanted is not None and key == self._wanted.terminator:
            self._pressed += key
        return press(self, key, now)

    patch.setattr(Digits, "press", planted)


def first_collected_key_lost(patch: MonkeyPatch) -> None:
    """The key that stops the prompt is used up by that."""
    digits = tools.digits
    patch.setattr(tools, "digits", lambda pressed, ended_by: digits(pressed[1:], ended_by))


def outputs_swapped(patch: MonkeyPatch) -> None:
    """Two tools end in another order than they began, and each output goes to the other's call."""
    tool_output = Outbox.tool_output
    before = ["{}"]

    def planted(self: Outbox, call_id: str, output: str) -> None:
        other, before[0] = before[0], output
        tool_output(self, call_id, other)

    patch.setattr(Outbox, "tool_output", planted)


def outputs_empty(patch: MonkeyPatch) -> None:
    """What the tool said is logged, and not passed on."""
    tool_output = Outbox.tool_output

    def planted(self: Outbox, call_id: str, _output: str) -> None:
        tool_output(self, call_id, "")

    patch.setattr(Outbox, "tool_output", planted)


# -- where the line goes ---------------------------------------------------------------------------
def transfer_to_another_number(patch: MonkeyPatch) -> None:
    """Whatever the model asks for, the first number of the list is dialled."""
    hand_on = Line.hand_on

    def planted(self: Line, to: TransferLine, *how: Any) -> None:
        hand_on(self, msgspec.structs.replace(to, number="+15550100099"), *how)

    patch.setattr(Line, "hand_on", planted)


def transfer_without_a_word(patch: MonkeyPatch) -> None:
    """What the operator wants said before it rings is lost on the way to the TwiML."""
    hand_on = Line.hand_on

    def planted(self: Line, to: TransferLine, *how: Any) -> None:
        hand_on(self, msgspec.structs.replace(to, announcement=""), *how)

    patch.setattr(Line, "hand_on", planted)


# -- the session -----------------------------------------------------------------------------------
def next_session_is_told_nothing(patch: MonkeyPatch) -> None:
    """The instructions are kept with the session: the next one is a model that knows nobody."""
    configure = Outbox.configure
    sessions: list[CallPlan] = []

    def planted(self: Outbox, plan: CallPlan, *, beside: bool = False) -> None:
        sessions.append(plan)
        told = plan if len(sessions) == 1 else msgspec.structs.replace(plan, instructions="")
        configure(self, told, beside=beside)

    patch.setattr(Outbox, "configure", planted)


def next_session_has_no_tools(patch: MonkeyPatch) -> None:
    """The same with the tools: after an hour the agent cannot even hang up."""
    session_body = realtime_session.session_body
    sessions: list[str] = []

    def planted(update: SessionUpdate | TurnDetectionUpdate, dialect: Dialect) -> dict[str, Any]:
        body = session_body(update, dialect)
        if "tools" in body:
            sessions.append(dialect)
            body["tools"] = body["tools"] if len(sessions) == 1 else ()
        return body

    patch.setattr(realtime_requests, "session_body", planted)


def next_session_has_another_voice(patch: MonkeyPatch) -> None:
    """The voice is a default of the process for every session but the first."""
    configure = Outbox.configure
    sessions: list[CallPlan] = []

    def planted(self: Outbox, plan: CallPlan, *, beside: bool = False) -> None:
        sessions.append(plan)
        told = plan if len(sessions) == 1 else msgspec.structs.replace(plan, voice="cedar")
        configure(self, told, beside=beside)

    patch.setattr(Outbox, "configure", planted)


def next_session_is_another_model(patch: MonkeyPatch) -> None:
    """A reconnection takes the model from somewhere else than the first connection."""
    opened = ModelLines.open

    def planted(self: ModelLines, number: int, *, beside: bool) -> ModelLine:
        if number > 1:
            self.endpoint = replace(self.endpoint, model="gpt-realtime-mini")
        return opened(self, number, beside=beside)

    patch.setattr(ModelLines, "open", planted)


def refused_configuration_not_noticed(patch: MonkeyPatch) -> None:
    """A field the server does not know, and audio sent without waiting for session.updated."""
    session_body, configure = realtime_session.session_body, Outbox.configure
    told: list[CallPlan] = []

    def body(update: SessionUpdate | TurnDetectionUpdate, dialect: Dialect) -> dict[str, Any]:
        return session_body(update, dialect) | {"bitrate": 64}

    def configured(self: Outbox, plan: CallPlan, *, beside: bool = False) -> None:
        configure(self, plan, beside=beside)
        told.append(plan)

    def keep(self: Caller, audio: bytes, _now: float) -> None:
        if told:
            event_id = self._outbox._event_id()
            self._outbox._commands.append(realtime.InputAudioBufferAppend(event_id, audio))

    patch.setattr(realtime_requests, "session_body", body)
    patch.setattr(Outbox, "configure", configured)
    patch.setattr(Caller, "keep", keep)


def one_event_id_for_all(patch: MonkeyPatch) -> None:
    """An error of the server names an event, and it might be any."""
    patch.setattr(Outbox, "_event_id", lambda _self: "cb_1")


# -- responses and their sound ---------------------------------------------------------------------
def interruptions_forgotten_at_the_next_response(patch: MonkeyPatch) -> None:
    """A new response begins, and what still comes of the one before is played into it."""
    created = Responses.created

    def planted(self: Responses, response_id: str) -> bool:
        unwanted = created(self, response_id)
        self._interrupted.clear()
        return unwanted

    patch.setattr(Responses, "created", planted)


def half_a_packet_never_flushed(patch: MonkeyPatch) -> None:
    """Audio is cut into packets; what is left over when an item ends waits for more for ever."""
    patch.setattr(Playback, "flush", lambda self, _now: self.drop_held() or [])


BROKEN = "faults/session-breaks-in-mid-answer"
RENEWED = "long-calls/renewed-in-a-quiet-moment"
OTHERWISE = "law session_configured_otherwise"
TOLD = "realtime.received: exactly 1, where role is user, where words is The caller pressed"
OUTPUT = "tool_answered: exactly 1, where "

UNCHECKED = (
    bug(keys_told_backwards, "keypad/digits-with-pound", TOLD),
    bug(keys_told_backwards, "keypad/digits-with-a-pause", TOLD),
    bug(first_key_lost, "keypad/digits-with-pound", TOLD),
    bug(terminator_told, "keypad/digits-with-pound", TOLD),
    bug(terminator_told, "keypad/another-terminator", TOLD),
    bug(collected_with_the_terminator, "keypad/collected-with-pound", f"{OUTPUT}output"),
    bug(first_collected_key_lost, "keypad/collected-with-pound", f"{OUTPUT}output"),
    bug(first_collected_key_lost, "keypad/collected-until-a-pause", f"{OUTPUT}output"),
    bug(outputs_swapped, "tools/several-tools-at-once", f"{OUTPUT}function"),
    bug(outputs_empty, "tools/several-tools-at-once", f"{OUTPUT}function"),
    bug(
        transfer_to_another_number,
        "transfer/heard-to-the-last-word burst=1",
        "twiml: exactly 1, where verb is Dial, where target is +15550100021",
    ),
    bug(
        transfer_without_a_word,
        "transfer/announcement-asked-for",
        "twiml: exactly 1, where verb is Say, where text is One moment please",
    ),
    bug(next_session_is_told_nothing, BROKEN, OTHERWISE),
    bug(next_session_is_told_nothing, RENEWED, OTHERWISE),
    bug(next_session_has_no_tools, BROKEN, OTHERWISE),
    bug(next_session_has_no_tools, RENEWED, OTHERWISE),
    bug(next_session_has_another_voice, RENEWED, OTHERWISE),
    bug(next_session_is_another_model, BROKEN, OTHERWISE),
    bug(next_session_is_another_model, RENEWED, OTHERWISE),
    bug(
        refused_configuration_not_noticed,
        "greeting/caller-speaks-before-the-session-is-ready slow=2s",
        "law append_before_ready",
        "law provoked_error",
    ),
    bug(one_event_id_for_all, "greeting/agent-greets-first", "law event_id_repeated"),
    bug(
        interruptions_forgotten_at_the_next_response,
        "barge-in/deltas-into-the-next-answer",
        "law stale_audio_after_clear",
    ),
    bug(
        half_a_packet_never_flushed,
        "greeting/ends-in-half-a-packet burst=1",
        "agent_audio_lost_ms: max==0",
        "law agent_audio_lost",
    ),
)
