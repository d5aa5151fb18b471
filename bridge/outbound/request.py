"""A request for a call: which fields there are, and what each may be.

Owns the reading of the JSON body and the words for what is wrong in it. Must not know HTTP, Twilio
or who asks.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from bridge import twiml
from bridge.agents.agent import Agent
from bridge.agents.choosing import Agents, ParametersMissing, UnknownAgent
from bridge.agents.conduct import Conduct
from bridge.call_token import PARAMETER as TOKEN
from bridge.core.plan import CallPlan
from bridge.outbound.machine import Detection, detection_for
from bridge.outbound.problems import Refusal, wrong_field

# ITU-T E.164: a plus, a country code that does not begin with 0, 15 digits at most. Shorter than 7
# digits no number can be called from abroad.
E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
E164_WORDS: Final = "must be a phone number in E.164 form, such as +15550100001"
AGENT_CHARS_MAX: Final = 200
PARAMETER_NAME: Final = re.compile(r"[a-z][A-Za-z0-9_]{0,63}")
AGENT: Final = "agent"
"""The call parameter that carries the agent's name."""
RESERVED: Final = frozenset({TOKEN, AGENT})
QUERY_CHARS_MAX: Final = 4000
"""All parameters travel in one URL, which Twilio and proxies on the way must take."""

DETECTIONS: Final[tuple[Detection, ...]] = ("Enable", "DetectMessageEnd")
FIELDS: Final = ("to_number", "from_number", "agent", "parameters", "machine_detection")


@dataclass(frozen=True)
class Rules:
    """What this service allows.

    `default_from` "" = each request must say. `allowed` are prefixes of numbers that may be called,
    () = any. `agents` are those who may speak.
    """

    default_from: str = ""
    allowed: tuple[str, ...] = ()
    agents: Agents = field(default_factory=lambda: Agents(CallPlan()))


@dataclass(frozen=True)
class OutboundRequest:
    """One call to make, checked. `detection` "" = nobody looks for a machine."""

    to_number: str
    from_number: str
    agent: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    detection: Detection = ""

    @property
    def query(self) -> str:
        """What the TwiML's URL carries: the parameters of the call."""
        agent = {} if self.agent is None else {AGENT: self.agent}
        return urlencode({**agent, **self.parameters})

    @property
    def content(self) -> str:
        """The same text for the same request."""
        return json.dumps(
            [self.to_number, self.from_number, self.agent, dict(self.parameters), self.detection],
            sort_keys=True,
        )


def read_body(body: bytes, rules: Rules) -> OutboundRequest:
    """The request in a JSON body.

    Raises:
        Refusal: 422, with the field that is wrong.
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(422, "the body must be a JSON object with to_number") from None
    if not isinstance(given, dict):
        raise Refusal(422, "the body must be a JSON object with to_number")
    return checked(given, rules)


def checked(given: Mapping[str, Any], rules: Rules) -> OutboundRequest:
    """The request in these fields; null means not given.

    Raises:
        Refusal: 422, with the field that is wrong.
    """
    for name in given:
        if name not in FIELDS:
            raise wrong_field(name[:60], f"is no field of a call{_meant(name)}")
    to_number = _number("to_number", given.get("to_number"))
    if rules.allowed and not to_number.startswith(rules.allowed):
        raise wrong_field("to_number", "lies where this service may not call (OUTBOUND_ALLOWED)")
    request = OutboundRequest(
        to_number=to_number,
        from_number=_from_number(given.get("from_number"), rules),
        agent=_agent(given.get("agent")),
        parameters=_parameters(given.get("parameters")),
    )
    conduct = _speaker(request, rules.agents).conduct
    detection = _detection(given.get("machine_detection"), conduct)
    request = replace(request, detection=detection)
    if len(request.query) > QUERY_CHARS_MAX:
        raise wrong_field("parameters", f"come to more than {QUERY_CHARS_MAX} characters in a URL")
    return request


def _number(name: str, value: Any) -> str:
    if value is None:
        raise wrong_field(name, "is missing")
    if not isinstance(value, str) or not E164.fullmatch(value):
        raise wrong_field(name, E164_WORDS)
    return value


def _from_number(value: Any, rules: Rules) -> str:
    if value is None and rules.default_from:
        return rules.default_from
    if value is None:
        raise wrong_field("from_number", "is missing, and TWILIO_PHONE_NUMBER is not set")
    return _number("from_number", value)


def _agent(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= AGENT_CHARS_MAX):
        return value
    raise wrong_field("agent", "must be the name of an agent")


def _speaker(request: OutboundRequest, agents: Agents) -> Agent:
    """Who will speak when the call is answered, and has what he needs for it."""
    webhook = {"Direction": "outbound-api", "From": request.from_number, "To": request.to_number}
    try:
        choice = agents.of_call(webhook, request.agent or "")
        choice.must_have(request.parameters)
    except UnknownAgent as unknown:
        raise wrong_field("agent", str(unknown)) from None
    except ParametersMissing as missing:
        raise wrong_field("parameters", str(missing)) from None
    return choice.agent


def _parameters(value: Any) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_field("parameters", "must be an object of texts")
    if len(value) > twiml.PARAMETERS_MAX:
        raise wrong_field("parameters", f"there are more than {twiml.PARAMETERS_MAX}")
    for name, text in value.items():
        where = f"parameters.{name[:64]}"
        if not PARAMETER_NAME.fullmatch(name) or name in RESERVED:
            words = "a lower-case letter, then at most 63 letters, digits and _"
            raise wrong_field(where, f"a name is {words}; {' and '.join(sorted(RESERVED))} are not")
        if not isinstance(text, str):
            raise wrong_field(where, "must be a text")
        if not twiml.fits(name, text):
            most = twiml.PARAMETER_CHARS_MAX
            raise wrong_field(
                where, f"name and value may have {most} characters, none of them a control one"
            )
    return value


def _detection(value: Any, conduct: Conduct) -> Detection:
    if value is None:
        value = conduct.machine_detection
    if isinstance(value, bool):
        return detection_for(conduct.machine_detected) if value else ""
    for word in DETECTIONS:
        if value == word:
            return word
    raise wrong_field("machine_detection", f"must be true, false, {' or '.join(DETECTIONS)}")


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
