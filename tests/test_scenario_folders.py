"""Paths become scenarios: files, folders, and paths that hold none."""

from pathlib import Path

import pytest

from simulator.scenario import load_scenarios


def test_folders_are_searched(tmp_path: Path) -> None:
    """All scenarios below a folder are found in order, once each, hidden folders left out."""
    for name in ("b.call.yaml", "a/z.call.yaml", "a/.hidden/x.call.yaml", "a/notes.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("caller: []")
    scenarios, problems = load_scenarios([tmp_path / "b.call.yaml", tmp_path])

    assert problems == []
    assert [call.path.relative_to(tmp_path).as_posix() for call in scenarios] == [
        "a/z.call.yaml",
        "b.call.yaml",
    ]


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("hellp.call.yaml", "there is no such file or folder", "hello.call.yaml`?"),
        ("hello", "there is no such file or folder", "hello.call.yaml`?"),
        ("barg-in/x.call.yaml", "there is no such file or folder", "barge-in`?"),
        ("notes.txt", "the name does not end with .call.yaml", ""),
        ("empty", "no scenario in this folder", ""),
        ("hello.call.yaml/x", "there is no such file or folder", "is a file"),
        ("x" * 300, "cannot be read", ""),
    ],
)
def test_paths_that_hold_no_scenario(tmp_path: Path, path: str, message: str, hint: str) -> None:
    """A path without a scenario is a problem, with the name that was meant."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "barge-in").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "hello.call.yaml").write_text("caller: []")
    scenarios, (problem,) = load_scenarios([tmp_path / path])

    assert scenarios == []
    assert (problem.line, problem.column) == (0, 0)
    assert message in problem.message
    assert problem.hint.endswith(hint)


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    """Its own name is not what was meant."""
    link = tmp_path / "hello.call.yaml"
    link.symlink_to("gone.call.yaml")
    _, (problem,) = load_scenarios([link])

    assert problem.message == "a link to `gone.call.yaml`, where nothing is"
    assert problem.hint == ""


def test_a_folder_closed_to_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may well hold scenarios."""

    def closed(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    _, (problem,) = load_scenarios([tmp_path])

    assert problem.message == "cannot be read: Permission denied"


def test_nothing_is_half_loaded(tmp_path: Path) -> None:
    """A file with one bad call of many gives none; other files are not touched by it."""
    (tmp_path / "bad.call.yaml").write_text("matrix: {n: [1, x]}\nseeds: $n\ncaller: []")
    (tmp_path / "good.call.yaml").write_text("caller: []")
    scenarios, (problem,) = load_scenarios([tmp_path])

    assert [call.name for call in scenarios] == ["good"]
    assert (problem.line, problem.column) == (1, 17)
