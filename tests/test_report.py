"""Reports: JSON, JUnit, HTML and the terminal, made from the same results."""

import json
import re
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from simulator.judging.auditor import Violation
from simulator.judging.expect import Expectation
from simulator.report import (
    CallChart,
    ChartRecorder,
    ScenarioResult,
    json_object,
    print_results,
    read_json,
    verdict_of,
    write_html,
    write_json,
    write_junit,
)
from simulator.report.chart import PER_LANE_MAX, Bar, Tick
from simulator.report.figures import number, same_digits
from simulator.report.files import junit_tree
from simulator.report.page import page
from tests.judging import Story, voice

GOOD = Expectation("dead_air_ms: max<2500", "passed", 1200.0, 12)
BAD = Expectation("clear, once", "failed", 0, 14, "clear occurred never, asked was once")
BROKEN = Violation(1500.0, "twilio_warning", "Twilio warned <31951>", ("extra field",), "31951")


def result(verdict: str = "passed", **changes: object) -> ScenarioResult:
    """A result of a call with a little of everything."""
    given: dict[str, object] = {
        "name": "the caller <interrupts>",
        "path": "scenarios/barge-in/long.call.yaml",
        "seed": 7,
        "verdict": verdict,
        "metrics": {
            "dead_air_ms": {"count": 1, "min": 1200, "p50": 1200, "p95": 1200, "max": 1200},
            "barge_in_stop_ms": {"count": 0},
        },
        "expectations": (GOOD, BAD) if verdict != "passed" else (GOOD,),
        "violations": (BROKEN,) if verdict == "violation" else (),
        "law_counts": {"twilio_warning": 3} if verdict == "violation" else {},
        "simulated_s": 12.0,
        "wall_s": 0.1,
        "digest": "abc",
        "chart": chart(),
        "tail": ("      12.000  phone.ended  by=caller [red]",),
        "command": "callsim run scenarios/barge-in/long.call.yaml --seed 7",
        **changes,
    }
    return ScenarioResult(**given)  # type: ignore[arg-type]


def chart() -> CallChart:
    """One bar and one tick."""
    bars = (Bar("caller", 100, 1000, "caller", "hello & goodbye"),)
    return CallChart(bars, (Tick("interruptions", 500, "clear", "clear"),), 12_000)


def test_the_json_result_has_the_published_fields(tmp_path: Path) -> None:
    """Exactly as design, section 4, has them; more may be added, none may be missing."""
    path = tmp_path / "out" / "result.json"
    write_json([result(), result("failed")], path, seed=7, wall_s=0.15)
    value = read_json(path)
    scenario = value["scenarios"][1]

    assert {"schema_version", "seed", "simulated_s", "wall_s", "scenarios"} == set(value)
    assert tuple(value[name] for name in ("schema_version", "seed", "simulated_s", "wall_s")) == (
        1,
        7,
        24.0,
        0.15,
    )
    wanted = {"name", "path", "seed", "verdict", "metrics", "expectations"}
    assert wanted | {"simulated_s", "wall_s", "digest"} <= set(scenario)
    assert scenario["metrics"]["barge_in_stop_ms"] == {"count": 0}
    assert {"count", "min", "p50", "p95", "max"} == set(scenario["metrics"]["dead_air_ms"])
    assert tuple(scenario["expectations"][1][name] for name in ("text", "verdict", "measured")) == (
        "clear, once",
        "failed",
        0,
    )


def test_a_foreign_file_is_no_result(tmp_path: Path) -> None:
    """Another program's JSON, or one of another version."""
    foreign, newer = tmp_path / "a.json", tmp_path / "b.json"
    foreign.write_text("[]")
    newer.write_text(json.dumps({"schema_version": 99, "scenarios": []}))

    with pytest.raises(ValueError, match="no result of callsim"):
        read_json(foreign)
    with pytest.raises(ValueError, match="schema_version 99"):
        read_json(newer)


def test_junit_counts_failures_and_errors(tmp_path: Path) -> None:
    """A violation is a failure; what could not be played is an error; control bytes are no XML."""
    path = tmp_path / "junit.xml"
    unplayable = result("error", problem="no such clip \x00")
    write_junit([result(), result("failed"), result("violation"), unplayable], path)
    suite = ET.parse(path).getroot()[0]

    assert tuple(suite.get(name) for name in ("tests", "failures", "errors")) == ("4", "2", "1")
    texts = [failure.text or "" for failure in suite.iter("failure")]
    assert "clear occurred never" in texts[0]
    assert "--seed 7" in texts[0]
    assert "twilio_warning: Twilio warned <31951>" in texts[1]


def test_the_html_report_is_one_safe_file(tmp_path: Path) -> None:
    """Nothing is fetched, nothing runs, names are escaped."""
    path = tmp_path / "report" / "index.html"
    write_html([result(), result("violation")], path)
    text = path.read_text("utf-8")

    assert "1 of 2 calls passed" in text
    assert "the caller &lt;interrupts&gt;" in text
    assert "hello &amp; goodbye" in text
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert "(3 in all)" in text


