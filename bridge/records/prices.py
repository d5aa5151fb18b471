"""What a call costs: token prices per model, with their date.

Owns the table and the sum. US dollars per million tokens, from the vendor's model pages as of
`PRICES_DATE` (docs/protocols/realtime.md, section 0). Must not know what a call is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.core.record import Tokens

PRICES_DATE: Final = "2026-11-20"


@dataclass(frozen=True)
class Rate:
    """Dollars per million tokens of one kind: fresh input, cached input, output."""

    fresh: float
    cached: float
    out: float


@dataclass(frozen=True)
class Price:
    """The rates of one model."""

    text: Rate
    audio: Rate


_V2 = Price(Rate(4, 0.40, 24), Rate(32, 0.40, 64))
_V1 = Price(Rate(4, 0.40, 16), Rate(32, 0.40, 64))
_MINI = Price(Rate(0.60, 0.06, 2.40), Rate(10, 0.30, 20))

PRICES: Final[Mapping[str, Price]] = {
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-2.1": _V2,
    "gpt-realtime-2": _V2,
    "gpt-realtime-1.5": _V1,
}


PER_SECOND: Final[Mapping[str, float]] = {"gpt-live-1": 0.05 / 60}
"""Dollars per second of a session (docs/protocols/gpt-live.md, section 7)."""


def cost_usd(tokens: Tokens, model: str, billed_s: float = 0.0) -> float | None:
    """The price of these tokens or seconds; None for a model whose price is not known.

    Whoever is billed by the second has a text model behind, whose tokens these are: they are not
    in the price. A dated name costs what its family does. Where a server says how many tokens were
    cached, but not of which kind, text and audio are taken to be cached in the same proportion.
    """
    for name, rate_usd in PER_SECOND.items():
        if model == name or model.startswith(f"{name}-20"):
            return round(billed_s * rate_usd, 6)
    families = [name for name in PRICES if model == name or model.startswith(f"{name}-20")]
    if not families:
        return None
    price = PRICES[max(families, key=len)]
    text = _Read(tokens.input_text, tokens.cached_text)
    audio = _Read(tokens.input_audio, tokens.cached_audio)
    unsaid = max(0, tokens.input_cached - text.cached - audio.cached)
    rest = text.rest + audio.rest
    share = min(unsaid / rest, 1.0) if rest else 0.0
    total = tokens.output_text * price.text.out + tokens.output_audio * price.audio.out
    for read, rate in ((text, price.text), (audio, price.audio)):
        cached = read.cached + share * read.rest
        total += cached * rate.cached + (read.count - cached) * rate.fresh
    return round(total / 1_000_000, 6)


@dataclass(frozen=True)
class _Read:
    """Input tokens of one kind, and how many of them are known to have been cached."""

    count: int
    said: int

    @property
    def cached(self) -> int:
        return max(0, min(self.said, self.count))

    @property
    def rest(self) -> int:
        return max(0, self.count - self.cached)
