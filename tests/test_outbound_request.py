"""What a request for a call may say, and the words for what it may not."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.agents.agent import agent_of
from bridge.agents.choosing import Agents
from bridge.agents.conduct import Conduct, MachinePolicy
from bridge.agents.shape import AgentFile
from bridge.core.plan import CallPlan
from bridge.outbound.machine import Detection, treatment
from bridge.outbound.problems import Refusal
from bridge.outbound.request import FIELDS, OutboundRequest, Rules, checked, read_body
from bridge.twiml import answer

TO, FROM = "+15550100002", "+15550100001"
AGENTS = Agents(
    CallPlan(),
    [
        agent_of(
            "sales", AgentFile(instructions="Call {guest}.", parameters=("guest",)), CallPlan(), ""
        )
    ],
)
RULES = Rules(default_from=FROM, agents=AGENTS)


def read(rules: Rules = RULES, **given: Any) -> OutboundRequest:
    """Read a body of these fields; `to_number` is there unless they say otherwise."""
    return read_body(json.dumps({"to_number": TO, **given}).encode(), rules)


def problem(body: bytes, rules: Rules = RULES) -> Refusal:
    """Why a body is refused."""
    with pytest.raises(Refusal) as refused:
        read_body(body, rules)
    return refused.value


def test_the_number_is_enough() -> None:
    """Everything else has a default."""
    assert read() == OutboundRequest(TO, FROM)


def test_a_whole_request() -> None:
    """All fields at once; the parameters and the agent travel in a query."""
    given = read(
        from_number="+15550100009",
        agent="sales",
        parameters={"guest": "Zoë & Co", "table": "4"},
        machine_detection=True,
    )

    assert (given.from_number, given.agent, given.detection) == ("+15550100009", "sales", "Enable")
    assert parse_qs(given.query) == {"agent": ["sales"], "guest": ["Zoë & Co"], "table": ["4"]}


def test_null_means_not_given() -> None:
    """As JSON clients write it."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("from_number", "agent", "parameters", "machine_detection")
    )

    assert read(RULES, **nothing) == read()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"\xff",
        b'{"\xed\xa0\x80": 1}',
        b"[" * 200_000,
        b'{"to_number": "\\ud800"',
    ],
)
def test_what_is_no_json_object(body: bytes) -> None:
    """A 422 without a field, never a crash."""
    refused = problem(body)

    assert (refused.status, refused.field) == (422, None)
    assert "JSON object" in refused.detail


@pytest.mark.parametrize(
    "number",
    [
        *("", "5550100002", "+0555010000", "+1555", "+1555010000212345", "+1 555 0100002"),
        *("+1555010000x", "sip:a@example.com", "+١٥٥٥٠١٠٠٠٠٢", f"{TO}\n", 15550100002, True, {}),
    ],
)
def test_numbers_are_e164(number: Any) -> None:
    """A plus and 7 to 15 ASCII digits; the number itself is not repeated in the answer."""
    for name in ("to_number", "from_number"):
        refused = problem(json.dumps({"to_number": TO, name: number}).encode())

        assert (refused.status, refused.field) == (422, name)
        assert refused.body == {"detail": refused.detail, "field": name}
        assert "E.164" in refused.detail


