"""What is known of a call in the world of the stateful tests, and the laws it is held to.

The main law is memory: when everything has settled, what the model remembers of each item is what
the caller heard of it, in whichever session it was said. Nothing happens here: that is
`call_world`'s.
"""

from random import Random

from bridge.core import realtime, twilio
from bridge.core.call import Call, CallPlan, EndReason, Inbound, Note, Phase
from simulator.playout import Playout
from tests.world_parts import HELD_MS, WORD_MS, Agenda, Items, Link, law
from tests.world_server import Books, Server


class Judged:
    """The state of one call's world. A broken law raises `LawBroken` when it shows."""

    def __init__(
        self, plan: CallPlan, latencies_ms: tuple[int, int, int, int], jitter_ms: int, seed: int
    ) -> None:
        self.plan = plan
        self.call = Call(plan, 0.0)
        self.items = Items()
        self.agenda = Agenda()
        self.books = Books()
        self.servers: dict[int, Server] = {}
        self.in_use = 0
        self.unreachable = 0
        """So many of the next sessions cannot be had."""
        self._beside = 0
        self.tolerance_ms = 2 + 3 * jitter_ms
        random = Random(seed)
        to_twilio, from_twilio, to_server, from_server = latencies_ms
        self._to_twilio = Link(to_twilio, jitter_ms, random)
        self._from_twilio = Link(from_twilio, jitter_ms, random)
        self._to_server = Link(to_server, jitter_ms, random)
        self._from_server = Link(from_server, jitter_ms, random)
        self._playout = Playout()
        self._silent_since_ms = 0.0
        self._started = False
        self._ended = False
        self._dead: set[str] = set()
        self._known_dead: set[int] = set()
        self._frames = 0
        self._hangup = EndReason.AGENT_HUNG_UP
        self._sign_of_life_ms = 0
        self._nudges = 0
        self._random = Random(seed + 1)
        self._tools: set[str] = set()
        self._caller_speaks = False

    @property
    def now_ms(self) -> int:
        """The world's time."""
        return self.agenda.now_ms

    @property
    def server(self) -> Server:
        """The server of the session in use, or that is coming."""
        return self.servers[self.in_use]

    @property
    def _realtime_open(self) -> bool:
        return not self.server.dead

    @property
    def _last_ms(self) -> float:
        """After the limit come the goodbye and the release, bounded both."""
        return (self.plan.call_max_s + self.plan.limit_farewell_s + 10) * 1000 + 1

    def _listening(self) -> bool:
        return self.call.phase is Phase.TALKING

    def _interrupts(self, message: Inbound) -> bool:
        """Whether this is an end of all that the model has begun to say."""
        if not isinstance(message, realtime.SpeechStarted | twilio.Dtmf):
            return False
        if self.call.phase is Phase.TALKING:
            return isinstance(message, realtime.SpeechStarted) or self.plan.dtmf_interrupts
        by_agent = self._hangup in {EndReason.AGENT_HUNG_UP, EndReason.TRANSFERRED}
        by_agent = by_agent and self.plan.end_call_interruptible
        taken_back = by_agent or self._hangup is EndReason.IDLE_CALLER
        return self.call.phase is Phase.CLOSING and taken_back and self._realtime_open

    def _bury(self) -> None:
        """The caller speaks: no more audio of what is active, or not yet heard."""
        for response in self.server.responses:
            unheard = any(self.items.heard[i] < self.items.sent[i] for i in response.items)
            if (response.told_created and not response.told_done) or unheard:
                self._dead.add(response.id)

    def _should_be_silent(self) -> None:
        unheard_ms = self._playout.buffered_bytes / 8
        law(unheard_ms <= self.tolerance_ms, f"{unheard_ms} ms go on sounding over the caller")

    def _judge_note(self, note: Note) -> None:
        """What the core has decided: a nudge, a warning, a goodbye."""
        if note.event == "hanging_up":
            self._hangup = EndReason(note.fields["reason"])
        if note.event == "caller_idle" or note.fields.get("reason") == EndReason.IDLE_CALLER:
            self._judge_silence()
        self._nudges += note.event == "caller_idle"
        if note.event == "filler":
            law(bool(self._tools), "nobody fills a silence in which no tool runs")
            law(not self._caller_speaks, "nobody fills the caller's words")
            law(not self._playout.buffered_bytes, "nobody fills the sound of the agent")
        if note.event == "time_warning" and note.fields["left_s"] > self.plan.call_warning_s / 2:
            law(not self._playout.buffered_bytes, "nobody is warned over the sound")

    def _judge_silence(self) -> None:
        """Neither side has been heard for so long as the plan says."""
        silent_ms = self.now_ms - max(self._silent_since_ms, self._sign_of_life_ms)
        patience_ms = self.plan.idle_nudge_s * 1000 - self.tolerance_ms
        quiet = silent_ms >= patience_ms and not self._playout.buffered_bytes
        law(quiet, "who listens, speaks or types is not idle")

    def _judge_release(self, reason: EndReason) -> None:
        polite = {EndReason.AGENT_HUNG_UP, EndReason.IDLE_CALLER, EndReason.TRANSFERRED}
        if reason not in polite or self.call.phase is Phase.TALKING:
            return
        for item, sent in self.items.sent.items():
            dead = self.items.response[item].id in self._dead
            law(dead or self.items.heard[item] == sent, "the goodbye is heard out")
        for response in self.server.responses:
            over = response.told_done or response.cancel_asked or response.cancelled
            heard = any(self.items.sent[item] for item in response.items)
            here = response.session == self.in_use and self._realtime_open
            open_end = heard and not over and here
            law(not open_end, "the goodbye is finished before the line is released")

    def _judge_rest(self) -> None:
        """All has arrived and sounded: what is remembered was heard, and nothing is lost."""
        self._judge_restored()
        for item, response in self.items.response.items():
            if response.session != self.in_use:
                continue
            remembered = self.items.truncated_ms.get(item, self.items.generated[item] // 8)
            heard = self.items.heard[item] / 8
            law(
                abs(remembered - heard) <= self.tolerance_ms + HELD_MS,
                f"item {item}: remembered {remembered} ms, heard {heard} ms",
            )
        law(self.books.arrived == len(self.books.caller_sent), "all caller audio arrives")
        answered_once = all(count == 1 for count in self.server.tool_calls.values())
        law(answered_once, "each call is answered once")
        law(not self.books.untold, "each output is told")

    def _judge_restored(self) -> None:
        """What earlier sessions said, this one knows in the words that were heard."""
        said = {
            item.content[0].text.split()[0][:2]: len(item.content[0].text.split())
            for item in self.server.restored.values()
            if isinstance(item, realtime.AssistantMessage)
        }
        for item, response in self.items.response.items():
            if response.session == self.in_use:
                continue
            heard_ms, words = self.items.heard[item] / 8, said.get(f"{item % 100:02}", 0)
            near = abs(words * WORD_MS - heard_ms) <= WORD_MS + self.tolerance_ms + HELD_MS
            law(near, f"item {item}: {words} words restored, heard {heard_ms} ms")
