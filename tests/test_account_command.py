"""`callsim twilio` as a command: its arguments, what it prints, and its end in order."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.live import twilio_server

ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-of-nobody"


def _options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    twilio_server.add_parser(parser.add_subparsers())
    return parser.parse_args(["twilio", *arguments])


def test_the_command_prints_the_environment_and_ends(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """URL, sid and a made-up token, ready for an environment file; a trace is written."""
    trace = tmp_path / "trace.jsonl"
    code = twilio_server.run(_options("--for", "0.05", "--trace", str(trace)))
    lines = capsys.readouterr().out.splitlines()
    pairs = dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    assert code == 0
    assert set(pairs) == {"TWILIO_API_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}
    assert pairs["TWILIO_API_URL"].startswith("http://127.0.0.1:")
    assert (len(pairs["TWILIO_ACCOUNT_SID"]), len(pairs["TWILIO_AUTH_TOKEN"])) == (34, 32)
    assert "this machine only" in lines[0]
    assert lines[-1] == "# ended; 0 calls made"
    assert trace.exists()


def test_a_given_token_is_not_shown_and_other_machines_are_told_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the user knows is not repeated; listening everywhere is said loudly."""
    options = _options(
        "--for", "0.05", "--host", "0.0.0.0", "--auth-token", TOKEN, "--account-sid", ACCOUNT
    )
    code = twilio_server.run(options)
    out = capsys.readouterr().out

    assert (code, TOKEN in out) == (0, False)
    assert f"TWILIO_ACCOUNT_SID={ACCOUNT}" in out
    assert "OTHER MACHINES CAN CONNECT" in out


@pytest.mark.parametrize(
    ("webhook", "public"),
    [
        ("http://127.0.0.1:5602/incoming-call", "https://127.0.0.1:5602"),
        ("http://somebody:secret@[::1]:80/x?y=z", "https://[::1]:80"),
        ("https://bridge.example.com/incoming-call", "https://bridge.example.com"),
    ],
)
def test_the_bridges_own_address_is_printed_for_it(
    webhook: str, public: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the webhook's URL, https whatever that is: a bridge cannot know that streams are wss."""
    twilio_server.run(_options("--for", "0.05", "--call", webhook))

    assert f"PUBLIC_URL={public}" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "65536"),
        ("--account-sid", "AC1"),
        ("--call", "bridge.example.com"),
        ("--at", "bridge.example.com"),
        ("--rest-answers", "ok,maybe"),
        ("--calls", "0"),
        ("--cps", "0"),
        ("--limit", "inf"),
    ],
)
def test_arguments_that_cannot_be_are_refused(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 with a sentence that quotes the value."""
    with pytest.raises(SystemExit) as refused:
        _options(*arguments)

    assert refused.value.code == 2
    assert arguments[1].split(",")[-1] in capsys.readouterr().err


def test_calls_a_second_are_no_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names what the option counts."""
    with pytest.raises(SystemExit):
        _options("--cps", "0")

    assert "'0' is no number of calls a second above 0" in capsys.readouterr().err


def test_an_unusable_scenario_or_half_a_certificate_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 2, before anything listens."""
    scenario = tmp_path / "bad.call.yaml"
    scenario.write_text("name: [\n")
    codes = [
        twilio_server.run(_options("--scenario", str(scenario))),
        twilio_server.run(_options("--cert", str(scenario))),
    ]
    said = capsys.readouterr()

    assert codes == [2, 2]
    assert "bad.call.yaml" in said.err
    assert "--cert and --key belong together" in said.err
    assert said.out == ""


def test_https_is_offered_with_a_certificate_made_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The URL is https, and the file that clients must trust is named, and gone at the end."""
    code = twilio_server.run(_options("--for", "0.05", "--tls"))
    lines = capsys.readouterr().out.splitlines()
    pairs = dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    assert code == 0
    assert pairs["TWILIO_API_URL"].startswith("https://127.0.0.1:")
    assert not Path(pairs["SSL_CERT_FILE"]).exists()
    assert pairs["REQUESTS_CA_BUNDLE"] == pairs["SSL_CERT_FILE"]


def test_a_scenario_is_the_caller_of_every_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A scenario's network plays no part, which is said; a webhook nobody serves is told of."""
    scenarios = Path(__file__).parents[1] / "scenarios"
    options = _options(
        *("--for", "1.5", "--scenario", str(scenarios / "network" / "twilio-leg-breaks.call.yaml")),
        *("--call", "http://127.0.0.1:9/incoming-call"),
    )
    code = twilio_server.run(options)
    out, err = capsys.readouterr()

    assert code == 3
    assert "--call http://127.0.0.1:9/incoming-call: the call found no document to carry out" in err
    assert "(error 11205)" in err
    assert "`network:` plays no part here" in out
    assert "error 11205: HTTP connection failure" in out
    assert "1 call made" in out


def test_a_folder_of_scenarios_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One caller is asked for."""
    folder = Path(__file__).parents[1] / "scenarios" / "hangup"

    assert twilio_server.run(_options("--scenario", str(folder))) == 2
    assert "name one file" in capsys.readouterr().err


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, and the address."""
    code = twilio_server.run(_options("--for", "1", "--host", "192.0.2.1"))

    assert code == 3
    assert "192.0.2.1:0" in capsys.readouterr().err


def test_rest_faults_can_be_asked_for() -> None:
    """The options become the account's faults."""
    options = _options(
        *("--rest-answers", "503,timeout,ok", "--rest-delay", "1.5", "--rest-limit", "3"),
        *("--at", "Bridge.Example.com=127.0.0.1:8080"),
    )

    assert options.rest_answers == [503, "timeout", "ok"]
    assert (options.rest_delay, options.rest_limit) == (1.5, 3)
    assert options.at == [("bridge.example.com", ("127.0.0.1", 8080))]


def test_ctrl_c_ends_it_in_order() -> None:
    """SIGINT: exit code 0 and the last line; nothing is left running."""
    program = (
        "import argparse; from simulator.live import twilio_server as t; "
        "p = argparse.ArgumentParser(); t.add_parser(p.add_subparsers()); "
        "o = p.parse_args(['twilio', '--for', '20']); raise SystemExit(o.command(o))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert first.startswith("# fake Twilio REST API on 127.0.0.1:")
    assert process.returncode == 0
    assert rest.endswith("# ended; 0 calls made\n")
