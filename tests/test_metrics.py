"""The metrics: each from a planted trace, at the caller's ear."""

import pytest

from simulator.judging.conditions import Conditions, Way
from simulator.judging.metrics import percentile
from simulator.judging.metrics.intervals import intersection, length, longest_gap, union
from simulator.judging.metrics.samples import Samples, aggregate
from simulator.judging.metrics.turns import Reply, Utterance, answers
from tests.judging import Story, measure, silence, voice


def caller(story: Story, from_ms: float, to_ms: float, *, interrupting: bool = False) -> None:
    """The caller speaks, and the model's server takes it as a turn 500 ms later."""
    story.add(from_ms, "caller.speech_started", clip="c", interrupting=interrupting)
    story.add(to_ms, "caller.speech_ended", clip="c")
    story.sent(to_ms + 500, "input_audio_buffer.committed", item_id="u")


def agent(story: Story, created_ms: float, from_ms: float, to_ms: float, name: str = "r1") -> None:
    """A response, wholly heard."""
    story.response(created_ms, name)
    audio = voice(int(created_ms), int(to_ms - from_ms))
    story.says(created_ms, audio, item=f"item-{name}", response=name, playing_ms=from_ms)
    story.add(to_ms, "agent.audible", from_ms=from_ms, to_ms=to_ms)
    story.add(from_ms, "agent.started", turn=1)


def call() -> Story:
    """A line and a session at 0."""
    story = Story()
    story.line()
    story.session()
    return story


def test_a_greeting_a_turn_and_a_goodbye() -> None:
    """One call with the metrics every call has."""
    story = call()
    agent(story, 300, 800, 2000)
    caller(story, 3000, 4000)
    agent(story, 4500, 4900, 6000, "r2")
    story.hang_up(8000)
    measured = measure(story)

    assert measured["time_to_first_audio_ms"] == [800.0]
    assert measured["response_latency_ms"] == [900.0]
    assert measured["dead_air_ms"] == [2000.0]
    assert measured["talk_over_ms"] == [0.0]
    assert measured["call_duration_ms"] == [8000.0]
    assert measured["leaked_session_ms"] == [0.0]
    assert (measured["caller_turns"], measured["agent_turns"]) == ([1.0], [2.0])
    assert "barge_in_stop_ms" not in measured


def test_a_barge_in() -> None:
    """The agent is heard 300 ms into the interruption; memory is 40 ms too long."""
    story = call()
    story.response(1000)
    story.says(1000, voice(1, 4000), heard=2300 * 8)
    story.add(3000, "caller.speech_started", clip="c", interrupting=True)
    story.speech_started(3200)
    story.clear(3300, dropped_ms=1700)
    story.add(3300, "agent.audible", from_ms=1000, to_ms=3300)
    story.truncate(3300, 2340)
    story.add(3900, "caller.speech_ended", clip="c")
    story.hang_up(8000)
    links = Conditions(twilio_out=Way(60), realtime_in=Way(25))
    measured = measure(story, links)

    assert measured["barge_in_stop_ms"] == [300.0]
    assert measured["clear_delay_ms"] == [15.0]
    assert measured["memory_drift_ms"] == [40.0]
    assert measured["talk_over_ms"] == [300.0]
    assert [1.0] == measured["barge_ins"] == measured["truncations"] == measured["clears"]


@pytest.mark.parametrize("between", ["speech_stopped", "committed", "key"])
def test_a_clear_for_another_reason_has_no_delay(between: str) -> None:
    """The caller's words were over, or a key came: the clear does not answer speech_started."""
    story = call()
    story.speech_started(1000)
    if between == "key":
        story.add(1500, "twilio.sent", event="dtmf", digit="1")
    else:
        story.sent(1500, f"input_audio_buffer.{between}", item_id="u")
    story.response(2000)
    story.says(2000, voice(1, 4000), heard=4000)
    story.clear(2500, dropped_ms=3500)
    story.hang_up(8000)
    measured = measure(story)

    assert "clear_delay_ms" not in measured
    assert measured["clears"] == [1.0]


def test_an_item_left_untruncated_counts_in_full() -> None:
    """Heard 500 of 2000 ms and never told: the model is wrong by 1500 ms."""
    story = call()
    story.response(1000)
    story.says(1000, voice(1, 2000), heard=4000)
    story.clear(1500, dropped_ms=1500)
    story.hang_up(8000)

    assert measure(story)["memory_drift_ms"] == [1500.0]


def test_a_memory_that_is_too_short_is_negative() -> None:
    """Truncated at 400 ms although 500 were heard; the error is the same without a sign."""
    story = call()
    story.response(1000)
    story.says(1000, voice(1, 2000), heard=4000)
    story.clear(1500, dropped_ms=1500)
    story.truncate(1500, 400)
    story.hang_up(8000)
    measured = measure(story)

    assert measured["memory_drift_ms"] == [-100.0]
    assert measured["memory_error_ms"] == [100.0]


