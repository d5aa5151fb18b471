"""`callsim`: what is refused before anything is played, and how a command ends."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.cli.exits import exit_code
from tests.small_calls import FAILS, PASSES, write
from tests.stopped_harness import ROOT


def piped(*arguments: str, lines: int = 1) -> tuple[int, str]:
    """The exit code and errors of `callsim` whose output is read like `head` does."""
    command = [sys.executable, "-m", "simulator", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    return process.returncode, said


# -- before anything is played --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "99999999"], "99999999 is too many: 10000 at most"),
        (["--seeds", "-4"], "-4 is too few: 1 or more"),
        (["--seeds", "four"], "'four' is no whole number of 1 or more"),
        (["--jobs", "0"], "0 is too few: 1 or more"),
    ],
)
def test_numbers_have_bounds(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds as many as in a scenario; a hundred million would eat the memory first."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "x.call.yaml", *arguments])

    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "validate"])
def test_an_empty_path_is_not_this_folder(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It comes of an unset variable."""
    with pytest.raises(SystemExit) as ended:
        cli.main([command, ""])

    assert ended.value.code == 2
    assert "write . for this folder" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--report", "--json", "--junit"])
def test_reports_that_cannot_be_written_are_refused_at_once(
    tmp_path: Path,
    option: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2 with the option, before hours are played for them."""
    monkeypatch.setattr("simulator.cli.run.play_all", None)
    call = write(tmp_path, "passes", PASSES)
    code = cli.main(["run", str(call), option, str(call / "deep" / "x")])

    assert code == 2
    assert f"callsim: {option} {call / 'deep' / 'x'}: {call} is no folder" in (
        capsys.readouterr().err
    )


def test_a_folder_is_no_file_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is made of what is only looked at."""
    call = write(tmp_path, "passes", PASSES)
    code = cli.main(["run", str(call), "--json", str(tmp_path)])

    assert code == 2
    assert f"--json {tmp_path}: it is a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [call]


def test_verdicts_are_told_before_files_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is full by then costs the file only."""

    def full(*_given: object, **_named: object) -> None:
        raise OSError(28, "No space left on device", "r.json")

    monkeypatch.setattr("simulator.cli.run.write_json", full)
    call = write(tmp_path, "passes", PASSES)
    code = cli.main(["run", "--jobs", "1", str(call), "--json", str(tmp_path / "r.json")])
    out, err = capsys.readouterr()

    assert code == 3
    assert "1 passed" in out
    assert "r.json: No space left on device" in err


# -- a reader who leaves --------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "code"), [(PASSES, 0), (FAILS, 1)])
def test_a_reader_who_leaves_changes_no_verdict(tmp_path: Path, text: str, code: int) -> None:
    """`callsim run ... | head -1`: the exit code is what the verdicts come to."""
    call = write(tmp_path, "call", text)
    ended, said = piped("run", str(call), "--seeds", "3", "--jobs", "1", lines=0)

    assert ended == code
    assert "Broken pipe" not in said


@pytest.mark.parametrize("arguments", [["schema"], ["realtime", "--for", "1"]])
def test_a_reader_who_leaves_other_commands(arguments: list[str]) -> None:
    """The schema is longer than a pipe holds; a server serves on."""
    assert piped(*arguments) == (0, "")


# -- show -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["passed"], 0),
        (["passed", "failed"], 1),
        (["failed", "error"], 3),
        (["inconclusive"], 3),
        (["error", "violation"], 4),
    ],
)
def test_show_ends_as_the_run_did(tmp_path: Path, verdicts: list[str], code: int) -> None:
    """One rule for both."""
    calls: list[dict[str, Any]] = [
        {"name": "x", "seed": 0, "verdict": each, "expectations": [], "violations": []}
        for each in verdicts
    ]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"schema_version": 1, "scenarios": calls}))

    assert cli.main(["show", str(path)]) == cli.main(["show", str(tmp_path)]) == code
    assert exit_code(verdicts) == code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such file; give a --report folder or a --json file"),
        ("{", "no result of callsim; give a --report folder or a --json file"),
        ("\xff\xfe", "no result of callsim; give a --report folder or a --json file"),
        ('{"schema_version": 1, "scenarios": [{}]}', "no result of callsim; give"),
        ('{"schema_version": 99, "scenarios": []}', "it has schema_version 99; this program"),
    ],
)
def test_show_says_in_plain_words_what_it_wants(
    tmp_path: Path, text: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path once, and none of Python's words."""
    path = tmp_path / "r.json"
    if text is not None:
        path.write_text(text, "latin-1")
    code = cli.main(["show", str(path)])
    said = capsys.readouterr().err

    assert code == 2
    assert said.startswith(f"callsim: {path}: {words}")
    assert said.count(str(path)) == 1


def test_show_of_a_folder_without_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the result that is missing, not the folder."""
    code = cli.main(["show", str(tmp_path)])

    assert code == 2
    assert f"{tmp_path}: there is no result.json in it; give" in capsys.readouterr().err


# -- the commands' list ---------------------------------------------------------------------------


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Of what is installed."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])

    assert ended.value.code == 0
    assert re.fullmatch(r"callsim \S.*\n", capsys.readouterr().out)


@pytest.mark.parametrize("name", [name for name, _, _ in cli.COMMANDS])
def test_every_command_is_where_the_list_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is found in its module, by its name, and explains itself."""
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])

    assert ended.value.code == 0
    assert f"usage: callsim {name}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["schema"], ["show", "nothing.json"]])
def test_only_the_chosen_command_is_loaded(arguments: list[str]) -> None:
    """Help is there at once: no bridge, no servers, no load."""
    program = (
        "import sys\nfrom simulator.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stderr.split()

    assert "simulator.cli" in loaded
    assert not {"bridge", "trio", "simulator.load", "simulator.live"} & set(loaded)
