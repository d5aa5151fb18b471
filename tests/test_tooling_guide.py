"""docs/tools.md: complete, and its examples work as they stand."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.agents.tool_shape import ToolFile
from bridge.tooling.arguments import ArgumentsReader, WrongArguments
from bridge.tooling.definition import Call
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts
from tests.agent_files import read
from tests.tool_service import Service

TEXT = (Path(__file__).parents[1] / "docs" / "tools.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
AGENT, TOOL = (text for kind, text in BLOCKS[:2])
VERIFY = next(text for kind, text in BLOCKS if "is_genuine" in text)
SECRET = "sixteen characters"


@pytest.fixture
def tool(tmp_path: Path) -> HttpTool:
    """The tool of the first example, as an agent like that of the page has it."""
    (tmp_path / "order_status.tool.yaml").write_text(TOOL, "utf-8")
    agents = read(
        tmp_path,
        {"bookings": AGENT},
        tool_secrets={"TOOL_SECRET_ORDERS": "s3cret"},
        twilio_account_sid="AC" + "a" * 32,
        twilio_auth_token="token",
    )
    plan = agents.named("bookings").base
    (found,) = agents.tools

    assert plan.offered == {"end_call", "transfer_call", "collect_digits"}
    assert [own.name for own in plan.tools] == ["order_status"]
    assert isinstance(found, HttpTool)
    return found


def test_it_takes_ten_lines() -> None:
    """As the heading says."""
    assert len(TOOL.splitlines()) <= 10


def test_the_table_has_every_key() -> None:
    """And no other."""
    rows = re.findall(r"^\| `(\w+)` \| ", TEXT, re.MULTILINE)

    assert sorted(rows) == sorted(ToolFile.model_fields)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_signature_can_be_verified_as_shown(tool: HttpTool, method: Any) -> None:
    """The page's own function finds a request genuine, and one that was changed not."""
    tool = HttpTool(tool.definition, tool.place, method, tool.headers)
    names: dict[str, Any] = {"Mapping": Mapping, "hmac": hmac, "hashlib": hashlib, "time": time}
    exec(VERIFY, names)  # the page's own words
    service = Service()
    caller = HttpCaller(service.door(), SECRET.encode(), time.time)
    facts = CallFacts("CA" + "0" * 32, "bookings")
    await caller.answer(tool, Call("call_1", {"number": "1234567", "a": "é"}, facts))
    (request,) = service.requests
    headers = {name.title(): value for name, value in request.headers.items()}

    def genuine(method: str = method, target: str = request.target, **other: str) -> bool:
        told: bool = names["is_genuine"](
            SECRET.encode(), method, target, headers | other, request.body
        )
        return told

    assert genuine()
    assert not genuine(method="DELETE")
    assert not genuine(target=request.target + "&b=1")
    assert not genuine(**{"Callbridge-Timestamp": "1767225600"})
    assert headers["Authorization"] == "Bearer s3cret"


def test_the_pattern_holds(tool: HttpTool) -> None:
    """Quoted as it is on the page, it is a pattern."""
    reader = ArgumentsReader(tool.definition.parameters)

    assert reader.read('{"number": "1234567"}') == {"number": "1234567"}
    with pytest.raises(WrongArguments):
        reader.read('{"number": "123"}')
