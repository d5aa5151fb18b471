"""`callsim`: exit codes, what is said, what is written. The calls take a second each."""

import json
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from simulator import cli
from simulator.scene import Scene
from simulator.world import World
from tests.planted.line import no_mulaw_in_session_update
from tests.small_calls import FAILS, PASSES, SKIPPED, write

ONE_PROCESS = ("--jobs", "1")


def run(*arguments: object) -> int:
    """`callsim run` in this process, or as many as the arguments say."""
    return cli.main(["run", *ONE_PROCESS, *map(str, arguments)])


def result_of(path: Path) -> dict[str, Any]:
    """What --json wrote."""
    value = json.loads(path.read_text("utf-8"))
    assert isinstance(value, dict)
    return value


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A folder with a call that passes and one that fails."""
    folder = tmp_path / "calls"
    folder.mkdir()
    write(folder, "passes", PASSES)
    write(folder, "fails", FAILS)
    return folder


# -- exit codes -----------------------------------------------------------------------------------


def test_0_all_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table with the call, and the count, at the end."""
    code = run(write(tmp_path, "passes", PASSES))
    out = capsys.readouterr().out

    assert code == 0
    assert "a caller who says nothing" in out
    assert "1 passed" in out


def test_1_an_expectation_failed(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each expectation that did not hold, with its line, and the command that repeats the call."""
    code = run(calls)
    out = capsys.readouterr().out

    assert code == 1
    assert "1 passed, 1 failed" in out
    assert "time_to_first_audio_ms: max<1 (line 8)" in out
    assert "no stream_started (line 9)" in out
    assert f"repeat: callsim run {calls / 'fails.call.yaml'} --seed 0" in out


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("name: x\ncaler: []\n", ":2:1", "did you mean `caller`?"),
        ("caller:\n  - wait: 300\n", ":2:11", "unit"),
        ("caller: [\n", ":2:1", ""),
        ("caller: []\nagent: {settings: {CALL_TOKEN_SECONDS: 5}}\n", ":2:40", "10"),
    ],
)
def test_2_a_scenario_that_cannot_be_used(
    calls: Path, text: str, place: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line, column and what was expected; and nothing is played, not even the good ones."""
    path = write(calls, "wrong", text)
    code = run(calls)
    out, err = capsys.readouterr()

    assert code == 2
    assert f"{path}{place}" in err
    assert words in err
    assert "1 problem(s) in 1 file(s); nothing was played" in err
    assert out == ""


def test_2_no_such_path(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest name is offered."""
    code = run(calls / "pases.call.yaml")
    err = capsys.readouterr().err

    assert code == 2
    assert "there is no such file or folder" in err
    assert f"did you mean `{calls / 'passes.call.yaml'}`?" in err


def test_2_nothing_is_like_it(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That two names end with .call.yaml does not make them alike."""
    code = run(calls / "zzz.call.yaml")

    assert code == 2
    assert "did you mean" not in capsys.readouterr().err


def test_2_an_unknown_tag(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tags that there are, are named."""
    code = run(calls, "--tag", "smal")

    assert code == 2
    assert "no scenario has the tag smal; the tags are: quiet, small" in capsys.readouterr().err


def test_2_everything_is_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that plays nothing is no success."""
    code = run(write(tmp_path, "skipped", SKIPPED))

    assert code == 2
    assert "every scenario is skipped: the line is being repaired" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "x", "--seed", "-1"],
        ["run", "x", "--seed", "one"],
        ["run", "x", "--seeds", "0"],
        ["run", "x", "--jobs", "0"],
        ["run", "x", "--no-such-option"],
        ["rnu"],
        [],
    ],
)
def test_2_unusable_arguments(arguments: list[str]) -> None:
    """Wrong arguments end with the usage, before anything is read."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)

    assert ended.value.code == 2


def test_3_a_call_could_not_be_played(
    calls: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash of the simulator is neither a pass nor a failed expectation; all calls are told."""

    def crash(scene: Scene) -> None:
        raise RuntimeError("the world has come off its hinges")

    monkeypatch.setattr(Scene, "_guard", crash)
    code = run(calls)
    out = capsys.readouterr().out

    assert code == 3
    assert "2 error" in out
    assert "the world has come off its hinges" in out


@pytest.mark.parametrize(
    ("mishap", "words"),
    [(KeyboardInterrupt(), "stopped"), (BrokenProcessPool(), "a process that played calls")],
)
def test_3_a_run_that_was_broken_off(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mishap: BaseException,
    words: str,
) -> None:
    """Ctrl-C, and a process that was killed, end the run in one sentence."""

    def broken_off(*given: object, **options: object) -> None:
        raise mishap

    monkeypatch.setattr("simulator.cli.run.play_all", broken_off)
    code = run(write(tmp_path, "passes", PASSES))

    assert code == 3
    assert words in capsys.readouterr().err


