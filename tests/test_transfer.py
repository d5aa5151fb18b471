"""Handing the line on: one REST update with a document, bounded, and always a value."""

from urllib.parse import parse_qs

import httpx
import pytest
from trio.testing import MockClock

from bridge.core.commands import TransferLine
from bridge.transfer import LineTransfer, Transferred
from bridge.twilio_rest import TwilioRest
from bridge.twiml import ANNOUNCEMENT_CHARS_MAX, hand_on
from tests.rest_answers import ACCOUNT, CALL, ODD_JSON, FakeRest, completed, refused

XML = '<?xml version="1.0" encoding="UTF-8"?><Response>{}</Response>'

EVIL = (
    '<Say language="&quot;&gt;&lt;Hangup/&gt;">&lt;/Say&gt;&lt;Dial&gt;+15550109999&lt;/Dial&gt;'
    '</Say><Dial callerId="&quot;/&gt;&lt;Redirect/&gt;"><Number>+15550100021</Number></Dial>'
)


async def _transferred(rest: FakeRest, wish: TransferLine, caller_id: str = "") -> Transferred:
    return await LineTransfer(TwilioRest(ACCOUNT, "token", rest), caller_id).transfer(
        CALL, wish, "default"
    )


async def test_one_post_hands_the_call_on() -> None:
    """The call's resource gets a document: words in their language, then the number."""
    rest = FakeRest(completed())
    wish = TransferLine("+15550100021", "Un instante.", "es-ES")
    result = await _transferred(rest, wish, "+15550100002")

    assert result == Transferred("transferred")
    (request,) = rest.requests
    assert request.url.path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"
    assert parse_qs(request.content.decode()) == {
        "Twiml": [
            XML.format(
                '<Say language="es-ES">Un instante.</Say><Dial callerId="+15550100002">'
                "<Number>+15550100021</Number></Dial>"
            )
        ]
    }


@pytest.mark.parametrize(
    ("agent", "language", "query"),
    [
        ("default", "", ""),
        ("default", "es-ES", "?language=es-ES"),
        ("cocina", "es-ES", "?agent=cocina&amp;language=es-ES"),
        ("a&b", "", "?agent=a%26b"),
    ],
)
async def test_twilio_asks_us_when_it_is_over(agent: str, language: str, query: str) -> None:
    """If it can reach us: nobody may have answered there, and the agent has words for that."""
    rest = FakeRest(completed())
    account = TwilioRest(ACCOUNT, "token", rest)
    transfer = LineTransfer(account, public_url="https://voice.example.com")
    await transfer.transfer(CALL, TransferLine("+15550100021", "", language), agent)

    (document,) = parse_qs(rest.requests[0].content.decode())["Twiml"]
    action = f"https://voice.example.com/transfer-ended{query}"
    assert document == XML.format(f'<Dial action="{action}"><Number>+15550100021</Number></Dial>')


@pytest.mark.parametrize("code", [20404, 21220])
async def test_a_call_that_is_over_already(code: int) -> None:
    """The caller hung up first: nothing to hand on, and no retry."""
    rest = FakeRest(refused(404 if code == 20404 else 400, code))
    result = await _transferred(rest, TransferLine("+15550100021"))

    assert result.outcome == "already_over"
    assert len(rest.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (refused(401, 20003), "HTTP 401, code 20003"),
        (refused(400, 21205), "HTTP 400, code 21205"),
    ],
)
async def test_a_refusal_is_told(trouble: httpx.Response, why: str) -> None:
    """The call goes on with the model, which is told."""
    result = await _transferred(FakeRest(trouble), TransferLine("+15550100021"))

    assert result == Transferred("failed", why)


@pytest.mark.parametrize("body", ODD_JSON)
async def test_an_answer_that_is_no_call(body: bytes) -> None:
    """It is a failure, and the call goes on."""
    rest = FakeRest(httpx.Response(200, content=body))
    result = await _transferred(rest, TransferLine("+15550100021"))

    assert result.outcome == "failed"


async def test_what_may_pass_is_tried_again(autojump_clock: MockClock) -> None:
    """A busy API gets another try."""
    rest = FakeRest(refused(503, 20503), httpx.ConnectError("no route"), completed())
    result = await _transferred(rest, TransferLine("+15550100021"))

    assert result == Transferred("transferred")


async def test_an_api_that_never_answers_is_not_waited_for(autojump_clock: MockClock) -> None:
    """Eight seconds in all."""
    result = await _transferred(FakeRest(60.0, 60.0, 60.0), TransferLine("+15550100021"))

    assert result.outcome == "failed"
    assert result.why == "no answer in 8 s"


@pytest.mark.parametrize(
    ("given", "document"),
    [
        (("",), "<Hangup />"),
        (("", "Goodbye."), "<Say>Goodbye.</Say><Hangup />"),
        (("+15550100021",), "<Dial><Number>+15550100021</Number></Dial>"),
        (("sip:desk@example.com",), "<Dial><Sip>sip:desk@example.com</Sip></Dial>"),
        (
            ("+15550100021", "</Say><Dial>+15550109999</Dial>", '"><Hangup/>', '"/><Redirect/>'),
            EVIL,
        ),
        (("", "a\x00b\ud800c\x1f "), "<Say>a b c</Say><Hangup />"),
    ],
)
def test_no_text_can_change_the_document(given: tuple[str, ...], document: str) -> None:
    """Words stay words, whatever is in them; what XML cannot hold is left out."""
    assert hand_on(*given) == XML.format(document)


def test_the_longest_announcement_fits() -> None:
    """Twilio takes 4000 characters, and escaping makes six of one."""
    assert len(hand_on("+15550100021", '"<&>' * ANNOUNCEMENT_CHARS_MAX, "es-ES")) < 4000
