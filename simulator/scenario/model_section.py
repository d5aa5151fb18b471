"""Reads `model:`: what the model answers, and how its server behaves.

Either a list of replies, or a block with the replies and everything else.
"""

from typing import Any, Final

from simulator.scenario.delivery import DeliveryFile
from simulator.scenario.desk import Desk
from simulator.scenario.format import (
    AutoReply,
    Item,
    ModelFault,
    ModelSetup,
    Reply,
    ToolCall,
    Transcript,
    Trickle,
    VadSetup,
)
from simulator.scenario.json_value import JsonObject
from simulator.scenario.kinds import (
    DURATION,
    SOME_TIME,
    SOUND,
    Choice,
    Flag,
    Number,
    Schema,
    Text,
    Whole,
    choice_of,
    or_variable,
    scalar,
)
from simulator.scenario.names import ATTEMPTS, REFUSALS, REPLIES_ON
from simulator.scenario.network_section import only_one
from simulator.scenario.problem import quoted
from simulator.scenario.shapes import (
    ByShape,
    Field,
    Given,
    ListOf,
    Made,
    OneOrMany,
    Record,
    simply,
)
from simulator.scenario.tree import Mapping, Node, Scalar
from simulator.scenario.triggers import TRIGGER

_SOUNDS = OneOrMany(SOUND, "sound files")
_CODE = Text("an error code", "[a-z][a-z0-9_.]{0,80}", "like server_error or insufficient_quota")
_TOOL = Text("a tool's name", "[A-Za-z_][A-Za-z0-9_-]{0,63}")
_END_CALL = "end_call"
_MCP = ("output", "error", "takes_ms")
_LABEL = Text("a label of an MCP server", "[A-Za-z][A-Za-z0-9_-]{0,63}")
_BURST = Number(0.1, 1_000.0)


class ReplyOn:
    """Which request of the bridge a reply answers: `turn`, `turn 3`, `greeting` ..."""

    def read(self, node: Node, desk: Desk) -> str:
        """The word, with its number behind one space if it has one."""
        found = scalar(node, desk, "what is answered", "like greeting, turn or turn 2")
        word, _, number = found.text.strip().partition(" ")
        if word not in REPLIES_ON:
            desk.refuse_word(Scalar(word, node.line, node.column), "kind of reply", REPLIES_ON)
        if not number.strip():
            return word
        if word != "turn":
            desk.refuse(found, f"{quoted(word)} has no number", REPLIES_ON[word])
        return f"turn {Whole(1, 10_000).read(Scalar(number.strip(), node.line, node.column), desk)}"

    def schema(self) -> Schema:
        """One of the words."""
        words = "|".join(word for word in REPLIES_ON if word != "turn")
        pattern = f"^(?:{words}|turn(?: +[1-9][0-9]*)?)$"
        hover = "\n".join(f"{word}: {meaning}" for word, meaning in REPLIES_ON.items())
        schema = or_variable({"type": "string", "pattern": pattern})
        return {**schema, "markdownDescription": hover}


def _item(given: dict[str, Any], node: Mapping, desk: Desk) -> Item:
    if not given.get("say") and not given.get("silence_ms"):
        desk.refuse(node, "an item without sound", "give it `say` or `silence`")
    clips = given.pop("say", ())
    return Item(clip=clips[0] if clips else None, then=tuple(clips[1:]), **given)


_WORDS = Field("words", Text(), "The transcript. Not given: the words known for these clips.")
_SILENCE = Field("silence", DURATION, "Silence after that.", into="silence_ms")

ITEM: Record[Item] = Record(
    "an item",
    (
        Field("say", _SOUNDS, "A sound file, or several which follow each other without a gap."),
        _WORDS,
        _SILENCE,
    ),
    _item,
)

_ITEMS = ListOf(
    ByShape(
        "a sound file, or a block with `say`",
        "like clips/en/hello.wav",
        single=Made(SOUND, lambda clip, _node, _desk: Item(clip=clip)),
        block=ITEM,
    ),
    "items",
    least=1,
    most=50,
)


