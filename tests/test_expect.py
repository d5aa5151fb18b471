"""Expectations: thresholds, rules for events, the ending, replies; and the judge as a whole."""

from pathlib import Path

import pytest

from simulator.judging.conditions import Conditions, Way
from simulator.judging.expect import (
    EventWatch,
    judge,
    judge_threshold,
    judge_unscripted,
    rule_in_words,
)
from simulator.judging.judge import Judge, shown_path
from simulator.judging.metrics import Samples
from simulator.judging.terms import IN_A_WORLD, Terms
from simulator.scenario.format import (
    Aggregate,
    Ended,
    EventRule,
    Expect,
    ModelSetup,
    Operator,
    Reply,
    Scenario,
    Threshold,
)
from simulator.trace import Trace
from tests.judging import Story, voice


def samples_of(*values: float) -> Samples:
    """Samples with these values, one a second."""
    samples = Samples()
    for index, value in enumerate(values):
        samples.add(value, 1000 * index, f"sample {index}")
    return samples


def threshold(
    aggregate: Aggregate, op: Operator, value: float, metric: str = "dead_air_ms", p: float = 0
) -> Threshold:
    """A threshold as a scenario has it."""
    text = f"{aggregate}{op}{value:g}"
    return Threshold(metric, aggregate, op, value, text, line=7, percentile=p or None)


@pytest.mark.parametrize(
    ("aggregate", "op", "value", "verdict"),
    [
        ("max", "<", 30.0, "failed"),
        ("max", "<=", 30.0, "passed"),
        ("min", ">", 9.0, "passed"),
        ("min", ">=", 10.5, "failed"),
        ("avg", "==", 20.0, "passed"),
        ("med", "!=", 20.0, "failed"),
        ("count", "==", 3.0, "passed"),
    ],
)
def test_thresholds(aggregate: Aggregate, op: Operator, value: float, verdict: str) -> None:
    """Each aggregate and operator, on samples of 10, 20 and 30."""
    judged = judge_threshold(threshold(aggregate, op, value), samples_of(10, 20, 30))

    assert verdict == judged.verdict
    assert judged.line == 7
    assert bool(judged.explanation) is (verdict == "failed")


def test_a_percentile() -> None:
    """p(95) of 0..100 is 95."""
    samples = samples_of(*range(101))

    assert judge_threshold(threshold("p", "<=", 95, p=95), samples).verdict == "passed"
    assert judge_threshold(threshold("p", "<", 95, p=95), samples).verdict == "failed"


def test_a_metric_without_a_sample_fails() -> None:
    """What was not measured was not shown to hold."""
    judged = judge_threshold(threshold("max", "<", 1e9), Samples())

    assert (judged.verdict, judged.measured) == ("failed", None)
    assert "nothing to measure" in judged.explanation


def test_the_count_of_a_counter_is_its_value() -> None:
    """`truncations: ["count==0"]` holds when there were none."""
    asked = threshold("count", "==", 0, "truncations")

    assert judge_threshold(asked, samples_of(0)).verdict == "passed"
    assert judge_threshold(asked, samples_of(2)).verdict == "failed"


def test_a_failed_threshold_quotes_its_worst_sample() -> None:
    """The sentence says how much, when, and what it was measured from."""
    judged = judge_threshold(threshold("max", "<", 25), samples_of(10, 30, 20))

    assert "measured 30 ms where < 25 was asked" in judged.explanation
    assert "the worst of 3 samples was 30 at 1.000 s: sample 1" in judged.explanation


def watched(story: Story, *rules: EventRule, conditions: Conditions | None = None) -> EventWatch:
    """The rules after all of a story."""
    watch = EventWatch(rules, conditions or Conditions())
    for event in story.in_order():
        watch.observe(event)
    return watch


def verdicts(story: Story, *rules: EventRule, conditions: Conditions | None = None) -> list[str]:
    """How each rule came out."""
    watch = watched(story, *rules, conditions=conditions)
    return [rule.judge().verdict for rule in watch.rules]


