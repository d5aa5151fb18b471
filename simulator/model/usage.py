"""Tokens: what a response costs, what of its input was cached, and what the rate limit says.

Owns the counting. Knows no event. Text is counted at four characters a token (an estimate); audio
exactly as the vendor publishes it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from simulator.model.conversation import Conversation, Item

# fidelity: documented realtime.md 0 - one token for 100 ms of the caller, or 50 ms of the model
CALLER_MS_PER_TOKEN: Final = 100
MODEL_MS_PER_TOKEN: Final = 50
CHARACTERS_PER_TOKEN: Final = 4
ITEM_OVERHEAD_TOKENS: Final = 4

# fidelity: inferred realtime.md 2.4 - cached tokens are counted in blocks of 64
CACHE_BLOCK_TOKENS: Final = 64

# fidelity: documented realtime.md 0 - the context is that of the model less its longest output
CONTEXT_TOKENS: Final = 28_224
CONTEXT_TOKENS_V2: Final = 96_000

# fidelity: observed realtime.md 6 - the only rate limit told is that of tokens
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

    def read(
        self, instructions: str, conversation: Conversation, truncation: Any = "auto"
    ) -> tuple[Tokens, Tokens]:
        """The input of a response that begins now: all of it, and what of it was cached."""
        head = Tokens(text=text_tokens(instructions))
        items = [item for item in conversation.items if item.id not in self._forgotten]
        sizes = [item_tokens(item) for item in items]
        whole = sum(sizes, head)
        # fidelity: inferred realtime.md 6 - changed instructions and dropped items spoil the cache
        kept = self._cached if instructions == self._instructions else Tokens()
        goal = self._goal(truncation, head.total)
        goal = goal if whole.total > self._limit(truncation, head.total) else whole.total
        for item, size in zip(items, sizes, strict=True):
            # fidelity: documented realtime.md 3.1 - a full context forgets its oldest items
            if whole.total <= goal:
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

    @staticmethod
    def read_apart(instructions: str, items: Iterable[Item]) -> Tokens:
        """The input of a response that reads these items instead of the conversation."""
        # fidelity: documented realtime.md 5 - `input` replaces the conversation as context; that
        #   nothing of it is cached is inferred
        return sum(map(item_tokens, items), Tokens(text=text_tokens(instructions)))

    def is_overfull(self, whole: Tokens, truncation: Any) -> bool:
        """Whether a response cannot be made because nothing may be forgotten."""
        return bool(truncation == "disabled" and whole.total > self._context_max)

    def _limit(self, truncation: Any, head: int) -> float:
        """More tokens than this make the server forget."""
        if truncation == "disabled":
            return math.inf
        limits = truncation.get("token_limits") if isinstance(truncation, dict) else None
        if not limits or "post_instructions" not in limits:
            return self._context_max
        return float(min(self._context_max, head + limits["post_instructions"]))

    def _goal(self, truncation: Any, head: int) -> float:
        """It forgets until so many are left."""
        limit = self._limit(truncation, head)
        if not isinstance(truncation, dict):
            return limit
        # fidelity: documented realtime.md 3.1 - retention_ratio: it forgets down to that share
        return head + (limit - head) * float(truncation["retention_ratio"])

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
