"""The results for machines: one JSON object and JUnit XML.

Owns both file formats. The JSON's fields are published: a change of meaning raises SCHEMA_VERSION.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from simulator.report.result import ScenarioResult

SCHEMA_VERSION = 1
REPORT_PAGE = "index.html"
REPORT_JSON = "result.json"
"""What lies in a report's folder."""
NO_VERDICT = frozenset({"error", "inconclusive"})
"""Nothing is known of the bridge: an error, for JUnit, and no failure."""
NO_RESULT = "no result of callsim"
SHOWN = frozenset({"name", "seed", "verdict", "expectations", "violations"})
"""What a call in a result cannot be shown without."""


def json_object(results: Sequence[ScenarioResult], *, seed: int, wall_s: float) -> dict[str, Any]:
    """The results as plain values.

    Args:
        results: one per scenario and seed.
        seed: the first seed of the run.
        wall_s: real seconds for all of them, which is less than their sum if some ran side by side.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "simulated_s": round(sum(result.simulated_s for result in results), 3),
        "wall_s": round(wall_s, 3),
        "scenarios": [_scenario(result) for result in results],
    }


def _scenario(result: ScenarioResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "path": result.path,
        "seed": result.seed,
        "verdict": result.verdict,
        "metrics": {name: dict(summary) for name, summary in result.metrics.items()},
        "expectations": [
            {
                "text": each.text,
                "verdict": each.verdict,
                "measured": each.measured,
                "line": each.line,
                "explanation": each.explanation,
            }
            for each in result.expectations
        ],
        "violations": [
            {
                "at_ms": each.at_ms,
                "law": each.law,
                "detail": each.detail,
                "text": each.text,
                "evidence": list(each.evidence),
            }
            for each in result.violations
        ],
        "simulated_s": round(result.simulated_s, 3),
        "wall_s": round(result.wall_s, 3),
        "digest": result.digest,
        "problem": result.problem,
        "command": result.command,
        "target": result.target,
        "lateness_ms": dict(result.lateness),
    }


def write_json(
    results: Sequence[ScenarioResult], path: Path, *, seed: int = 0, wall_s: float | None = None
) -> None:
    """Write the JSON result. `wall_s` None = the sum over the scenarios."""
    spent_s = sum(result.wall_s for result in results) if wall_s is None else wall_s
    text = json.dumps(json_object(results, seed=seed, wall_s=spent_s), indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON result written before.

    Raises:
        OSError: it cannot be read.
        ValueError: not such a file, or of another version; says which, without the path.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise ValueError(NO_RESULT) from None
    result: dict[str, Any] = value if isinstance(value, dict) else {}
    version, calls = result.get("schema_version"), result.get("scenarios")
    if version is None or not isinstance(calls, list):
        raise ValueError(NO_RESULT)
    if version != SCHEMA_VERSION:
        raise ValueError(f"it has schema_version {version}; this program reads {SCHEMA_VERSION}")
    if not all(isinstance(each, dict) and each.keys() >= SHOWN for each in calls):
        raise ValueError(NO_RESULT)
    return result


def junit_tree(results: Sequence[ScenarioResult], *, wall_s: float | None = None) -> ET.Element:
    """One test case per scenario and seed; broken laws are failures too, no verdict is an error.

    `wall_s`: real seconds for all of them; None = the sum over the scenarios.
    """
    spent_s = sum(each.wall_s for each in results) if wall_s is None else wall_s
    suite = ET.Element("testsuite", name="callsim")
    suite.set("tests", str(len(results)))
    suite.set("failures", str(sum(each.verdict in ("failed", "violation") for each in results)))
    suite.set("errors", str(sum(each.verdict in NO_VERDICT for each in results)))
    suite.set("time", f"{spent_s:.3f}")
    for result in results:
        case = ET.SubElement(suite, "testcase", classname=result.path)
        case.set("name", f"{result.name} [seed {result.seed}]")
        case.set("time", f"{result.wall_s:.3f}")
        if result.verdict in NO_VERDICT:
            problem = ET.SubElement(case, "error", type=result.verdict)
            problem.set("message", _printable(result.problem))
            problem.text = _printable(result.command)
        elif result.verdict != "passed":
            lines = [f"{each.text}: {each.explanation}" for each in result.failures]
            lines += [f"{each.law}: {each.text}" for each in result.violations]
            failure = ET.SubElement(case, "failure", type=result.verdict)
            failure.set("message", _printable(lines[0] if lines else result.verdict))
            failure.text = _printable("\n".join((*lines, "", *result.tail, "", result.command)))
    suites = ET.Element("testsuites")
    suites.append(suite)
    return suites


def _printable(text: str) -> str:
    """XML 1.0 has no control characters but tab and newline."""
    return "".join(
        each if each >= " " or each in "\t\n" else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def write_junit(
    results: Sequence[ScenarioResult], path: Path, *, wall_s: float | None = None
) -> None:
    """Write the results as JUnit XML."""
    tree = ET.ElementTree(junit_tree(results, wall_s=wall_s))
    ET.indent(tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.write(path, encoding="utf-8", xml_declaration=True)
