"""bridge.operations.log_file: lines get where they go, files are rotated, nothing is waited for."""

import errno
import io
import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import pytest

from bridge import serving
from bridge.operations import log_file
from bridge.operations.log_file import LogThread
from tests.far_ends import settings


def lines_of(path: Path) -> list[dict[str, object]]:
    """The lines of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_lines_are_json_and_all_are_written_when_it_closes(tmp_path: Path) -> None:
    """In order; only the owner may read them."""
    path = tmp_path / "calls.log"
    with log_file.log_file(path, 1_000_000, 3) as file:
        for number in range(100):
            file.keep({"event": "é", "number": number})

    assert [line["number"] for line in lines_of(path)] == list(range(100))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside_and_old_ones_go(tmp_path: Path) -> None:
    """Two earlier files are kept, the newest lines are in the newest."""
    path = tmp_path / "calls.log"
    with log_file.log_file(path, 300, 2) as file:
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
    with log_file.log_file(path, 1_000_000, 3) as file:
        file.keep({"event": text})

    assert path.read_bytes().count(b"\n") == 1
    assert b"\x1b" not in path.read_bytes()
    assert json.loads(path.read_text("utf-8"))["event"] == text


def test_a_disk_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines beyond the bound are dropped; the next one that fits says how many."""
    monkeypatch.setattr(log_file, "LINES_MAX", 5)
    hangs, begun, done = threading.Event(), threading.Event(), threading.Event()
    written: list[dict[str, Any]] = []

    def hang(line: dict[str, Any]) -> None:
        begun.set()
        hangs.wait(10)
        written.append(line)
        if len(written) == 6:
            done.set()

    thread = LogThread(hang, "disk")
    with thread:
        thread.keep({"event": "first"})
        begun.wait(10)
        for number in range(8):
            thread.keep({"event": "x", "number": number})
        hangs.set()
        done.wait(10)
        thread.keep({"event": "last"})
        thread.keep({"event": "later"})

    assert [line.get("number") for line in written[:6]] == [None, 0, 1, 2, 3, 4]
    assert written[6:] == [{"event": "last", "lines_dropped": 3}, {"event": "later"}]


def test_what_waits_is_written_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when there is no room for the word that it is over."""
    monkeypatch.setattr(log_file, "LINES_MAX", 1)
    monkeypatch.setattr(log_file, "FINISH_S_MAX", 0.05)
    hangs, begun = threading.Event(), threading.Event()

    def hang(_line: dict[str, Any]) -> None:
        begun.set()
        hangs.wait(10)

    began = time.monotonic()
    with LogThread(hang, "disk") as thread:
        thread.keep({"event": "first"})
        begun.wait(10)
        thread.keep({"event": "second"})
    took_s = time.monotonic() - began
    hangs.set()

    assert took_s < 5


def test_a_sink_that_breaks_is_complained_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Its thread goes on."""
    written: list[dict[str, Any]] = []

    def breaks(line: dict[str, Any]) -> None:
        written.append(line)
        raise RuntimeError("broken")

    with LogThread(breaks, "sink") as thread:
        thread.keep({"event": "x"})
        thread.keep({"event": "y"})

    assert [line["event"] for line in written] == ["x", "y"]
    assert capsys.readouterr().err == "sink: broken\n"


@pytest.mark.parametrize("gone", [None, "closed"])
def test_standard_error_may_have_gone(gone: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is complained of, and lines are written on."""
    written: list[dict[str, Any]] = []

    def breaks(line: dict[str, Any]) -> None:
        written.append(line)
        raise OSError

    closed = io.StringIO()
    closed.close()
    with LogThread(breaks, "sink") as thread:
        monkeypatch.setattr(sys, "stderr", closed if gone else None)
        thread.keep({"event": "x"})
        thread.keep({"event": "y"})

    assert len(written) == 2


def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full for a while leaves whole lines only."""
    path = tmp_path / "calls.log"
    write, full = os.write, [False, True, False]

    def fills_up(fd: int, data: bytes) -> int:
        if not full.pop(0):
            return write(fd, data)
        write(fd, data[:5])
        raise OSError(errno.ENOSPC, "full")

    file = log_file._RotatedFile(path, 1_000_000, 3)
    monkeypatch.setattr(os, "write", fills_up)
    file.write({"event": "a"})
    with pytest.raises(OSError, match="full"):
        file.write({"event": "b"})
    file.write({"event": "c"})
    monkeypatch.undo()

    assert [line["event"] for line in lines_of(path)] == ["a", "c"]


@pytest.mark.parametrize(("index", "name"), [(0, "calls.log"), (2, "calls-2.log")])
def test_the_service_logs_behind_threads(
    tmp_path: Path, index: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that stalls holds up neither the service nor the file. A file for each process."""
    hangs = threading.Event()

    def hang(_line: dict[str, Any]) -> None:
        hangs.wait(10)

    monkeypatch.setattr(serving, "standard_output", lambda _form: hang)
    monkeypatch.setattr(log_file, "FINISH_S_MAX", 0.5)
    given = settings(log_file=tmp_path / "calls.log")
    with serving._log_sink(given, serving.Worker(index)) as sink:
        for number in range(3):
            sink({"event": "x", "number": number})
    hangs.set()

    assert [line["number"] for line in lines_of(tmp_path / name)] == [0, 1, 2]


STALLED: Final = """
import sys
from pathlib import Path
from bridge.log import standard_output
from bridge import serving
from bridge.operations import log_file
log_file.FINISH_S_MAX = 0.2
line = {"event": "gr\u00f6\u00dfe" + "x" * 1000}
with (
    log_file.LogThread(standard_output("json"), "standard output") as printed,
    log_file.log_file(Path(sys.argv[1]), 1000, 1) as file,
):
    for _ in range(500):
        printed.keep(line)
        file.keep(line)
print("over", file=sys.stderr)
"""


def _process(file: Path, stdout: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", STALLED, str(file)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("reader", ["stalls", "goes away"])
def test_a_process_ends_whoever_reads_its_log(tmp_path: Path, reader: str) -> None:
    """A full pipe, a pipe that nobody reads from any more, and a disk that hangs (a pipe, too)."""
    disk = tmp_path / "calls.log"
    os.mkfifo(disk)
    ours, theirs = os.pipe()
    process = _process(disk, theirs)
    os.close(theirs)
    if reader == "goes away":
        os.close(ours)
    try:
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        if reader == "stalls":
            os.close(ours)

    assert (process.returncode, said) == (0, b"over\n")


def test_lines_on_standard_output_are_utf_8(tmp_path: Path) -> None:
    """Whatever the environment says of it."""
    process = _process(tmp_path / "calls.log", subprocess.PIPE)
    said, _ = process.communicate(timeout=20)

    assert len(said.splitlines()) == 500
    assert json.loads(said.splitlines()[0])["event"].startswith("größe")


def test_a_folder_that_is_missing_is_complained_of_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error; calls go on."""
    with log_file.log_file(tmp_path / "missing" / "calls.log", 1000, 1) as file:
        file.keep({"event": "x"})
        file.keep({"event": "y"})

    assert capsys.readouterr().err.count("LOG_FILE: ") == 1