def _tool_call(given: dict[str, Any], node: Node, desk: Desk) -> ToolCall:
    if "server" not in given and not given.keys().isdisjoint(_MCP):
        desk.refuse(node, "only a tool of an MCP server answers here", "name it: `server: LABEL`")
    # The real model gives the reason which the tool asks for; so does `call: end_call`.
    usual = {"reason": "the conversation is over"} if given["name"] == _END_CALL else {}
    return ToolCall(**{"arguments": usual, **given})


_CALL: OneOrMany[ToolCall] = OneOrMany(
    ByShape(
        "a tool's name, or a block with `name` and `arguments`",
        "like end_call",
        single=Made(_TOOL, lambda name, node, desk: _tool_call({"name": name}, node, desk)),
        block=Record(
            "a tool call",
            (
                Field("name", _TOOL, "The tool's name.", required=True),
                Field("arguments", JsonObject(), "Its arguments."),
                Field("server", _LABEL, "It is a tool of the MCP server with this label."),
                Field("output", Text(), "What the MCP server answers."),
                Field("error", Text(), "The MCP server fails, with these words."),
                Field("takes", DURATION, "How long the MCP server takes (300ms).", into="takes_ms"),
            ),
            _tool_call,
        ),
    ),
    "tool calls",
)

_CUT_SHORT = ("max_output_tokens", "content_filter")


class CutShort:
    """Why a response ends early: `true` (no tokens left), or the reason."""

    def read(self, node: Node, desk: Desk) -> str:
        """The reason; "" for false."""
        found = scalar(node, desk, "true or a reason", "like true or content_filter")
        if found.plain and found.text.casefold() in {"true", "false"}:
            return _CUT_SHORT[0] if found.text.casefold() == "true" else ""
        return Choice("reason", _CUT_SHORT).read(node, desk)

    def schema(self) -> Schema:
        """Describe what is taken."""
        return or_variable({"enum": [True, False, *_CUT_SHORT]})


_TRICKLE: Record[Trickle] = Record(
    "`trickle`",
    (
        Field("every", SOME_TIME, "After so much audio ...", into="every_ms", required=True),
        Field("pause", DURATION, "... nothing comes for so long.", into="pause_ms", required=True),
    ),
    simply(Trickle),
)

_DOES = ("items", "calls", "fail", "incomplete")
_BREAKS = ("stall_after_ms", "drop_after_ms")  # 0 ms is a time, too


def _reply(given: dict[str, Any], node: Mapping, desk: Desk) -> Reply:
    own = ("say", "words", "silence_ms")
    spoken: Given = {key: given.pop(key) for key in own if key in given}
    if spoken:
        if "items" in given:
            desk.refuse(node, "`items` has its own sounds", "write all of it below `items:`")
        given["items"] = (_item(spoken, node, desk),)
    # A recorded response may have been empty; its times say how long it took.
    told = (*_BREAKS, "deliver")
    if not any(given.get(key) for key in _DOES) and not any(key in given for key in told):
        hint = "write `say:`, `items:`, `call:`, `fail:`, `incomplete:` or `stall_after:`"
        desk.refuse(node, "a reply in which nothing happens", hint)
    return Reply(line=node.line, **given)


REPLY: Record[Reply] = Record(
    "a reply",
    (
        Field("on", ReplyOn(), "Which request of the bridge is answered.", required=True),
        Field("after", DURATION, "Time to first audio. Not given: 400ms.", into="after_ms"),
        Field("say", _SOUNDS, "A sound file, or several which follow each other without a gap."),
        _WORDS,
        _SILENCE,
        Field("items", _ITEMS, "Several spoken items in one response."),
        Field("burst", _BURST, "The audio is delivered so many times faster than it plays (4)."),
        Field("trickle", _TRICKLE, "The audio is delivered in fits."),
        Field("deliver", DeliveryFile(), "The audio is delivered at the times in this file."),
        Field("call", _CALL, "A tool the model calls, or several.", into="calls"),
        Field("calls_first", Flag(), "true: the tool is called before the model speaks."),
        Field("fail", _CODE, "The response fails with this error code."),
        Field("incomplete", CutShort(), "true: it ends early, as incomplete; or a reason for it."),
        Field("repeat", Flag(), "true: answers every such request, however many come."),
        Field("optional", Flag(), "true: it is no failure if this is never asked for."),
        Field("stall_after", DURATION, "So long after its first audio nothing comes any more.",
              into="stall_after_ms"),
        Field("drop_after", DURATION, "So long after its first audio the connection breaks.",
              into="drop_after_ms"),
    ),
    _reply,
    mistakes={
        **dict.fromkeys(("calls", "tool", "tools"), "write `call:`, one tool or a list"),
        "delay": "write `after: 450ms`",
    },
)  # fmt: skip


