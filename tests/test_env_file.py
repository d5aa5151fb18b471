"""The .env file: what is said of its lines, and where a wrong value came from."""

import os
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.settings import UnusableSettings, doubtful, load_settings
from bridge.settings.records import shown_url
from tests.environment import forget_settings
from tests.far_ends import KEY


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own variables and .env must not decide a test."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def written(*lines: str) -> None:
    """Write a .env file with a key."""
    Path(".env").write_text("\n".join((f"OPENAI_API_KEY={KEY}", *lines, "")), encoding="utf-8")


def complaint() -> str:
    """The one thing that is said about settings that are wrong."""
    with pytest.raises(UnusableSettings) as wrong:
        load_settings()
    (line,) = wrong.value.lines
    return line


# ------------------------------------------------------------------------------ doubtful lines
@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        (["FOO"], [".env, line 2: has no =, so it sets nothing"]),
        (["export FOO"], [".env, line 2: has no =, so it sets nothing"]),
        (
            ["PORT=1", "export PORT"],
            [".env, line 3: has no =, so it sets nothing, and takes back line 2"],
        ),
        (["PORT=1", "PORT=2"], [".env, line 3: sets PORT again, so line 2 has no effect"]),
        (["port=1", "", "PORT=2"], [".env, line 4: sets PORT again, so line 2 has no effect"]),
        (
            ["PORT=1", "PORT=2", "PORT=3"],
            [
                ".env, line 3: sets PORT again, so line 2 has no effect",
                ".env, line 4: sets PORT again, so line 3 has no effect",
            ],
        ),
        (["PORT=", "PORT=2"], []),
        (["PORT=2", "PORT=2"], []),
    ],
)
def test_a_line_that_is_hardly_meant_is_a_warning(
    capsys: pytest.CaptureFixture[str], lines: list[str], warnings: list[str]
) -> None:
    """Other readers of such files allow it, so it stops nobody; an example's empty line is none."""
    written(*lines)
    code = main(["check"])

    assert code == 0
    assert capsys.readouterr().err.splitlines() == [f"warning: {words}" for words in warnings]


def test_a_name_alone_is_not_repeated() -> None:
    """It may be a key that was pasted."""
    written("sk-planted-of-somebody")

    assert doubtful() == [".env, line 2: has no =, so it sets nothing"]


def test_files_as_they_are_in_the_world() -> None:
    """Exports, comments, quotes and values of several lines are no reason for a word."""
    written(
        "# a comment",
        "",
        "export PORT=6000  # another",
        "VOICE='cedar'",
        'SYSTEM_MESSAGE="Be brief.',
        "",
        'Be kind."',
        "COMPANY_NAME = The Shop",
        "EDITOR=vi",
    )
    settings = load_settings()

    assert doubtful() == []
    assert (settings.port, settings.voice, settings.company_name) == (6000, "cedar", "The Shop")
    assert settings.system_message == "Be brief.\n\nBe kind."


# ------------------------------------------------------------------------------ where it came from
def test_the_line_of_a_wrong_value() -> None:
    """That where it begins, and of several the one that counts."""
    written("PORT=1", 'SYSTEM_MESSAGE="a', 'b"', "", "PORT=x")

    assert complaint() == (
        'PORT: got "x", may be: a port from 0 to 65535; set in .env, line 6'
    )  # fmt: skip


def test_the_environment_of_a_wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wins over the file, whose line is not named then."""
    written("PORT=5050")
    monkeypatch.setenv("port", "xyz")

    assert complaint().endswith('got "xyz", may be: a port from 0 to 65535; set in the environment')


def test_the_file_of_a_wrong_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret's own file is told by the variable that names it."""
    written()
    Path("secret").write_text("short")
    monkeypatch.setenv("METRICS_TOKEN_FILE", "secret")

    assert complaint().endswith("; set in the file that METRICS_TOKEN_FILE names")


