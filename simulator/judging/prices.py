"""What a call costs: prices per model, with their date and source.

Owns the table and the sum. Prices are US dollars per million tokens, GPT-Live's per minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRICES_DATE = "2026-11-20"
PRICES_SOURCE = "developers.openai.com model pages (protocols/realtime.md, section 0)"


@dataclass(frozen=True, slots=True)
class Rate:
    """Dollars per million tokens of one kind: fresh input, cached input, output."""

    fresh: float
    cached: float
    out: float


@dataclass(frozen=True, slots=True)
class Price:
    """The rates of one model. Images are input only."""

    text: Rate
    audio: Rate
    image: Rate


_NO_IMAGE = Rate(0.0, 0.0, 0.0)
_V2 = Price(Rate(4, 0.40, 24), Rate(32, 0.40, 64), Rate(5, 0.50, 0))
_V1 = Price(Rate(4, 0.40, 16), Rate(32, 0.40, 64), _NO_IMAGE)
_MINI = Price(Rate(0.60, 0.06, 2.40), Rate(10, 0.30, 20), Rate(0.80, 0.08, 0))

PRICES: Mapping[str, Price] = {
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-2.1": _V2,
    "gpt-realtime-2": _V2,
    "gpt-realtime-1.5": _V1,
    "gpt-realtime-mini": _MINI,  # not listed any more; the successor's price
    "gpt-realtime": _V1,  # not listed any more; the successor's price
}

DEFAULT_MODEL = "gpt-realtime-2.1"


LIVE_USD_PER_MINUTE = 0.05
"""GPT-Live's, silence included (gpt-live.md 7); the text model behind it is not priced."""


def price_of(model: str) -> Price | None:
    """The price of `model`; dated names cost what their family does, None = nobody knows.

    "gpt-realtime-mini-2025-12-15" belongs to "gpt-realtime-mini".
    """
    families = [name for name in PRICES if model == name or model.startswith(f"{name}-20")]
    return PRICES[max(families, key=len)] if families else None


def live_usd(duration_ms: float) -> float:
    """The price of a session of GPT-Live."""
    return duration_ms / 60_000 * LIVE_USD_PER_MINUTE


def cost_usd(usage: Mapping[str, Any], model: str) -> float:
    """The price of one response from the `usage` of its `response.done` (realtime.md 2.4).

    Nothing, if the model's price is not known: ask `price_of` first.
    """
    price = price_of(model)
    if price is None:
        return 0.0
    given = usage.get("input_token_details") or {}
    cached = given.get("cached_tokens_details") or {}
    made = usage.get("output_token_details") or {}
    total = 0.0
    for kind, rate in (("text", price.text), ("audio", price.audio), ("image", price.image)):
        read = given.get(f"{kind}_tokens") or 0
        reused = min(cached.get(f"{kind}_tokens") or 0, read)
        total += (read - reused) * rate.fresh + reused * rate.cached
        total += (made.get(f"{kind}_tokens") or 0) * rate.out
    return total / 1_000_000
