"""What a call was created with: by the number's configuration, or by a request over REST.

Owns the shape and Twilio's defaults. Whether a request may order such a call is the account's
business; what comes of it is the call's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin

from simulator.scenario.format import CallSetup


@dataclass(frozen=True, slots=True)
class CallOrder:
    """One call to be made. URLs are absolute; "" = not given. `twiml` only counts without `url`.

    `machine_detection` "" = off, else `Enable` or `DetectMessageEnd`. `status_callback_events` are
    out of initiated, ringing, answered, completed.
    """

    # fidelity: documented twilio.md 2.4, 4.2 - the parameters of a call and their defaults
    to: str
    from_: str
    direction: Literal["inbound", "outbound-api"] = "inbound"
    url: str = ""
    method: str = "POST"
    twiml: str = ""
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    timeout_s: int = 60
    time_limit_s: int = 14_400
    send_digits: str = ""
    machine_detection: str = ""
    machine_detection_timeout_s: int = 30
    async_amd: bool = False
    async_amd_status_callback: str = ""
    async_amd_status_callback_method: str = "POST"
    caller_id: str = ""


def order_of(setup: CallSetup, voice_url: str) -> CallOrder:
    """The order a scenario's `call:` describes; its paths are relative to `voice_url`."""

    def there(path: str) -> str:
        return urljoin(voice_url, path) if path else ""

    return CallOrder(
        to=setup.to,
        from_=setup.from_,
        direction="inbound" if setup.direction == "inbound" else "outbound-api",
        url=voice_url,
        fallback_url=there(setup.fallback),
        status_callback=there(setup.status_callback),
        status_callback_events=setup.status_callback_events,
        timeout_s=round(setup.timeout_ms / 1000),
        time_limit_s=round(setup.time_limit_ms / 1000),
        machine_detection=setup.machine_detection,
        async_amd=bool(setup.async_amd_callback),
        async_amd_status_callback=there(setup.async_amd_callback),
    )
