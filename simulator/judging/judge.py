"""One call, judged: the auditor, the metrics, the expectations and the drawing behind one door.

Owns only their order: the books first, then who reads them. Made before the call begins, it watches
the trace by itself; the result is asked for once, when the call is over.
"""

import shlex
from collections import Counter
from pathlib import Path

from simulator.judging import readings
from simulator.judging.auditor import Auditor
from simulator.judging.conditions import Conditions
from simulator.judging.expect import EventWatch, Expectation, judge, judge_unscripted
from simulator.judging.metrics import Metrics
from simulator.judging.observer import Chorus, Observer
from simulator.judging.readings import in_words_ms
from simulator.judging.standstill import ASKED, Standstill
from simulator.judging.terms import IN_A_WORLD, Terms
from simulator.judging.trouble import TwilioTrouble
from simulator.report.chart import ChartRecorder
from simulator.report.result import TAIL_LINES, ScenarioResult, verdict_of
from simulator.scenario.expect_section import UNSCRIPTED_MAX
from simulator.scenario.format import Reply, Scenario
from simulator.trace import Event, Trace

CRASHES_MAX = 3


class RunWatch(Observer):
    """Which replies were used or missing, whether the call had to be stopped, or crashed."""

    def __init__(self, replies: tuple[Reply, ...], terms: Terms) -> None:
        super().__init__()
        self._replies = replies
        self._terms = terms
        self._used: Counter[int] = Counter()
        self.unscripted: list[str] = []
        self.stopped_after_ms: float | None = None
        self.crashes: list[str] = []
        self.on("realtime.reply", self._reply)
        self.on("realtime.unscripted", self._unscripted)
        self.on("bridge.log", self._crashed, "crashed", "connection_broke")
        self.on("world.stopped", self._stopped)

    @property
    def unused(self) -> list[str]:
        """The replies neither used nor optional, in words."""
        left = self._used.copy()
        unused = []
        for reply in self._replies:
            if left[reply.line]:
                left[reply.line] -= not reply.line  # without lines, only their number is known
            elif not reply.optional:
                unused.append(f"on {reply.on}" + (f" (line {reply.line})" if reply.line else ""))
        return unused

    def _reply(self, event: Event) -> None:
        self._used[int(event.data.get("line", 0))] += 1

    def _unscripted(self, event: Event) -> None:
        kind = str(event.data.get("kind", ""))
        if kind == "greeting" and not self._terms.sets_up_the_bridge:
            return
        if len(self.unscripted) < UNSCRIPTED_MAX:
            said = f"{ASKED.get(kind, 'the bridge asked')} at {in_words_ms(event.at_ms)}"
            number = readings.connection(event.data)
            said += f" (connection {number})" if number else ""
            self.unscripted.append(f"{said}, and no reply `on: {kind}` was left")

    def _crashed(self, event: Event) -> None:
        if len(self.crashes) < CRASHES_MAX:
            self.crashes.append(" ".join(event.line().split()))

    def _stopped(self, event: Event) -> None:
        self.stopped_after_ms = event.at_ms


class Judge(Chorus):
    """Watches one call of `scenario` in `trace`, and judges it on `terms`."""

    def __init__(self, scenario: Scenario, trace: Trace, terms: Terms = IN_A_WORLD) -> None:
        conditions = Conditions.of(scenario, terms)
        self.scenario = scenario
        self.terms = terms
        self.auditor = Auditor(conditions)
        books = self.auditor
        self.metrics = Metrics(
            books.provenance, books.caller_audio, conditions, lost_audio=books.lost_audio
        )
        self.watch = EventWatch(scenario.expect.events, conditions)
        self.run = RunWatch(scenario.model.replies, terms)
        self.chart = ChartRecorder()
        self.trouble = TwilioTrouble(scenario)
        self.standstill = Standstill(scenario)
        self._trace = trace
        watching = (self.auditor, self.metrics, self.watch, self.run, self.chart)
        super().__init__((*watching, self.trouble, self.standstill))
        trace.subscribe(self.observe)

    def result(
        self, *, seed: int, simulated_ms: float, wall_s: float, command: str | None = None
    ) -> ScenarioResult:
        """Finish and judge. To be called once.

        Args:
            seed: the run's seed.
            simulated_ms: virtual time of the end.
            wall_s: real seconds it took.
            command: what repeats this run; None = `callsim run` with the scenario and the seed.
        """
        self.finish(simulated_ms)
        scenario = self.scenario
        path = shown_path(scenario.path)
        expectations = tuple(self._expectations())
        violations = tuple(self.auditor.violations)
        return ScenarioResult(
            name=scenario.name,
            path=path,
            seed=seed,
            verdict=verdict_of(expectations, violations),
            metrics=self.metrics.summary(),
            expectations=expectations,
            violations=violations,
            law_counts=dict(self.auditor.docket.counts),
            allowed=dict(self.auditor.docket.allowed),
            simulated_s=simulated_ms / 1000,
            wall_s=wall_s,
            digest=self._trace.digest(),
            chart=self.chart.chart(simulated_ms),
            tail=tuple(event.line() for event in self._trace.tail)[-TAIL_LINES:],
            command=command or repeat_command(path, seed),
            why=scenario.why,
        )

    def _expectations(self) -> list[Expectation]:
        expect = self.scenario.expect
        found = judge(expect, self.metrics.samples, self.watch, self.run.unused, self.terms)
        found += judge_unscripted(self.run.unscripted, expect.unscripted)
        stopped_ms = self.run.stopped_after_ms
        if stopped_ms is not None and self.scenario.stop_after_ms is None:
            why = f"nobody ended it, so it was stopped after {stopped_ms / 1000:.0f} s"
            reason = self.standstill.why()
            why = f"{why}: {reason}" if reason else why
            found.append(Expectation("the call ends by itself", "failed", None, 0, why))
        trouble = self.trouble.expectation()
        if trouble is not None:
            found.insert(0, trouble)
        for crash in self.run.crashes:
            text = "nothing in the bridge crashes"
            found.append(Expectation(text, "failed", None, 0, f"its log says {crash}"))
        return found


def repeat_command(path: str, seed: int) -> str:
    """What repeats a run, to be copied into a terminal."""
    return f"callsim run {shlex.quote(path)} --seed {seed}"


def shown_path(path: Path) -> str:
    """`path` as a person here would write it: relative, if it lies below this folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
