"""`callbridge calls` and `migrate`: what they print, and what they say when they cannot."""

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.records.entry import CallEntry
from bridge.records.listing import lines_of
from bridge.records.store import SqlStore
from bridge.settings import UnusableSettings, settings_from
from bridge.wiring import number_policy
from tests.environment import forget_settings
from tests.far_ends import KEY
from tests.record_parts import entry

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings come from a file there, the default database is there, too."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(f"OPENAI_API_KEY={KEY}\n")


def record(*entries: CallEntry, url: str = "sqlite:///callbridge.db") -> None:
    """Write calls into the default database."""
    store = SqlStore(url)
    store.add(entries)
    store.close()


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, object]]:
    """What `callbridge calls --format json` prints."""
    assert main(["calls", "--format", "json", *options]) == 0
    calls: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return calls


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A line per call, the latest first, with what a person looks for."""
    record(entry(1), entry(2, response_latencies_ms=[], cost_usd=None, from_number=""))
    code = main(["calls"])
    head, second, first = capsys.readouterr().out.splitlines()

    assert code == 0
    assert head.split()[:5] == ["started", "(UTC)", "way", "from", "to"]
    assert (
        first.split()
        == (
            "2026-11-20 12:01:00 inbound +15550001234 +15550005678 default 30 caller_hung_up"
            f" 0 800 0 0.0123 {entry(1).call_sid}"
        ).split()
    )
    assert second.split()[3] == "-"
    assert " - " in second


def test_a_table_has_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred calls, unless told otherwise; other formats hold all."""
    record(*(entry(number) for number in range(120)))
    main(["calls"])
    usual = capsys.readouterr().out.splitlines()
    main(["calls", "--limit", "0"])
    every = capsys.readouterr().out.splitlines()

    assert (len(usual), len(every)) == (101, 121)
    assert len(listed(capsys)) == 120
    assert len(listed(capsys, "--limit", "7")) == 7


def test_json_is_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    """Of objects with every field; also when there is none."""
    record()
    assert listed(capsys) == []
    record(entry(1))
    (one,) = listed(capsys)

    assert tuple(one) == CallEntry.__struct_fields__
    assert one["started_at"] == "2026-11-20T12:01:00Z"
    assert one["details"] == entry(1).details


def test_csv_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    """A header, a row per call; lists and objects are JSON in a cell."""
    record(entry(1), entry(2, agent='a "b", c\nd', cost_usd=None))
    main(["calls", "--format", "csv"])
    two, one = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))

    assert one["from_number"] == "+15550001234"
    assert json.loads(one["response_latencies_ms"]) == [700, 900]
    assert (two["agent"], two["cost_usd"]) == ('a "b", c\nd', "")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "+"]
)
def test_no_cell_is_a_formula(cell: str) -> None:
    """A spreadsheet shows it and does not compute it. A phone number stays what it is."""
    text = "".join(lines_of([entry(1, agent=cell)], "csv"))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))

    assert row["agent"] == f"'{cell}"
    assert row["to_number"] == "+15550005678"


def test_a_table_moves_no_cursor() -> None:
    """Control characters of a stranger's making are shown as question marks, long words cut."""
    hostile = entry(1, from_number="\x1b[2J\x9b", agent="\u202eevil", end_reason="x" * 99)
    line = list(lines_of([hostile], "table"))[1]

    assert "?[2J?" in line
    assert "?evil" in line
    assert "x" * 17 + "…" in line


def test_all_formats_stream() -> None:
    """A line is out before the call after the next is read."""
    for form in ("table", "csv", "json"):
        read: list[int] = []

        def calls(read: list[int] = read) -> Iterator[CallEntry]:
            for number in range(1000):
                read.append(number)
                yield entry(number)

        pieces = lines_of(calls(), form)
        for _ in range(10):
            next(pieces)

        assert len(read) <= 11


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--since", "2026-11-20T12:02"], "32"),
        (["--since", "2026-11-20T13:02+01:00"], "32"),
        (["--until", "2026-11-20T12:02:00Z"], "1"),
        (["--since", "2026-11-20", "--until", "2026-11-21"], "321"),
        (["--reason", "limit"], "2"),
        (["--from", "+15550009999"], "3"),
        (["--to", "+15550009999"], ""),
    ],
)
def test_options(capsys: pytest.CaptureFixture[str], options: list[str], found: str) -> None:
    """Each narrows the list; times without a zone are UTC."""
    record(entry(1), entry(2, end_reason="limit"), entry(3, from_number="+15550009999"))

    assert "".join(str(one["call_sid"])[-1] for one in listed(capsys, *options)) == found


