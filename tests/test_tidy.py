"""House rules that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path for folder in ("bridge", "simulator") for path in (ROOT / folder).rglob("*.py")
)
ROOMS = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
DRAWERS = {"utils", "helpers", "manager", "handler", "common", "misc"}


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_room_and_a_function_fits_a_screen(path: Path) -> None:
    """Files of at most 400 lines, functions of at most 60, a sentence at the top, no drawers."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    long = [
        node.name
        for node in _functions(tree)
        if (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LINES_MAX
    ]

    assert text.count("\n") <= FILE_LINES_MAX
    assert long == []
    assert ast.get_docstring(tree)
    assert not DRAWERS & set(path.stem.split("_"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_failure_is_swallowed_whole(path: Path) -> None:
    """No bare except, no `except Exception`, nowhere."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)

            assert caught not in ("", "Exception", "BaseException"), f"line {node.lineno}"


def test_the_readme_names_what_exists() -> None:
    """Every file the README links to is there, and every nox session it names is one."""
    readme = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([\w./-]+)\)", readme)
    sessions = set(
        re.findall(r"^@nox[^\n]*\ndef (\w+)", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    )
    listed = re.search(r"explains every session:(.*?)\.\n", readme, re.DOTALL)

    assert [link for link in links if not (ROOT / link).exists()] == []
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == sessions
