"""When a transfer is over: who was reached, who was not, and who may say so."""

from pathlib import Path
from typing import Any

import pytest

from bridge.app import make_app
from bridge.outside import Outside
from bridge.transfer import AFTER
from tests.app_client import signed
from tests.far_ends import CALL, FarRest, Lines, production

XML = '<?xml version="1.0" encoding="UTF-8"?><Response>{}</Response>'
FAILED = "Nobody answers there at the moment. Please call again later. Goodbye."
URL = f"https://voice.example.com{AFTER}"


async def answer(
    status: str, query: str = "", url: str = URL, agents: Path | None = None, **fields: str
) -> Any:
    """What Twilio is answered, and the log."""
    lines = Lines()
    app = make_app(
        production(agents_dir=agents),
        outside=Outside(http_transport=FarRest(), log=lines.append),
    )
    form = {"CallSid": CALL, "DialCallStatus": status} | fields
    headers = signed(url + query, form)
    given = await app.test_client().post(AFTER + query, form=form, headers=headers)
    return given.status_code, await given.get_data(as_text=True), lines


@pytest.mark.parametrize("status", ["completed", "answered"])
async def test_who_was_reached_has_been_served(status: str) -> None:
    """The other side has hung up: so do we."""
    code, document, lines = await answer(status)

    assert (code, document) == (200, XML.format("<Hangup />"))
    assert [line["status"] for line in lines.all("transfer_ended")] == [status]


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_who_was_not_is_told(status: str) -> None:
    """In the announcement's language."""
    code, document, _ = await answer(status, "?language=en-GB")

    assert code == 200
    assert document == XML.format(f'<Say language="en-GB">{FAILED}</Say><Hangup />')


async def test_a_language_that_is_none_is_left_out() -> None:
    """Twilio's default speaks then."""
    _, document, _ = await answer("busy", "?language=%22%3E")

    assert document == XML.format(f"<Say>{FAILED}</Say><Hangup />")


@pytest.mark.parametrize(
    ("query", "words"),
    [("?agent=kitchen", "The cook is out."), ("?agent=nobody", FAILED), ("", "Try the bell.")],
)
async def test_each_agent_has_its_own_words(query: str, words: str, tmp_path: Path) -> None:
    """Whose call it was stands in the address; an agent that is gone has the setting's words."""
    (tmp_path / "kitchen.agent.yaml").write_text("transfer: {failed_text: The cook is out.}")
    (tmp_path / "default.agent.yaml").write_text("transfer: {failed_text: Try the bell.}")
    _, document, _ = await answer("busy", query, agents=tmp_path)

    assert document == XML.format(f"<Say>{words}</Say><Hangup />")


async def test_only_twilio_may_ask() -> None:
    """A signature for another address is none."""
    code, _, _ = await answer("busy", url=f"https://evil.example{AFTER}")

    assert code == 403


@pytest.mark.parametrize(("status", "call_sid"), [("lost", CALL), ("busy", "../../x")])
async def test_what_twilio_never_says_is_refused(status: str, call_sid: str) -> None:
    """No made-up word reaches the log."""
    code, _, lines = await answer(status, CallSid=call_sid)

    assert code == 400
    assert lines.all("transfer_ended") == []
