"""How patient Twilio is with one webhook: the settings behind the `#` of its URL.

Owns names, ranges and defaults. What is done with them is `webhook`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from simulator.phone.http import Patience

# fidelity: documented twilio.md 2.2 - the overrides, their ranges and defaults
# fidelity: inferred twilio.md 2.2 - a value out of its range counts as not given
RANGES = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000), "rc": (0, 5)}
USUAL_POLICY = frozenset({"ct"})
POLICIES = frozenset({"4xx", "5xx", "ct", "rt"})


@dataclass(frozen=True, slots=True)
class Overrides:
    """`retry_on` are out of `POLICIES`: which failures are worth another attempt."""

    connect_ms: int = 5_000
    read_ms: int = 15_000
    total_ms: int = 15_000
    retries: int = 1
    retry_on: frozenset[str] = USUAL_POLICY

    @classmethod
    def of(cls, url: str) -> Overrides:
        """Read the fragment of `url`, as `#ct=2000&rc=2&rp=ct,5xx`."""
        given = dict(parse_qsl(urlsplit(url).fragment))
        usual = cls()
        return cls(
            _number(given, "ct", usual.connect_ms),
            _number(given, "rt", usual.read_ms),
            _number(given, "tt", usual.total_ms),
            _number(given, "rc", usual.retries),
            _policy(given.get("rp", "ct")),
        )

    def patience(self, left_ms: float) -> Patience:
        """For one attempt, when `left_ms` of the whole time are left."""
        return Patience(self.connect_ms, self.read_ms, left_ms)


def _number(given: dict[str, str], name: str, usual: int) -> int:
    text = given.get(name, "")
    least, most = RANGES[name]
    if not (text.isascii() and text.isdigit()):
        return usual
    return int(text) if least <= int(text) <= most else usual


def _policy(text: str) -> frozenset[str]:
    words = frozenset(text.split(","))
    return POLICIES if "all" in words else words & POLICIES or USUAL_POLICY