def test_events_are_counted() -> None:
    """At least, at most, exactly, never."""
    story = Story()
    story.clear(1000)
    story.clear(2000)

    assert verdicts(
        story,
        EventRule("clear"),
        EventRule("clear", min=1, max=1),
        EventRule("clear", min=2, max=2),
        EventRule("clear", no=True),
        EventRule("error", no=True),
    ) == ["passed", "failed", "passed", "failed", "passed"]


def test_within_counts_from_the_latest_of() -> None:
    """A clear 50 ms after the second speech_started counts, one before any does not."""
    story = Story()
    story.clear(500)
    story.speech_started(1000)
    story.speech_started(2000)
    story.clear(2050)
    rule = EventRule("clear", min=1, max=1, within_ms=60, of="speech_started")

    assert verdicts(story, rule) == ["passed"]


def test_between_wire_events_time_counts_at_the_bridge() -> None:
    """The links' latency is no delay of the bridge; against the caller's mouth it counts."""
    links = Conditions(twilio_out=Way(60), realtime_in=Way(25))
    story = Story()
    story.add(900, "caller.speech_started", clip="c")
    story.speech_started(1000)
    story.clear(1090)
    of_wire = EventRule("clear", within_ms=10, of="speech_started")
    of_mouth = EventRule("clear", within_ms=100, of="caller_speaks")

    assert verdicts(story, of_wire, of_mouth, conditions=links) == ["passed", "failed"]


def test_after_before_and_where() -> None:
    """Only what lies between, and only with these fields."""
    story = Story()
    for at_ms, digit in ((1000, "1"), (3000, "2"), (5000, "1")):
        story.add(at_ms, "twilio.sent", event="dtmf", digit=digit)
    story.add(2000, "agent.started", turn=1)
    story.add(4000, "agent.stopped", turn=1)

    assert verdicts(
        story,
        EventRule("key", min=2, max=2, after="agent_speaks"),
        EventRule("key", min=2, max=2, before="agent_stops"),
        EventRule("key", min=1, max=1, after="agent_speaks", before="agent_stops"),
        EventRule("key", min=2, max=2, where={"digit": "1"}),
    ) == ["passed", "passed", "passed", "passed"]


def test_where_compares_as_a_scenario_writes_it() -> None:
    """true, false, null and numbers are words in YAML."""
    story = Story()
    story.add(1, "twilio.sent", event="mark", name="m", played=False)
    story.add(2, "phone.rest", status=404, code=None)

    assert verdicts(
        story,
        EventRule("mark_returned", where={"played": "false"}),
        EventRule("hangup_request", where={"status": "404"}),
        EventRule("hangup_request", where={"code": "null"}),
    ) == ["passed", "passed", "passed"]


def test_a_tool_the_model_was_not_offered_is_named() -> None:
    """A call which the script wanted and the model could not make explains what is missing."""
    story = Story()
    story.add(1000, "realtime.tool_not_offered", tool="look_up", response_id="r1")
    rules = (EventRule("tool_called"), EventRule("clear"))
    expect = Expect(events=rules)
    called, clear, replies = judge(expect, {}, watched(story, *rules), ["on tool"])

    assert "the model was not offered look_up" in called.explanation
    assert "look_up" in replies.explanation
    assert "look_up" not in clear.explanation


def test_a_failed_rule_quotes_events() -> None:
    """What was found, what was not counted and why."""
    story = Story()
    story.speech_started(1000)
    story.clear(1500)
    rule = EventRule("clear", min=1, max=1, within_ms=60, of="speech_started")
    judged = watched(story, rule).rules[0].judge()

    assert "clear occurred never, asked was once" in judged.explanation
    assert "500.0 ms after the last speech_started" in judged.explanation