def test_failures_stand_first_in_the_html() -> None:
    """The reader looks for them."""
    text = page([result(name="good"), result("failed", name="bad")])

    assert text.index("bad</a>") < text.index("good</a>")


FIGURES = {
    "time_to_first_audio_ms": {"count": 1, "min": 831, "p50": 831, "p95": 831, "max": 831},
    "response_latency_ms": {"count": 9, "min": 0.2, "p50": 9.25, "p95": 1168.4, "max": 2222},
    "memory_drift_ms": {"count": 1, "min": -0.3, "p50": -0.3, "p95": -0.3, "max": -0.3},
    "caller_audio_lost_ms": {"count": 1, "min": 70, "p50": 70, "p95": 70, "max": 70},
    "leaked_session_ms": {"count": 1, "min": 82.6, "p50": 82.6, "p95": 82.6, "max": 82.6},
}


def test_the_page_has_the_columns_of_the_terminal() -> None:
    """The same headings, the same figures, lost and leak too; and the file."""
    made = result(metrics=FIGURES)
    overview, told = page([made]).partition("</table>")[0], printed(made)
    heads = re.findall(r"<th[^>]*>([^<]+)</th>", overview)
    cells = re.findall(r"<td[^>]*>([^<]+)</td>", overview)

    assert heads[:4] == ["call", "file", "seed", "length"]
    assert heads[4:] == [
        "first audio",
        "reply p95",
        "barge-in",
        "drift",
        "dead air",
        "lost",
        "leak",
    ]
    assert all(head in told for head in heads if head != "file")
    assert "scenarios/barge-in/long.call.yaml" in cells
    assert cells[-7:] == ["831", "1 168", "-", "0", "-", "70", "83"]
    assert " ".join(cells[-7:]) in " ".join(told.split())


def test_a_run_took_one_time_in_every_report() -> None:
    """Calls that run side by side take less time than their sum."""
    late = [result(wall_s=5.0), result(wall_s=7.0)]
    suite = junit_tree(late, wall_s=6.5)[0]

    assert "24 s of calls in 6.5 s (4x real time)" in page(late, wall_s=6.5)
    assert suite.get("time") == "6.500"
    assert [case.get("time") for case in suite] == ["5.000", "7.000"]
    assert "in 12.0 s" in page(late)


def test_what_did_not_hold_stands_first() -> None:
    """In the page, where all expectations are."""
    text = page([result("failed")])

    assert text.index("clear, once") < text.index("dead_air_ms: max&lt;2500")


def test_a_call_that_was_stopped_shows_where() -> None:
    """Its timeline begins at its end, which is what the reader looks for."""
    recorder = ChartRecorder()
    story = Story()
    story.add(120_090, "world.stopped", after_ms=120_090)
    for event in story.events:
        recorder.observe(event)
    text = page([result("failed", chart=recorder.chart(120_090))])

    assert 'class="scroll from-end"' in text
    assert "stopped at 120.1 s" in text
    assert "stopped, for nobody ended it" in text
    assert 'class="scroll from-end"' not in page([result("failed")])


def test_numbers_beside_each_other_have_the_same_digits() -> None:
    """As many as the one needs that needs most."""
    assert same_digits([0, 9.25, 1168.4, None]) == ["0.0", "9.2", "1 168.4", "-"]
    assert same_digits([1, 250.5]) == ["1", "250"]
    assert same_digits([0.5, 2]) == ["0.5", "2.0"]


def test_numbers_have_no_more_digits_than_matter() -> None:
    """For people, not for machines."""
    assert [number(value) for value in (None, 0, 12.34, 0.01234, 1234.6)] == [
        "-",
        "0",
        "12.3",
        "0.0123",
        "1 235",
    ]


def printed(*results: ScenarioResult) -> str:
    """What a person sees."""
    out = StringIO()
    console = Console(file=out, width=160, no_color=True)
    print_results(console, results, wall_s=0.5)
    return out.getvalue()


def test_the_terminal_shows_failures_with_the_command_that_repeats_them() -> None:
    """Table, explanation, last lines, command, closing line, report."""
    text = printed(result(), result("failed"), result("violation"))

    assert "clear occurred never, asked was once" in text
    assert "1.500 s twilio_warning: Twilio warned <31951>" in text
    assert "twilio_warning: 2 more" in text
    assert "phone.ended  by=caller [red]" in text
    assert "repeat: callsim run scenarios/barge-in/long.call.yaml --seed 7" in text
    assert "1 passed, 1 failed, 1 violation" in text


def test_a_passed_run_is_short() -> None:
    """One row, one closing line."""
    text = printed(result())

    assert "1 passed · 12 s of calls in 0.5 s (24x real time)" in text
    assert "repeat" not in text


