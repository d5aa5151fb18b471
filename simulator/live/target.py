"""Reads `*.target.yaml`: how a bridge of anybody is started, reached and told of its peers.

Owns the keys of such a file and what may stand in braces. Starts nothing.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from simulator.judging.terms import LACKS
from simulator.live.public_address import public_url
from simulator.scenario.desk import Desk, Refused
from simulator.scenario.kinds import SOME_TIME, Choice, Text, Whole, Words, choice_of
from simulator.scenario.problem import ScenarioProblem, did_you_mean, one_of, quoted
from simulator.scenario.shapes import Field, ListOf, Record, Table, simply
from simulator.scenario.sounds import SoundFolders
from simulator.scenario.tree import Mapping as Block
from simulator.scenario.tree import Scalar, Unusable, read_source, read_tree

SUFFIX = ".target.yaml"
SHIPPED = Path(__file__).parent / "targets"

BRACES: Mapping[str, str] = {
    "port": "the port the bridge shall listen on",
    "python": "the Python that runs this program",
    "folder": "the folder of the target file",
    "public_url": "where Twilio believes the bridge to be",
    "realtime_url": "the fake Realtime endpoint, ws://...",
    "live_url": "the fake GPT-Live endpoint, ws://...",
    "twilio_api_url": "the base URL of the fake REST API of Twilio",
    "account_sid": "the fake account",
    "auth_token": "its auth token",
    "api_key": "the key which the fake Realtime endpoint expects",
}
"""What may stand in braces in `command` and `environment`, and what it becomes."""

_BRACED = re.compile(r"\{([A-Za-z_]+)\}")
_ADDRESS = Text(
    "a path or a URL",
    r"/\S*|(?:https?|wss?)://[^\s/]\S*",
    "like /incoming-call or https://host/path",
)
_BASE_URL = Text("a URL", r"https?://[^\s/]+", "like https://bridge.example.com, without a path")
_ABILITY = choice_of("ability", {name: ability.meaning for name, ability in LACKS.items()})
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ready:
    """The bridge is ready once `get` answers with `status`; waited for `within_ms` at most."""

    get: str = ""
    status: int = 200
    within_ms: float = 20_000.0


@dataclass(frozen=True, slots=True)
class Target:
    """A bridge. `webhook` and `media` are paths, or URLs of a bridge that runs elsewhere.

    Without `webhook` the media stream is opened directly. Without `command` nothing is started.
    `lacks`: what it cannot do (`lacks.LACKS`). `inherit`: variables of this process it gets too.
    """

    name: str
    webhook: str | None = None
    media: str | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    inherit: tuple[str, ...] = ()
    port: int | None = None
    dialect: Literal["ga", "beta"] = "ga"
    ready: Ready = Ready()
    public_url: str | None = None
    lacks: frozenset[str] = frozenset()
    log: Literal["callbridge-json"] | None = None
    folder: Path = Path()

    def public_base(self, port: int) -> str:
        """Where Twilio believes the bridge to be: scheme and authority."""
        return self.public_url or f"http://{_LOOPBACK}:{port}"

    def webhook_url(self, port: int) -> str | None:
        """What Twilio asks for TwiML; None = there is no webhook."""
        if self.webhook is None:
            return None
        if self.webhook.startswith("/"):
            return self.public_base(port) + self.webhook
        if self.public_url is None:
            return self.webhook
        return self.public_url + urlsplit(self.webhook)._replace(scheme="", netloc="").geturl()

    def media_url(self, port: int) -> str | None:
        """What the media stream connects to when there is no webhook."""
        if self.media is None or "://" in self.media:
            return self.media
        return "ws" + self.public_base(port).removeprefix("http") + self.media

    def address(self, port: int) -> tuple[str, int]:
        """Where the bridge really listens."""
        if self.command:
            return _LOOPBACK, port
        parts = urlsplit(self.webhook or self.media or "")
        secure = parts.scheme in ("https", "wss")
        return parts.hostname or _LOOPBACK, parts.port or (443 if secure else 80)


class UnusableTarget(Exception):  # noqa: N818 - a file's state
    """A target that cannot be used; `problems` say why, one or more."""

    def __init__(self, problems: list[ScenarioProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load_target(given: str | Path) -> Target:
    """The target in a file, or a shipped one by its name (`ours`).

    Raises:
        UnusableTarget: there is none, or something is wrong with it.
    """
    path = Path(given)
    if "/" not in str(given) and not path.exists():
        shipped = SHIPPED / f"{given}{SUFFIX}"
        if not shipped.is_file():
            names = [each.name.removesuffix(SUFFIX) for each in sorted(SHIPPED.glob(f"*{SUFFIX}"))]
            hint = did_you_mean(str(given), names) or f"shipped targets: {', '.join(names)}"
            message = "there is no such file and no target of that name"
            raise UnusableTarget([ScenarioProblem(path, 0, 0, message, hint)])
        path = shipped
    try:
        source = read_source(path)
        desk = Desk(source, SoundFolders(path.parent))
        return _read(desk, path)
    except Unusable as unusable:
        raise UnusableTarget([unusable.problem]) from unusable


def live_target(url: str) -> Target:
    """A bridge that already runs: its webhook (http, https), or its media stream (ws, wss).

    Twilio believes the webhook to be https: where it is not, TLS ends before it.

    Raises:
        ValueError: it is no such URL.
    """
    parts = urlsplit(url)
    known = parts.scheme in ("http", "https", "ws", "wss")
    if not known or not parts.hostname or (parts.port is not None and not parts.port):
        raise ValueError(f"{url!r} is no http, https, ws or wss URL")
    if parts.scheme in ("ws", "wss"):
        return Target(url, media=url)
    return Target(url, webhook=url, public_url=public_url(url))


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with what stands in braces replaced; other braces (JSON, say) are left alone."""
    return _BRACED.sub(lambda found: values.get(found[1], found[0]), text)


