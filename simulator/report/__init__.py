"""Reports of played scenarios: for machines (JSON, JUnit), for the browser, for the terminal.

`result` is the value they are made from, `chart` the drawing's data, `drawing` and `page` the HTML,
`files` the machine formats, `terminal` the table and the failures.
"""

from simulator.report.chart import CallChart, ChartRecorder
from simulator.report.files import json_object, read_json, write_json, write_junit
from simulator.report.page import write_html
from simulator.report.result import ScenarioResult, verdict_of
from simulator.report.terminal import failure_text, print_failure, print_report, print_results

__all__ = [
    "CallChart",
    "ChartRecorder",
    "ScenarioResult",
    "failure_text",
    "json_object",
    "print_failure",
    "print_report",
    "print_results",
    "read_json",
    "verdict_of",
    "write_html",
    "write_json",
    "write_junit",
]
