"""What is known of a call when it is over, as the metrics need it.

Owns the values. Computes only what several metrics share: what was audible of each response.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from simulator.judging.caller_audio import CallerAudio
from simulator.judging.conditions import Conditions
from simulator.judging.lost_audio import LostAudio
from simulator.judging.metrics.intervals import Interval, intersection, union
from simulator.judging.metrics.turns import Utterance
from simulator.judging.provenance import Provenance, ResponseAudio


@dataclass(slots=True)
class Facts:
    """Times in ms since the world began; None or inf = it did not happen.

    `agent`: stretches of audible speech. `clears`: (speech_started sent, clear arrived).
    `sessions`: connection -> (opened, closed); `live`: those of GPT-Live -> when it was ready.
    `cost_usd`: of tokens; `priced`: the price of every model is known. `end_call_*`: the last
    completed call of `end_call` or `transfer_call`; `refused`: Twilio did not carry the transfer
    out when it was last asked to.
    """

    provenance: Provenance
    caller_audio: CallerAudio
    lost_audio: LostAudio
    conditions: Conditions
    started_ms: float | None = None
    released_ms: float | None = None
    released_by: str = ""
    stream_over_ms: float = inf
    over_ms: float = 0.0
    agent: list[Interval] = field(default_factory=list)
    utterances: list[Utterance] = field(default_factory=list)
    commits_ms: list[float] = field(default_factory=list)
    clears: list[Interval] = field(default_factory=list)
    sessions: dict[int, Interval] = field(default_factory=dict)
    end_call_ms: float | None = None
    end_call_response: str = ""
    transfers: bool = False
    refused: bool = False
    live: dict[int, float] = field(default_factory=dict)
    cost_usd: float = 0.0
    priced: bool = True
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def ended_ms(self) -> float:
        """When the call was over for the people on the line."""
        return self.over_ms if self.released_ms is None else self.released_ms

    @property
    def session_over_ms(self) -> float:
        """When the last Realtime socket closed."""
        return max((closed_ms for _, closed_ms in self.sessions.values()), default=-inf)

    def caller(self) -> list[Interval]:
        """The caller's speech, disjoint; an utterance still going on ends with the call."""
        ended_ms = self.ended_ms
        return union((words.began_ms, min(words.ended_ms, ended_ms)) for words in self.utterances)

    def audible(self) -> dict[str, list[Interval]]:
        """Per response of which something was audible, when: in the order of their creation."""
        agent = union(self.agent)
        heard = {}
        for response in sorted(self.provenance.responses.values(), key=_created):
            stretches = intersection(agent, union((began, ended) for began, ended in response.runs))
            if stretches:
                heard[response.response_id] = stretches
        return heard

    def farewell(self, audible: Mapping[str, list[Interval]]) -> list[str]:
        """Ids of the responses that said goodbye: that of the last end_call, and all after it.

        None, if the conversation went on: the transfer was refused, or the goodbye taken back.
        """
        if self.end_call_ms is None or self.refused or self._answered_since(audible):
            return []
        return [
            response.response_id
            for response in self.provenance.responses.values()
            if response.response_id == self.end_call_response
            or response.created_ms >= self.end_call_ms
        ]

    def _answered_since(self, audible: Mapping[str, list[Interval]]) -> bool:
        """Whether the caller said something after the last end_call, and heard the answer."""
        asked_ms = min(
            (at for at in self.commits_ms if at > (self.end_call_ms or inf)), default=inf
        )
        return any(self.provenance.responses[name].created_ms >= asked_ms for name in audible)


def _created(response: ResponseAudio) -> float:
    return response.created_ms
