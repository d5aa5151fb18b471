"""Tokens of long conversations: what is forgotten, and what that does to the cache."""

from simulator.model.conversation import Conversation, Item
from simulator.model.usage import CONTEXT_TOKENS, Meter, item_tokens


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