def _read(desk: Desk, path: Path) -> Target:
    try:
        root, problems = read_tree(desk.source)
    except Unusable as unusable:
        raise UnusableTarget([unusable.problem]) from unusable
    for problem in problems:
        desk.add(problem)
    target = None
    if root is None or (isinstance(root, Scalar) and root.empty):
        desk.add(desk.source.problem(1, 1, "the file is empty"))
    else:
        try:
            target = _TARGET.read(root, desk)
        except Refused:
            target = None  # its reason is on the desk
    if desk.problems or target is None:
        raise UnusableTarget(desk.problems)
    return target if target.name else _named(target, path)


def _named(target: Target, path: Path) -> Target:
    return replace(target, name=path.name.removesuffix(SUFFIX))


class _Braced:
    """A text with `{port}` and its like in it."""

    def read(self, node: Any, desk: Desk) -> str:
        """The text, its braces checked."""
        text = Text("a text", may_be_empty=True).read(node, desk)
        for name in _BRACED.findall(text):
            if name not in BRACES:
                hint = did_you_mean(name, BRACES) or one_of(BRACES)
                desk.refuse(node, f"nothing is known as {quoted('{' + name + '}')}", hint)
        return text

    def schema(self) -> dict[str, Any]:
        """Any text."""
        return {"type": "string"}


def _target(given: dict[str, Any], node: Block, desk: Desk) -> Target:
    webhook, media = given.get("webhook"), given.get("media")
    if webhook is None and media is None:
        desk.refuse(node, "a target needs `webhook`, or `media` if it has none")
    if webhook is not None and webhook.startswith("ws"):
        desk.refuse(node, "a webhook is http or https", "a stream's URL is `media`")
    if not given.get("command"):
        if not all("://" in each for each in (webhook, media) if each is not None):
            hint = "write `command:`, or whole URLs of a bridge that already runs"
            desk.refuse(node, "a path alone says nothing without a `command`", hint)
        for key in ("environment", "port", "log"):
            if key in given:
                desk.refuse(node, f"{quoted(key)} is only for a bridge started by `command`")
    elif any("://" in each for each in (webhook, media) if each is not None):
        desk.refuse(
            node, "a bridge started by `command` is reached by paths", "like /incoming-call"
        )
    given["lacks"] = frozenset(given.get("lacks", ()))
    return Target(name=given.pop("name", ""), folder=desk.source.file.parent, **given)


_READY: Record[Ready] = Record(
    "`ready`",
    (
        Field("get", Text("a path", r"/\S*", "like /health"), "This path is asked."),
        Field("status", Whole(100, 599), "The bridge is ready once it answers with this."),
        Field("within", SOME_TIME, "It is waited for so long.", into="within_ms"),
    ),
    simply(Ready),
)  # fmt: skip

_TARGET: Record[Target] = Record(
    "a target",
    (
        Field("name", Words("name"), "What the target is called. Not given: the file's name."),
        Field("webhook", _ADDRESS, "Path of the voice webhook. Not given: the stream is opened "
              "directly, at `media`."),
        Field("media", _ADDRESS, "Path of the media stream."),
        Field("command", ListOf(_Braced(), "words", least=1, most=100),
              "The command that starts the bridge, a word each; {port} is chosen for it."),
        Field("environment", Table(_Braced(), "variable"), "Its environment variables."),
        Field("inherit", ListOf(Text("a variable", "[A-Za-z_][A-Za-z0-9_]*"), "variables"),
              "Variables of your own environment it gets too, beside PATH and HOME."),
        Field("port", Whole(1, 65_535), "The port, for a bridge that cannot be told one."),
        Field("dialect", Choice("dialect", ("ga", "beta")), "What it speaks to the model."),
        Field("ready", _READY, "How it is known to be ready. Not given: it accepts connections."),
        Field("public_url", _BASE_URL, "Where Twilio believes it to be; TLS ends before it. Not "
              "given: http://127.0.0.1 and the port."),
        Field("lacks", ListOf(_ABILITY, "abilities"),
              "What it cannot do: expectations which need that are skipped, and said to be."),
        Field("log", Choice("log format", ("callbridge-json",)),
              "Its log is read: then it is known why it ended a call."),
    ),
    _target,
    mistakes={
        "env": "write it as `environment:`",
        "url": "write the path of its `webhook:`, or of its `media:` stream",
    },
)  # fmt: skip


def command_of(target: Target, values: Mapping[str, str]) -> list[str]:
    """The command with its braces filled."""
    known = {"python": sys.executable, "folder": str(target.folder), **values}
    return [filled(word, known) for word in target.command]
