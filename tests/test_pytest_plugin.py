"""pytest plays `*.call.yaml`: items, marks, skips, failures and unusable files."""

from importlib import metadata

import pytest

import simulator.cli  # noqa: F401 - loaded before pytester, which forgets what is loaded in it
from tests.small_calls import FAILS, PASSES, SKIPPED, SPEAKS, write

pytest_plugins = ["pytester"]

INSTALLED = "callsim" in {each.name for each in metadata.entry_points(group="pytest11")}
PLUGIN = () if INSTALLED else ("-p", "simulator.pytest_plugin")
STRICT = ("--strict-markers", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist")


def test_each_call_and_seed_is_an_item(pytester: pytest.Pytester) -> None:
    """A file gives its calls; a matrix and seeds give more of them."""
    write(pytester.path, "passes", f"{PASSES}seeds: 2\n")
    text = SPEAKS.replace("says hello", "speaks $lang").replace("en/hello", "$lang/welcome")
    write(pytester.path, "matrix", f"{text}matrix: {{lang: [en, es]}}\n")
    listed = pytester.runpytest(*PLUGIN, *STRICT, "--collect-only", "-q")

    assert listed.ret == 0
    assert [line for line in listed.outlines if "::" in line] == [
        "matrix.call.yaml::a caller who speaks en [lang=en]",
        "matrix.call.yaml::a caller who speaks es [lang=es]",
        "passes.call.yaml::a caller who says nothing [seed 0]",
        "passes.call.yaml::a caller who says nothing [seed 1]",
    ]


def test_outcomes_are_pytests_own(pytester: pytest.Pytester) -> None:
    """Passed, failed with the words of `callsim run`, skipped with its reason."""
    write(pytester.path, "passes", PASSES)
    write(pytester.path, "fails", FAILS)
    write(pytester.path, "skipped", SKIPPED)
    result = pytester.runpytest(*PLUGIN, *STRICT, "-rs")
    said = result.stdout.str()

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    assert result.ret == 1
    assert "time_to_first_audio_ms: max<1 (line 8)" in said
    assert "repeat: callsim run fails.call.yaml --seed 0" in said
    assert "the line is being repaired" in said
    assert "Traceback" not in said
    assert "pytest_plugin.py" not in said


def test_tags_are_marks(pytester: pytest.Pytester) -> None:
    """-m chooses by tag, -k by name; dashes are underscores in marks."""
    write(pytester.path, "passes", PASSES.replace("quiet", "very-quiet"))
    write(pytester.path, "fails", FAILS)
    by_mark = pytester.runpytest(*PLUGIN, *STRICT, "-m", "very_quiet")
    by_name = pytester.runpytest(*PLUGIN, *STRICT, "-k", "says and nothing")

    by_mark.assert_outcomes(passed=1, deselected=1)
    by_name.assert_outcomes(passed=1, deselected=1)


def test_an_unusable_file_is_an_error_with_its_place(pytester: pytest.Pytester) -> None:
    """File, line, column and what was expected, without a traceback."""
    write(pytester.path, "wrong", "name: x\ncaler: []\n")
    result = pytester.runpytest(*PLUGIN, *STRICT)
    said = result.stdout.str()

    result.assert_outcomes(errors=1)
    assert "wrong.call.yaml:2:1" in said
    assert "did you mean `caller`?" in said
    assert "Traceback" not in said


def test_other_files_are_left_alone(pytester: pytest.Pytester) -> None:
    """Only the suffix makes a scenario."""
    write(pytester.path, "passes", PASSES).rename(pytester.path / "passes.yaml")
    result = pytester.runpytest(*PLUGIN, *STRICT)

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_other_plugins_may_look_at_the_items(pytester: pytest.Pytester) -> None:
    """pytest-trio, in trio mode, looks for a function on every item."""
    write(pytester.path, "passes", PASSES)
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    result = pytester.runpytest(*PLUGIN, *STRICT)

    result.assert_outcomes(passed=1)