def _fault(given: dict[str, Any], node: Mapping, desk: Desk) -> ModelFault:
    kind = only_one(given, ("stall", "drop", "error", "close", "garbled"), node, desk)
    common = {"when": given["when"], "wait_ms": given.get("wait_ms", 0.0), "line": node.line}
    common["session"] = given.get("session", 0)
    if kind == "stall":
        return ModelFault("stall", duration_ms=given["stall"], **common)
    if kind == "error":
        return ModelFault("error", code=given["error"], **common)
    if kind == "close":
        return ModelFault("close", close_code=given["close"], **common)
    if kind == "garbled":
        return ModelFault("garbled", count=given["garbled"], **common)
    return ModelFault("drop", **common)


_FAULT: Record[ModelFault] = Record(
    "a fault",
    (
        Field("stall", SOME_TIME, "For so long the model's server sends nothing."),
        Field("drop", Flag(only=True), "The connection breaks without a word."),
        Field("error", _CODE, "An error event with this code; the session goes on."),
        Field("close", Whole(1000, 4999), "The server closes with this code."),
        Field("garbled", Whole(1, 1000), "So many messages come that are no events."),
        Field("when", TRIGGER, "What it waits for.", required=True),
        Field("wait", DURATION, "And then so much longer.", into="wait_ms"),
        Field("session", Whole(1, 1000), "Only the connection of this number. Not given: all."),
    ),
    _fault,
)

_VAD: Record[VadSetup] = Record(
    "`vad`",
    (
        Field("aggressiveness", Whole(0, 3), "Of webrtcvad: 3 takes the least for speech."),
        Field("floor_db", Number(-90.0, 0.0), "What is quieter (dBFS) is never speech."),
        Field("onset", DURATION, "Speech must last so long to count.", into="onset_ms"),
        Field("sentence", DURATION, "semantic_vad: with less voice than that a turn is unfinished.",
              into="sentence_ms"),
        Field("complete_wait", SOME_TIME, "semantic_vad: the silence that ends a finished turn.",
              into="complete_wait_ms"),
        Field("noise_reduction_db", Number(0.0, 60.0), "noise_reduction far_field: speech must be "
              "so much louder (6); near_field: half of that."),
    ),
    simply(VadSetup),
)  # fmt: skip

_TRANSCRIPT: ByShape[Transcript] = ByShape(
    "the words of a turn, or `fail: CODE`",
    "like: When are you open?",
    single=Made(Text(), lambda words, _node, _desk: Transcript(words)),
    block=Record(
        "a transcript",
        (Field("fail", _CODE, "It fails with this error code.", required=True),),
        simply(Transcript),
    ),
)

STRAGGLING_MS_MAX: Final = 2000.0
"""A cancelled response is done by then, and its last straggler comes before."""


def _stragglers(given: dict[str, Any], node: Mapping, desk: Desk) -> tuple[int, float]:
    count, every_ms = given["count"], given["every_ms"]
    if count * every_ms >= STRAGGLING_MS_MAX:
        desk.refuse(node, f"{count} times {every_ms:g} ms is not less than 2 s")
    return count, every_ms


