"""A bridge of somebody else's kind, as a process, judged in real time through its webhook.

The calls take some seconds of real time each. How fast this machine is, is not what is tested: the
harness's own lateness does not count here.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.live.lateness import Lateness
from tests.small_calls import write
from tests.socket_ends import unused_port
from tests.stopped_harness import ROOT, NotedBridge, stopped

TARGETS = ROOT / "simulator" / "live" / "targets"
SHIPPED = TARGETS / "foreign-example.target.yaml"
BRIDGE = TARGETS / "foreign_bridge.py"

SIMPLE = """
name: a question and its answer
model: [{on: turn, say: clips/en/yes.wav}]
caller:
  - wait: 200ms
    say: clips/en/hello.wav
  - when: agent_silent
    hang_up: true
expect:
  response_latency_ms: ["count==1", "max<4000"]
  caller_audio_lost_ms: max<200
  ended: {by: caller, reason: caller_hung_up}
"""

BARGE_IN = """
name: an interruption over a slow line
network: {twilio: {latency: 150ms}}
model:
  - on: turn
    items: [{say: clips/en/opening-hours-short.wav}, {say: clips/en/opening-hours-long.wav}]
    burst: 8
  - {on: turn, say: clips/en/yes.wav, optional: true}
caller:
  - say: sounds/voice-when-are-you-open.wav
  - when: agent_heard 1200ms
    say: sounds/voice-never-mind.wav
  - hang_up: true
expect:
  memory_drift_ms: max<=100
"""

GREETS = """
name: a greeting
agent: {greeting: true}
model: [{on: greeting, say: clips/en/welcome-short.wav}]
caller: [{when: agent_silent, hang_up: true}]
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped target file, to be changed; nothing is inconclusive."""
    monkeypatch.setattr(Lateness, "verdict", lambda _: "")
    path = tmp_path / "foreign.target.yaml"
    path.write_text(SHIPPED.read_text("utf-8").replace("{folder}", str(TARGETS)), "utf-8")
    return path


def played(folder: Path, target: Path, **calls: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of `callsim run --target`, and each call's result by its name."""
    calls_at = folder / "calls"
    calls_at.mkdir()
    for name, text in calls.items():
        write(calls_at, name, text)
    out = folder / "result.json"
    code = cli.main(["run", str(calls_at), "--target", str(target), "--json", str(out)])
    shown = json.loads(out.read_text("utf-8"))["scenarios"] if out.exists() else []
    return code, {each["name"]: each for each in shown}


def test_a_foreign_bridge_is_judged(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A simple call passes; the interrupted one shows that it truncates by the clock.

    Why it ended a call nobody can know, and a greeting it has none: neither is held against it.
    """
    code, results = played(tmp_path, target, simple=SIMPLE, barge_in=BARGE_IN, greets=GREETS)
    simple = results["a question and its answer"]
    barge_in = results["an interruption over a slow line"]
    verdicts = {each["text"]: each["verdict"] for each in simple["expectations"]}
    drift = next(each for each in barge_in["expectations"] if "drift" in each["text"])

    assert simple["verdict"] == "passed"
    assert verdicts["ended by: caller"] == "passed"
    assert verdicts["ended reason: caller_hung_up"] == "unobservable"
    assert simple["target"] == "foreign-example"
    assert simple["lateness_ms"]["count"] > 50
    assert drift["verdict"] == "failed"
    assert drift["measured"] > 1000
    assert code == 4  # the item that was heard in part is forgotten: a law besides
    assert "item_forgotten" in {each["law"] for each in barge_in["violations"]}
    said = capsys.readouterr()
    assert "not judged: 1 expectation(s): the bridge's log is not read" in said.out
    assert "skipped: a greeting: the bridge lacks greeting" in said.err
    assert f"--target {target}" in said.out


def test_the_shipped_example_plays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`callsim run FILE --target simulator/live/targets/…`, in a checkout, nothing changed."""
    monkeypatch.setattr(Lateness, "verdict", lambda _: "")
    monkeypatch.chdir(ROOT)
    call = write(tmp_path, "simple", SIMPLE)

    assert cli.main(["run", str(call), "--target", str(SHIPPED.relative_to(ROOT))]) == 0


def test_a_stream_without_a_webhook(tmp_path: Path, target: Path) -> None:
    """With `media` alone, the stream is opened directly."""
    text = target.read_text("utf-8").replace("webhook: /incoming\n", "")
    target.write_text(text, "utf-8")
    code, results = played(tmp_path, target, simple=SIMPLE)

    assert (code, results["a question and its answer"]["verdict"]) == (0, "passed")


def test_a_bridge_that_cannot_start_is_no_failure_of_its(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, with its last lines."""
    target.write_text(target.read_text("utf-8").replace("{port}", "no-port"), "utf-8")
    code, results = played(tmp_path, target, simple=SIMPLE)

    assert code == 3
    assert results["a question and its answer"]["verdict"] == "error"
    assert "ValueError: invalid literal for int()" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--live", "voice.example.com"], "no http, https, ws or wss URL"),
        (["--target", "our"], "did you mean `ours`?"),
        (["--target", "ours", "--check-determinism"], "never the same twice"),
        (["--realtime-port", "9000"], "only for real time"),
    ],
)
def test_arguments_that_make_no_sense(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, in a sentence."""
    code = cli.main(["run", str(write(tmp_path, "simple", SIMPLE)), *arguments])

    assert code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind(
    tmp_path: Path, target: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM in the middle of a call: exit 3, and the bridge is gone."""
    call = write(tmp_path, "waits", "caller: [{when: at 60s, hang_up: true}]\n")
    runs = f"import runpy\nrunpy.run_path({str(BRIDGE)!r}, run_name='__main__')"
    bridge = NotedBridge(tmp_path, runs)
    text = target.read_text("utf-8").replace(str(BRIDGE), str(bridge.program))
    target.write_text(text, "utf-8")
    code, said = stopped(bridge, number, "run", str(call), "--target", str(target))

    assert code == 3, said
    assert "stopped; the bridge's processes are ended" in said
    assert not bridge.alive


def test_a_bridge_that_runs_already(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--live URL` starts nothing: it says what the bridge must have been told, and calls it."""
    own, realtime = unused_port(), unused_port()
    environment = {
        **os.environ,
        "REALTIME_URL": f"ws://127.0.0.1:{realtime}/v1/realtime",
        "OPENAI_API_KEY": "sk-any",
    }
    bridge = subprocess.Popen([sys.executable, str(BRIDGE), str(own)], env=environment)
    try:
        call = write(tmp_path, "simple", SIMPLE)
        url = f"http://127.0.0.1:{own}/incoming"
        code = cli.main(["run", str(call), "--live", url, "--realtime-port", str(realtime)])
    finally:
        bridge.terminate()
        bridge.wait(30)
    said = capsys.readouterr()

    assert code == 0
    assert f"REALTIME_URL={environment['REALTIME_URL']}" in said.err
    assert "TWILIO_AUTH_TOKEN=" in said.err