def test_a_rule_has_words() -> None:
    """For reports, when the scenario gave none."""
    rule = EventRule("clear", min=1, max=1, within_ms=60, of="speech_started", where={"a": "b"})

    assert rule_in_words(rule) == "clear, once, within 60 ms of speech_started, a = b"
    assert rule_in_words(EventRule("error", no=True, after="clear")) == "no error, after clear"
    assert rule_in_words(EventRule("clear", min=2, max=3)) == "clear, 2 to 3 times"


def test_the_ending() -> None:
    """Who hung up, and the reason our bridge gave."""
    story = Story()
    story.hang_up(1000)
    story.add(1000, "bridge.ended", reason="caller_hung_up")
    right = judge(Expect(ended=Ended("caller", "caller_hung_up")), {}, watched(story))
    wrong = judge(Expect(ended=Ended("bridge", "limit")), {}, watched(story))
    none = judge(Expect(ended=Ended("bridge", "limit")), {}, watched(Story()))

    assert [each.verdict for each in right] == ["passed"] * 3
    assert [each.verdict for each in wrong] == ["failed", "failed", "passed"]
    assert "it was caller" in wrong[0].explanation
    assert none[0].explanation == "the line was never released"
    assert none[1].explanation == "the bridge gave no reason"


def test_unused_replies_fail_unless_they_are_excused() -> None:
    """A reply nobody asked for means that the call went another way than the script."""
    unused = ("on turn 2 (line 9)",)

    assert [each.verdict for each in judge(Expect(), {}, watched(Story()), unused)] == ["failed"]
    assert judge(Expect(replies_used=False), {}, watched(Story()), unused) == []


def test_a_response_without_a_reply_fails_unless_it_is_allowed() -> None:
    """It is silent: nobody else would notice that it was asked for."""
    texts = ("first", "second")
    (failed,) = judge_unscripted(texts, 1)
    (allowed,) = judge_unscripted(texts, 2)

    assert (failed.verdict, failed.measured, allowed.verdict) == ("failed", 2, "passed")
    assert failed.explanation.startswith("first; second; if")
    assert "`expect: {unscripted: 2}`" in failed.explanation
    assert "c; ...; if" in judge_unscripted(list("abcd"), 0)[0].explanation
    assert judge_unscripted((), 3) == []


# -- the judge as a whole --------------------------------------------------------------


def judged_call(story: Story, scenario: Scenario, terms: Terms = IN_A_WORLD) -> Judge:
    """A judge which watched the story in a real trace."""
    now = [0.0]
    trace = Trace(lambda: now[0])
    watching = Judge(scenario, trace, terms)
    for event in story.in_order():
        now[0] = event.at_ms
        trace.record(event.who, event.name, **event.data)
    return watching


def simple_call() -> Story:
    """A call of one response, wholly heard, ended by the caller."""
    story = Story()
    story.line()
    story.session()
    story.add(1000, "realtime.reply", kind="turn", line=4, response_id="r1")
    story.response(1000)
    story.says(1000, voice(1, 500))
    story.add(1500, "agent.audible", from_ms=1000, to_ms=1500)
    story.done(1000)
    story.hang_up(3000)
    return story


REPLIES = (Reply("turn", line=4), Reply("turn", line=5, optional=True), Reply("any", line=6))


def test_a_call_is_judged_as_a_whole() -> None:
    """Metrics, expectations, violations, digest, tail and the command that repeats it."""
    rules = {"time_to_first_audio_ms": (threshold("max", "<=", 1000, "time_to_first_audio_ms"),)}
    expect = Expect(thresholds=rules, ended=Ended("caller"))
    scenario = Scenario("a call", Path("calls/a b.call.yaml"), expect=expect)
    result = judged_call(simple_call(), scenario).result(seed=3, simulated_ms=3000, wall_s=0.1)

    assert result.verdict == "passed"
    assert result.metrics["time_to_first_audio_ms"]["max"] == 1000
    assert result.command == "callsim run 'calls/a b.call.yaml' --seed 3"
    assert len(result.digest) == 64
    assert "realtime.closed" in result.tail[-1]
    assert result.simulated_s == 3.0