def test_audio_of_a_cancelled_response_that_was_never_sent_counts_too() -> None:
    """The model believes it said it; the bridge rightly did not send it, and told nobody."""
    story = call()
    story.response(1000)
    story.delta(1100, voice(1, 500))
    story.done(1100, status="cancelled")
    story.hang_up(8000)

    assert measure(story)["memory_drift_ms"] == [500.0]


def test_audio_left_out_of_an_answer_is_lost_and_wrongly_remembered() -> None:
    """A delta of an answer that nobody interrupted is dropped: the model believes it was said."""
    story = call()
    story.response(1000)
    for seed, sent in ((1, True), (2, False), (3, True)):
        story.delta(1000 + seed, voice(seed, 300))
        if sent:
            number = story.media(1000 + seed, voice(seed, 300))
            story.played(number, 1000 + 300 * seed, 2400)
    story.done(1100)
    story.hang_up(8000)
    measured = measure(story)

    assert measured["agent_audio_lost_ms"] == [300.0]
    assert measured["memory_drift_ms"] == [300.0]


def test_an_answer_that_is_relayed_whole_loses_nothing() -> None:
    """One sample, of 0, so that a threshold can hold."""
    story = call()
    agent(story, 300, 800, 2000)
    story.hang_up(8000)

    assert measure(story)["agent_audio_lost_ms"] == [0.0]
    assert "agent_audio_lost_ms" not in measure(call())


def test_what_the_hangup_cuts_is_no_matter_of_memory() -> None:
    """The caller hangs up while the agent speaks."""
    story = call()
    story.response(1000)
    story.says(1000, voice(1, 2000), heard=4000)
    story.hang_up(1500)

    assert "memory_drift_ms" not in measure(story)


def test_a_farewell_cut_short() -> None:
    """1000 ms of goodbye, 600 heard, the line released 50 ms later by the bridge."""
    story = call()
    story.response(1000)
    story.tool(1000)
    story.response(1100, "r2")
    story.says(1200, voice(1, 1000), heard=4800, item="bye", response="r2")
    story.add(1800, "agent.audible", from_ms=1200, to_ms=1800)
    story.hang_up(1850, by="bridge")
    measured = measure(story)

    assert measured["farewell_cut_ms"] == [400.0]
    assert measured["hangup_delay_ms"] == [50.0]
    assert measured["tool_calls"] == [1.0]


def test_a_goodbye_that_was_taken_back_is_no_farewell() -> None:
    """The caller said something and was answered: what is cut of later answers is not it."""
    story = call()
    story.response(1000)
    story.says(1000, voice(1, 500))
    story.tool(1500)
    story.add(1500, "agent.audible", from_ms=1000, to_ms=1500)
    caller(story, 1600, 2000)
    story.response(2600, "r2")
    story.says(2600, voice(2, 1000), heard=1600, item="b", response="r2")
    story.add(2800, "agent.audible", from_ms=2600, to_ms=2800)
    ended, taken_back = call(), call()
    ended.events = [each for each in story.events if each.at_ms < 2000]
    taken_back.events = story.events
    for each in (ended, taken_back):
        each.hang_up(4000, by="bridge")

    assert measure(ended)["farewell_cut_ms"] == [0.0]
    assert measure(ended)["hangup_delay_ms"] == [2500.0]
    assert "farewell_cut_ms" not in measure(taken_back)
    assert "hangup_delay_ms" not in measure(taken_back)


@pytest.mark.parametrize("status", [200, 400, 0])
def test_a_refused_transfer_has_no_last_words(status: int) -> None:
    """The conversation goes on; of one that was carried out only the words count, not the line."""
    story = call()
    story.response(1000)
    story.says(1000, voice(1, 500))
    story.tool(1500, name="transfer_call")
    story.add(1500, "agent.audible", from_ms=1000, to_ms=1500)
    story.add(2000, "phone.rest", status=status, code=0)
    story.hang_up(30_000, by="twiml")
    measured = measure(story, over_ms=40_000)

    assert measured.get("farewell_cut_ms") == ([0.0] if status == 200 else None)
    assert "hangup_delay_ms" not in measured


def test_no_farewell_means_no_sample() -> None:
    """end_call without a word: a threshold on the farewell must not pass by luck."""
    story = call()
    story.response(1000)
    story.tool(1000)
    story.hang_up(5000, by="bridge")
    measured = measure(story)

    assert "farewell_cut_ms" not in measured
    assert "hangup_delay_ms" not in measured


