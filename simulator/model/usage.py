"""Tokens: what a response costs, what of its input was cached, and what the rate limit says.

Owns the counting. Knows no event. Text is counted at four characters a token (an estimate); audio
exactly as the vendor publishes it.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from simulator.model.conversation import Conversation, Item

# fidelity: documented realtime.md "Prices" (one token per so many ms)
CALLER_MS_PER_TOKEN: Final = 100
MODEL_MS_PER_TOKEN: Final = 50
CHARACTERS_PER_TOKEN: Final = 4
ITEM_OVERHEAD_TOKENS: Final = 4

# fidelity: inferred realtime.md 2.4 (caches are counted in blocks)
CACHE_BLOCK_TOKENS: Final = 64

# fidelity: documented realtime.md 0 (context less the longest output)
CONTEXT_TOKENS: Final = 28_224
CONTEXT_TOKENS_V2: Final = 96_000

# fidelity: observed realtime.md 6 (limits row)
RATE_LIMIT_TOKENS: Final = 15_000_000
RATE_LIMIT_PER_S: Final = RATE_LIMIT_TOKENS / 60


@dataclass(slots=True)
class Tokens:
    """A number of tokens by kind."""

    text: int = 0
    audio: int = 0

    @property
    def total(self) -> int:
        """Of both kinds."""
        return self.text + self.audio

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.text + other.text, self.audio + other.audio)


def text_tokens(words: str) -> int:
    """Tokens of a text."""
    return math.ceil(len(words) / CHARACTERS_PER_TOKEN)


def audio_tokens(spoken_ms: float) -> int:
    """Tokens of the model's own speech."""
    return math.ceil(spoken_ms / MODEL_MS_PER_TOKEN)


def item_tokens(item: Item) -> Tokens:
    """Tokens of an item when it is read again as context."""
    spoken = audio_tokens(item.remembered_ms)
    heard = math.ceil(item.heard_ms / CALLER_MS_PER_TOKEN)
    return Tokens(ITEM_OVERHEAD_TOKENS + text_tokens(item.text()), spoken + heard)


class Meter:
    """The running account of one session."""

    def __init__(self, model: str) -> None:
        v2 = model.startswith("gpt-realtime-2") and not model.startswith("gpt-realtime-2025")
        self._context_max = CONTEXT_TOKENS_V2 if v2 else CONTEXT_TOKENS
        self._forgotten: set[str] = set()
        self._cached = Tokens()
        self._instructions = ""
        self._remaining = float(RATE_LIMIT_TOKENS)
        self._at_ms = 0.0

    def read(self, instructions: str, conversation: Conversation) -> tuple[Tokens, Tokens]:
        """The input of a response that begins now: all of it, and what of it was cached."""
        head = Tokens(text=text_tokens(instructions))
        items = [item for item in conversation.items if item.id not in self._forgotten]
        sizes = [item_tokens(item) for item in items]
        whole = sum(sizes, head)
        # fidelity: inferred realtime.md 6 (changed instructions and dropped items spoil the cache)
        kept = self._cached if instructions == self._instructions else Tokens()
        for item, size in zip(items, sizes, strict=True):
            # fidelity: documented realtime.md 3.1 (truncation auto drops the oldest messages)
            if whole.total <= self._context_max:
                break
            self._forgotten.add(item.id)
            whole = Tokens(whole.text - size.text, whole.audio - size.audio)
            kept = head
        self._instructions = instructions
        self._cached = whole
        return whole, Tokens(
            min(kept.text, whole.text) // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS,
            min(kept.audio, whole.audio) // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS,
        )

    def limits(self, now_ms: float, used: int) -> list[dict[str, Any]]:
        """The rate limits after `used` more tokens."""
        refilled = self._remaining + (now_ms - self._at_ms) / 1000 * RATE_LIMIT_PER_S
        self._remaining = max(0.0, min(RATE_LIMIT_TOKENS, refilled) - used)
        self._at_ms = now_ms
        missing = RATE_LIMIT_TOKENS - self._remaining
        return [
            {
                "name": "tokens",
                "limit": RATE_LIMIT_TOKENS,
                "remaining": int(self._remaining),
                "reset_seconds": round(missing / RATE_LIMIT_PER_S, 3),
            }
        ]


def usage_view(whole: Tokens, cached: Tokens, output: Tokens) -> dict[str, Any]:
    """The `usage` object of response.done."""
    return {
        "total_tokens": whole.total + output.total,
        "input_tokens": whole.total,
        "output_tokens": output.total,
        "input_token_details": {
            "text_tokens": whole.text,
            "audio_tokens": whole.audio,
            "image_tokens": 0,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": output.text, "audio_tokens": output.audio},
    }
