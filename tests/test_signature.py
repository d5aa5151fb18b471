"""X-Twilio-Signature: Twilio's own vector, and the variants of a URL."""

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from bridge.signature import is_signed, url_variants

TOKEN = "12345"
NO_FORM: MultiDict[str, str] = MultiDict()


def signed(url: str, form: MultiDict[str, str] = NO_FORM) -> str:
    """Twilio's signature."""
    return str(RequestValidator(TOKEN).compute_signature(url, form))


def test_the_documented_vector() -> None:
    """The example of Twilio's documentation validates, and any change to it does not."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = MultiDict(
        {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675309",
            "Digits": "1234",
            "From": "+14158675309",
            "To": "+18005551212",
        }
    )
    signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="

    assert is_signed(TOKEN, [url], form, signature)
    assert not is_signed("54321", [url], form, signature)
    assert not is_signed(TOKEN, [url + "3"], form, signature)
    assert not is_signed(TOKEN, [url], form, "")
    assert not is_signed(TOKEN, [url], form, "\u00ff\ud800")
    form["Digits"] = "1235"
    assert not is_signed(TOKEN, [url], form, signature)


def test_empty_and_repeated_values_are_signed() -> None:
    """Blank fields count, and a name may have several values."""
    form = MultiDict([("FromCity", ""), ("Digit", "2"), ("Digit", "1")])
    url = "https://h.example/x"

    assert is_signed(TOKEN, [url], form, signed(url, form))
    assert not is_signed(TOKEN, [url], MultiDict([("FromCity", "")]), signed(url, form))


@pytest.mark.parametrize("scheme", ["https", "wss"])
@pytest.mark.parametrize("ours", ["", ":443"])
@pytest.mark.parametrize("theirs", ["", ":443"])
@pytest.mark.parametrize("our_slash", ["", "/"])
@pytest.mark.parametrize("their_slash", ["", "/"])
def test_port_and_slash_do_not_matter(
    scheme: str, ours: str, theirs: str, our_slash: str, their_slash: str
) -> None:
    """Twilio may have signed with or without :443 and the final slash; for wss, too."""
    url = f"{scheme}://h.example{ours}/media-stream{our_slash}"
    signature = signed(f"{scheme}://h.example{theirs}/media-stream{their_slash}")

    assert is_signed(TOKEN, [url], NO_FORM, signature)


def test_other_ports_do_matter() -> None:
    """Only the scheme's own port may be left out, and :80 is not wss's."""
    assert not is_signed(TOKEN, ["wss://h:8443/x"], NO_FORM, signed("wss://h/x"))
    assert not is_signed(TOKEN, ["wss://h/x"], NO_FORM, signed("wss://h:80/x"))
    assert is_signed(TOKEN, ["wss://h:8443/x"], NO_FORM, signed("wss://h:8443/x/"))


def test_fragments_are_not_signed_and_queries_are() -> None:
    """Twilio's `#rc=2` overrides are not part of the signed URL."""
    assert url_variants("https://h/x?a=b#rc=2") == [
        "https://h/x?a=b",
        "https://h/x/?a=b",
        "https://h:443/x?a=b",
        "https://h:443/x/?a=b",
    ]
