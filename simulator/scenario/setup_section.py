"""Reads `call:`, `agent:` and `phone:`: who calls, how the bridge is set, how the line behaves."""

from typing import Any

from simulator.scenario.desk import Desk
from simulator.scenario.format import AgentSetup, CallSetup, PhoneSetup
from simulator.scenario.kinds import (
    DURATION,
    SOME_TIME,
    SOUND,
    Choice,
    Duration,
    Flag,
    Schema,
    Text,
    Whole,
)
from simulator.scenario.names import SETTINGS
from simulator.scenario.shapes import Field, ListOf, OneOrMany, Record, Table
from simulator.scenario.tree import Mapping, Node, Scalar

NUMBER = Text(
    "a phone number",
    r"\+[0-9]{3,15}|anonymous|(?:sip|client):\S+",
    "like +15550100001, anonymous, sip:someone@example.com",
)


class Greeting:
    """`true`, `false`, or the words of a greeting."""

    def read(self, node: Node, desk: Desk) -> bool | str:
        """A flag if it is written as one."""
        if isinstance(node, Scalar) and node.plain and node.text.casefold() in ("true", "false"):
            return node.text.casefold() == "true"
        return Text("true, false or the words of the greeting").read(node, desk)

    def schema(self) -> Schema:
        """Flag or text."""
        return {"type": ["boolean", "string"]}


class RestAnswer:
    """How Twilio's REST interface answers one request to hang up."""

    words = ("ok", "timeout")
    codes = ("404", "21220")

    def read(self, node: Node, desk: Desk) -> int | str:
        """`ok`, `timeout`, an HTTP status of an error, or Twilio's code 21220."""
        hint = "ok, timeout, an HTTP status like 404, 429 or 503, or 21220"
        word = Text("an answer", "ok|timeout|[45][0-9][0-9]|21220", hint).read(node, desk)
        return word if word in self.words else int(word)

    def schema(self) -> Schema:
        """A word or a number."""
        status = {"type": "integer", "minimum": 400, "maximum": 599}
        return {"anyOf": [{"enum": [*self.words, 21220]}, status, {"$ref": "#/$defs/variable"}]}


class CreateAnswer:
    """How Twilio's REST interface answers one request to make a call."""

    words = ("ok", "timeout", "lost")

    def read(self, node: Node, desk: Desk) -> int | str:
        """`ok`, `timeout`, `lost`, or the HTTP status of an error."""
        hint = "ok, timeout, lost, or an HTTP status like 400, 429 or 503"
        word = Text("an answer", "ok|timeout|lost|[45][0-9][0-9]", hint).read(node, desk)
        return word if word in self.words else int(word)

    def schema(self) -> Schema:
        """A word or a number."""
        status = {"type": "integer", "minimum": 400, "maximum": 599}
        return {"anyOf": [{"enum": [*self.words]}, status, {"$ref": "#/$defs/variable"}]}


PATH = Text("a path on the bridge", r"/\S*", "like /call-status")
SECONDS = Duration(1_000.0)
_NOT_ORDERED = ("timeout", "time_limit", "fallback", "status_callback", "async_amd_callback")
_EVENTS = ("initiated", "ringing", "answered", "completed")


def _call(given: dict[str, Any], node: Node, desk: Desk) -> CallSetup:
    outbound = given.get("direction") == "outbound"
    for key in ("machine_detection", "timeout"):
        if (key in given or f"{key}_ms" in given) and not outbound:
            desk.refuse(node, f"`{key}` is only for `direction: outbound`")
    if "status_callback_events" in given and "status_callback" not in given:
        desk.refuse(node, "`status_callback_events` is only for a `status_callback`")
    if "async_amd_callback" in given and "machine_detection" not in given:
        desk.refuse(node, "`async_amd_callback` is only for `machine_detection`")
    if "again_ms" in given and "via" not in given:
        desk.refuse(node, "`again` is only for `via: api`")
    if "via" in given:
        if not outbound:
            desk.refuse(node, "`via: api` is only for `direction: outbound`")
        for key in _NOT_ORDERED:
            if key in given or f"{key}_ms" in given:
                desk.refuse(node, f"`{key}` is not part of an order: leave it out, or `via: api`")
    return CallSetup(**given)


CALL: Record[CallSetup] = Record(
    "`call`",
    (
        Field("direction", Choice("direction", ("inbound", "outbound")),
              "inbound: a caller rings the bridge. outbound: the bridge rings someone."),
        Field("from", NUMBER, "The number that calls.", into="from_"),
        Field("to", NUMBER, "The number that is called."),
        Field("parameters", Table(Text(), "parameter"),
              "Parameters of the media stream, beside the bridge's own."),
        Field("fallback", PATH, "Where Twilio asks when the bridge's document cannot be used."),
        Field("status_callback", PATH, "Where Twilio tells how the call goes on."),
        Field("status_callback_events", ListOf(Choice("event", _EVENTS), "events", least=1, most=4),
              "Of an outbound call: which events are told. Not given: completed."),
        Field("timeout", SECONDS, "How long an outbound call rings.", into="timeout_ms"),
        Field("time_limit", SECONDS, "How long the call may last.", into="time_limit_ms"),
        Field("machine_detection", Choice("mode", ("Enable", "DetectMessageEnd")),
              "Of an outbound call: find out whether a machine answers, before the TwiML."),
        Field("async_amd_callback", PATH,
              "Find it out during the call instead, and tell it there."),
        Field("via", Choice("way", ("api",)),
              "api: a client orders the outbound call of the bridge, and the bridge of Twilio."),
        Field("again", DURATION, "The client sends the same order again, so much later.",
              into="again_ms"),
    ),
    _call,
)  # fmt: skip

