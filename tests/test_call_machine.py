"""The call against a world it knows nothing of: whatever peers and links do, the laws hold."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Phase
from tests.call_machines import WorldMachine, gate
from tests.call_world import World
from tests.world_parts import Reply

sizes = st.sampled_from([40, 800, 4000, 8000, 24_000]) | st.integers(1, 3000).map(lambda n: 8 * n)
replies = st.builds(
    Reply,
    items=st.lists(sizes, min_size=1, max_size=3).map(tuple),
    delta_every_ms=st.sampled_from([22, 62, 250, 450]),
    tool=st.sampled_from([None, None, None, "look_up"]),
    tool_first=st.booleans(),
    stragglers=st.integers(0, 3),
    done_late=st.booleans(),
)
pauses_ms = st.integers(0, 2500)
few = st.integers(0, 5)
QUIET = [(0.0, 2), (4.0, 1), (4.0, 0)]
"""Silence until a nudge, and how many come before the goodbye."""
LIMITS = [(7200.0, 60.0, 20.0), (20.0, 15.0, 20.0), (12.0, 0.0, 5.0), (12.0, 5.0, 0.0)]
"""The longest call, the warning before and the goodbye after that; seconds."""
latencies_ms = st.tuples(*[st.integers(5, 150)] * 4)


class CallMachine(WorldMachine):
    """A caller, a model and two links do what they like."""

    @initialize(
        latencies=latencies_ms,
        jitter_ms=st.sampled_from([0, 0, 20]),
        seed=st.integers(0, 99),
        greeting=st.booleans(),
        interrupts=st.booleans(),
        answers=st.booleans(),
        interruptible=st.booleans(),
        can_release=st.booleans(),
        grace_s=st.sampled_from([0.0, 3.0]),
        frames=st.integers(0, 10),
        keys_interrupt=st.booleans(),
        quiet=st.sampled_from(QUIET),
        limits=st.sampled_from(LIMITS),
        renew_s=st.sampled_from([0.0, 0.0, 3.0, 9.0]),
    )
    def begin(
        self,
        latencies: tuple[int, int, int, int],
        jitter_ms: int,
        seed: int,
        *,
        greeting: bool,
        interrupts: bool,
        answers: bool,
        interruptible: bool,
        can_release: bool,
        grace_s: float,
        frames: int,
        keys_interrupt: bool,
        quiet: tuple[float, int],
        limits: tuple[float, float, float],
        renew_s: float,
    ) -> None:
        """The call comes up."""
        idle_nudge_s, idle_nudges_max = quiet
        call_max_s, call_warning_s, limit_farewell_s = limits
        plan = CallPlan(
            greeting="Hi" if greeting else "",
            end_call_interruptible=interruptible,
            can_release=can_release,
            end_call_grace_s=grace_s,
            dtmf_interrupts=keys_interrupt,
            idle_nudge_s=idle_nudge_s,
            idle_nudges_max=idle_nudges_max,
            idle_nudge_text="Are they there?",
            idle_goodbye_text="Nobody is there.",
            call_max_s=call_max_s,
            call_warning_s=call_warning_s,
            limit_farewell_s=limit_farewell_s,
            renew_s=renew_s,
            turn_detection=realtime.ServerVad(
                create_response=answers, interrupt_response=interrupts
            ),
        )
        self.world = World(plan, latencies, jitter_ms, seed)
        self.world.begin(frames)

    @rule(pause_ms=pauses_ms)
    def wait(self, pause_ms: int) -> None:
        """Time passes."""
        self.world.run(pause_ms)

    @rule(frames=st.integers(1, 20))
    def caller_talks(self, frames: int) -> None:
        """Audio comes in, whether anybody takes it for speech or not."""
        self.world.caller_frames(frames)

    @rule(reply=replies, after_ms=pauses_ms)
    def a_turn(self, reply: Reply, after_ms: int) -> None:
        """The caller speaks and is answered, for a while."""
        self.world.server.replies.append(reply)
        self.world.server.speech_starts()
        self.world.caller_frames(5)
        self.world.server.speech_stops()
        self.world.run(after_ms)

    @rule(reply=replies, times_ms=st.lists(pauses_ms, min_size=1, max_size=3), frames=few)
    def barge_in(self, reply: Reply, times_ms: list[int], frames: int) -> None:
        """The caller is answered, speaks over that, and so on."""
        self.world.server.replies[:] = [reply] * (len(times_ms) + 1)
        self.world.server.speech_stops()
        for heard_ms in times_ms:
            self.world.run(300 + heard_ms)
            self.world.server.speech_starts()
            self.world.caller_frames(frames)
            self.world.server.speech_stops()

    @rule(pause_ms=st.integers(0, 800))
    def caller_interrupts(self, pause_ms: int) -> None:
        """The caller speaks and does not stop at once."""
        self.world.server.speech_starts()
        self.world.run(pause_ms)

    @rule(digits=st.text("1*#", min_size=1, max_size=4), every_ms=st.sampled_from([0, 200, 1900]))
    def keys(self, digits: str, every_ms: int) -> None:
        """The caller presses some keys."""
        for digit in digits:
            self.world.from_twilio(twilio.Dtmf(digit))
            self.world.run(every_ms)

    @rule(reply=replies, after_ms=pauses_ms, digits=st.sampled_from(["1", "1#", "#"]))
    def keys_into_an_answer(self, reply: Reply, after_ms: int, digits: str) -> None:
        """The caller is answered, and types into that."""
        self.world.server.replies.append(reply)
        self.world.server.speech_stops()
        self.world.run(after_ms)
        for digit in digits:
            self.world.from_twilio(twilio.Dtmf(digit))
        self.world.run(300)

    @rule(reply=replies, pause_ms=st.integers(3000, 20_000))
    def nobody_says_anything(self, reply: Reply, pause_ms: int) -> None:
        """The caller has been answered, if the model is there, and thinks; or is gone."""
        self.world.server.replies.append(reply)
        self.world.server.speech_stops()
        self.world.run(pause_ms)

    @rule()
    def nonsense(self) -> None:
        """A peer says what nobody understands."""
        self.world.from_twilio(twilio.Mark("g0:item_1:1600"))
        self.world.from_twilio(twilio.Unknown("hologram"))

    @rule(
        items=st.lists(sizes, max_size=2).map(tuple),
        goodbye=sizes,
        every_ms=st.sampled_from([62, 450]),
        first=st.booleans(),
        times_ms=st.lists(st.integers(0, 700), max_size=2),
    )
    def model_hangs_up(
        self,
        items: tuple[int, ...],
        goodbye: int,
        every_ms: int,
        times_ms: list[int],
        *,
        first: bool,
    ) -> None:
        """The answer ends the call, with or without words; the caller may have some, too."""
        self.world.server.replies[:] = [
            Reply(items=items, tool="end_call", tool_first=first, delta_every_ms=every_ms),
            Reply(items=(goodbye,), delta_every_ms=every_ms),
        ]
        self.world.server.speech_starts()
        self.world.server.speech_stops()
        for after_ms in times_ms:
            self.world.run(after_ms)
            self.world.server.speech_starts()
            self.world.server.speech_stops()

    @precondition(lambda self: self.world.call.phase is not Phase.ENDED)
    @rule()
    def settle(self) -> None:
        """Everybody is quiet until nothing sounds; then memory is judged."""
        self.world.server.speech_stops()
        self.world.settle()

    @rule(failing=st.integers(0, 3), pause_ms=pauses_ms)
    def the_session_breaks(self, failing: int, pause_ms: int) -> None:
        """The connection is gone, and some of the next ones cannot be had."""
        self.world.unreachable = failing
        self.world.drop_realtime()
        self.world.run(pause_ms)

    @rule(reply=replies, after_ms=pauses_ms, failing=st.integers(0, 2))
    def the_session_breaks_in_an_answer(self, reply: Reply, after_ms: int, failing: int) -> None:
        """While the model speaks, thinks, or has just finished."""
        self.world.server.replies.append(reply)
        self.world.server.speech_starts()
        self.world.caller_frames(3)
        self.world.server.speech_stops()
        self.world.run(after_ms)
        self.the_session_breaks(failing, 300)

    @rule()
    def end(self) -> None:
        """The caller goes."""
        self.world.from_twilio(twilio.Stop())
        self.world.run(200)


TestCallMachine = CallMachine.TestCase
TestCallMachine.settings = gate(examples=150, steps=12)