def test_4_a_law_was_broken(
    calls: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A violation outweighs a failed expectation. The law is named with its time."""
    no_mulaw_in_session_update(monkeypatch)
    code = run(calls)
    out = capsys.readouterr().out

    assert code == 4
    assert "2 violation" in out
    assert "time_to_first_audio_ms: max<1 (line 8)" in out
    assert "audio_format: the session's input format is audio/pcm" in out


def test_4_equal_seeds_gave_different_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What happens in this process only is no property of the call."""
    play = World.play

    async def planted(self: World) -> None:
        self.trace.record("world", "whim")
        await play(self)

    monkeypatch.setattr(World, "play", planted)
    code = run(write(tmp_path, "passes", PASSES), "--check-determinism")

    assert code == 4
    assert "not deterministic: a caller who says nothing (seed 0)" in capsys.readouterr().err


def test_determinism_is_checked_in_another_process(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice the same call is no other verdict; the calls are reported once."""
    code = run(calls, "--check-determinism")
    out = capsys.readouterr().out

    assert code == 1
    assert "1 passed, 1 failed" in out
    assert "deterministic: 2 calls, each played twice" in out


# -- which calls ----------------------------------------------------------------------------------


def test_tags_choose(calls: Path, tmp_path: Path) -> None:
    """Any of the tags given is enough."""
    run(calls, "--tag", "quiet", "--tag", "loud", "--json", tmp_path / "r.json")

    assert [each["name"] for each in result_of(tmp_path / "r.json")["scenarios"]] == [
        "a caller who says nothing"
    ]


def test_seeds_are_counted_from_the_first(tmp_path: Path) -> None:
    """--seed says where, --seeds how many."""
    call = write(tmp_path, "passes", PASSES)
    run(call, "--seed", "7", "--seeds", "2", "--json", tmp_path / "r.json")
    result = result_of(tmp_path / "r.json")

    assert result["seed"] == 7
    assert [each["seed"] for each in result["scenarios"]] == [7, 8]


def test_a_skipped_call_is_told_with_its_reason(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A suite does not shrink in silence."""
    write(calls, "skipped", SKIPPED)
    run(calls)
    out, err = capsys.readouterr()

    assert "skipped: a caller for another day: the line is being repaired" in err
    assert "1 passed, 1 failed" in out


# -- what is written ------------------------------------------------------------------------------


def test_the_json_result_has_the_published_fields(calls: Path, tmp_path: Path) -> None:
    """Its shape is a promise: design section 4, and what a failure needs besides."""
    path = tmp_path / "out" / "result.json"
    run(calls, "--json", path)
    result = result_of(path)
    failed, passed = result["scenarios"]
    metrics = passed["metrics"]

    assert set(result) == {"schema_version", "seed", "simulated_s", "wall_s", "scenarios"}
    assert result["schema_version"] == 1
    for each in result["scenarios"]:
        assert set(each) == {
            *("name", "path", "seed", "verdict", "metrics", "expectations"),
            *("simulated_s", "wall_s", "digest", "violations", "problem", "command"),
            *("target", "lateness_ms"),
        }
    assert [failed["verdict"], passed["verdict"]] == ["failed", "passed"]
    assert metrics["time_to_first_audio_ms"] == {"count": 0}
    assert set(metrics["leaked_session_ms"]) == {"count", "min", "p50", "p95", "max"}
    assert failed["expectations"][1] == {
        "text": "no stream_started",
        "verdict": "failed",
        "measured": 1,
        "line": 9,
        "explanation": failed["expectations"][1]["explanation"],
    }


def test_results_do_not_depend_on_the_number_of_processes(calls: Path, tmp_path: Path) -> None:
    """One process or two: the same calls, in the order of the files, with the same digests."""
    shown = []
    for jobs in ("1", "2"):
        run(calls, "--seeds", "2", "--jobs", jobs, "--json", tmp_path / f"{jobs}.json")
        result = result_of(tmp_path / f"{jobs}.json")["scenarios"]
        shown.append([(each["path"], each["seed"], each["digest"]) for each in result])

    assert shown[0] == shown[1]
    assert [(Path(path).name, seed) for path, seed, _ in shown[0]] == [
        ("fails.call.yaml", 0),
        ("fails.call.yaml", 1),
        ("passes.call.yaml", 0),
        ("passes.call.yaml", 1),
    ]


def test_junit_has_a_case_per_call(calls: Path, tmp_path: Path) -> None:
    """As any CI reads it."""
    run(calls, "--junit", tmp_path / "junit.xml")
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    failures = [case.find("failure") is not None for case in suite]

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert failures == [True, False]


def test_the_report_is_a_page_and_the_result(
    calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--report makes a folder with both, and says where; `callsim show` reads it again."""
    folder = tmp_path / "deep" / "report"
    run(calls, "--report", folder)
    said = capsys.readouterr().out
    code = cli.main(["show", str(folder)])
    shown = capsys.readouterr().out

    assert f"report: {folder / 'index.html'}" in said
    assert "a caller of whom too much is asked" in (folder / "index.html").read_text("utf-8")
    assert [each["verdict"] for each in result_of(folder / "result.json")["scenarios"]] == [
        "failed",
        "passed",
    ]
    assert code == 1
    assert "failed    a caller of whom too much is asked (seed 0)" in shown
    assert "no stream_started:" in shown


# -- the other commands ---------------------------------------------------------------------------


def test_validate_plays_nothing(
    calls: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It reads, counts and says that all can be played; or what cannot."""
    monkeypatch.setattr("simulator.cli.run.play_all", None)
    good = cli.main(["validate", str(calls)])
    said = capsys.readouterr().out
    write(calls, "wrong", "caler: []\n")
    bad = cli.main(["validate", str(calls)])

    assert (good, bad) == (0, 2)
    assert said == "2 file(s), 2 call(s): all can be played\n"
    assert "did you mean `caller`?" in capsys.readouterr().err


def test_schema_prints_the_published_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """What editors use is what the program prints."""
    published = Path(__file__).parent.parent / "docs" / "call.schema.json"
    code = cli.main(["schema"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == json.loads(published.read_text("utf-8"))


@pytest.mark.parametrize(
    "text", [None, "{}", "[1]", "{", '{"schema_version": 99, "scenarios": []}']
)
def test_show_refuses_what_is_no_result(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing, foreign, broken or newer file is named."""
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text, "utf-8")
    code = cli.main(["show", str(path)])

    assert code == 2
    assert str(path) in capsys.readouterr().err