_STRAGGLERS: ByShape[int | tuple[int, float]] = ByShape(
    "a number, or a block of `count` and `every`",
    "like: 6, or {count: 6, every: 200ms}",
    single=Whole(0, 100),
    block=Record(
        "`stragglers`",
        (
            Field("count", Whole(0, 100), "So many of them.", required=True),
            Field("every", SOME_TIME, "So long after each other.", into="every_ms", required=True),
        ),
        _stragglers,
    ),
)


def _model(given: dict[str, Any], node: Mapping, desk: Desk) -> ModelSetup:
    auto = {key: given.pop(key) for key in ("after_ms", "burst", "clips") if key in given}
    if given.pop("reply", None) is not None:
        given["auto"] = AutoReply(**auto)
    elif auto:
        word = next(iter(auto)).removesuffix("_ms")
        hint = "write `reply: auto` beside it, or `replies:` with their own"
        desk.refuse(node, f"{quoted(word)} is for automatic replies", hint)
    if isinstance(given.get("stragglers"), tuple):
        given["stragglers"], given["straggler_ms"] = given["stragglers"]
    return ModelSetup(**given)


_REPLIES = ListOf(REPLY, "replies")

_SETUP: Record[ModelSetup] = Record(
    "`model`",
    (
        Field("replies", _REPLIES, "What the model answers, in this order."),
        Field("reply", Choice("way to reply", ("auto",)),
              "auto: what no reply is written for is answered with a clip of usual length."),
        Field("after", DURATION, "Automatic replies: time to first audio (400ms).",
              into="after_ms"),
        Field("burst", _BURST, "Automatic replies: how much faster than played (4)."),
        Field("clips", ListOf(SOUND, "sound files", least=1),
              "Automatic replies: choose among these."),
        Field("dialect", Choice("dialect", ("ga", "beta", "xai")),
              "Which protocol is spoken (ga)."),
        Field("refuse", choice_of("refusal", REFUSALS), "The server does not admit the session."),
        Field("attempts", ListOf(choice_of("outcome", ATTEMPTS), "outcomes", least=1, most=100),
              "What comes of each attempt to connect, in order; the last one again and again."),
        Field("connect_delay", DURATION, "How long connecting takes.", into="connect_delay_ms"),
        Field("ready_delay", DURATION, "How long until the session is configured.",
              into="ready_delay_ms"),
        Field("session_limit", SOME_TIME, "The session expires then (1h).",
              into="session_limit_ms"),
        Field("stragglers", _STRAGGLERS, "Audio events that still come after an interruption; "
              "`count` and `every` say how far apart (4ms)."),
        Field("cancelled_done_late", Flag(),
              "true: an interrupted response is reported done after the next one began."),
        Field("require_key", Text("a key"), "Any other key is refused."),
        Field("vad", _VAD, "How the server hears speech."),
        Field("delta", SOME_TIME, "How much audio is in one event (250ms).", into="delta_ms"),
        Field("transcripts", ListOf(_TRANSCRIPT, "transcripts"),
              "What the caller's turns are transcribed as, in order."),
        Field("transcript_delay", DURATION, "So long after a turn it is transcribed (350ms).",
              into="transcript_delay_ms"),
        Field("overlong_truncate", Choice("answer", ("refused", "clamped")),
              "A truncation behind the end: an error; or an error, and then a truncation."),
        Field("mcp_unreachable", ListOf(_LABEL, "labels of MCP servers"),
              "MCP servers whose tools cannot be listed."),
        Field("truncate_to_zero", Choice("answer", ("accepted", "refused")),
              "A truncation to nothing."),
        Field("format_change", Choice("answer", ("accepted", "refused")),
              "Another audio format when audio has passed."),
        Field("faults", ListOf(_FAULT, "faults", most=100), "What goes wrong, and when."),
    ),
    _model,
    mistakes={"on": "a reply begins with `- `: `- on: turn`", "auto": "write `reply: auto`"},
)  # fmt: skip

MODEL: ByShape[ModelSetup] = ByShape(
    "a list of replies, or a block of keys",
    "begin each reply with `- on: turn`",
    many=Made(_REPLIES, lambda replies, _node, _desk: ModelSetup(replies=replies)),
    block=_SETUP,
)
