"""How soon a command begins: it imports what it needs, and nothing that others need."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bridge.cli import COMMANDS, main

SLOW = ("alembic", "hypercorn", "quart", "requests", "sqlalchemy", "trio_websocket", "twilio")
PLAIN = ("httpx", "jsonschema", "pydantic", "trio")
LISTING = """
import sys
from bridge.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "without"),
    [
        (["--help"], SLOW + PLAIN),
        (["token"], SLOW + PLAIN),
        (["check"], SLOW),
        (["tool", "x"], SLOW),
    ],
)
def test_a_command_imports_only_what_it_needs(
    tmp_path: Path, command: list[str], without: tuple[str, ...]
) -> None:
    """Most of a second are imports of what a call needs, or a database."""
    root = Path(__file__).resolve().parents[1]
    environment = {"PYTHONPATH": str(root), "OPENAI_API_KEY": "sk-test"}
    run = [sys.executable, "-c", LISTING, *command]
    ended = subprocess.run(
        run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    imported = set(ended.stderr.splitlines()[-1].split())

    assert "bridge.cli" in imported
    assert sorted(imported & set(without)) == []


def test_every_command_has_its_module() -> None:
    """With options and something to run."""
    for name in COMMANDS:
        module = import_module(f"bridge.cli.{name}")

        assert callable(module.add_options)
        assert callable(module.run)


@pytest.mark.parametrize("command", [[], ["serve"], ["calls"], ["token"]])
def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """As `callsim --help` does."""
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    words = " ".join(capsys.readouterr().out.split())

    assert left.value.code == 0
    assert words.endswith(
        "exit codes: 0 fine, 1 could not run (of check: serve would not start), "
        "2 wrong settings or arguments"
    )
