"""Field bugs of functions and transfers: tools of ours, and the line that was handed on.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it.
"""

import json
from dataclasses import replace
from math import inf
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

import bridge.routes.transferred
from bridge import twiml
from bridge.core.commands import CallTool, ToolAnswered
from bridge.core.conversation import Conversation
from bridge.core.tool_calls import ToolCalls
from bridge.core.turns import Turns
from bridge.tooling.arguments import ArgumentsReader
from bridge.tooling.running import CallFacts
from bridge.tooling.toolbox import OurTool, Toolbox


# -- tools ----------------------------------------------------------------------------------------
def arguments_unchecked(patch: MonkeyPatch) -> None:
    """What the model wrote goes into the function as it is, which was promised a number."""
    patch.setattr(ArgumentsReader, "read", lambda self, text: json.loads(text))


def function_waited_for_without_limit(patch: MonkeyPatch) -> None:
    """Only requests have a timeout: a function may take as long as it likes."""
    of_tool = Toolbox._outcome

    def planted(self: Toolbox, tool: OurTool, asked: CallTool, call: CallFacts) -> Any:
        patient = replace(tool.definition, timeout_s=inf)
        return of_tool(self, replace(tool, definition=patient), asked, call)

    patch.setattr(Toolbox, "_outcome", planted)


def running_tools_forgotten_with_the_session(patch: MonkeyPatch) -> None:
    """Which tools run is kept with the session: the next one hears of no output."""
    leave = Conversation.leave

    def planted(self: Conversation, now: float, **how: bool) -> None:
        leave(self, now, **how)
        self._functions._calls._running.clear()

    patch.setattr(Conversation, "leave", planted)


def tools_run_again_in_the_next_session(patch: MonkeyPatch) -> None:
    """The call is restored, taken for a new one, and answered a second time."""
    resume, answered = Conversation.resume, ToolCalls.answered
    running: list[Any] = []

    def resuming(self: Conversation, now: float) -> None:
        resume(self, now)
        running.extend(self._functions._calls._running.values())

    def answering(self: ToolCalls, message: ToolAnswered) -> None:
        answered(self, message)
        while running:
            self.answer(running.pop(), message.output)

    patch.setattr(Conversation, "resume", resuming)
    patch.setattr(ToolCalls, "answered", answering)


def output_asked_about_beside_the_turn(patch: MonkeyPatch) -> None:
    """The next session will answer the caller by itself, and is asked about an output, too."""
    patch.setattr(Turns, "resumed", lambda self, now, *, again: None)


# -- the line is handed on ------------------------------------------------------------------------
def nobody_asked_how_it_went(patch: MonkeyPatch) -> None:
    """A <Dial> without `action`: whoever reaches nobody hears it ring, and then nothing."""
    hand_on = twiml.hand_on

    def planted(number: str, *words: str) -> str:
        return hand_on(number, *words[:3])

    patch.setattr(twiml, "hand_on", planted)


def one_text_for_whoever_reaches_nobody(patch: MonkeyPatch) -> None:
    """Whose call it was is forgotten when Twilio asks: another house's words are said."""
    patch.setattr(
        bridge.routes.transferred, "_regrets", lambda app, agent: app.settings.transfer_failed_text
    )