@pytest.mark.parametrize(
    ("given", "rules", "field", "says"),
    [
        ({"to_number": None}, RULES, "to_number", "is missing"),
        ({}, Rules(), "from_number", "TWILIO_PHONE_NUMBER is not set"),
        ({"to_numbr": TO}, RULES, "to_numbr", "did you mean to_number?"),
        ({"x" * 100: 1}, RULES, "x" * 60, "is no field"),
        ({"agent": "sale"}, RULES, "agent", "did you mean `sales`?"),
        ({"agent": ["sales"]}, RULES, "agent", "name of an agent"),
        ({"agent": ""}, RULES, "agent", "name of an agent"),
        ({"agent": "sales"}, Rules(FROM), "agent", "there is no agent `sales`"),
        ({"agent": "sales"}, RULES, "parameters", "needs the parameters guest"),
        ({"parameters": ["a"]}, RULES, "parameters", "object of texts"),
        ({"parameters": {"a": 4}}, RULES, "parameters.a", "must be a text"),
        ({"parameters": {"From": "x"}}, RULES, "parameters.From", "lower-case"),
        ({"parameters": {"token": "x"}}, RULES, "parameters.token", "token are not"),
        ({"parameters": {"agent": "x"}}, RULES, "parameters.agent", "agent and token"),
        ({"parameters": {"a-b": "x"}}, RULES, "parameters.a-b", "lower-case"),
        ({"parameters": {"a": "x" * 499}}, RULES, "parameters.a", "499 characters"),
        ({"parameters": {"a": "\0"}}, RULES, "parameters.a", "control"),
        ({"parameters": {f"a{n}": "" for n in range(51)}}, RULES, "parameters", "more than 50"),
        ({"parameters": {f"a{n}": "é" * 90 for n in range(9)}}, RULES, "parameters", "4000"),
        ({"machine_detection": "yes"}, RULES, "machine_detection", "DetectMessageEnd"),
        ({"machine_detection": 1}, RULES, "machine_detection", "true, false"),
        ({"to_number": "+445550100"}, Rules(FROM, ("+1", "+49")), "to_number", "OUTBOUND_ALLOWED"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], rules: Rules, field: str, says: str) -> None:
    """Each refusal has its field and a sentence."""
    refused = problem(json.dumps({"to_number": TO, **given}).encode(), rules)

    assert (refused.status, refused.field) == (422, field)
    assert says in refused.detail


def test_an_allowed_country() -> None:
    """Any of the prefixes will do."""
    assert read(Rules(FROM, ("+49", "+1555"))).to_number == TO


@pytest.mark.parametrize(
    ("asked", "detects", "policy", "detection"),
    [
        (None, False, "hang_up", ""),
        (None, True, "hang_up", "Enable"),
        (None, True, "message", "DetectMessageEnd"),
        (True, False, "talk", "Enable"),
        (False, True, "message", ""),
        ("Enable", False, "message", "Enable"),
        ("DetectMessageEnd", False, "hang_up", "DetectMessageEnd"),
    ],
)
def test_how_a_machine_is_looked_for(
    asked: Any, detects: bool, policy: MachinePolicy, detection: Detection
) -> None:
    """Who leaves a message waits for the tone, unless the request says otherwise."""
    conduct = Conduct(machine_detection=detects, machine_detected=policy)
    rules = Rules(FROM, agents=Agents(CallPlan(), (), conduct))

    assert read(rules, machine_detection=asked).detection == detection


@pytest.mark.parametrize(
    ("answered_by", "policy", "treated"),
    [
        *[(who, policy, "talk") for who in ("", "human", "unknown") for policy in ("hang_up",)],
        ("machine_start", "hang_up", "hang_up"),
        ("machine_end_beep", "message", "message"),
        ("machine_end_silence", "message", "message"),
        ("machine_end_other", "talk", "talk"),
        ("fax", "talk", "hang_up"),
        ("fax", "message", "hang_up"),
    ],
)
def test_who_answered(answered_by: str, policy: MachinePolicy, treated: MachinePolicy) -> None:
    """Machines as the policy says; people, and those who may be, are talked to; a fax is not."""
    assert treatment(answered_by, policy) == treated


def test_equal_requests_have_equal_content() -> None:
    """The order in which a client writes its fields is no difference; every value is one."""
    one = read(parameters={"a": "1", "b": "2"})
    same = read(parameters={"b": "2", "a": "1"}, from_number=FROM)
    others = [
        read(),
        read(parameters={"a": "1"}),
        read(agent="default"),
        read(machine_detection=True),
    ]

    assert one.content == same.content
    assert len({one.content, *(other.content for other in others)}) == 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(FIELDS) | st.text(), JSON, max_size=6)
    | st.fixed_dictionaries(
        {"to_number": st.just(TO), "parameters": st.dictionaries(st.text(), st.text(), max_size=4)}
    )
)
def test_any_json_is_a_request_or_a_refusal(fields: dict[str, Any]) -> None:
    """Nothing else comes out, and what does is safe in a URL and in TwiML."""
    try:
        request = read_body(json.dumps(fields).encode(), RULES)
    except Refusal:
        return
    document = ET.fromstring(answer("wss://h.example/x", request.parameters))
    read_back = {one.attrib["name"]: one.attrib["value"] for one in document.iter("Parameter")}

    assert read_back == request.parameters
    assert dict(parse_qsl(request.query, keep_blank_values=True)).items() >= read_back.items()


@pytest.mark.parametrize("name", ["to_number", "from_number", "agent"])
def test_a_command_line_may_hold_bytes_that_are_no_text(name: str) -> None:
    """They are refused like anything else that is wrong."""
    with pytest.raises(Refusal) as refused:
        checked({"to_number": TO, name: "\udcff"}, RULES)

    assert refused.value.field == name
