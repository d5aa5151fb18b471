"""bridge.core.record: what is written down about a call."""

import msgspec

from bridge.core.commands import EndReason
from bridge.core.realtime import CachedTokensDetails, InputTokenDetails, OutputTokenDetails, Usage
from bridge.core.record import KINDS_MAX, CallRecord, Tokens, count


def test_tokens_add_up_over_responses() -> None:
    """Usage is summed; a usage without details counts in the totals only."""
    tokens = Tokens()
    tokens.add(
        Usage(
            input_tokens=41,
            output_tokens=164,
            input_token_details=InputTokenDetails(14, 27, 3),
            output_token_details=OutputTokenDetails(28, 136),
        )
    )
    tokens.add(Usage(input_tokens=1, output_tokens=2))

    assert tokens == Tokens(14, 27, 3, 28, 136, 42, 166)


def test_cached_tokens_are_told_apart() -> None:
    """By kind, if the server says so."""
    tokens = Tokens()
    tokens.add(Usage(41, 0, InputTokenDetails(14, 27, 12, CachedTokensDetails(8, 4))))
    tokens.add(Usage(41, 0, InputTokenDetails(14, 27, 12)))

    assert (tokens.input_cached, tokens.cached_text, tokens.cached_audio) == (24, 8, 4)


def test_a_counter_is_bounded() -> None:
    """A peer that invents names cannot make the record grow."""
    counter: dict[str, int] = {}
    for number in range(KINDS_MAX + 10):
        count(counter, f"kind {number}")
    count(counter, "kind 3")
    count(counter, "x" * 100)

    assert counter["other"] == 11
    assert counter["kind 3"] == 2
    assert len(counter) == KINDS_MAX + 1


def test_a_name_is_cut_to_a_line() -> None:
    """A name of any length is counted under its first 64 characters."""
    counter: dict[str, int] = {}
    count(counter, "x" * 100)
    count(counter, "x" * 64 + "y")

    assert counter == {"x" * 64: 2}


def test_a_record_is_json() -> None:
    """The record encodes and decodes without loss."""
    record = CallRecord(began=1.5, reason=EndReason.LIMIT)

    assert msgspec.json.decode(msgspec.json.encode(record), type=CallRecord) == record
