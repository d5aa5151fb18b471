"""Tokens of long conversations: what is forgotten, and what that does to the cache."""

from typing import Any

import pytest

from simulator.judging.prices import cost_usd
from simulator.model.conversation import Conversation, Item
from simulator.model.usage import CONTEXT_TOKENS, Meter, item_tokens
from simulator.scenario.format import ModelSetup
from tests.model_client import HELLO, LONG, ready, reply


def spoken(number: int, minutes: float) -> Item:
    """An item of the model's speech: 1200 tokens a minute."""
    content = [{"type": "output_audio", "transcript": ""}]
    generated_bytes = round(minutes * 60 * 8000)
    return Item(
        f"item_{number}", "message", "assistant", content=content, generated_bytes=generated_bytes
    )


def test_the_oldest_items_are_forgotten_when_the_context_is_full() -> None:
    """Input never exceeds the context, and forgetting spoils the cache."""
    meter, conversation = Meter("gpt-realtime"), Conversation("conv_1")
    for number in range(23):
        conversation.append(spoken(number, 1))
    before, _ = meter.read("Be brief.", conversation)
    conversation.append(spoken(23, 1))

    after, cached = meter.read("Be brief.", conversation)
    again, cached_again = meter.read("Be brief.", conversation)

    assert before.audio == 23 * 1200
    assert after.audio == 23 * 1200
    assert after.total <= CONTEXT_TOKENS
    assert cached.audio == 0
    assert cached_again.audio == again.audio // 64 * 64


def test_a_newer_model_has_a_larger_context() -> None:
    """gpt-realtime-2 reads 40 minutes of speech; gpt-realtime-2025-08-28 does not."""
    conversation = Conversation("conv_1")
    for number in range(40):
        conversation.append(spoken(number, 1))

    assert Meter("gpt-realtime-2.1").read("", conversation)[0].audio == 48_000
    assert Meter("gpt-realtime-2025-08-28").read("", conversation)[0].audio < CONTEXT_TOKENS


def test_other_instructions_spoil_the_cache() -> None:
    """What comes first decides what is cached."""
    meter, conversation = Meter("gpt-realtime-2.1"), Conversation("conv_1")
    conversation.append(spoken(1, 1))
    meter.read("Be brief.", conversation)

    assert meter.read("Be long.", conversation)[1].total == 0
    assert meter.read("Be long.", conversation)[1].total > 0


def test_audio_is_counted_as_published() -> None:
    """100 ms of the caller or 50 ms of the model are a token; only what is remembered counts."""
    item = spoken(1, 1)
    item.truncated_ms = 1000
    user = Item("item_2", "message", "user", heard_ms=1950)

    assert item_tokens(item).audio == 20
    assert item_tokens(user).audio == 20


RATIO: dict[str, Any] = {"type": "retention_ratio", "retention_ratio": 0.5}


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [
        ("auto", 23),
        ("disabled", 30),
        (RATIO, 11),
        ({**RATIO, "token_limits": {"post_instructions": 12_040}}, 5),
        ({**RATIO, "token_limits": {"post_instructions": 40_000}}, 11),
        ({**RATIO, "token_limits": None}, 11),
    ],
)
def test_truncation_says_how_much_is_forgotten(truncation: Any, kept: int) -> None:
    """auto: what is too much; a ratio: down to that share; disabled: nothing."""
    meter, conversation = Meter("gpt-realtime"), Conversation("conv_1")
    for number in range(30):
        conversation.append(spoken(number, 1))

    whole, _ = meter.read("", conversation, truncation)

    assert whole.audio == kept * 1200
    assert meter.is_overfull(whole, truncation) is (truncation == "disabled")


def test_a_conversation_too_long_fails_where_nothing_may_be_forgotten() -> None:
    """With truncation disabled the response fails, and the session goes on."""
    client = ready(ModelSetup(replies=(reply("any", HELLO, repeat=True),)))
    client.says("session.update", session={"type": "realtime", "truncation": "disabled"})
    content = [{"type": "input_text", "text": "word " * 80_000}]
    item = {"type": "message", "role": "user", "content": content}
    client.says("conversation.item.create", item=item)
    client.says("response.create")
    client.waits(100)
    client.says("response.create", response={"conversation": "none", "input": []})
    client.waits(3000)

    first, second = (event["response"] for event in client.all("response.done"))
    assert first["status_details"]["error"]["code"] == "context_length_exceeded"
    assert second["status"] == "completed"


def test_usage_costs_what_the_price_table_says() -> None:
    """Fresh and cached input and output by kind, summed by hand, are the judge's price."""
    client = ready(ModelSetup(replies=(reply("turn", LONG, repeat=True, burst=11),)))
    for _ in range(4):
        client.hears_turn()
        client.hears_silence(4000)

    usage = client.all("response.done")[-1]["response"]["usage"]
    read, made = usage["input_token_details"], usage["output_token_details"]
    reused = read["cached_tokens_details"]
    fresh = {kind: read[f"{kind}_tokens"] - reused[f"{kind}_tokens"] for kind in ("text", "audio")}
    by_hand = (
        fresh["text"] * 4
        + fresh["audio"] * 32
        + reused["text_tokens"] * 0.4
        + reused["audio_tokens"] * 0.4
        + made["text_tokens"] * 24
        + made["audio_tokens"] * 64
    )
    assert reused["audio_tokens"] > 0
    assert min(fresh.values()) >= 0
    assert read["cached_tokens"] == reused["text_tokens"] + reused["audio_tokens"]
    assert usage["input_tokens"] == read["text_tokens"] + read["audio_tokens"]
    assert cost_usd(usage, "gpt-realtime-2.1") == pytest.approx(by_hand / 1e6)