_SETTING = Text("a value", hint='write "" for an empty value', may_be_empty=True)


def _agent(given: dict[str, Any], node: Mapping, _desk: Desk) -> AgentSetup:
    written = {key.text: value for key, value in node.pairs}
    settings = written.get("settings")
    pairs = settings.pairs if isinstance(settings, Mapping) else ()
    places = {key.text: (value.line, value.column) for key, value in pairs}
    if isinstance(given.get("greeting"), str):
        places["GREETING"] = (written["greeting"].line, written["greeting"].column)
    return AgentSetup(**given, setting_lines=places)


AGENT: Record[AgentSetup] = Record(
    "`agent`",
    (
        Field("greeting", Greeting(),
              "true: the agent speaks first. false: the caller does. A text: these words first."),
        Field("settings", Table(_SETTING, "setting", SETTINGS),
              "Environment variables of the bridge, for this call."),
    ),
    _agent,
    mistakes=dict.fromkeys(SETTINGS, "write it below `settings:`"),
)  # fmt: skip


def _phone(given: dict[str, Any], node: Node, desk: Desk) -> PhoneSetup:
    if "start_delay_ms" in given and given.get("start") != "late":
        desk.refuse(node, "`start_delay` is only for `start: late`")
    if given.get("dtx") and "room_tone" in given:
        hint = "a line with the tone of a room is never silent"
        desk.refuse(node, "`dtx` and `room_tone` exclude each other", hint)
    return PhoneSetup(**given)


_OUTCOMES = ("answer", "busy", "no_answer", "failed")
_ANSWERED_BY = ("human", "machine_start", "machine_end_beep", "fax", "unknown")
_MISSING = ("valid", "missing", "forged")

PHONE: Record[PhoneSetup] = Record(
    "`phone`",
    (
        Field("first_timestamp", DURATION,
              "Timestamp of the first audio frame. Not given: drawn from 100 to 180 ms.",
              into="first_timestamp_ms"),
        Field("timestamp_jitter", DURATION, "How far timestamps lie beside the 20 ms grid.",
              into="timestamp_jitter_ms"),
        Field("dtx", Flag(), "true: no frames at all come while the caller is silent."),
        Field("room_tone", SOUND, "What the caller's microphone hears all the time, repeated."),
        Field("playout_delay", DURATION, "Twilio's buffer between arrival and the caller's ear.",
              into="playout_delay_ms"),
        Field("clear_echo", Flag(), "false: marks dropped by a clear are not returned."),
        Field("token", Choice("token", (*_MISSING, "expired")),
              "The call token which the media stream shows."),
        Field("signature", Choice("signature", _MISSING), "The signature of Twilio's requests."),
        Field("start", Choice("start", ("normal", "never", "late")),
              "Whether the media stream sends its `start` message."),
        Field("start_delay", DURATION, "With `start: late`: how late.", into="start_delay_ms"),
        Field("connect", Choice("connect", ("normal", "never", "hang_up")),
              "never: the media stream is not opened. hang_up: the caller hangs up meanwhile."),
        Field("media_format", Text("an encoding", "audio/[a-z0-9.-]{1,40}", "like audio/x-l16"),
              "The encoding which the `start` message names; the audio is audio/x-mulaw all the "
              "same."),
        Field("hangup_rest", ListOf(RestAnswer(), "answers", most=20),
              "Answers to the bridge's requests to hang up, or to hand the line on, one after the "
              "other; then ok."),
        Field("create_rest", ListOf(CreateAnswer(), "answers", most=20),
              "Answers to its requests to make a call; `lost`: it is made, but no answer comes."),
        Field("sign_with_port", Flag(), "Twilio signs the address with its port."),
        Field("sign_trailing_slash", Flag(), "Twilio signs the address with a slash behind it."),
        Field("stop_before_close", Flag(), "false: the stream closes without a `stop` message."),
        Field("close_code", Whole(1000, 4999), "The code with which Twilio closes the stream."),
        Field("outcome", Choice("outcome", _OUTCOMES), "What comes of an outbound call."),
        Field("answer_after", DURATION, "How long an outbound call rings until that.",
              into="answer_after_ms"),
        Field("answered_by", Choice("verdict", _ANSWERED_BY),
              "What answering machine detection finds."),
        Field("detection", DURATION, "How long after the answer it finds that.",
              into="detection_ms"),
        Field("dial", OneOrMany(Choice("outcome", _OUTCOMES), "outcomes"),
              "What comes of those whom a `<Dial>` rings, in order; the last for all others."),
        Field("dial_rings", DURATION, "How long they ring until that.", into="dial_rings_ms"),
        Field("dial_lasts", SOME_TIME, "How long they talk. Not given: until the caller ends it.",
              into="dial_lasts_ms"),
        Field("gather", ListOf(Text("keys or words"), "answers", most=20),
              "What the caller answers to each `<Gather>`, beside the caller's steps."),
        Field("callbacks", Choice("delivery", ("in_order", "reordered", "duplicated")),
              "How faithfully the call's status callbacks arrive."),
    ),
    _phone,
)  # fmt: skip
