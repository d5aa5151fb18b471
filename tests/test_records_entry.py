"""Entries: what they hold, what they cost, how numbers are stored, and their line of JSON."""

import msgspec
import pytest

from bridge.core.record import Tokens
from bridge.records.entry import INTEGER_MAX, TEXT_CHARS_MAX, cleaned, entry_of, line_of
from bridge.records.numbers import NUMBER_CHARS_MAX, Form, NumberPolicy
from bridge.records.prices import cost_usd
from tests.record_parts import entry

KEY = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("form", "number", "stored"),
    [
        ("plain", " +15550001234 ", "+15550001234"),
        ("masked", "+15550001234", "+********234"),
        ("masked", "15550001234", "********234"),
        ("masked", "911", "***"),
        ("masked", "sip:anna@example.com", "*" * 20),
        ("masked", "", ""),
        ("hashed", "", ""),
    ],
)
def test_numbers_as_they_are_stored(form: Form, number: str, stored: str) -> None:
    """Masked, the last digits of a long number stay; of anything else only its length."""
    assert NumberPolicy(form, KEY).stored(number) == stored


def test_hashed_numbers_can_be_compared_and_not_read() -> None:
    """Equal numbers and keys have equal hashes; another key has others."""
    ours, theirs = NumberPolicy("hashed", KEY), NumberPolicy("hashed", b"another key-----")

    assert ours.stored("+15550001234") == ours.stored("+15550001234")
    assert ours.stored("+15550001234") != ours.stored("+15550001235")
    assert ours.stored("+15550001234") != theirs.stored("+15550001234")
    assert len(ours.stored("+15550001234")) == 32


def test_a_number_has_a_bound() -> None:
    """A stranger's SIP address of any length fits a call parameter."""
    assert len(NumberPolicy().stored("sip:" + "a" * 1000)) == NUMBER_CHARS_MAX


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-realtime-2.1", 4 + 32 + 24 + 64),
        ("gpt-realtime-2.1-2026-05-01", 4 + 32 + 24 + 64),
        ("gpt-realtime-1.5", 4 + 32 + 16 + 64),
        ("gpt-realtime-2.1-mini", 0.6 + 10 + 2.4 + 20),
    ],
)
def test_the_price_of_a_million_of_each(model: str, usd: float) -> None:
    """Dated names cost what their family does."""
    million = 1_000_000
    tokens = Tokens(
        input_text=million, input_audio=million, output_text=million, output_audio=million
    )

    assert cost_usd(tokens, model) == pytest.approx(usd)


def test_cached_input_is_cheaper() -> None:
    """Half of the input cached: half of each kind costs the cached price."""
    tokens = Tokens(input_text=500_000, input_audio=500_000, input_cached=500_000)

    assert cost_usd(tokens, "gpt-realtime-2.1") == pytest.approx(0.25 * (4 + 32 + 0.4 + 0.4))
    assert cost_usd(Tokens(input_cached=5), "gpt-realtime-2.1") == 0


@pytest.mark.parametrize("model", ["gpt-realtime-9", "gpt-realtime-2.1-maxi", ""])
def test_no_price_is_invented(model: str) -> None:
    """A model that is not in the table costs None, and not nothing."""
    assert cost_usd(Tokens(output_audio=1), model) is None


def test_a_line_says_everything() -> None:
    """What is read from a line equals what was written to it."""
    one = entry(7)
    line = line_of(one)

    assert line.count(b"\n") == 1
    assert entry_of(line.rstrip()) == one


@pytest.mark.parametrize("line", [b"", b"{}", b'{"call_sid": "CA1', b"\xff\xfe", b"[]", b"null"])
def test_a_line_that_is_none(line: bytes) -> None:
    """A torn line is not an entry, and not an exception."""
    assert entry_of(line) is None


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**70])
@pytest.mark.parametrize(
    "field",
    [
        *("duration_ms", "caller_audio_ms", "agent_audio_ms", "responses", "barge_ins"),
        *("truncations", "tool_calls", "input_tokens", "output_tokens"),
    ],
)
def test_a_number_that_no_database_holds(field: str, number: int) -> None:
    """Its line is none, and not an exception when it is stored."""
    assert entry_of(line_of(entry(**{field: number}))) is None
    assert entry_of(line_of(entry(**{field: INTEGER_MAX}))) is not None


@pytest.mark.parametrize("field", ["started_at", "answered_at", "ended_at"])
@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2026-11-20T12:00:00",
    ],
)
def test_a_time_that_no_database_holds(field: str, time: str) -> None:
    """One that UTC or a server's zone puts outside of all years, or that has no zone at all."""
    facts = msgspec.to_builtins(entry())

    assert entry_of(msgspec.json.encode({**facts, field: time})) is None
    assert entry_of(msgspec.json.encode({**facts, field: "1999-01-01T00:00:00Z"})) is not None


def test_a_line_of_endless_depth() -> None:
    """The decoder gives up, and no process dies of it."""
    deep = b'{"details": {"a": ' + b"[" * 100_000

    assert entry_of(deep) is None


def test_fields_of_a_later_program_are_no_obstacle() -> None:
    """A spool may outlive the version that wrote it."""
    line = line_of(entry()).replace(b'{"call_sid"', b'{"mood": "good", "call_sid"', 1)

    assert entry_of(line) == entry()


def test_nothing_is_stored_that_a_database_refuses() -> None:
    """NUL, lone surrogates, endless texts and endless numbers are the peers' own."""
    hostile = entry(
        end_reason="a\0b",
        agent="x" * 10_000,
        parameter_names=["p\ud800"] * 1000,
        input_tokens=10**30,
        details={"k\0": [{"deep\udfff": "\0"}, True, 1.5, None]},
    )
    clean = cleaned(hostile)

    assert clean.end_reason == "ab"
    assert len(clean.agent) == TEXT_CHARS_MAX
    assert clean.parameter_names == ["p?"] * 50
    assert clean.input_tokens == INTEGER_MAX
    assert clean.details == {"k": [{"deep?": ""}, True, 1.5, None]}
    assert entry_of(line_of(clean).rstrip()) == clean