def test_two_settings_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both places."""
    written("IDLE_NUDGE_SECONDS=5")
    monkeypatch.setenv("VAD_IDLE_TIMEOUT_MS", "6000")

    assert complaint().endswith("set one of them; set in .env, line 2 and in the environment")


def test_an_empty_variable_that_hides_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Compose passes on what nobody has set."""
    written()
    monkeypatch.setenv("OPENAI_API_KEY", "")

    assert complaint().startswith("OPENAI_API_KEY: is missing")
    assert complaint().endswith("; empty in the environment")


def test_a_setting_that_stands_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has no place."""
    written("RECORD_NUMBERS=hashed")

    assert complaint().endswith("a hashed number is soon guessed")


# ------------------------------------------------------------------------------ the file itself
def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Docker makes one where a file to be mounted is missing: also as .env."""
    Path(".env").mkdir()
    codes = [main(["check", *named]) for named in (["--env-file", str(tmp_path)], [])]

    assert codes == [2, 2]
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}: is a folder, not a file with settings",
        ".env: is a folder, not a file with settings",
    ]


def test_a_pipe_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell's <(…) is one: it can be read once."""
    os.mkfifo("pipe")
    code = main(["check", "--env-file", "pipe"])

    assert code == 2
    assert capsys.readouterr().err == "pipe: is a pipe, and is read more than once: write a file\n"


def test_no_file_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/null says that the environment is all."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    assert load_settings(Path(os.devnull)).api_key == KEY


# ------------------------------------------------------------------------------ placeholders
@pytest.mark.parametrize(
    "given", ["sk-...", "<your-key>", "your_openai_api_key_here", "YOUR-KEY", "replace-me"]
)
def test_the_placeholder_of_an_example_is_no_key(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """It would be refused in each call, and not before."""
    monkeypatch.setenv("OPENAI_API_KEY", given)

    assert complaint() == (
        "OPENAI_API_KEY: is the placeholder of an example, put the key there; "
        "set in the environment"
    )


@pytest.mark.parametrize("given", ["none", "EMPTY", "sk-test", "x"])
def test_servers_of_ones_own_take_any_key(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """What they are given is not judged."""
    monkeypatch.setenv("OPENAI_API_KEY", given)

    assert load_settings().api_key == given


# ------------------------------------------------------------------------------ the database's URL
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("", "DATABASE_URL=sqlite:///callbridge.db  (default)"),
        ("DATABASE_URL=sqlite:////var/a@b.db", "DATABASE_URL=sqlite:////var/a@b.db"),
        ("DATABASE_URL=off", "DATABASE_URL=off"),
        ("DATABASE_URL=postgresql://h:5/d", "DATABASE_URL=postgresql://h:5/d"),
        ("DATABASE_URL=postgres://planted@h/d", "DATABASE_URL=postgres://********@h/d"),
        (
            "DATABASE_URL=postgresql+psycopg://planted:planted@h:5432/d?sslmode=require",
            "DATABASE_URL=postgresql+psycopg://********@h:5432/d?sslmode=require",
        ),
        (
            "DATABASE_URL=postgresql://h/d?user=planted&passw%6Frd=planted&sslpassword=planted&a=b",
            (
                "DATABASE_URL=postgresql://h/d?user=********&passw%6Frd=********"
                "&sslpassword=********&a=b"
            ),
        ),
    ],
)
def test_a_databases_url_is_shown_without_who_and_password(
    capsys: pytest.CaptureFixture[str], line: str, shown: str
) -> None:
    """It is a setting like others then."""
    written(line)
    main(["check"])
    out, err = capsys.readouterr()

    assert shown in out.splitlines()
    assert "planted:" not in out + err
    assert "=planted" not in out + err


@pytest.mark.parametrize("password", ["pla/nted", "pla?nted", "pla#nted", "pla@nted", "pla:nted"])
def test_a_password_that_should_have_been_escaped(password: str) -> None:
    """Is not shown either, whatever a reader takes it for."""
    assert shown_url(f"postgresql://u:{password}@h/d") == "postgresql://********@h/d"