def test_a_leak_lasts_until_the_socket_is_closed_or_the_run_is_over() -> None:
    """Closed 300 ms late; never closed."""
    late, never = call(), call()
    for story in (late, never):
        story.add(5000, "phone.ended", by="caller", how="hangup")
    late.add(5300, "realtime.closed", by="bridge", code=1000)

    assert measure(late)["leaked_session_ms"] == [300.0]
    assert measure(never)["leaked_session_ms"] == [15_000.0]


def test_lost_caller_audio_has_one_sample_when_a_model_was_there() -> None:
    """`max==0` needs a sample to hold; a session that never was gives none."""
    story, refused = call(), Story()
    refused.line()
    for each in (story, refused):
        each.frame(100, voice(1, 20))
        each.hang_up(5000)

    assert measure(story)["caller_audio_lost_ms"] == [20.0]
    assert "caller_audio_lost_ms" not in measure(refused)


def test_padding_is_counted() -> None:
    """60 ms of 0xFF from the bridge."""
    story = call()
    story.append(100, silence(60))
    story.hang_up(5000)

    assert measure(story)["caller_padding_ms"] == [60.0]


# -- response latency ------------------------------------------------------------------------------


def latencies(
    words: list[tuple[float, float]], commits: list[float], replies: list[tuple[float, float]]
) -> list[float]:
    """Latencies for (began, ended) words, commits and (created, audible) replies."""
    utterances = [Utterance(*each) for each in words]
    found = answers(utterances, commits, [Reply(*each) for each in replies])
    return [answer.latency_ms for answer in found]


def test_two_pieces_before_a_reply_are_one_turn() -> None:
    """The latency runs from the end of the second piece."""
    assert latencies([(0, 1000), (1500, 2500)], [3000], [(3000, 3100)]) == [600]


def test_a_reply_to_the_first_piece_leaves_the_second_open() -> None:
    """Created before the second piece began, heard while it is spoken: it answers the first."""
    words = [(0.0, 1000.0), (1500.0, 2500.0)]

    assert latencies(words, [1490, 3000], [(1490, 1600), (3000, 3200)]) == [600, 700]


def test_a_reply_into_the_callers_words_is_negative_once() -> None:
    """Talk-over: the reply starts 400 ms before the end; the reply after it asks for nothing."""
    assert latencies([(0, 2000)], [1500], [(1500, 1600), (2500, 2600)]) == [-400]


def test_a_chain_of_interruptions_gives_one_sample_per_reply() -> None:
    """Reply, interruption, reply, interruption, reply: each measured from its own words."""
    words = [(0.0, 1000.0), (2000.0, 2500.0), (4000.0, 4300.0)]
    commits = [1500.0, 3000.0, 4800.0]
    replies = [(1500.0, 1700.0), (3000.0, 3300.0), (4800.0, 5000.0)]

    assert latencies(words, commits, replies) == [700, 800, 700]


def test_a_reply_nobody_asked_for_gives_no_sample() -> None:
    """Greeting, farewell after a tool, and a cough which the model did not take as a turn."""
    assert latencies([], [], [(100, 400)]) == []
    assert latencies([(0, 1000)], [1500], [(1500, 1700), (3000, 3500)]) == [700]
    assert latencies([(0, 200)], [], [(9000, 9500)]) == []


# -- arithmetic ------------------------------------------------------------------------


def test_percentiles_interpolate_between_ranks() -> None:
    """As k6 and numpy do."""
    assert percentile([10, 20], 50) == 15
    assert percentile([10, 20], 95) == 19.5
    assert percentile([7], 95) == 7


def test_aggregates() -> None:
    """All that a threshold may ask for."""
    values = [4.0, 1.0, 1.0]

    assert [aggregate(values, n) for n in ("min", "max", "avg", "med", "count")] == [1, 4, 2, 1, 3]
    assert aggregate(values, "p", 100) == 4


def test_a_summary_without_samples_has_only_its_count() -> None:
    """The JSON result says so (design, section 4)."""
    samples = Samples()
    empty = samples.summary()
    samples.add(2, 0)

    assert empty == {"count": 0}
    assert samples.summary() == {"count": 1, "min": 2, "p50": 2, "p95": 2, "max": 2}


def test_intervals() -> None:
    """Union, overlap, gaps."""
    joined = union([(5, 6), (0, 2), (1, 3), (4, 4)])

    assert joined == [(0, 3), (5, 6)]
    assert intersection(joined, [(2, 5.5)]) == [(2, 3), (5, 5.5)]
    assert length(joined) == 4
    assert longest_gap(joined, 0, 10) == (6, 10)
    assert longest_gap(joined, 0, 7) == (3, 5)
    assert longest_gap([], 0, 4) == (0, 4)
    assert longest_gap([(0, 9)], 3, 9) == (3, 3)
