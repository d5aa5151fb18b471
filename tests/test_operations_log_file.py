"""bridge.operations.log_file: lines get into files, files are rotated, nothing waits for a disk."""

import json
import stat
import threading
from pathlib import Path

import pytest

from bridge.operations import log_file
from bridge.operations.log_file import LogFile


def lines_of(path: Path) -> list[dict[str, object]]:
    """The lines of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_lines_are_json_and_all_are_written_when_it_closes(tmp_path: Path) -> None:
    """In order; only the owner may read them."""
    path = tmp_path / "calls.log"
    with LogFile(path, 1_000_000, 3) as file:
        for number in range(100):
            file.keep({"event": "é", "number": number})

    assert [line["number"] for line in lines_of(path)] == list(range(100))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside_and_old_ones_go(tmp_path: Path) -> None:
    """Two earlier files are kept, the newest lines are in the newest."""
    path = tmp_path / "calls.log"
    with LogFile(path, 300, 2) as file:
        for number in range(60):
            file.keep({"event": "x" * 20, "number": number})
    files = sorted(each.name for each in tmp_path.iterdir())

    assert files == ["calls.log", "calls.log.1", "calls.log.2"]
    assert lines_of(path)[-1]["number"] == 59
    assert all(each.stat().st_size <= 300 for each in tmp_path.iterdir())


def test_a_line_cannot_become_two(tmp_path: Path) -> None:
    """Whatever a peer puts into a text, a line of the file is a line of the log."""
    path = tmp_path / "calls.log"
    text = 'a\nb\r{"event": "forged"}\x1b[31m\u2028'
    with LogFile(path, 1_000_000, 3) as file:
        file.keep({"event": text})

    assert path.read_bytes().count(b"\n") == 1
    assert b"\x1b" not in path.read_bytes()
    assert json.loads(path.read_text("utf-8"))["event"] == text


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines beyond the bound are dropped and counted; the process ends all the same."""
    monkeypatch.setattr(log_file, "LINES_MAX", 5)
    monkeypatch.setattr(log_file, "FINISH_S_MAX", 0.05)
    hangs, begun = threading.Event(), threading.Event()
    file = LogFile(tmp_path / "calls.log", 1000, 1)

    def hang(_: object) -> bool:
        begun.set()
        return hangs.wait(10)

    file._file.handle = hang  # type: ignore[method-assign,assignment]
    with file:
        file.keep({"event": "first"})
        begun.wait(10)
        for number in range(8):
            file.keep({"event": "x", "number": number})
    dropped = file._dropped
    hangs.set()

    assert dropped == 3


def test_a_folder_that_is_missing_is_complained_of_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error; calls go on."""
    with LogFile(tmp_path / "missing" / "calls.log", 1000, 1) as file:
        file.keep({"event": "x"})
        file.keep({"event": "y"})

    assert capsys.readouterr().err.count("LOG_FILE: ") == 1
