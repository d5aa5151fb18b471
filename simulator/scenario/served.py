"""Services of others, which the bridge's HTTP tools ask, as values.

Part of `format`, from where it is imported. Knows no byte of HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """The answer to one request, `after_ms` behind it: an HTTP answer, none at all, or a reset.

    `body` as it is sent; `size_bytes` outweighs it: so many, and nobody says before how many.
    """

    kind: Literal["answer", "never", "drop"] = "answer"
    status: int = 200
    content_type: str = ""
    body: bytes = b""
    size_bytes: int = 0
    location: str = ""
    after_ms: float = 50.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class ServiceSetup:
    """A host: its addresses, and its answers to successive requests, the last one to all others.

    Without addresses it has one of its own on the internet.
    """

    answers: tuple[ServiceAnswer, ...]
    addresses: tuple[str, ...] = ()