def test_times_ago(capsys: pytest.CaptureFixture[str]) -> None:
    """A call of half an hour ago is one of the last hour, and not of the last ten minutes."""
    began = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)
    record(entry(1, started_at=began))

    found = [len(listed(capsys, "--since", ago)) for ago in ("10m", "1h", "1d", "1w")]
    assert found == [0, 1, 1, 1]


def test_hashed_numbers_are_found_by_the_number(capsys: pytest.CaptureFixture[str]) -> None:
    """The question is hashed like the records were; a hash itself is understood, too."""
    with Path(".env").open("a") as env:
        env.write("RECORD_NUMBERS=hashed\nRECORD_NUMBERS_KEY=0123456789abcdef\n")
    key = {"RECORD_NUMBERS": "hashed", "RECORD_NUMBERS_KEY": "0123456789abcdef"}
    hashed = number_policy(settings_from({"OPENAI_API_KEY": KEY, **key})).stored("+15550001234")
    record(entry(1, from_number=hashed), entry(2))

    assert len(listed(capsys, "--from", "+15550001234")) == 1
    assert len(listed(capsys, "--from", hashed)) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--since", "yesterday"], "'yesterday' is no time; write 2026-11-20"),
        (["--limit", "-1"], "'-1' is not a whole number"),
        (["--reason", "bored"], "'bored' is none of agent_hung_up, caller_hung_up, crashed"),
        (["--format", "xml"], "'xml'"),
    ],
)
def test_wrong_options(capsys: pytest.CaptureFixture[str], options: list[str], says: str) -> None:
    """The sentence says what is right."""
    with pytest.raises(SystemExit) as left:
        main(["calls", *options])

    assert left.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("command", ["calls", "migrate"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("off", "DATABASE_URL is off: calls are not recorded"),
        ("sqlite:////nowhere/calls.db", "nowhere|unable to open"),
        ("postgresql://calls:secret-word@127.0.0.1:1/calls", "refused"),
    ],
)
def test_no_database(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    url: str,
    says: str,
) -> None:
    """One line, exit code 1, no password, no traceback."""
    monkeypatch.setenv("DATABASE_URL", url)
    code = main([command])
    out, err = capsys.readouterr()

    assert code == 1
    assert out == ""
    assert len(err.splitlines()) == 1
    assert any(words in err for words in says.split("|"))
    assert "secret-word" not in err


def test_migrate(capsys: pytest.CaptureFixture[str]) -> None:
    """Makes the tables, and says whether there was something to do."""
    codes = [main(["migrate"]), main(["migrate"]), main(["calls"])]
    lines = capsys.readouterr().out.splitlines()

    assert codes == [0, 0, 0]
    assert lines[:2] == [
        "the tables of call records are up to date now",
        "the tables of call records were up to date",
    ]
    assert len(lines) == 3


def test_a_reader_that_has_seen_enough() -> None:
    """`callbridge calls | head -1` ends quietly."""
    record(*(entry(number) for number in range(2000)))
    command = [sys.executable, "-m", "bridge", "calls", "--format", "json"]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.readline()
        listing.stdout.close()
        complaints = listing.stderr.read()

    assert complaints == b""
    assert listing.returncode == 0


# ------------------------------------------------------------------------ settings
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"DATABASE_URL": "callbridge.db"},
            "DATABASE_URL: got a value that does not fit (not shown)",
        ),
        ({"DATABASE_URL": "sqlite://"}, "sqlite:///FILE"),
        ({"DATABASE_URL": "mysql://h/d"}, "or off"),
        ({"DATABASE_URL": "postgresql://"}, "or off"),
        ({"DATABASE_URL": "postgresql://h:99999/d"}, "or off"),
        ({"RECORD_NUMBERS": "hidden"}, "plain, masked or hashed"),
        ({"RECORD_NUMBERS": "hashed"}, "RECORD_NUMBERS_KEY: is missing"),
        ({"RECORDS_KEEP_DAYS": "-1"}, "whole days"),
        ({"RECORDS_SPOOL_MAX_MB": "0"}, "whole megabytes"),
    ],
)
def test_wrong_settings(given: dict[str, str], says: str) -> None:
    """A wrong value is a sentence, and a password is in none."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from({"OPENAI_API_KEY": KEY, **given})

    assert says in str(wrong.value)


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("", "sqlite:///callbridge.db"),
        ("off", None),
        ("sqlite:////var/lib/callbridge/calls.db", "sqlite:////var/lib/callbridge/calls.db"),
        ("postgres://u:p@h/d", "postgres://u:p@h/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
    ],
)
def test_databases(url: str, used: str | None) -> None:
    """A file by default; off is off."""
    assert settings_from({"OPENAI_API_KEY": KEY, "DATABASE_URL": url}).records_url == used
