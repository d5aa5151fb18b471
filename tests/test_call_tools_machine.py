"""The model's function calls against the same world: whatever tools and callers do, the laws hold.

Each call runs its tool once and gets its output once; each output is told, and nothing is asked for
twice; nobody fills a silence that is none; the line is handed on behind the last word.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan
from tests.call_machines import WorldMachine, gate
from tests.call_world import DESK, World
from tests.calls import LOOK_UP
from tests.world_parts import Reply

sizes = st.sampled_from([40, 4000, 8000, 24_000])
replies = st.builds(
    Reply,
    items=st.lists(sizes, max_size=2).map(tuple),
    delta_every_ms=st.sampled_from([22, 250, 450]),
    tool=st.sampled_from(["look_up", "look_up", "look_up", "make_up", None]),
    calls=st.integers(1, 3),
    tool_first=st.booleans(),
    done_late=st.booleans(),
)
pauses_ms = st.integers(0, 2500)
latencies_ms = st.tuples(*[st.integers(5, 150)] * 4)


class ToolMachine(WorldMachine):
    """A caller, a model and its tools do what they like; the session lasts."""

    @initialize(
        latencies=latencies_ms,
        jitter_ms=st.sampled_from([0, 0, 20]),
        seed=st.integers(0, 99),
        interrupts=st.booleans(),
        answers=st.booleans(),
        interruptible=st.booleans(),
        quiet_s=st.sampled_from([0.0, 4.0]),
        filler_s=st.sampled_from([0.0, 2.0, 4.0]),
    )
    def begin(
        self,
        latencies: tuple[int, int, int, int],
        jitter_ms: int,
        seed: int,
        quiet_s: float,
        filler_s: float,
        *,
        interrupts: bool,
        answers: bool,
        interruptible: bool,
    ) -> None:
        """The call comes up."""
        detection = realtime.ServerVad(create_response=answers, interrupt_response=interrupts)
        plan = CallPlan(
            builtin_tools=("end_call", "transfer_call"),
            tools=(LOOK_UP,),
            transfers={"the desk": DESK},
            tool_filler_s=filler_s,
            can_release=True,
            end_call_interruptible=interruptible,
            idle_nudge_s=quiet_s,
            turn_detection=detection,
        )
        self.world = World(plan, latencies, jitter_ms, seed)
        self.world.begin(3)

    @rule(pause_ms=pauses_ms)
    def wait(self, pause_ms: int) -> None:
        """Time passes."""
        self.world.run(pause_ms)

    @rule(reply=replies, times_ms=st.lists(pauses_ms, max_size=3), spoken_ms=st.integers(0, 2500))
    def tools_run(self, reply: Reply, times_ms: list[int], spoken_ms: int) -> None:
        """The model calls tools, and the caller speaks meanwhile."""
        self.world.server.replies[:] = [reply]
        self.world.server.speech_starts()
        self.world.server.speech_stops()
        for after_ms in times_ms:
            self.world.run(after_ms)
            self.world.server.speech_starts()
            self.world.run(spoken_ms)
            self.world.server.speech_stops()

    @rule(digits=st.sampled_from(["1", "1#"]))
    def keys(self, digits: str) -> None:
        """The caller presses some keys."""
        for digit in digits:
            self.world.from_twilio(twilio.Dtmf(digit))
        self.world.run(100)

    @rule(
        items=st.lists(sizes, max_size=2).map(tuple),
        tool=st.sampled_from(["transfer_call", "transfer_call", "end_call"]),
        first=st.booleans(),
        pause_ms=pauses_ms,
    )
    def the_line_goes(
        self, items: tuple[int, ...], tool: str, pause_ms: int, *, first: bool
    ) -> None:
        """The model hands the line on, or hangs up; tools may be at work."""
        self.world.server.replies[:] = [Reply(items=items, tool=tool, tool_first=first)]
        self.world.server.speech_starts()
        self.world.server.speech_stops()
        self.world.run(pause_ms)

    @rule()
    def settle(self) -> None:
        """Everybody is quiet until all tools have answered and nothing sounds."""
        self.world.server.speech_stops()
        self.world.settle()

    @rule()
    def caller_hangs_up(self) -> None:
        """Whatever still runs has no effect any more."""
        self.world.from_twilio(twilio.Stop())
        self.world.run(200)


TestToolMachine = ToolMachine.TestCase
TestToolMachine.settings = gate(examples=60, steps=8)
