"""From settings and files to running tools: each setting reaches what it is for."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import trio

from bridge.core.commands import CallTool, TransferLine
from bridge.outside import Outside
from bridge.services import Services
from bridge.thread_door import Blocking, in_thread
from bridge.tooling.running import CallFacts
from bridge.tooling.toolbox import THREADS_MAX
from bridge.wiring import log_for, services_for
from tests.far_ends import settings
from tests.rest_answers import ACCOUNT, CALL, FakeRest, completed
from tests.tool_service import Service

FACTS = CallFacts(CALL, "default", "inbound")


def _services(folder: Path, outside: Outside, **given: Any) -> Services:
    configured = settings(agents_dir=folder, **given)
    return services_for(configured, outside, log_for(configured, outside))


async def test_http_tools_are_signed_and_bounded_by_settings(tmp_path: Path) -> None:
    """TOOL_SIGNING_SECRET signs, TOOL_PRIVATE_HOSTS allows; the secret is not in the log."""
    for name, host in (("inner", "http://orders.internal:8080"), ("outer", "https://evil.example")):
        text = f"description: It.\nurl: {host}/x\nheaders: {{X-Key: {{env: TOOL_SECRET_KEY}}}}\n"
        (tmp_path / f"{name}.tool.yaml").write_text(text)
    service = Service(names={"orders.internal": ["10.0.0.7"], "evil.example": ["10.0.0.7"]})
    lines: list[dict[str, Any]] = []
    outside = Outside(resolve=service.resolve, open_address=service.open_address, log=lines.append)
    services = _services(
        tmp_path,
        outside,
        tool_signing_secret="signs-requests-of-tools",
        tool_private_hosts=("orders.internal",),
        tool_secrets={"TOOL_SECRET_KEY": "planted-secret"},
    )
    inner = await services.tools.run(CallTool("call_1", "inner", "{}"), FACTS)
    outer = await services.tools.run(CallTool("call_2", "outer", "{}"), FACTS)

    assert (inner.outcome, outer.outcome) == ("done", "failed")
    (request,) = service.requests
    assert request.headers["callbridge-signature"].startswith("v1=")
    assert request.headers["x-key"] == "planted-secret"
    assert [line["outcome"] for line in lines] == ["done", "failed"]
    assert "planted-secret" not in str(lines)


async def test_functions_go_through_the_door_of_the_outside(tmp_path: Path) -> None:
    """Threads of their own, so many at once; a simulated world has another door."""
    text = "function: calendar:isleap\ndescription: It.\n"
    text += "parameters: {type: object, properties: {year: {type: integer}}, required: [year]}\n"
    (tmp_path / "leap.tool.yaml").write_text(text)
    limits: list[float] = []

    def door(limiter: trio.CapacityLimiter) -> Blocking:
        limits.append(limiter.total_tokens)
        return in_thread(limiter)

    services = _services(tmp_path, Outside(log=lambda line: None, door=door))
    answered = await services.tools.run(CallTool("call_1", "leap", '{"year": 2028}'), FACTS)

    assert (answered.outcome, answered.output) == ("done", "true")
    assert limits == [THREADS_MAX]


async def test_transfers_show_the_number_that_is_set(tmp_path: Path) -> None:
    """TRANSFER_CALLER_ID is whom the other side sees."""
    rest = FakeRest(completed())
    outside = Outside(http_transport=rest, log=lambda line: None)
    services = _services(
        tmp_path,
        outside,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token="token",
        transfer_caller_id="+15550100002",
    )
    assert services.transfer is not None
    await services.transfer.transfer(CALL, TransferLine("+15550100021"), "default")

    (document,) = parse_qs(rest.requests[0].content.decode())["Twiml"]
    assert '<Dial callerId="+15550100002">' in document


def test_without_rest_nobody_transfers(tmp_path: Path) -> None:
    """As nobody releases a line."""
    given = _services(
        tmp_path, Outside(log=lambda line: None), twilio_account_sid=None, twilio_auth_token=None
    )

    assert given.transfer is None
