"""What a call costs: tokens at the model's price, minutes of GPT-Live, or nobody knows."""

import pytest

from simulator.judging import prices
from tests.judging import MULAW, Story, measure


def test_the_cost_is_the_sum_over_responses() -> None:
    """41 tokens in, 27 of them audio, 136 audio tokens out, at the model's price."""
    usage = {
        "input_token_details": {"text_tokens": 14, "audio_tokens": 27, "image_tokens": 0},
        "output_token_details": {"text_tokens": 28, "audio_tokens": 136},
    }
    story = Story()
    story.line()
    story.session()
    for _ in range(2):
        story.response(1000)
        story.done(1000, usage=usage)
    story.hang_up(5000)
    once = (14 * 4 + 27 * 32 + 28 * 24 + 136 * 64) / 1e6

    assert measure(story)["cost_usd"] == pytest.approx([2 * once])


def test_cached_tokens_are_cheaper() -> None:
    """Read again from the cache, audio costs an eightieth."""
    details = {"text_tokens": 0, "audio_tokens": 1000}
    cached = {**details, "cached_tokens_details": {"audio_tokens": 600}}

    assert prices.cost_usd({"input_token_details": cached}, "gpt-realtime-2.1") == pytest.approx(
        (400 * 32 + 600 * 0.40) / 1e6
    )


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-realtime-2.1-mini", "gpt-realtime-2.1-mini"),
        ("gpt-realtime-mini-2025-12-15", "gpt-realtime-mini"),
        ("gpt-realtime-2025-08-28", "gpt-realtime"),
    ],
)
def test_dated_models_cost_what_their_family_does(model: str, family: str) -> None:
    """The longest known name wins."""
    assert prices.price_of(model) is prices.PRICES[family]


@pytest.mark.parametrize("model", ["somebody-else", "gpt-realtime-2.2", "gpt-realtime-9-mini", ""])
def test_a_model_without_a_price_costs_nobody_knows_what(model: str) -> None:
    """No sample: neither nothing nor the price of another model."""
    story = Story()
    story.line()
    story.add(0, "realtime.upgraded", path=f"/v1/realtime?model={model}&x=1")
    story.response(1000)
    story.done(1000, usage={"output_token_details": {"audio_tokens": 100}})
    story.hang_up(5000)

    assert prices.price_of(model) is None
    assert ("cost_usd" in measure(story)) is (model == "")  # no name was given: the default's


def test_gpt_live_costs_by_the_minute() -> None:
    """Two sessions, from ready to closed: three minutes all together."""
    story = Story()
    story.line()
    for number, from_ms, to_ms in ((1, 1000, 61_000), (2, 60_000, 180_000)):
        story.add(from_ms - 500, "realtime.upgraded", path="/v1/live/sessions", connection=number)
        story.sent(from_ms, "session.updated", connection=number, **MULAW)
        story.add(to_ms, "realtime.closed", by="bridge", code=1000, connection=number)
    story.add(180_000, "phone.ended", by="caller", how="hangup")

    assert measure(story, over_ms=181_000)["cost_usd"] == pytest.approx([0.15])
