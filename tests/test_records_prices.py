"""What a call costs: by model, by kind of token, fresh or cached."""

import pytest

from bridge.core.record import Tokens
from bridge.records.prices import cost_usd

MODEL = "gpt-realtime-2.1"


def dollars(tokens: Tokens, model: str = MODEL) -> float:
    """Millionths of a dollar."""
    cost = cost_usd(tokens, model)
    assert cost is not None
    return cost * 1_000_000


def test_each_kind_has_its_price() -> None:
    """In dollars per million tokens: 4 and 32 in, 24 and 64 out."""
    tokens = Tokens(input_text=100, input_audio=200, output_text=50, output_audio=70)

    assert dollars(tokens) == pytest.approx(400 + 6400 + 1200 + 4480)


def test_cached_tokens_cost_what_their_kind_does() -> None:
    """As the server counts them: here most of the audio, and no text."""
    tokens = Tokens(input_text=100, input_audio=200, input_cached=150, cached_audio=150)

    assert dollars(tokens) == pytest.approx(100 * 4 + 50 * 32 + 150 * 0.40)


def test_cached_tokens_of_no_kind_are_spread() -> None:
    """In proportion to what was read of each and is not known to be cached."""
    even = Tokens(input_text=100, input_audio=300, input_cached=200)
    partly = Tokens(input_text=100, input_audio=300, input_cached=250, cached_text=100)

    assert dollars(even) == pytest.approx(50 * 4 + 50 * 0.40 + 150 * 32 + 150 * 0.40)
    assert dollars(partly) == pytest.approx(100 * 0.40 + 150 * 32 + 150 * 0.40)


@pytest.mark.parametrize(
    "tokens",
    [
        Tokens(input_text=10, input_cached=99),
        Tokens(input_text=10, input_cached=99, cached_text=99, cached_audio=99),
        Tokens(input_text=10, input_cached=10, cached_text=10, cached_audio=-5),
    ],
)
def test_no_more_is_cached_than_was_read(tokens: Tokens) -> None:
    """A server that counts wrong makes no call cheaper than all of it cached."""
    assert dollars(tokens) == pytest.approx(10 * 0.40)


def test_a_dated_name_costs_what_its_family_does() -> None:
    """And an unknown model has no price."""
    tokens = Tokens(output_text=10)

    assert dollars(tokens, "gpt-realtime-2.1-mini-2026-01-01") == pytest.approx(24)
    assert cost_usd(tokens, "somebody-elses") is None


def test_gpt_live_costs_by_the_second() -> None:
    """Five cents a minute, silence included; the tokens are another model's."""
    for model in ("gpt-live-1", "gpt-live-1-2026-09-10"):
        assert cost_usd(Tokens(input_text=1000), model, 90.0) == pytest.approx(0.075)
