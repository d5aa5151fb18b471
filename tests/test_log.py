"""The log: the shape of a line, and the second wall around secrets, audio and numbers."""

import base64
import io
import json
import os
import sys
import threading
from typing import Any

import pytest

from bridge.log import REMOVED, make_log, standard_output

KEY = "sk-planted-0123456789abcdefghij"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"


class Lines(list[dict[str, object]]):
    """A sink that keeps what it is given."""

    def __call__(self, line: dict[str, object]) -> None:
        """Keep one line."""
        self.append(line)


def one_line(event: str = "something", **fields: Any) -> dict[str, object]:
    """What becomes of one event."""
    lines = Lines()
    make_log(lines, lambda: 1_790_000_000.25, [KEY, AUTH_TOKEN, ""]).info(event, **fields)
    return lines[0]


def test_a_line_is_a_dict_with_time_and_level() -> None:
    """The sink gets the event, its fields, and what was bound."""
    lines = Lines()
    log = make_log(lines, lambda: 1_790_000_000.25).bind(call_sid="CA1")
    log.warning("clear", ms=1240, heard_ms=1200)

    assert lines == [
        {
            "event": "clear",
            "level": "warning",
            "time": 1_790_000_000.25,
            "call_sid": "CA1",
            "ms": 1240,
            "heard_ms": 1200,
        }
    ]


@pytest.mark.parametrize(
    "planted",
    [
        KEY,
        f"Incorrect API key provided: {KEY}.",
        "sk-proj-anothersOtherKey_123",
        AUTH_TOKEN,
        "Bearer abc.def",
        "Basic QUM6dG9rZW4=",
        "ek_6812345678901234567890",
    ],
)
def test_a_planted_key_does_not_pass(planted: str) -> None:
    """Our own secrets and anything that looks like a key are removed, at any depth."""
    for line in (
        one_line(why=planted),
        one_line(planted),
        one_line(deep={"headers": [{"x": (planted,)}], planted: 1}),
        one_line(error=ValueError(planted)),
    ):
        assert REMOVED in json.dumps(line)
        for part in (KEY, AUTH_TOKEN, "abc.def", "QUM6", "anothersOther", "68123456"):
            assert part not in json.dumps(line)


def test_a_traceback_is_cleaned_too() -> None:
    """An exception that quotes a key is logged without it."""
    lines = Lines()
    log = make_log(lines, lambda: 0.0, [KEY])
    error = RuntimeError(KEY)
    log.error("crashed", exc_info=(type(error), error, None))

    assert "RuntimeError: ***" in str(lines[0]["exception"])
    assert KEY not in json.dumps(lines[0])


def test_audio_does_not_pass() -> None:
    """Neither as bytes, nor in base64, nor under its name."""
    payload = bytes(range(256)) * 4
    line = one_line(
        chunk=payload, delta=base64.b64encode(payload).decode(), payload="AAAA", audio="AAAA"
    )

    assert line["chunk"] == f"{REMOVED} (1024 bytes)"
    assert line["delta"] == line["payload"] == line["audio"] == REMOVED


@pytest.mark.parametrize(
    "number", ["+15550100123", "15550100123", "+1 (555) 010-0123", "0049 30 +4930123456"]
)
def test_phone_numbers_do_not_pass(number: str) -> None:
    """Numbers are removed from any text."""
    line = one_line(why=f"call from {number}!", caller="anonymous")

    assert "555" not in str(line["why"]) or "010" not in str(line["why"])
    assert "30123456" not in str(line["why"])
    assert REMOVED in str(line["why"])
    assert line["caller"] == REMOVED


@pytest.mark.parametrize(
    "number",
    [
        *("555 010 0088", "(555) 010-0088", "4111 1111 1111 1111", "15550100088.", "555.010.0088"),
        *(
            "From=%2B15550100088&x",
            "From=555%20010%200088",
            "From=%2B1+555+010+0088",
            "+٤٩٣٠١٢٣٤٥٦",
        ),
        *('{"card": "4111-1111-1111-1111"}', 15550100088, 15550100088.0, "tel:5550100088"),
    ],
)
def test_numbers_do_not_pass_as_people_write_them(number: object) -> None:
    """In groups, at the end of a sentence, in a URL, as a JSON number, at any depth."""
    for line in (one_line(why=number), one_line(body={"item": [{"x": number}], str(number): 1})):
        shown = json.dumps(line["why"] if "why" in line else line["body"], ensure_ascii=False)

        assert REMOVED in shown
        for part in ("010", "0088", "1111", "5550", "٤٥"):
            assert part not in shown


