"""`*.target.yaml`: what may stand in it, and how a mistake is told."""

from pathlib import Path

import pytest

from simulator.live.target import (
    BRACES,
    SHIPPED,
    SUFFIX,
    Target,
    UnusableTarget,
    command_of,
    filled,
    live_target,
    load_target,
)

GOOD = """
name: theirs
command: ["{python}", bridge.py, --port, "{port}"]
environment: {REALTIME_URL: "{realtime_url}", BODY: '{"a": 1}'}
inherit: [NODE_PATH]
webhook: /voice
dialect: beta
ready: {get: /up, status: 204, within: 3s}
public_url: https://voice.example.com
lacks: [greeting, truncate]
"""


def written(folder: Path, text: str) -> Path:
    """A target file."""
    path = folder / f"some{SUFFIX}"
    path.write_text(text, "utf-8")
    return path


def test_a_target_says_how_a_bridge_is_started_and_reached(tmp_path: Path) -> None:
    """Every key arrives, and paths become addresses as Twilio sees them."""
    target = load_target(written(tmp_path, GOOD))

    assert target.name == "theirs"
    assert target.webhook_url(5050) == "https://voice.example.com/voice"
    assert target.media_url(5050) is None
    assert target.address(5050) == ("127.0.0.1", 5050)
    assert (target.ready.get, target.ready.status, target.ready.within_ms) == ("/up", 204, 3000)
    assert target.lacks == {"greeting", "truncate"}
    assert target.dialect == "beta"
    assert target.log is None


def test_braces_are_filled(tmp_path: Path) -> None:
    """Only known names are; other braces, of JSON say, stay as they are."""
    target = load_target(written(tmp_path, GOOD))
    command = command_of(target, {"port": "5050"})

    assert command[1:] == ["bridge.py", "--port", "5050"]
    assert filled(target.environment["BODY"], {"port": "1"}) == '{"a": 1}'
    assert set(BRACES) >= {"port", "python", "realtime_url", "twilio_api_url", "auth_token"}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("webhok: /voice\n", ":1:1", "did you mean `webhook`?"),
        ("command: [a]\n", ":1:1", "needs `webhook`, or `media`"),
        ("webhook: voice\n", ":1:10", "a path or a URL"),
        ("webhook: /voice\n", ":1:1", "without a `command`"),
        ("webhook: ws://host/x\n", ":1:1", "a stream's URL is `media`"),
        ("command: [a]\nwebhook: https://host/x\n", ":1:1", "reached by paths"),
        ("media: wss://host/x\nenvironment: {A: b}\n", ":1:1", "only for a bridge started"),
        ('command: [a, "{prot}"]\nwebhook: /x\n', ":1:14", "did you mean `port`?"),
        ("command: [a]\nwebhook: /x\nlacks: [greting]\n", ":3:9", "did you mean `greeting`?"),
        ("command: [a]\nwebhook: /x\ndialect: gamma\n", ":3:10", "unknown dialect"),
        ("command: [a]\nwebhook: /x\nready: {within: 20}\n", ":3:17", "20ms or 20s"),
        ("command: [a]\nwebhook: /x\nport: 99999\n", ":3:7", "out of bounds"),
        ("command: [a]\nwebhook: /x\npublic_url: voice.example.com\n", ":3:13", "https://"),
        ("- a\n", ":1:1", "a target is a block of keys"),
        ("", ":1:1", "the file is empty"),
        ("name: [\n", ":2:1", "not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    """File, line, column, what was expected or meant."""
    path = written(tmp_path, text)
    with pytest.raises(UnusableTarget) as refused:
        load_target(path)

    assert f"{path}{place}:" in str(refused.value)
    assert words in str(refused.value)


def test_an_unknown_name_is_told_with_what_there_is(tmp_path: Path) -> None:
    """A name is a shipped target's; the nearest one is named."""
    with pytest.raises(UnusableTarget, match="did you mean `ours`"):
        load_target("our")
    with pytest.raises(UnusableTarget, match="cannot be read"):
        load_target(tmp_path / "none.target.yaml")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob(f"*{SUFFIX}")), ids=lambda path: path.stem)
def test_what_is_shipped_can_be_used(path: Path) -> None:
    """Each shipped file is read, and known by its name."""
    name = path.name.removesuffix(SUFFIX)

    assert load_target(name) == load_target(path)
    assert load_target(name).name == name


@pytest.mark.parametrize(
    ("url", "webhook", "media", "address"),
    [
        ("http://127.0.0.1:8000/voice", True, False, ("127.0.0.1", 8000)),
        ("https://voice.example.com/in", True, False, ("voice.example.com", 443)),
        ("ws://localhost:9/media", False, True, ("localhost", 9)),
    ],
)
def test_a_url_is_a_target(url: str, webhook: bool, media: bool, address: tuple[str, int]) -> None:
    """With http and https it is a webhook, ws and wss a stream; nothing is started."""
    target = live_target(url)
    https = url.replace("http://", "https://")  # TLS ends before it: Twilio knows it by https

    assert (target.webhook_url(0) == https, target.media_url(0) == url) == (webhook, media)
    assert target.address(0) == address
    assert target.command == Target("x").command == ()


def test_a_bridge_that_runs_is_known_by_its_public_url() -> None:
    """A webhook without TLS, a port that goes without saying, a query: all of it but the scheme."""
    given = live_target("http://127.0.0.1/voice?a=b")
    assert given.webhook_url(0) == "https://127.0.0.1:80/voice?a=b"
    target = Target("x", webhook="http://127.0.0.1:8000/in?a=b", public_url="https://x.example.com")
    assert target.webhook_url(0) == "https://x.example.com/in?a=b"
    assert target.address(0) == ("127.0.0.1", 8000)


@pytest.mark.parametrize("url", ["voice.example.com", "ftp://x/y", "http://", "http://h:0/x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """With the words of what it may be."""
    with pytest.raises(ValueError, match="no http, https, ws or wss URL"):
        live_target(url)