def test_a_reply_of_the_script_that_was_not_used() -> None:
    """Line 4 was used, line 5 is optional, line 6 was never asked for."""
    scenario = Scenario("a call", Path("a.call.yaml"), model=ModelSetup(replies=REPLIES))
    result = judged_call(simple_call(), scenario).result(seed=0, simulated_ms=3000, wall_s=0)

    assert result.verdict == "failed"
    assert [each.explanation for each in result.failures] == [
        "the model was never asked for: on any (line 6)"
    ]


def test_a_response_nobody_wrote_a_reply_for() -> None:
    """Its kind, its time and its connection are told."""
    story = simple_call()
    story.add(2000, "realtime.unscripted", kind="request", turn=1, connection=2)
    refused, allowed = (
        judged_call(story, Scenario("a call", Path("a.call.yaml"), expect=expect)).result(
            seed=0, simulated_ms=3000, wall_s=0
        )
        for expect in (Expect(), Expect(unscripted=1))
    )

    assert (refused.verdict, allowed.verdict) == ("failed", "passed")
    assert refused.failures[0].text == "every response that was asked for has a reply"
    assert refused.failures[0].explanation.startswith(
        "the bridge asked for a response at 2.000 s (connection 2), and no reply `on: request`"
    )


def test_a_bridge_in_real_time_may_greet_unasked() -> None:
    """Whether it greets the scenario cannot say; anything else it may not ask for."""
    story = simple_call()
    story.add(100, "realtime.unscripted", kind="greeting", turn=0, connection=1)
    more = simple_call()
    more.add(100, "realtime.unscripted", kind="request", turn=0, connection=1)
    scenario = Scenario("a call", Path("a.call.yaml"))
    live = Terms(scheduling_ms=20.0)
    verdicts = [
        judged_call(each, scenario, terms).result(seed=0, simulated_ms=3000, wall_s=0).verdict
        for each, terms in ((story, live), (story, IN_A_WORLD), (more, live))
    ]

    assert verdicts == ["passed", "failed", "failed"]


def test_a_broken_law_outweighs_a_failed_expectation() -> None:
    """The verdict of a call with both is violation."""
    story = simple_call()
    story.add(2000, "twilio.warning", code=31951, text="wrong", first=True)
    scenario = Scenario("a call", Path("a.call.yaml"), model=ModelSetup(replies=REPLIES))
    result = judged_call(story, scenario).result(seed=0, simulated_ms=3000, wall_s=0)

    assert result.verdict == "violation"
    assert result.law_counts == {"twilio_warning": 1}


def test_a_call_that_had_to_be_stopped_fails() -> None:
    """Unless the scenario itself says when it is to be stopped."""
    story = simple_call()
    story.add(2999, "world.stopped", after_ms=2999)
    by_guard = Scenario("a call", Path("a.call.yaml"))
    on_purpose = Scenario("a call", Path("a.call.yaml"), stop_after_ms=2999)
    verdict = [
        judged_call(story, scenario).result(seed=0, simulated_ms=3000, wall_s=0).verdict
        for scenario in (by_guard, on_purpose)
    ]

    assert verdict == ["failed", "passed"]


def test_a_crash_inside_the_bridge_fails_the_call() -> None:
    """Even if the caller noticed nothing."""
    story = simple_call()
    story.add(2000, "bridge.log", event="crashed", exception="KeyError")
    judged = judged_call(story, Scenario("a call", Path("a.call.yaml")))

    assert judged.result(seed=0, simulated_ms=3000, wall_s=0).verdict == "failed"


def test_paths_are_shown_from_here() -> None:
    """No machine's folders in a report, where it can be helped."""
    assert shown_path(Path.cwd() / "scenarios" / "a.call.yaml") == "scenarios/a.call.yaml"
    assert shown_path(Path("/elsewhere/a.call.yaml")) == "/elsewhere/a.call.yaml"
