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


def cost_usd(tokens: Tokens, model: str) -> float | None:
    """The price of these tokens; None for a model whose price is not known.

    A dated name costs what its family does. Tokens tell how many of the input were cached, not of
    which kind; each kind is taken to be cached in the same proportion.
    """
    families = [name for name in PRICES if model == name or model.startswith(f"{name}-20")]
    if not families:
        return None
    price = PRICES[max(families, key=len)]
    read = tokens.input_text + tokens.input_audio
    cached = min(tokens.input_cached / read, 1.0) if read else 0.0
    total = tokens.output_text * price.text.out + tokens.output_audio * price.audio.out
    for count, rate in ((tokens.input_text, price.text), (tokens.input_audio, price.audio)):
        total += count * (cached * rate.cached + (1 - cached) * rate.fresh)
    return round(total / 1_000_000, 6)
