"""Who answers what: picks the scenario's reply for each response, over all sessions of a call.

Owns the use of replies and the count of turns. Knows no event and no time.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from simulator.scenario.format import Item, ModelSetup, Reply, Transcript

Kind = Literal["greeting", "turn", "tool", "request", "farewell", "digits"]

END_CALL: Final = "end_call"

_DIGITS = re.compile(
    r"\b(dtmf|keypad)\b|\b(key|press|digit)\w*\b.*[0-9*#]|^[0-9*#A-D ]+$", re.IGNORECASE | re.DOTALL
)


def looks_like_digits(words: str) -> bool:
    """Whether a text item tells the model of pressed keys."""
    return _DIGITS.search(words.strip()) is not None


@dataclass(slots=True)
class Request:
    """Why a response is made. `by_client`: it was asked for with response.create."""

    kind: Kind
    by_client: bool


class Script:
    """The replies of one scenario, used up as they are given."""

    def __init__(self, setup: ModelSetup, rng: random.Random, library: Sequence[Path]) -> None:
        self._replies = setup.replies
        self._auto = setup.auto
        self._transcripts = setup.transcripts
        self._rng = rng
        self._used: set[int] = set()
        self.turns = 0
        """Turns of the caller committed so far."""
        self.responses = 0
        self._clips = tuple(library) if setup.auto is None else setup.auto.clips or tuple(library)
        if setup.auto is not None and not self._clips:
            raise ValueError("automatic replies need clips to choose from")

    def choose(self, request: Request) -> Reply | None:
        """The reply to this request; None = the scenario has none left and no automatic one."""
        self.responses += 1
        for index, reply in self._candidates(request):
            if reply.repeat or index not in self._used:
                self._used.add(index)
                return reply
        if self._auto is None:
            return None
        clip = self._rng.choice(self._clips)
        auto = self._auto
        return Reply(request.kind, auto.after_ms, (Item(clip),), auto.burst)

    def _candidates(self, request: Request) -> list[tuple[int, Reply]]:
        numbered = list(enumerate(self._replies))
        words = [request.kind, *(["request"] if request.by_client else []), "any"]
        exact = [
            (index, reply)
            for index, reply in numbered
            if reply.kind == request.kind and reply.number == self.turns
        ]
        for word in dict.fromkeys(words):
            exact += [pair for pair in numbered if pair[1].on == word]
        return exact

    def transcript(self) -> Transcript | None:
        """The words of the turn under way; None = the scenario does not tell them."""
        known = self._transcripts
        return known[self.turns] if self.turns < len(known) else None

    def unused(self) -> tuple[Reply, ...]:
        """Replies that were never given and are not optional."""
        return tuple(
            reply
            for index, reply in enumerate(self._replies)
            if index not in self._used and not reply.optional
        )
