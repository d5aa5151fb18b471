"""`callbridge tool`: a tool tried by hand."""

import os
from pathlib import Path

import pytest

from bridge.cli import main
from tests.environment import forget_settings

LEAP = """
function: calendar:isleap
description: It.
parameters: {type: object, properties: {year: {type: integer}}, required: [year]}
"""
INWARD = "description: It.\nurl: https://localhost/x\n"


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tools, and nothing of the developer's own."""
    forget_settings(monkeypatch)
    (tmp_path / "leap.tool.yaml").write_text(LEAP)
    (tmp_path / "inward.tool.yaml").write_text(INWARD)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("AGENTS_DIR", str(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, what was printed, and what was said beside it."""
    code = main(["tool", "--env-file", os.devnull, *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_what_the_model_would_be_told_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Alone on standard output; how it went stands beside it."""
    code, printed, said = run(capsys, "leap", '{"year": 2028}')

    assert (code, printed) == (0, "true\n")
    assert said.startswith("done in ")


def test_wrong_arguments_are_told_as_the_model_would_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without any, too."""
    code, printed, said = run(capsys, "leap")

    assert code == 1
    assert printed == '{"error":"wrong arguments: \'year\' is a required property"}\n'
    assert said.endswith("wrong arguments\n")


def test_what_the_model_is_not_told_is_told_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Why a service cannot be reached is the operator's business."""
    code, printed, said = run(capsys, "inward")

    assert code == 1
    assert printed == '{"error":"the service cannot be reached"}\n'
    assert said.endswith("the host is not on the public internet\n")


def test_a_name_that_nobody_has(capsys: pytest.CaptureFixture[str]) -> None:
    """What was meant, or what there is."""
    assert run(capsys, "leep") == (
        2, "", "no tool of yours is called `leep`; did you mean `leap`?\n",
    )  # fmt: skip
    assert run(capsys, "xyzzy")[2].endswith("there are: inward, leap\n")