def test_numbers_pass_if_the_operator_wants_that() -> None:
    """What is no telephone number for a computer passes as well."""
    lines = Lines()
    log = make_log(lines, lambda: 0.0, mask_numbers=False)
    log.info("x", why="555 010 0088", number=15550100088)

    assert (lines[0]["why"], lines[0]["number"]) == ("555 010 0088", 15550100088)


def test_a_field_of_keys_or_numbers_holds_nothing_as_a_number_either() -> None:
    """A PIN is short."""
    line = one_line(digits=4711, to=5550100, deep=[{"digit": 4}], token=False)

    assert (line["digits"], line["to"], line["deep"]) == (REMOVED, REMOVED, [{"digit": REMOVED}])
    assert line["token"] is False


class _Wordless:
    def __str__(self) -> str:
        raise RuntimeError


class _Interrupts:
    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_any_value_becomes_a_line() -> None:
    """Deep, huge, not finite, without words: a sink is given what JSON can hold."""
    deep: Any = "5550100088"
    for _ in range(100_000):
        deep = [deep]
    line = one_line(deep=deep, ms=10**5000, ratio=float("nan"), most=float("-inf"), odd=_Wordless())

    assert json.loads(json.dumps(line, allow_nan=False)) == line
    assert "5550100088" not in str(line)
    assert (line["ms"], line["ratio"], line["most"]) == (REMOVED, "nan", "-inf")
    assert line["odd"] == "_Wordless"
    with pytest.raises(KeyboardInterrupt):
        one_line(odd=_Interrupts())


def test_what_is_harmless_passes() -> None:
    """Ids, positions, times and configuration stay readable."""
    fields: dict[str, Any] = {
        "stream_sid": "MZ0123456789012345678901234567890a",
        "item": "item_Cx8uYYd7kz1q2w3e4r5t6",
        "mark": "g3:item_7:99200",
        "explain": "heard 1240 ms of item_7 = acked 1200 + 40 since + 120 round trip",
        "audio": {"input": {"format": "audio/pcmu"}},
        "at": 1234567.125,
        "expires_at": 1_790_000_000,
        "ms": 86_400_000,
        "began": 123_456_789.0,
        "call_sid": "CA01234567890123456789012345678901",
        "response": {"id": "resp_123456", "event_id": "123456-abc", "arguments": "0000 0000 0000"},
        "model": "gpt-realtime-2025-08-28",
        "agent": "sales-202601",
        "on": ["http://127.0.0.1:8080", "http://10.20.30.40:8080"],
        "why": "cannot connect to http://10.20.30.40/x or 10.20.30.40:5432: [Errno 111] in 1240 ms",
        "none": None,
        "yes": True,
    }
    line = one_line(**fields)

    assert {name: line[name] for name in fields} == fields


def test_json_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Machines get one JSON object per line; a pipe is a machine."""
    standard_output("json")({"event": "a", "set": {1}})
    standard_output("auto")({"event": "b"})
    out = capsys.readouterr().out.splitlines()

    assert json.loads(out[0]) == {"event": "a", "set": "{1}"}
    assert json.loads(out[1]) == {"event": "b"}


@pytest.mark.parametrize("missing", [True, False])
def test_a_process_without_standard_output(missing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all, or one that somebody has closed: nothing is written, nothing is raised."""
    closed = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", None if missing else closed)
    write = standard_output("json")
    closed.close()

    write({"event": "a"})


def test_standard_output_may_be_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has put a text buffer in its place."""
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    standard_output("auto")({"event": "größe"})

    assert text.getvalue() == '{"event": "größe"}\n'


def test_standard_output_may_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has made the pipe so: whole lines come through all the same."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    monkeypatch.setattr(sys, "stdout", os.fdopen(theirs, "w"))
    write = standard_output("json")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(iter(lambda: os.read(ours, 65536), b"")))
    written = threading.Thread(target=lambda: [write({"event": "x" * 50_000}) for _ in range(9)])
    written.start()
    reader.start()
    written.join(10)
    sys.stdout.close()
    reader.join(10)
    os.close(ours)

    assert [len(line) for line in b"".join(read).splitlines()] == [50_013] * 9


def test_columns_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, call and milliseconds stand in fixed columns before the fields."""
    write = standard_output("pretty")
    write({"time": 0.5, "level": "info", "event": "clear", "call_sid": "CAabcdef", "ms": 7, "n": 1})
    write({"time": 0.5, "level": "warning", "event": "stopping", "why": "words here"})
    out = capsys.readouterr().out.splitlines()

    assert out == [
        "00:00:00.500 info    abcdef        7 clear                n=1",
        "00:00:00.500 warning                 stopping             why=words here",
    ]
