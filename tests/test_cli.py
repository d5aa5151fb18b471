"""The command line: exit codes, what is printed, and a service that stops when it is told to."""

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest
import trio

from bridge.app import make_app
from bridge.cli import main
from bridge.outside import USER_TIMEOUT_MS, Outside
from bridge.serving import ServerConfig, serve
from bridge.settings import Settings
from bridge.settings.tools import SECRET_PREFIX
from tests.environment import forget_settings
from tests.far_ends import ACCOUNT, AUTH_TOKEN, KEY, Lines, settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own variables and .env must not decide a test."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def env_file(tmp_path: Path, *lines: str) -> str:
    """Write a file of settings; return its path."""
    path = tmp_path / "settings.env"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_check_masks_secrets_and_names_gaps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every effective setting is printed, no secret is, and what production lacks is said."""
    path = env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "VOICE=cedar", "SHOW_TIMING_MATH=yes")
    code = main(["check", "--env-file", path])
    out, err = capsys.readouterr()

    assert code == 0
    assert err == ""
    assert KEY not in out
    for line in (
        "OPENAI_API_KEY=********",
        "VOICE=cedar",
        "SHOW_TIMING_MATH=true",
        "PORT=5050  (default)",
        "END_CALL_GRACE_SECONDS=3  (default)",
        "TWILIO_AUTH_TOKEN=  (default)",
        "LOG_EVENT_TYPES=  (default)",
    ):
        assert line in out.splitlines()
    assert "! TWILIO_AUTH_TOKEN is not set: " in out


def test_check_of_a_complete_setup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing lacks, nothing is said."""
    path = env_file(
        tmp_path,
        f"OPENAI_API_KEY={KEY}",
        f"TWILIO_ACCOUNT_SID={ACCOUNT}",
        f"TWILIO_AUTH_TOKEN={AUTH_TOKEN}",
        "PUBLIC_URL=https://voice.example.com",
    )
    code = main(["check", "--env-file", path])
    out = capsys.readouterr().out

    assert code == 0
    assert "!" not in out
    assert AUTH_TOKEN not in out


@pytest.mark.parametrize("command", ["check", "serve"])
def test_wrong_settings_are_told_and_nothing_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """All complaints at once, one line each, and the hint for the misspelt variable."""
    path = env_file(tmp_path, "OPENAI_API_KEE=x", "PORT=x")
    code = main([command, "--env-file", path])
    out, err = capsys.readouterr()

    assert code == 2
    assert out == ""
    assert err.splitlines() == [
        "OPENAI_API_KEY: is missing, may be: a key such as sk-...",
        f'PORT: got "x", may be: a port from 0 to 65535; set in {path}, line 2',
        "warning: OPENAI_API_KEE: unknown setting (did you mean OPENAI_API_KEY?)",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [(["--version"], 0, "callbridge "), ([], 2, "serve"), (["dance"], 2, "dance")],
)
def test_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    """A wrong command is answered with the right ones."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    out, err = capsys.readouterr()

    assert left.value.code == code
    assert says in out + err


def test_a_port_in_use_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for the commonest failure of all; `check` cannot know who will be there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        path = env_file(tmp_path, f"OPENAI_API_KEY={KEY}", "HOST=127.0.0.1", f"PORT={port}")
        codes = [main([command, "--env-file", path]) for command in ("check", "serve")]
    err = capsys.readouterr().err.splitlines()

    assert codes == [0, 1]
    assert err[-1] == (
        f"cannot listen on HOST=127.0.0.1, port {port} (PORT): Address already in use; "
        "stop the program that listens there, or set another PORT"
    )


def test_listening_sockets_give_up_on_dead_peers() -> None:
    """What is accepted inherits keep-alive and user timeout; the server shields its sends."""
    (listener,) = ServerConfig(settings(host="127.0.0.1", port=0)).create_sockets().insecure_sockets
    with listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            limit = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert limit == USER_TIMEOUT_MS


async def test_the_service_stops_on_sigterm() -> None:
    """It answers on a real port, and a signal ends it with its calls."""
    lines = Lines()
    given = settings(host="127.0.0.1", port=0)
    app = make_app(given, outside=Outside(log=lines.append))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, app, ServerConfig(given))
        while not lines.all("listening"):
            await trio.lowlevel.checkpoint()
        url = lines.all("listening")[0]["on"][0]
        async with httpx.AsyncClient(trust_env=False) as client:
            health = await client.get(f"{url}/health")
        os.kill(os.getpid(), signal.SIGTERM)

    assert health.json()["status"] == "ok"
    assert lines.all("stopping")[0]["calls"] == 0
    assert app.calls.stopping


def test_the_example_file_names_every_setting() -> None:
    """.env.example is complete, and every line of it is accepted as it stands."""
    text = (Path(__file__).parent.parent / ".env.example").read_text(encoding="utf-8")
    named = {line.lstrip("# ").partition("=")[0] for line in text.splitlines() if "=" in line}

    assert {name.upper() for name in Settings.model_fields} - {"TOOL_SECRETS"} <= named
    assert any(name.startswith(SECRET_PREFIX) for name in named)
