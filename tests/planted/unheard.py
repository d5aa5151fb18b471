"""Bugs which the caller cannot put into words: sound that is missing, and words nobody wanted.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it.
"""

from collections import Counter

from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

from bridge.core import realtime, tools
from bridge.core.conversation import Conversation
from bridge.core.playback import Playback
from bridge.core.turns import Turns
from tests.planted.bug import bug

CUT_AFTER_BYTES = 8 * 2000
THIRD = 3


def third_delta_dropped(patch: MonkeyPatch) -> None:
    """A piece in the middle of an answer is taken for one that came before."""
    delta = Turns.delta
    seen: Counter[str] = Counter()

    def planted(self: Turns, event: realtime.OutputAudioDelta, now: float) -> bool:
        seen[event.item_id] += 1
        return True if seen[event.item_id] == THIRD else delta(self, event, now)

    patch.setattr(Turns, "delta", planted)


def answer_cut_after_two_seconds(patch: MonkeyPatch) -> None:
    """The queue towards Twilio is bounded, and what does not fit is thrown away."""
    delta = Turns.delta
    got: Counter[str] = Counter()

    def planted(self: Turns, event: realtime.OutputAudioDelta, now: float) -> bool:
        got[event.item_id] += len(event.delta)
        return True if got[event.item_id] > CUT_AFTER_BYTES else delta(self, event, now)

    patch.setattr(Turns, "delta", planted)


def greets_again_after_a_renewal(patch: MonkeyPatch) -> None:
    """A session that takes over begins like the first one."""
    resume = Conversation.resume

    def planted(self: Conversation, now: float) -> None:
        resume(self, now)
        if self._plan.greeting:
            self._turns.ask(tools.greeting(self._plan.greeting), now)

    patch.setattr(Conversation, "resume", planted)


def late_item_forgotten(patch: MonkeyPatch) -> None:
    """Only what was sent to Twilio is truncated: of a late item nothing was."""
    patch.setattr(Playback, "late", lambda self, item_id: None)


UNHEARD = (
    bug(third_delta_dropped, "greeting/agent-greets-first", "law agent_audio_lost"),
    bug(answer_cut_after_two_seconds, "greeting/agent-greets-first", "law agent_audio_lost"),
    bug(
        greets_again_after_a_renewal,
        "long-calls/renewed-after-the-greeting",
        "every response that was asked for has a reply",
        "response_request: exactly 1",
    ),
    bug(late_item_forgotten, "barge-in/late-item wait=150ms", "law item_forgotten"),
)
