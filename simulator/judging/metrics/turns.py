"""Which reply answers which words of the caller, and how long it took.

Owns the meaning of `response_latency_ms`. Pure: utterances, responses and heard stretches in,
answers out.

A response answers everything the caller began to say before the response was created, that nothing
answered before, and that the model's server took as a turn (it sent `committed` after the words
began; a later commit takes earlier words along, so a cough alone asks for nothing). The latency
runs from the end of the last such utterance to the response's first audible sample. So

* words said in two pieces before the reply are one turn, counted from the second piece's end;
* a reply that was cancelled before it was heard answers nothing; the next one answers both turns;
* a reply that starts while the caller still speaks is negative (talk-over), and the rest of that
  utterance asks for no second sample;
* a greeting, a farewell after a tool or a reminder follows no new words and gives no sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Utterance:
    """One stretch of the caller's speech; `ended_ms` inf while it goes on."""

    began_ms: float
    ended_ms: float = float("inf")
    interrupting: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One response of which something was heard; `audible_ms` = its first audible sample."""

    created_ms: float
    audible_ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One sample of the latency: from `asked_ms` (end of the words) to `audible_ms`."""

    asked_ms: float
    audible_ms: float

    @property
    def latency_ms(self) -> float:
        """Negative when the reply began before the words ended."""
        return self.audible_ms - self.asked_ms


def answers(
    utterances: Sequence[Utterance], commits_ms: Sequence[float], replies: Sequence[Reply]
) -> list[Answer]:
    """The answers in a call; every argument in ascending order of time."""
    found = []
    first = 0
    for reply in replies:
        last = first
        while last < len(utterances) and utterances[last].began_ms <= reply.created_ms:
            last += 1
        asked = utterances[first:last]
        if not asked or not any(
            asked[0].began_ms <= commit_ms <= reply.created_ms for commit_ms in commits_ms
        ):
            continue
        first = last
        if asked[-1].ended_ms < float("inf"):
            found.append(Answer(asked[-1].ended_ms, reply.audible_ms))
    return found