def test_the_verdict_of_a_call() -> None:
    """Violation before failure before success."""
    assert verdict_of((BAD,), (BROKEN,)) == "violation"
    assert verdict_of((GOOD, BAD), ()) == "failed"
    assert verdict_of((GOOD,), ()) == "passed"


def test_the_chart_collects_what_is_drawn() -> None:
    """Speech, responses, interruptions and the line; open stretches end with the call."""
    story = Story()
    story.line()
    story.add(1000, "caller.speech_started", clip="hello", interrupting=False)
    story.add(2000, "caller.speech_ended", clip="hello")
    story.response(2500)
    story.says(2600, voice(1, 100))
    story.add(3000, "agent.audible", from_ms=2600, to_ms=2700)
    story.clear(2700, dropped_ms=5)
    story.done(2700, status="cancelled")
    story.add(2800, "twilio.sent", event="mark", name="m", played=False)
    story.add(3000, "link.stall", leg="twilio", direction="to_bridge")
    story.add(3500, "link.release", leg="twilio", direction="to_bridge")
    story.response(4000, "r2")
    recorder = ChartRecorder()
    for event in story.in_order():
        recorder.observe(event)
    drawn = recorder.chart(5000)

    assert {
        ("caller", 1000, 2000, "caller"),
        ("agent", 2600, 2700, "agent"),
        ("model", 2500, 2700, "cancelled"),
        ("model", 4000, 5000, "response"),
        ("line", 3000, 3500, "outage"),
    } == {(bar.lane, bar.from_ms, bar.to_ms, bar.style) for bar in drawn.bars}
    assert {"clear, dropped_ms 5", "mark returned, name m"} <= {tick.label for tick in drawn.ticks}
    assert "echo" in {tick.style for tick in drawn.ticks}


def test_the_chart_is_bounded() -> None:
    """An hour of marks does not make a page of a hundred megabytes."""
    recorder = ChartRecorder()
    story = Story()
    for index in range(PER_LANE_MAX + 100):
        story.add(index, "twilio.sent", event="mark", name="m", played=True)
    for event in story.events:
        recorder.observe(event)

    assert len(recorder.chart(5000).ticks) == PER_LANE_MAX


def test_the_object_can_be_made_without_a_file() -> None:
    """Other programs may take the result as it is."""
    assert json_object([result()], seed=0, wall_s=0.1)["scenarios"][0]["verdict"] == "passed"


# -- in real time ---------------------------------------------------------------------------------

LATE = {"count": 900, "p50": 1.0, "p95": 5.0, "p99": 17.6, "max": 57.8}
SKIPPED = Expectation("truncate, once", "skipped", None, 15, "this bridge lacks truncate")


def test_no_verdict_is_neither_passed_nor_failed(tmp_path: Path) -> None:
    """An inconclusive call says why: in the terminal, JSON, JUnit (as an error) and the page."""
    late = result(
        "inconclusive",
        problem="this machine did not keep up",
        expectations=(),
        target="theirs",
        lateness=LATE,
    )
    text = StringIO()
    print_results(Console(file=text, width=120), [late])
    write_json([late], tmp_path / "r.json")
    shown = read_json(tmp_path / "r.json")["scenarios"][0]
    suite = junit_tree([late])[0]
    error = suite[0].find("error")

    assert "this machine did not keep up" in text.getvalue()
    assert "1 inconclusive" in text.getvalue()
    assert (shown["verdict"], shown["target"]) == ("inconclusive", "theirs")
    assert shown["lateness_ms"] == LATE
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("inconclusive", late.problem)
    assert "this machine did not keep up" in page([late])


def test_what_was_not_judged_is_told_once(tmp_path: Path) -> None:
    """It is no failure; its reason stands below the table and in the page."""
    made = result(expectations=(GOOD, SKIPPED), target="theirs", lateness=LATE)
    text = StringIO()
    print_results(Console(file=text, width=120), [made, made])

    assert verdict_of((GOOD, SKIPPED), ()) == "passed"
    assert made.failures == []
    assert "not judged: 2 expectation(s): this bridge lacks truncate" in text.getvalue()
    assert '<span class="v skipped">skipped</span>' in page([made])


def test_the_harness_tells_its_own_lateness() -> None:
    """Of the worst call in the terminal, of each one in the page; in virtual time there is none."""
    text = StringIO()
    print_results(Console(file=text, width=120), [result(), result(target="theirs", lateness=LATE)])

    assert "lateness, in its worst call: p50 1.0 ms, p95 5.0 ms, p99 17.6 ms, max 57.8 ms" in (
        text.getvalue()
    )
    assert "played in real time against theirs; lateness p50 1.0 ms" in page(
        [result(target="theirs", lateness=LATE)]
    )
    assert "lateness" not in page([result()])
