"""`callsim load` and `callsim parity`: arguments that are refused before anything is started."""

import os
from pathlib import Path

import pytest

from simulator import cli


@pytest.mark.parametrize("option", ["--model-cpu", "--bridge-cpu"])
def test_a_processor_that_is_not_there(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and those that are there are named."""
    code = cli.main(["load", "ours", option, "9999"])
    there = ", ".join(map(str, sorted(os.sched_getaffinity(0))))

    assert code == 2
    assert f"{option} 9999: the processors here are {there}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["load", "ours"], ["parity", "scenarios"]])
def test_a_result_that_cannot_be_written(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before minutes are played for it."""
    code = cli.main([*command, "--json", str(tmp_path)])

    assert code == 2
    assert f"--json {tmp_path}: it is a folder" in capsys.readouterr().err
