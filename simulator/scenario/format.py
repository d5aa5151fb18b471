"""A scenario as values: what one `*.call.yaml` file means, after reading and checking.

Owns the dataclasses which the phone, the model, the network and the judge are set up from.
Knows nothing of YAML, of files' contents, or of how any of it is played.

All times are float milliseconds (`*_ms`), levels are dB. Every `Path` is a sound file which existed
and was readable when the scenario was loaded. `line` is the 1-based line in the scenario's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from simulator.scenario.actions import Action, HangUp, Nothing, Press, Say, Silence
from simulator.scenario.bridge_process import BridgeProcess
from simulator.scenario.delivered import Delivery
from simulator.scenario.moments import Trigger, TriggerKind
from simulator.scenario.served import ServiceAnswer, ServiceSetup
from simulator.scenario.surroundings import AgentSetup, CallSetup, PhoneSetup
from simulator.scenario.wanted import (
    INFINITE_MS,
    Aggregate,
    Ended,
    EventRule,
    Expect,
    Operator,
    Threshold,
)

__all__ = [
    "GUARD_MS", "INFINITE_MS", "Action", "AgentSetup", "Aggregate", "AutoReply", "BridgeProcess",
    "CallSetup",
    "Delivery", "Ended", "EventRule", "Expect", "HangUp", "Item", "LegSetup", "LinkFault",
    "LinkSetup", "ModelFault", "ModelSetup", "NetworkSetup", "Nothing", "Operator", "PhoneSetup",
    "Press", "Replay", "ReplayTurn", "Reply", "Say", "Scenario", "ServiceAnswer", "ServiceSetup",
    "Silence", "Step", "Threshold",
    "ToolCall", "Transcript", "Trickle", "Trigger", "TriggerKind", "VadSetup",
]  # fmt: skip

GUARD_MS = 120_000.0  # a call that goes on this long after its last step is stopped

# -- the network ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkFault:
    """`wait_ms` after `when`: stall or hold for `duration_ms`, drop, or add `value_ms` of latency.

    A drop breaks the whole connection; it is listed once, in the leg's `to_bridge`.
    """

    kind: Literal["stall", "hold", "drop", "latency"]
    when: Trigger
    duration_ms: float = INFINITE_MS
    value_ms: float = 0.0
    wait_ms: float = 0.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class LinkSetup:
    """One direction: a message takes `latency_ms`, up to `jitter_ms` more or less, in order.

    The difference is uniform; no message takes less than 0 ms or overtakes another.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    faults: tuple[LinkFault, ...] = ()


@dataclass(frozen=True, slots=True)
class LegSetup:
    """Both directions between the bridge and one peer."""

    to_bridge: LinkSetup = LinkSetup()
    from_bridge: LinkSetup = LinkSetup()


@dataclass(frozen=True, slots=True)
class NetworkSetup:
    """The legs: the media stream, the model's session, Twilio's REST interface, tools' services."""

    twilio: LegSetup = LegSetup()
    realtime: LegSetup = LegSetup()
    rest: LegSetup = LegSetup()
    services: LegSetup = LegSetup()


# -- the model ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """One spoken item of a response: `clips` without a gap, then `silence_ms`.

    `words` "" = the words which the sound library knows for these clips.
    """

    clip: Path | None = None
    then: tuple[Path, ...] = ()
    silence_ms: float = 0.0
    words: str = ""

    @property
    def clips(self) -> tuple[Path, ...]:
        """All of them, in order."""
        return (() if self.clip is None else (self.clip,)) + self.then


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is a JSON value of type object. `server` "" = a function of the client's.

    Else an MCP server's label: it takes `takes_ms`, and ends with `output`, or `error`'s words.
    """

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    server: str = ""
    output: str = ""
    error: str = ""
    takes_ms: float = 300.0


