"""What keeps the service from starting: `check` knows it, `serve` refuses with the same words."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.cli.starting import foreseen, made
from tests.environment import forget_settings
from tests.far_ends import KEY
from tests.socket_ends import unused_port

AGENT = "instructions: Be brief.\nrecording: {record: on}\n"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own variables and .env must not decide a test."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], command: str, *lines: str) -> tuple[int, list[str]]:
    """The exit code, and what was said but for warnings."""
    text = "\n".join((f"OPENAI_API_KEY={KEY}", "HOST=127.0.0.1", "PORT=0", *lines))
    Path(".env").write_text(text, encoding="utf-8")
    code = main([command])
    told = capsys.readouterr().err.splitlines()
    return code, [line for line in told if not line.startswith("warning: ")]


FILE = "is not a folder; set it to another folder"


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["RECORDING=on", "RECORDING_DIR={file}"],
            "RECORDING_DIR: cannot keep recordings in {file}: {file} " + FILE,
        ),
        (
            ["RECORDING=on", "RECORDING_DIR={file}/a/b"],
            "RECORDING_DIR: cannot keep recordings in {file}/a/b: {file} " + FILE,
        ),
        (["FLIGHT_DIR={file}"], "FLIGHT_DIR: cannot keep flight records in {file}: {file} " + FILE),
        (["LOG_FILE={file}/a/x"], "LOG_FILE: cannot write {file}/a/x: {file} is not a folder"),
        (["LOG_FILE=nowhere/x"], "LOG_FILE: cannot write nowhere/x: there is no folder nowhere"),
        (["LOG_FILE=/"], "LOG_FILE: cannot write /: it is a folder"),
        (["LOG_FILE={file}/x"], "LOG_FILE: cannot write {file}/x: {file} is not a folder"),
        (
            ["RECORDS_SPOOL={file}"],
            (
                "RECORDS_SPOOL: cannot keep call records: {file}: {file} is not a folder; "
                "DATABASE_URL=off keeps no call records"
            ),
        ),
        (
            ["DATABASE_URL=postgresql+psycopg://h/d"],
            (
                "DATABASE_URL: Postgres needs a driver that is not installed: "
                "pip install 'callbridge[postgres]'; DATABASE_URL=off keeps no call records"
            ),
        ),
        (
            ["DATABASE_URL=sqlite:///x.db?timeout=soon"],
            (
                "DATABASE_URL: could not convert string to float: 'soon'; "
                "DATABASE_URL=off keeps no call records"
            ),
        ),
        (
            ["OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"],
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT: traces need packages that are not installed: "
                "pip install 'callbridge[telemetry]'"
            ),
        ),
    ],
)
def test_what_serve_refuses_check_has_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    lines: list[str],
    says: str,
) -> None:
    """In one line that names the setting. Nothing is made on the disk by finding out."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setitem(sys.modules, "bridge.operations.traces", None)
    file = tmp_path / "file"
    file.write_text("in the way")
    code, told = said(capsys, command, *(line.format(file=file) for line in lines))

    assert (code, told) == (1, [says.format(file=file)])
    if command == "check":
        assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "file"]


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_host_that_is_none(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Said once, although two ports are wanted, and with what may stand there."""
    code, (line,) = said(capsys, command, "HOST=999.1.1.1", "METRICS_PORT=9100")

    assert code == 1
    assert line.startswith("cannot listen on HOST=999.1.1.1, port 0 (PORT): ")
    assert line.endswith("; set HOST to an address of this machine, such as 0.0.0.0 or 127.0.0.1")


@pytest.mark.parametrize("setting", ["PORT", "METRICS_PORT"])
def test_a_port_that_this_user_may_not_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    """The one of the two is named."""

    class Refusing(socket.socket):
        """Ports are for root, as below 1024."""

        def bind(self, address: object) -> None:
            """Refuse one of the ports."""
            assert isinstance(address, tuple)
            if address[1] == 80:
                raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bridge.cli.starting.socket.socket", Refusing)
    code, told = said(capsys, "check", f"{setting}=80")

    assert code == 1
    assert told == [
        (
            f"cannot listen on HOST=127.0.0.1, port 80 ({setting}): Permission denied; "
            f"this user may not; set {setting} to a port from 1024 on"
        )
    ]


@contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody listens already."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_named_by_its_setting(
    capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    """With several processes, too, where their parent has the socket."""
    with taken_port() as port:
        code, told = said(capsys, "serve", f"PORT={port}", f"WORKERS={workers}")

    assert code == 1
    assert told[-1].startswith(f"cannot listen on HOST=127.0.0.1, port {port} (PORT): ")


def test_the_metrics_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    """It is not PORT that has to change then."""
    with taken_port() as port:
        code, told = said(capsys, "serve", f"METRICS_PORT={port}", f"PORT={unused_port()}")

    assert code == 1
    assert told[-1].endswith("or set another METRICS_PORT")


@pytest.mark.parametrize("command", ["check", "serve"])
def test_one_port_for_both(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """A mistake in the settings, like others."""
    code, told = said(capsys, command, "PORT=5059", "METRICS_PORT=5059")

    assert code == 2
    assert told == [
        "METRICS_PORT: 5059 is PORT, too: one of the two must be another port; set in .env, line 5"
    ]


def test_a_workers_metrics_port_meets_the_port(capsys: pytest.CaptureFixture[str]) -> None:
    """Each worker has one of its own."""
    code, (line,) = said(capsys, "check", "PORT=5051", "METRICS_PORT=5050", "WORKERS=3")

    assert code == 2
    assert line.startswith("METRICS_PORT: 5050 to 5052, one for each of WORKERS, meet PORT: ")


def test_what_is_not_used_is_no_obstacle(capsys: pytest.CaptureFixture[str]) -> None:
    """Folders of what is off are not looked at."""
    Path("file").write_text("in the way")
    off = ["RECORDING_DIR=file", "FLIGHT_RECORD=never", "FLIGHT_DIR=file", "DATABASE_URL=off"]

    assert said(capsys, "check", *off, "RECORDS_SPOOL=file") == (0, [])


def test_an_agent_may_want_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """RECORDING=off is the settings' word, and an agent's file may say otherwise."""
    Path("agents").mkdir()
    Path("agents/shop.agent.yaml").write_text(AGENT)
    Path("file").write_text("in the way")
    code, (line,) = said(capsys, "check", "AGENTS_DIR=agents", "RECORDING_DIR=file")

    assert code == 1
    assert line.startswith("RECORDING_DIR: ")


# ------------------------------------------------------------------------------ folders
def test_a_folder_that_will_be_there(tmp_path: Path) -> None:
    """Found without being made; then made, for its owner only, and left empty."""
    folder = tmp_path / "a" / "b"

    assert foreseen(folder) == ""
    assert not folder.parent.exists()
    assert made(folder) == ""
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_folders_that_will_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to nothing, a name too long, and a folder of somebody else."""
    (tmp_path / "link").symlink_to("nowhere")

    assert foreseen(tmp_path / "link") == f"{tmp_path}/link is a link to nothing"
    assert foreseen(tmp_path / ("n" * 300)) == "File name too long"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert foreseen(tmp_path / "x") == f"this user cannot write to {tmp_path}"


def test_a_folder_that_only_the_attempt_can_tell_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: the system's reason is given."""

    def full(*_args: object, **_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)

    assert made(tmp_path / "x") == "No space left on device"
