"""Calls of a second, for tests of what surrounds them: files to be written to `tmp_path`."""

from pathlib import Path

from simulator.scenario import Scenario, load_scenarios

PASSES = """
name: a caller who says nothing
tags: [small, quiet]
caller:
  - wait: 300ms
    hang_up: true
expect:
  leaked_session_ms: max<250
  ended: {by: caller, reason: caller_hung_up}
"""

FAILS = """
name: a caller of whom too much is asked
tags: [small]
caller:
  - wait: 300ms
    hang_up: true
expect:
  time_to_first_audio_ms: max<1
  events: [{no: stream_started}]
"""

SKIPPED = """
name: a caller for another day
skip: the line is being repaired
caller: []
"""


SPEAKS = """
name: a caller who says hello
caller:
  - say: clips/en/hello.wav
  - wait: 300ms
    hang_up: true
"""

NEVER_ENDS = """
name: a caller who waits
caller: []
"""


def write(folder: Path, name: str, text: str) -> Path:
    """Write a scenario; return its path."""
    path = folder / f"{name}.call.yaml"
    path.write_text(text, "utf-8")
    return path


def small_call(folder: Path, text: str) -> Scenario:
    """The one call of a scenario."""
    calls, problems = load_scenarios([write(folder, "small", text)])
    assert not problems, problems
    return calls[0]