@dataclass(frozen=True, slots=True)
class Trickle:
    """Delivery in fits: after each `every_ms` of audio nothing comes for `pause_ms`."""

    every_ms: float
    pause_ms: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model does with one response.

    `on`: "greeting", "turn" (the caller's next one), "turn 3", "tool" (after a tool's output),
    "request" (any response.create of the bridge), "farewell", "digits", "any". Replies are used in
    the order written; a `repeat` reply is never used up; an `optional` one may stay unused.

    `after_ms` = response.created -> first audio. `burst` = delivered this many times faster than it
    plays; below 1 it is slower than real time. `trickle` = it comes in fits. `calls` come after the
    items, or before them with `calls_first`. `fail` = the error code of a failed response.
    `deliver` outweighs `after_ms`, `burst` and `trickle`: what has no time there has theirs.
    `incomplete` = why it ends early with status incomplete ("max_output_tokens", "content_filter";
    "" = it does not). `stall_after_ms` = no event comes any more that long after the first audio
    (after response.created without audio); `drop_after_ms` = the connection is reset then.
    """

    on: str
    after_ms: float = 400.0
    items: tuple[Item, ...] = ()
    burst: float = 4.0
    calls: tuple[ToolCall, ...] = ()
    calls_first: bool = False
    fail: str | None = None
    incomplete: str = ""
    trickle: Trickle | None = None
    deliver: Delivery | None = None
    repeat: bool = False
    optional: bool = False
    stall_after_ms: float | None = None
    drop_after_ms: float | None = None
    line: int = 0

    @property
    def kind(self) -> str:
        """`on` without the number: "turn 3" -> "turn"."""
        return self.on.partition(" ")[0]

    @property
    def number(self) -> int | None:
        """The number of `on`: "turn 3" -> 3, "turn" -> None."""
        number = self.on.partition(" ")[2]
        return int(number) if number else None


@dataclass(frozen=True, slots=True)
class AutoReply:
    """Answers every request without a scripted reply with one of `clips`, chosen by the seed.

    No clips given: speech of 2-6 s from the sound library.
    """

    after_ms: float = 400.0
    burst: float = 4.0
    clips: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFault:
    """`wait_ms` after `when`: drop, stall for `duration_ms`, error `code`, close `close_code`.

    Or `count` messages that are no events.
    `session`: the number of the connection which it hits; 0 = all that are there.
    """

    kind: Literal["drop", "stall", "error", "close", "garbled"]
    when: Trigger
    code: str = ""
    close_code: int = 1000
    duration_ms: float = INFINITE_MS
    count: int = 0
    wait_ms: float = 0.0
    session: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class VadSetup:
    """Knobs of the fake's voice activity engine, beside the session's own turn detection.

    `aggressiveness` 0..3 as in webrtcvad; a frame quieter than `floor_db` (dBFS) is never speech;
    speech must last `onset_ms` before it counts. Of semantic_vad: a turn with less than
    `sentence_ms` of voice is taken for unfinished and waits its eagerness's longest; any other ends
    after `complete_wait_ms` of silence (None = by eagerness). `noise_reduction_db`: how much louder
    speech must be with noise_reduction far_field at full strength (near_field: half of that).
    """

    aggressiveness: int = 2
    floor_db: float = -45.0
    onset_ms: float = 60.0
    sentence_ms: float = 500.0
    complete_wait_ms: float | None = None
    noise_reduction_db: float = 6.0


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a turn of the caller is transcribed as, or with which error code that fails."""

    words: str = ""
    fail: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSetup:
    """`refuse` = an admission error after the 101 (invalid_api_key ...) or a refusal (http_429).

    `attempts` = what comes of each attempt to connect, in order, "ok" or a refusal; what stands
    last holds for all that follow.
    `stragglers` = audio deltas which still come after a cancellation, `straggler_ms` apart.
    `cancelled_done_late` = the cancelled response.done comes after the next response.created.
    `require_key` = any other key is refused. `delta_ms` = audio in a delta. `transcripts` = the
    caller's turns in words, in order (used up: what the endpoint hears otherwise),
    `transcript_delay_ms` after the commit.

    Points that nobody has confirmed: `overlong_truncate` "clamped" = the error is followed by a
    truncation to the true end; `truncate_to_zero` and `format_change` (of input or output, once
    audio has passed) "refused" = an error.
    """

    dialect: Literal["ga", "beta", "xai"] = "ga"

    replies: tuple[Reply, ...] = ()
    auto: AutoReply | None = None
    refuse: str | None = None
    attempts: tuple[str, ...] = ()
    connect_delay_ms: float = 0.0
    ready_delay_ms: float = 0.0
    session_limit_ms: float = 3_600_000.0
    stragglers: int = 2
    straggler_ms: float = 4.0
    cancelled_done_late: bool = False
    faults: tuple[ModelFault, ...] = ()
    require_key: str | None = None
    vad: VadSetup = VadSetup()
    delta_ms: float = 250.0
    transcripts: tuple[Transcript, ...] = ()
    transcript_delay_ms: float = 350.0
    overlong_truncate: Literal["refused", "clamped"] = "refused"
    mcp_unreachable: tuple[str, ...] = ()
    truncate_to_zero: Literal["accepted", "refused"] = "accepted"
    format_change: Literal["accepted", "refused"] = "accepted"

    def at_attempt(self, number: int) -> ModelSetup:
        """How the server behaves to the connection of this number, counted from 1."""
        if not self.attempts:
            return self
        outcome = self.attempts[min(number, len(self.attempts)) - 1]
        return replace(self, refuse=None if outcome == "ok" else outcome)


# -- the caller -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """`when` None = as soon as the previous step ended. Then `wait_ms`, then `action`."""

    action: Action
    when: Trigger | None = None
    wait_ms: float = 0.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class ReplayTurn:
    """One turn of speech in a recording: ms from the beginning of the file."""

    start_ms: float
    end_ms: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """Plays a recorded caller's side, its own silences included, from the stream's start.

    `turns` are those annotated beside the recording (x.turns.yaml), or () = to be measured.
    `hang_up` "at_end" = the caller hangs up when the recording ends and the agent is silent,
    "at_once" = when the recording ends.
    """

    clip: Path
    hang_up: Literal["at_end", "at_once", "stay"] = "at_end"
    gain_db: float = 0.0
    wait_ms: float = 0.0
    turns: tuple[ReplayTurn, ...] = ()
    line: int = 0


# -- all of it ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call. `variant` are the `matrix:` values of this one, in order: (("burst", "8"),).

    `stop_after_ms` None = stopped GUARD_MS after the last step (or the recording's end); a number
    is an absolute limit from the stream's start.
    """

    name: str
    path: Path
    why: str = ""
    tags: tuple[str, ...] = ()
    skip: str | None = None
    seeds: int = 1
    call: CallSetup = field(default_factory=CallSetup)
    agent: AgentSetup = field(default_factory=AgentSetup)
    phone: PhoneSetup = field(default_factory=PhoneSetup)
    bridge: BridgeProcess = field(default_factory=BridgeProcess)
    network: NetworkSetup = NetworkSetup()
    model: ModelSetup = ModelSetup()
    services: Mapping[str, ServiceSetup] = field(default_factory=dict)
    caller: tuple[Step, ...] = ()
    replay: Replay | None = None
    expect: Expect = field(default_factory=Expect)
    stop_after_ms: float | None = None
    variant: tuple[tuple[str, str], ...] = ()
